"""The representation as the modules of sentence-transformers: a backbone's output, and a pooling of its tokens.

Format: what `SentenceTransformer.save_pretrained` of sentence-transformers 6.2 writes, see
https://sbert.net/docs/package_reference/sentence_transformer/models.html
"""

import torch

from alignet_hf.configuration_alignet import FAMILIES
from alignet_hf.errors import InputError
from alignet_hf.hub.export_source import Source

_BACKBONE = "sentence_transformers.base.modules.transformer.Transformer"
_POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"


def module_files(source: Source) -> dict[str, dict | list]:
    """The files that describe the modules -> {name: content, as JSON}.

    Raises:
        InputError: no image processor of transformers' own, or a pooling that sentence-transformers does not have.
    """
    config = source.model.config
    pooling, family = config.resolved_pooling, config.vision_config.model_type
    if not source.has_native_processor:
        raise InputError(
            "sentence-transformers needs an image processor of transformers' own, and the model has "
            f"{'none' if source.processor is None else 'AligNetImageProcessor'}; export it as native or ONNX"
        )
    if family not in FAMILIES and pooling == "pooler":
        raise InputError(
            f"sentence-transformers: whether the pooled output of a {family} is a vector or a map is not known; export "
            "it as native or ONNX"
        )
    if pooling == "patch-mean":
        pooling = "mean" if config.num_prefix_tokens == 0 else pooling
    if pooling == "cls+patch-mean":
        raise InputError("sentence-transformers has no equal of pooling 'cls+patch-mean'; export it as native or ONNX")
    if pooling == "patch-mean" or (pooling == "mean" and family == "siglip2_vision_model"):
        raise InputError(
            f"sentence-transformers cannot leave tokens of images out of a mean, as pooling {config.pooling!r} of this "
            f"{family} does; it can export cls, pooler, and mean over all tokens"
        )
    modules = [{"idx": 0, "name": "0", "path": "", "type": _BACKBONE}]
    files = {"modules.json": modules}
    if pooling == "pooler":
        output, feature = "pooler_output", "sentence_embedding"
    else:
        output, feature = "last_hidden_state", "token_embeddings"
        modules.append({"idx": 1, "name": "1", "path": "1_Pooling", "type": _POOLING})
        files["1_Pooling/config.json"] = {"embedding_dimension": config.hidden_size, "pooling_mode": pooling}
    files["sentence_bert_config.json"] = {
        "transformer_task": "feature-extraction",
        "modality_config": {"image": {"method": "forward", "method_output_name": output}},
        "module_output_name": feature,
    }
    if source.model.dtype != torch.float32:  # pixel values are float32, and some families do not convert them
        files["sentence_bert_config.json"]["model_kwargs"] = {"dtype": "float32"}
    files["config_sentence_transformers.json"] = {"model_type": "SentenceTransformer", "similarity_fn_name": "dot"}
    return files
