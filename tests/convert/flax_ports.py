"""DINOv1, DINOv2 and CLIP in JAX, on the parameter trees of the two published Flax ports: transformers' and scenic's.

What the AligNet authors used for these three models is not published: that they used one of these trees is an
assumption (see make_fixtures.py). The arithmetic is that of the models' papers. A port is two functions of `Sizes`:
the tree of shapes, and the forward pass on a tree of arrays.
"""

import jax
import jax.numpy as jnp
from flax_big_vision import ACTIVATIONS, Sizes


def dense(inputs: int, outputs: int) -> dict:
    return {"kernel": (inputs, outputs), "bias": (outputs,)}


def norm(width: int) -> dict:
    return {"scale": (width,), "bias": (width,)}


def vit_shapes(s: Sizes) -> dict:
    """FlaxViT (transformers), for DINOv1; with rep_size it has its pooler, which the forward pass does not use."""
    layer = {
        "attention": {
            "attention": {part: dense(s.width, s.width) for part in ("query", "key", "value")},
            "output": {"dense": dense(s.width, s.width)},
        },
        "intermediate": {"dense": dense(s.width, s.mlp_dim)},
        "layernorm_after": norm(s.width),
        "layernorm_before": norm(s.width),
        "output": {"dense": dense(s.mlp_dim, s.width)},
    }
    tree = {"embeddings": _embedding_shapes(s), "encoder": {"layer": _numbered(layer, s)}, "layernorm": norm(s.width)}
    return tree | ({"pooler": {"dense": dense(s.width, s.width)}} if s.rep_size else {})


def dinov2_shapes(s: Sizes) -> dict:
    """FlaxDinov2 (transformers): layer scales, and a mask token that the forward pass does not use."""
    layer = {
        "attention": {
            "attention": {part: dense(s.width, s.width) for part in ("query", "key", "value")},
            "output": {"dense": dense(s.width, s.width)},
        },
        "layer_scale1": {"lambda1": (s.width,)},
        "layer_scale2": {"lambda1": (s.width,)},
        "mlp": {"fc1": dense(s.width, s.mlp_dim), "fc2": dense(s.mlp_dim, s.width)},
        "norm1": norm(s.width),
        "norm2": norm(s.width),
    }
    embeddings = _embedding_shapes(s) | {"mask_token": (1, s.width)}
    return {"embeddings": embeddings, "encoder": {"layer": _numbered(layer, s)}, "layernorm": norm(s.width)}


def clip_shapes(s: Sizes) -> dict:
    """FlaxCLIPVision (transformers), its spelling of "pre_layrnorm" included."""
    layer = {
        "layer_norm1": norm(s.width),
        "layer_norm2": norm(s.width),
        "mlp": {"fc1": dense(s.width, s.mlp_dim), "fc2": dense(s.mlp_dim, s.width)},
        "self_attn": {part: dense(s.width, s.width) for part in ("k_proj", "out_proj", "q_proj", "v_proj")},
    }
    embeddings = {
        "class_embedding": (s.width,),
        "patch_embedding": {"kernel": (s.patch, s.patch, 3, s.width)},
        "position_embedding": {"embedding": (s.table_side**2 + 1, s.width)},
    }
    return {
        "vision_model": {
            "embeddings": embeddings,
            "encoder": {"layers": _numbered(layer, s)},
            "post_layernorm": norm(s.width),
            "pre_layrnorm": norm(s.width),
        }
    }


def scenic_clip_shapes(s: Sizes) -> dict:
    """scenic's CLIP without the projection to the space of texts; its attention is Flax's own."""
    heads = (s.heads, s.width // s.heads)
    layer = {
        "attn": {part: {"kernel": (s.width, *heads), "bias": heads} for part in ("key", "query", "value")}
        | {"out": {"kernel": (*heads, s.width), "bias": (s.width,)}},
        "ln_1": norm(s.width),
        "ln_2": norm(s.width),
        "mlp": {"c_fc": dense(s.width, s.mlp_dim), "c_proj": dense(s.mlp_dim, s.width)},
    }
    return {
        "class_embedding": (s.width,),
        "conv1": {"kernel": (s.patch, s.patch, 3, s.width)},
        "ln_post": norm(s.width),
        "ln_pre": norm(s.width),
        "positional_embedding": (s.table_side**2 + 1, s.width),
        "transformer": {f"resblocks.{n}": layer for n in range(s.depth)},
    }


def _embedding_shapes(s: Sizes) -> dict:
    return {
        "cls_token": (1, 1, s.width),
        "patch_embeddings": {"projection": {"kernel": (s.patch, s.patch, 3, s.width), "bias": (s.width,)}},
        "position_embeddings": (1, s.table_side**2 + 1, s.width),
    }


def _numbered(layer: dict, s: Sizes) -> dict:
    return {str(n): layer for n in range(s.depth)}


def vit_forward(s: Sizes, tree: dict, images) -> tuple[jax.Array, list]:
    """Images (B, S, S, 3) -> the representation (B, D or 2 D), and each block's output of attention (B, 1 + T, D)."""
    x, layers = _embed(s, tree["embeddings"], images), []
    for n in range(s.depth):
        layer = tree["encoder"]["layer"][str(n)]
        part = layer["attention"]["attention"]
        normed = _norm(s, layer["layernorm_before"], x)
        attended = attend(*(dense_layer(part[name], normed) for name in ("query", "key", "value")), s.heads)
        layers.append(dense_layer(layer["attention"]["output"]["dense"], attended))
        x = x + layers[-1]
        hidden = dense_layer(layer["intermediate"]["dense"], _norm(s, layer["layernorm_after"], x))
        x = x + dense_layer(layer["output"]["dense"], ACTIVATIONS[s.act](hidden))
    return _pool(s, _norm(s, tree["layernorm"], x)), layers


def dinov2_forward(s: Sizes, tree: dict, images) -> tuple[jax.Array, list]:
    """As `vit_forward`; what attention and MLP give is scaled before it is added."""
    x, layers = _embed(s, tree["embeddings"], images), []
    for n in range(s.depth):
        layer = tree["encoder"]["layer"][str(n)]
        part = layer["attention"]["attention"]
        normed = _norm(s, layer["norm1"], x)
        attended = attend(*(dense_layer(part[name], normed) for name in ("query", "key", "value")), s.heads)
        layers.append(dense_layer(layer["attention"]["output"]["dense"], attended))
        x = x + layer["layer_scale1"]["lambda1"] * layers[-1]
        hidden = ACTIVATIONS[s.act](dense_layer(layer["mlp"]["fc1"], _norm(s, layer["norm2"], x)))
        x = x + layer["layer_scale2"]["lambda1"] * dense_layer(layer["mlp"]["fc2"], hidden)
    return _pool(s, _norm(s, tree["layernorm"], x)), layers


def clip_forward(s: Sizes, tree: dict, images) -> tuple[jax.Array, list]:
    """As `vit_forward`; a norm stands before the blocks, the last one on the class token."""
    tree = tree["vision_model"]
    embeddings = tree["embeddings"]
    x = _with_class(embeddings["class_embedding"], _patches(s, embeddings["patch_embedding"], images))
    x, layers = _norm(s, tree["pre_layrnorm"], x + embeddings["position_embedding"]["embedding"]), []
    for n in range(s.depth):
        layer = tree["encoder"]["layers"][str(n)]
        part = layer["self_attn"]
        normed = _norm(s, layer["layer_norm1"], x)
        attended = attend(*(dense_layer(part[name], normed) for name in ("q_proj", "k_proj", "v_proj")), s.heads)
        layers.append(dense_layer(part["out_proj"], attended))
        x = x + layers[-1]
        hidden = ACTIVATIONS[s.act](dense_layer(layer["mlp"]["fc1"], _norm(s, layer["layer_norm2"], x)))
        x = x + dense_layer(layer["mlp"]["fc2"], hidden)
    return _pool(s, _norm(s, tree["post_layernorm"], x)), layers


def scenic_clip_forward(s: Sizes, tree: dict, images) -> tuple[jax.Array, list]:
    """As `clip_forward`; kernels of attention have an axis of heads."""
    x = _with_class(tree["class_embedding"], _patches(s, tree["conv1"], images))
    x, layers = _norm(s, tree["ln_pre"], x + tree["positional_embedding"]), []
    for n in range(s.depth):
        layer = tree["transformer"][f"resblocks.{n}"]
        part = {name: _without_heads(name, leaves) for name, leaves in layer["attn"].items()}
        normed = _norm(s, layer["ln_1"], x)
        attended = attend(*(dense_layer(part[name], normed) for name in ("query", "key", "value")), s.heads)
        layers.append(dense_layer(part["out"], attended))
        x = x + layers[-1]
        hidden = ACTIVATIONS[s.act](dense_layer(layer["mlp"]["c_fc"], _norm(s, layer["ln_2"], x)))
        x = x + dense_layer(layer["mlp"]["c_proj"], hidden)
    return _pool(s, _norm(s, tree["ln_post"], x)), layers


def dense_layer(leaves: dict, x: jax.Array) -> jax.Array:
    return x @ leaves["kernel"] + leaves["bias"]


def layer_norm(leaves: dict, x: jax.Array, eps: float) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + eps) * leaves["scale"] + leaves["bias"]


def attend(query, key, value, heads: int) -> jax.Array:
    """Three (B, T, D) -> (B, T, D): softmax of each head's scaled dot products, and the values so weighted."""
    batch, tokens, width = query.shape
    query, key, value = (x.reshape(batch, tokens, heads, width // heads) for x in (query, key, value))
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) * (width // heads) ** -0.5
    mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), value)
    return mixed.reshape(batch, tokens, width)


def resample(table: jax.Array, side: int) -> jax.Array:
    """Positions (1, n², D) -> (1, side², D) as FlaxDinov2: Keys' bicubic (a = -0.5), scale (side + 0.1) / n."""
    _, count, width = table.shape
    old = int(count**0.5)
    if old == side:
        return table
    grid, shape = table.reshape(1, old, old, width), (1, side, side, width)
    scale = jnp.full(2, (side + 0.1) / old, jnp.float32)
    grid = jax.image.scale_and_translate(grid, shape, (1, 2), scale, jnp.zeros(2), "bicubic", antialias=False)
    return grid.reshape(1, side * side, width)


def _embed(s: Sizes, tree: dict, images) -> jax.Array:
    x = _with_class(tree["cls_token"], _patches(s, tree["patch_embeddings"]["projection"], images))
    positions = tree["position_embeddings"]
    return x + jnp.concatenate([positions[:, :1], resample(positions[:, 1:], s.side)], axis=1)


def _patches(s: Sizes, leaves: dict, images) -> jax.Array:
    """(B, S, S, 3) -> (B, T, D): the convolution without overlap, as a product of flattened patches."""
    batch, side = images.shape[0], s.side
    x = images.reshape(batch, side, s.patch, side, s.patch, 3).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(batch, side * side, -1) @ leaves["kernel"].reshape(-1, s.width)
    return x + leaves.get("bias", 0)


def _with_class(token: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.concatenate([jnp.broadcast_to(token, (x.shape[0], 1, x.shape[-1])), x], axis=1)


def _without_heads(name: str, leaves: dict) -> dict:
    inputs = leaves["kernel"].shape[0] if name != "out" else -1
    width = leaves["kernel"].shape[-1] if name == "out" else -1
    return {"kernel": leaves["kernel"].reshape(inputs, width), "bias": leaves["bias"].reshape(-1)}


def _norm(s: Sizes, leaves: dict, x: jax.Array) -> jax.Array:
    return layer_norm(leaves, x, s.eps)


def _pool(s: Sizes, tokens: jax.Array) -> jax.Array:
    if s.pool == "cls":
        return tokens[:, 0]
    return jnp.concatenate([tokens[:, 0], tokens[:, 1:].mean(axis=1)], axis=-1)
