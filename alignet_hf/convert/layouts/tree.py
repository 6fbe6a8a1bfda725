"""A parameter tree: leaves whose shapes are written in named sizes, and the sizes that real shapes give."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Sizes = dict[str, int]


@dataclass(frozen=True)
class Leaf:
    """One parameter.

    Attributes:
        path: its place in the tree, "Transformer/encoder_norm/scale".
        shape: numbers, and names of sizes that are to be found: (1, "tokens", "width").
    """

    path: str
    shape: tuple[int | str, ...]

    def under(self, prefix: str) -> "Leaf":
        """The same parameter in a larger tree."""
        return Leaf(f"{prefix}/{self.path}", self.shape)

    def actual_shape(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape in numbers."""
        return tuple(sizes[length] if isinstance(length, str) else length for length in self.shape)

    def written(self, sizes: Sizes) -> str:
        """The shape for a message: numbers where they are known, names of sizes elsewhere."""
        return f"({', '.join(str(sizes.get(length, length)) for length in self.shape)})"


@dataclass(frozen=True)
class Misfit:
    """The first leaf that a list of shapes contradicts.

    Attributes:
        position: in the list.
        leaf: what the tree has there.
        expected: its shape, as far as the shapes before have settled it.
    """

    position: int
    leaf: Leaf
    expected: str


def in_jax_order(leaves: Iterable[Leaf]) -> list[Leaf]:
    """Leaves as JAX flattens their tree: keys sorted as strings at every level, so encoderblock_10 before _2."""
    return sorted(leaves, key=lambda leaf: leaf.path.split("/"))


def find_sizes(leaves: Sequence[Leaf], shapes: Sequence[tuple[int, ...]]) -> tuple[Sizes, Misfit | None]:
    """The sizes that make the leaves' shapes those found, one after the other.

    Args:
        leaves, shapes: of equal length, in one order; of lists of unequal length the common beginning is compared.

    Returns:
        The sizes, and None; or those of the leaves before the first that has another shape, and that one.
    """
    sizes: Sizes = {}
    for position, (leaf, found) in enumerate(zip(leaves, shapes, strict=False)):
        if not _fits(leaf.shape, found, settled := dict(sizes)):
            return sizes, Misfit(position, leaf, leaf.written(sizes))
        sizes = settled
    return sizes, None


def _fits(shape: tuple[int | str, ...], found: tuple[int, ...], sizes: Sizes) -> bool:
    """Whether the shape can be the one found; sizes that it settles are added."""
    if len(shape) != len(found):
        return False
    return all(
        length == (sizes.setdefault(name, length) if isinstance(name, str) else name)
        for name, length in zip(shape, found, strict=True)
    )


def norm(path: str, width: str = "width") -> list[Leaf]:
    """A LayerNorm of Flax."""
    return [Leaf(f"{path}/bias", (width,)), Leaf(f"{path}/scale", (width,))]


def dense(path: str, inputs: str, outputs: str, *, bias: bool = True) -> list[Leaf]:
    """A Dense layer of Flax; its kernel is (inputs, outputs)."""
    kernel = Leaf(f"{path}/kernel", (inputs, outputs))
    return [Leaf(f"{path}/bias", (outputs,)), kernel] if bias else [kernel]


def patches(path: str, *, bias: bool = True) -> list[Leaf]:
    """The convolution that embeds patches; its kernel is HWIO, (patch, patch, channels, width)."""
    kernel = Leaf(f"{path}/kernel", ("patch", "patch", "channels", "width"))
    return [Leaf(f"{path}/bias", ("width",)), kernel] if bias else [kernel]


def attention(path: str) -> list[Leaf]:
    """Flax's MultiHeadDotProductAttention, whose kernels have an axis of heads."""
    leaves = [Leaf(f"{path}/out/bias", ("width",)), Leaf(f"{path}/out/kernel", ("heads", "head_width", "width"))]
    for part in ("key", "query", "value"):
        leaves.append(Leaf(f"{path}/{part}/bias", ("heads", "head_width")))
        leaves.append(Leaf(f"{path}/{part}/kernel", ("width", "heads", "head_width")))
    return leaves
