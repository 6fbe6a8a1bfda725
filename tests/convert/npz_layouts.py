"""How big_vision's npz files have named an encoder's parameters over the years: {path: array} of today -> of the file.

The sources: big_vision's vit.fix_old_checkpoints (where positions and the class token were), flax's convert_pre_linen
(how a block's modules were numbered), big_vision's two_towers and cappa (what stands beside the encoder).
"""

import re

import numpy as np

Arrays = dict[str, np.ndarray]


def plain(arrays: Arrays) -> Arrays:
    return arrays


def with_classifier(arrays: Arrays) -> Arrays:
    """A ViT's file keeps the classifier that it was trained with, here of five classes."""
    random = np.random.default_rng(5)
    width = arrays["embedding/bias"].shape[0]
    classifier = {"head/bias": random.normal(size=5), "head/kernel": random.normal(size=(width, 5))}
    return arrays | {name: array.astype(np.float32) for name, array in classifier.items()}


def stacked(arrays: Arrays) -> Arrays:
    """Of a scan over the blocks: Transformer/encoderblock/..., the blocks' arrays along a first axis."""
    block = re.compile(r"Transformer/encoderblock_(\d+)/(.*)")
    matches = {name: match for name in arrays if (match := block.fullmatch(name))}
    depth = 1 + max(int(match[1]) for match in matches.values())
    result = {name: array for name, array in arrays.items() if name not in matches}
    for rest in dict.fromkeys(match[2] for match in matches.values()):
        parts = [arrays[f"Transformer/encoderblock_{n}/{rest}"] for n in range(depth)]
        result[f"Transformer/encoderblock/{rest}"] = np.stack(parts)
    return result


def of_2021(arrays: Arrays) -> Arrays:
    """Positions in the encoder: Transformer/pos_embedding."""
    return {re.sub("^pos_embedding$", "Transformer/pos_embedding", name): array for name, array in arrays.items()}


def of_2020(arrays: Arrays) -> Arrays:
    """The first ViTs: a module of positions, a row of the class token first; a block's modules under one count."""
    numbers = {"MultiHeadDotProductAttention_0": "MultiHeadDotProductAttention_1", "LayerNorm_1": "LayerNorm_2"}
    numbers |= {"MlpBlock_0": "MlpBlock_3", "pos_embedding": "Transformer/posembed_input/pos_embedding"}
    result = {}
    for name, array in arrays.items():
        result["/".join(numbers.get(part, part) for part in name.split("/"))] = array
    # Today's class token is the old one and its position: here split into two unequal parts.
    old = numbers["pos_embedding"]
    result["cls"] = (0.25 * arrays["cls"]).astype(np.float32)
    result[old] = np.concatenate([arrays["cls"] - result["cls"], arrays["pos_embedding"]], axis=1)
    return result


def image_tower(arrays: Arrays) -> Arrays:
    return {f"img/{name}": array for name, array in arrays.items()}


def two_towers(arrays: Arrays) -> Arrays:
    """A SigLIP's training state: both towers (of the text's a part), temperature and bias of the loss."""
    random = np.random.default_rng(6)
    text = {"txt/Encoder_0/encoder_norm/scale": (12,), "txt/Embed_0/embedding": (9, 12), "t": (1,), "b": (1,)}
    others = {name: random.normal(size=shape).astype(np.float32) for name, shape in text.items()}
    return {f"params/{name}": array for name, array in (image_tower(arrays) | others).items()}


def stacked_image_tower(arrays: Arrays) -> Arrays:
    return image_tower(stacked(arrays))


def captioner(arrays: Arrays) -> Arrays:
    """CapPa: the encoder, the decoder (a part) and its positions."""
    random = np.random.default_rng(7)
    text = {"decoder/LayerNorm/scale": (12,), "pos_embedding_decoder": (1, 6, 12)}
    others = {f"params/{name}": random.normal(size=shape).astype(np.float32) for name, shape in text.items()}
    return {f"params/encoder/{name}": array for name, array in arrays.items()} | others
