"""Writes reference models as their authors do: SavedModels by jax2tf, big_vision's npz, timm's names in safetensors."""

import gzip
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import numpy as np
import tensorflow as tf
from jax.experimental import jax2tf
from reference_models import Model, example_images, tree_name
from safetensors.numpy import save_file


class Exported(tf.train.Checkpoint):
    """A function of (variables, images), its variables in a list as in jax2tf's examples: their names are lost.

    The list's name is that of the released checkpoints' keys: variables/<n>/.ATTRIBUTES/VARIABLE_VALUE.
    """

    def __init__(self, function: Callable, trees: tuple, size: int):
        super().__init__()
        leaves, structure = jax.tree.flatten(trees)
        self.variables = [tf.Variable(np.asarray(leaf)) for leaf in leaves]
        shapes = [None, f"(b, {size}, {size}, 3)"]
        converted = jax2tf.convert(function, polymorphic_shapes=shapes, with_gradient=False)

        @partial(tf.function, input_signature=[tf.TensorSpec((None, size, size, 3), tf.float32)], autograph=False)
        def serve(images):
            return converted(jax.tree.unflatten(structure, list(self.variables)), images)

        self.serve = serve


def write_saved_model(model: Model, folder: Path, archive: str | None = None) -> None:
    """Write the folder of one fixture: variables/ of its SavedModel, its outputs and what is known of it.

    The graph, saved_model.pb, is several times as large as the variables of such small models. It is kept where there
    is `archive`: NAME.tar.gz of the whole SavedModel as it is released, layer_N among its outputs.

    Raises:
        AssertionError: TensorFlow, restoring what was written, gives other outputs than JAX.
    """
    trees, images = model.parameters(), example_images(model.sizes.image)
    outputs = partial(model.outputs, layers=archive is not None)
    expected = {name: np.asarray(value) for name, value in outputs(trees, images).items()}
    exported = Exported(outputs, trees, model.sizes.image)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        tf.saved_model.save(exported, temporary, signatures={"serving_default": exported.serve})
        restored = tf.saved_model.load(temporary).signatures["serving_default"](images=tf.constant(images))
        _assert_close(expected, {name: tensor.numpy() for name, tensor in restored.items()})
        shutil.copytree(Path(temporary) / "variables", folder / "variables")
        if archive is not None:
            _write_archive(Path(temporary), folder, archive)
    _write_expected(folder, images, expected)
    _write_facts(folder, model.facts(trees))


def write_npz(model: Model, folder: Path, rename: Callable[[dict], dict], compressed: bool = False, **facts) -> None:
    """Write an encoder's parameters as big_vision does, {path: array}, as `rename` leaves them; no heads."""
    trees, images = model.parameters(), example_images(model.sizes.image)
    leaves = jax.tree.leaves_with_path((model.encoder_of(trees),))
    arrays = rename({tree_name(path): np.asarray(leaf) for path, leaf in leaves})
    folder.mkdir(parents=True)
    (np.savez_compressed if compressed else np.savez)(folder / "checkpoint.npz", **arrays)
    outputs = {"pre_logits": np.asarray(model.outputs(trees, images)["pre_logits"])}
    if "head/kernel" in arrays:
        outputs["logits"] = outputs["pre_logits"] @ arrays["head/kernel"] + arrays["head/bias"]
    _write_expected(folder, images, outputs)
    of_file = {"triplet_dim": None, "num_labels": None, "num_variables": len(arrays), "variables": None}
    _write_facts(folder, model.facts(trees) | of_file | facts)  # the file itself names its variables


def write_timm(model: Model, path: Path) -> None:
    """Write a SigLIP with both heads under the names of the published alignet_siglip2_b.safetensors."""
    trees = model.parameters()
    tree, (head, norm, classifier) = model.encoder_of(trees), trees
    tensors = {
        "patch_embed.proj.weight": tree["embedding"]["kernel"].transpose(3, 2, 0, 1),  # HWIO -> OIHW
        "patch_embed.proj.bias": tree["embedding"]["bias"],
        "pos_embed": tree["pos_embedding"],
        "attn_pool.latent": tree["MAPHead_0"]["probe"],
    }
    tensors |= _timm_norm("norm", tree["Transformer"]["encoder_norm"])
    for n in range(model.sizes.depth):
        block, to = tree["Transformer"][f"encoderblock_{n}"], f"blocks.{n}"
        tensors |= _timm_norm(f"{to}.norm1", block["LayerNorm_0"]) | _timm_norm(f"{to}.norm2", block["LayerNorm_1"])
        tensors |= _timm_mlp(f"{to}.mlp", block["MlpBlock_0"])
        attention = block["MultiHeadDotProductAttention_0"]
        tensors |= _timm_stack(f"{to}.attn.qkv", attention, "query", "key", "value")
        tensors |= _timm_stack(f"{to}.attn.proj", attention, "out")
    pool, to = tree["MAPHead_0"], "attn_pool"
    tensors |= _timm_norm(f"{to}.norm", pool["LayerNorm_0"]) | _timm_mlp(f"{to}.mlp", pool["MlpBlock_0"])
    tensors |= _timm_stack(f"{to}.q", pool["MultiHeadDotProductAttention_0"], "query")
    tensors |= _timm_stack(f"{to}.kv", pool["MultiHeadDotProductAttention_0"], "key", "value")
    tensors |= _timm_stack(f"{to}.proj", pool["MultiHeadDotProductAttention_0"], "out")
    tensors = {f"encoder.{name}": tensor for name, tensor in tensors.items()}
    tensors |= _timm_dense("triplet_head", head["triplet_head"]) | _timm_norm("i1k_norm", norm)
    tensors |= _timm_dense("i1k_head", classifier)
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path, {"format": "pt"})


def _timm_norm(name: str, leaves: dict) -> dict:
    return {f"{name}.weight": leaves["scale"], f"{name}.bias": leaves["bias"]}


def _timm_dense(name: str, leaves: dict) -> dict:
    return {f"{name}.weight": leaves["kernel"].T, f"{name}.bias": leaves["bias"]}


def _timm_mlp(name: str, leaves: dict) -> dict:
    return _timm_dense(f"{name}.fc1", leaves["Dense_0"]) | _timm_dense(f"{name}.fc2", leaves["Dense_1"])


def _timm_stack(name: str, attention: dict, *parts: str) -> dict:
    """Flax's (D, heads, head) kernels of `parts`, and "out"'s (heads, head, D), as rows of one linear layer."""
    width = attention["out"]["bias"].shape[0]
    kernels = [attention[part]["kernel"].reshape(width, width).T for part in parts]
    biases = [attention[part]["bias"].reshape(-1) for part in parts]
    return {f"{name}.weight": np.concatenate(kernels), f"{name}.bias": np.concatenate(biases)}


def _write_archive(source: Path, folder: Path, name: str) -> None:
    """Write folder/NAME.tar.gz of a SavedModel, without times or owners."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with (
        open(folder / f"{name}.tar.gz", "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        tar.add(source, name, filter=anonymous)


def _assert_close(expected: dict, found: dict, tolerance: float = 1e-5) -> None:
    assert expected.keys() == found.keys(), f"{sorted(expected)} was written, {sorted(found)} is read"
    for name, values in expected.items():
        difference = np.abs(values - found[name]).max()
        assert difference < tolerance, f"{name}: TensorFlow's differs from JAX's by {difference:.1e}"


def _write_expected(folder: Path, images: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
    save_file({"images": images} | outputs, folder / "expected.safetensors")


def _write_facts(folder: Path, facts: dict) -> None:
    (folder / "config.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
