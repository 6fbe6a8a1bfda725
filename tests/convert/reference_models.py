"""The reference models of the fixtures: which layout a model has, its random parameters and its outputs."""

import re
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import flax_ports as ports
import jax
import jax.numpy as jnp
import numpy as np
from flax_big_vision import Sizes, _Model

TRIPLET_DIM, LABELS = 11, 7
PORTS: dict[str, tuple[Callable, Callable]] = {
    "transformers-vit": (ports.vit_shapes, ports.vit_forward),
    "transformers-dinov2": (ports.dinov2_shapes, ports.dinov2_forward),
    "transformers-clip": (ports.clip_shapes, ports.clip_forward),
    "scenic-clip": (ports.scenic_clip_shapes, ports.scenic_clip_forward),
}

# Parameters drawn small, so that the epsilon of the norm behind them shows in the outputs.
QUIET = {
    0.05: r"embedding|cls|class|conv1",  # before the first norm
    0.15: r"encoder_norm|^layernorm|ln_post|post_layernorm|MAPHead_0/.*(out|Dense_1)/",  # before the ImageNet head's
}

READINGS = {  # what `alignet-hf convert --as` calls a family
    "SigLIP-B": "siglip",
    "SigLIP2-B": "siglip2",
    "CapPa-B": "cappa",
    "ViT-B": "vit",
    "Scratch-B": "scratch",
    "DINOv1-B": "dinov1",
    "DINOv2-B": "dinov2",
    "CLIP-ViT-B": "clip",
}


@dataclass(frozen=True)
class Model:
    """One reference model: a family of the paper, the layout of its tree, its sizes and its heads."""

    name: str
    family: str
    layout: str  # "big_vision", or one of PORTS
    sizes: Sizes = field(default_factory=Sizes)
    triplet: bool = True
    dtype: str = "float32"

    def encoder_shapes(self) -> dict:
        """The tree of the encoder's shapes."""
        if self.layout != "big_vision":
            return PORTS[self.layout][0](self.sizes)
        image = jax.ShapeDtypeStruct((1, self.sizes.image, self.sizes.image, 3), jnp.float32)
        params = jax.eval_shape(_Model(self.sizes).init, jax.random.key(0), image)["params"]
        return jax.tree.map(lambda leaf: leaf.shape, params)

    def encode(self, tree: dict, images) -> tuple[jax.Array, list]:
        """Images (B, S, S, 3) -> pre_logits (B, H), and each block's output of attention."""
        if self.layout != "big_vision":
            return PORTS[self.layout][1](self.sizes, tree, images)
        return _Model(self.sizes).apply({"params": tree}, images)

    def parameters(self) -> tuple:
        """(model, norm, classifier): random trees, in the order in which the released SavedModels flatten.

        The first is the authors' TripletWrapper {"model": ..., "triplet_head": ...}, or the bare encoder of a model
        without a triplet head; big_vision's encoder is called "_Model_0" in it. The other two are the ImageNet head.
        """
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        encoder, width = self.encoder_shapes(), self.sizes.width * (2 if self.sizes.pool == "cls+patch-mean" else 1)
        encoder = {"_Model_0": encoder} if self.layout == "big_vision" else encoder
        shapes = (encoder, ports.norm(width), ports.dense(width, LABELS))
        if self.triplet:
            shapes = ({"model": encoder, "triplet_head": ports.dense(width, TRIPLET_DIM)}, *shapes[1:])

        def draw(path, shape):
            return _draw(random, tree_name(path), shape).astype(jnp.dtype(self.dtype))

        return jax.tree.map_with_path(draw, shapes, is_leaf=_is_shape)

    def encoder_of(self, trees: tuple) -> dict:
        encoder = trees[0]["model"] if self.triplet else trees[0]
        return encoder["_Model_0"] if self.layout == "big_vision" else encoder

    def outputs(self, trees: tuple, images, layers: bool = False) -> dict[str, jax.Array]:
        """What serving_default gives: pre_logits, i1k_logits, triplet_logits, and layer_N if asked for; float32."""
        trees = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), trees)
        head, norm, classifier = trees
        with jax.default_matmul_precision("highest"):
            pre_logits, attended = self.encode(self.encoder_of(trees), images)
            normed = ports.layer_norm(norm, pre_logits, eps=1e-6)
            outputs = {"pre_logits": pre_logits, "i1k_logits": ports.dense_layer(classifier, normed)}
            if self.triplet:
                outputs["triplet_logits"] = ports.dense_layer(head["triplet_head"], pre_logits)
        return outputs | ({f"layer_{n}": x for n, x in enumerate(attended)} if layers else {})

    def reading(self) -> str:
        """What `--as` calls this model, with the attention heads where the shapes, (D, D), do not tell them."""
        heads = f":heads={self.sizes.heads}" if self.layout.startswith("transformers") else ""
        return READINGS[self.family] + heads

    def facts(self, trees: tuple) -> dict:
        """For config.json: the right reading, sizes and heads, and the variables' names in flattened order."""
        variables = [tree_name(path) for path, _ in jax.tree.leaves_with_path(trees)]
        facts = {"family": self.family, "reading": self.reading(), "layout": self.layout}
        facts |= asdict(self.sizes) | {"table": self.sizes.table_side, "dtype": self.dtype}
        facts |= {"triplet_dim": TRIPLET_DIM if self.triplet else None, "num_labels": LABELS, "classifier_eps": 1e-6}
        return facts | {"num_variables": len(variables), "variables": variables}


def tree_name(path) -> str:
    """A leaf's path in (model, norm, classifier) -> "model/_Model_0/cls"; the authors' names of the ImageNet head are
    not known, only its order."""
    first, *rest = path
    prefix = ("", "i1k_norm/", "i1k_head/")[first.idx]
    return prefix + "/".join(key.key for key in rest)


def example_images(size: int, count: int = 2) -> np.ndarray:
    """(count, size, size, 3) float32 in [0, 1]: blobs of colour under noise, in 256 levels as of photographs."""
    random = np.random.default_rng(size)
    y, x = np.mgrid[:size, :size] / size
    angles = random.uniform(0, 2 * np.pi, (count, 1, 1, 3))
    waves = np.sin(7 * (x[..., None] * np.cos(angles) + y[..., None] * np.sin(angles)) + angles)
    values = 0.5 + 0.3 * waves + random.normal(0, 0.1, waves.shape)
    return np.round(values.clip(0, 1) * 255).astype(np.float32) / 255


def _is_shape(node) -> bool:
    return isinstance(node, tuple) and all(isinstance(size, int) for size in node)


def _draw(random: np.random.Generator, name: str, shape: tuple) -> np.ndarray:
    """Random values that leave no two parameters alike, and none near its usual start of zero or one."""
    leaf = name.rsplit("/", 1)[-1]
    if leaf == "kernel":
        inputs = shape[0] if re.search("(query|key|value)/kernel", name) else int(np.prod(shape[:-1]))
        values = random.normal(0, 1.5 / inputs**0.5, shape)
    elif leaf in ("scale", "lambda1"):
        values = random.uniform(0.5, 1.5, shape)
    else:
        values = random.normal(0, 0.4, shape)
    encoder = re.sub("^(model/)?(_Model_0/)?", "", name)
    factor = next((factor for factor, pattern in QUIET.items() if re.search(pattern, encoder)), 1.0)
    return (factor * values).astype(np.float32)
