"""big_vision's ViT in Flax: the names and layouts of its parameters, written from the papers and the published trees.

`_Model` gives the tree of SigLIP, SigLIP 2, CapPa and the ViTs (see make_fixtures.py for what is known of each):

    MAPHead_0/{LayerNorm_0, MlpBlock_0, MultiHeadDotProductAttention_0, probe}
    Transformer/{encoder_norm, encoderblock_N/{LayerNorm_0, LayerNorm_1, MlpBlock_0, MultiHeadDotProductAttention_0}}
    cls, embedding, pos_embedding
"""

from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp

ACTIVATIONS: dict[str, Callable] = {  # by transformers' names
    "gelu_pytorch_tanh": lambda x: nn.gelu(x, approximate=True),
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "quick_gelu": lambda x: x * jax.nn.sigmoid(1.702 * x),
}


@dataclass(frozen=True)
class Sizes:
    """Of one model, of whichever layout.

    pool: "map", "tok" and "gap" are big_vision's (see `_Model`); "cls" and "cls+patch-mean" (the patches' mean behind
        the class token, 2 D wide) are the ports'.
    positions: "learn" (a parameter) or "sincos2d" (computed; big_vision only).
    table: patches along one side of the table of positions; None for those of the image. Else it is resampled.
    rep_size: a Dense layer and tanh on the pooled token.
    """

    width: int = 8
    depth: int = 2
    heads: int = 2
    mlp_dim: int = 20
    patch: int = 4
    image: int = 12
    pool: str = "gap"
    positions: str = "learn"
    act: str = "gelu_pytorch_tanh"
    eps: float = 1e-6
    table: int | None = None
    rep_size: bool = False

    @property
    def side(self) -> int:
        """Patches along one side of the image."""
        return self.image // self.patch

    @property
    def table_side(self) -> int:
        return self.table or self.side


def sincos_positions(side: int, width: int) -> jax.Array:
    """(side, width) -> (1, side², width): MoCo v3's fixed positions; sin x, cos x, sin y, cos y, a quarter each."""
    steps = jnp.arange(width // 4)
    frequencies = 10_000.0 ** (-steps / (width // 4 - 1))
    y, x = (axis.reshape(-1, 1) * frequencies for axis in jnp.mgrid[:side, :side])
    return jnp.concatenate([jnp.sin(x), jnp.cos(x), jnp.sin(y), jnp.cos(y)], axis=1)[None]


class MlpBlock(nn.Module):
    mlp_dim: int
    act: str

    @nn.compact
    def __call__(self, x):
        hidden = ACTIVATIONS[self.act](nn.Dense(self.mlp_dim)(x))
        return nn.Dense(x.shape[-1])(hidden)


class EncoderBlock(nn.Module):
    heads: int
    mlp_dim: int
    act: str

    @nn.compact
    def __call__(self, x):
        """(B, T, D) -> the residual stream after the block, and the output of its attention branch, both (B, T, D)."""
        normed = nn.LayerNorm()(x)
        attended = nn.MultiHeadDotProductAttention(num_heads=self.heads)(normed, normed)
        x = x + attended
        return x + MlpBlock(self.mlp_dim, self.act)(nn.LayerNorm()(x)), attended


class Encoder(nn.Module):
    depth: int
    heads: int
    mlp_dim: int
    act: str

    @nn.compact
    def __call__(self, x):
        layers = []
        for n in range(self.depth):
            x, attended = EncoderBlock(self.heads, self.mlp_dim, self.act, name=f"encoderblock_{n}")(x)
            layers.append(attended)
        return nn.LayerNorm(name="encoder_norm")(x), layers


class MAPHead(nn.Module):
    """Attention pooling: one learned query, the probe, asks all tokens."""

    heads: int
    mlp_dim: int
    act: str

    @nn.compact
    def __call__(self, tokens):
        batch, _, width = tokens.shape
        probe = self.param("probe", nn.initializers.normal(), (1, 1, width))
        query = jnp.tile(probe, (batch, 1, 1))
        x = nn.MultiHeadDotProductAttention(num_heads=self.heads)(query, tokens)
        x = x + MlpBlock(self.mlp_dim, self.act)(nn.LayerNorm()(x))
        return x[:, 0]


class _Model(nn.Module):
    """images (B, S, S, 3) -> pre_logits (B, D), and the attention branch's output of each block (B, T, D).

    Pooling "map": MAPHead. "tok": a class token, put in front after the positions are added. "gap": the tokens' mean.
    """

    sizes: Sizes

    @nn.compact
    def __call__(self, images):
        s = self.sizes
        size = (s.patch, s.patch)
        x = nn.Conv(s.width, size, strides=size, padding="VALID", name="embedding")(images)
        batch, side, _, width = x.shape
        x = x.reshape(batch, side * side, width)
        if s.positions == "learn":
            x = x + self.param("pos_embedding", nn.initializers.normal(), (1, side * side, width))
        else:
            x = x + sincos_positions(side, width)
        if s.pool == "tok":
            cls = self.param("cls", nn.initializers.normal(), (1, 1, width))
            x = jnp.concatenate([jnp.tile(cls, (batch, 1, 1)), x], axis=1)
        x, layers = Encoder(s.depth, s.heads, s.mlp_dim, s.act, name="Transformer")(x)
        if s.pool == "map":
            x = MAPHead(s.heads, s.mlp_dim, s.act)(x)
        elif s.pool == "tok":
            x = x[:, 0]
        else:
            x = x.mean(axis=1)
        if s.rep_size:
            x = jnp.tanh(nn.Dense(width, name="pre_logits")(x))
        return x, layers
