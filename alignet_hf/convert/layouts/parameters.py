"""The arrays of a tree under transformers' names: each is read once, from the file, when its place is filled."""

from collections.abc import Mapping

import torch

from alignet_hf.convert.variables import Variable
from alignet_hf.errors import InputError

Weights = dict[str, torch.Tensor]


class Parameters:
    """Reads each variable of a tree once, and knows which are left.

    Args:
        variables: by path in the tree.
    """

    def __init__(self, variables: Mapping[str, Variable]):
        self._left = dict(variables)

    @property
    def left(self) -> list[Variable]:
        """The variables that have not been read."""
        return list(self._left.values())

    def take(self, path: str) -> torch.Tensor:
        """The array at a path, float32.

        Raises:
            InputError: the file is damaged there, or a value is not finite.
        """
        variable = self._left.pop(path)
        tensor = variable.tensor()
        if not tensor.isfinite().all():
            raise InputError(
                f"variable {variable.name} ({path}) holds values that are not finite; get a whole checkpoint"
            )
        return tensor

    def copied(self, path: str, to: str) -> Weights:
        """A layer of torch's, weight and bias, as it is."""
        return {f"{to}.{kind}": self.take(f"{path}.{kind}") for kind in ("weight", "bias")}

    def norm(self, path: str, to: str) -> Weights:
        """Flax's LayerNorm as torch's."""
        return {f"{to}.weight": self.take(f"{path}/scale"), f"{to}.bias": self.take(f"{path}/bias")}

    def dense(self, path: str, to: str) -> Weights:
        """Flax's Dense, (inputs, outputs), as torch's Linear, (outputs, inputs)."""
        return {f"{to}.weight": self.take(f"{path}/kernel").T, f"{to}.bias": self.take(f"{path}/bias")}

    def patches(self, path: str, to: str, *, bias: bool = True) -> Weights:
        """Flax's convolution, HWIO, as torch's, OIHW."""
        weights = {f"{to}.weight": self.take(f"{path}/kernel").permute(3, 2, 0, 1)}
        return weights | {f"{to}.bias": self.take(f"{path}/bias")} if bias else weights

    def attention(self, path: str, names: Mapping[str, str]) -> Weights:
        """Flax's attention as four Linears.

        Args:
            path: of the attention.
            names: "query", "key", "value", "out" -> the Linear's name.
        """
        out = self.take(f"{path}/out/kernel")  # (heads, head_width, width)
        weights = {
            f"{names['out']}.weight": out.flatten(0, 1).T,
            f"{names['out']}.bias": self.take(f"{path}/out/bias"),
        }
        for part in ("query", "key", "value"):
            kernel = self.take(f"{path}/{part}/kernel")  # (width, heads, head_width)
            weights[f"{names[part]}.weight"] = kernel.flatten(1).T
            weights[f"{names[part]}.bias"] = self.take(f"{path}/{part}/bias").flatten()
        return weights

    def joint_attention(self, path: str, to: str) -> Weights:
        """Flax's attention as torch's MultiheadAttention, whose queries, keys and values share one matrix."""
        parts = ("query", "key", "value")
        apart = self.attention(path, {part: part for part in (*parts, "out")})
        return {
            f"{to}.in_proj_weight": torch.cat([apart[f"{part}.weight"] for part in parts]),
            f"{to}.in_proj_bias": torch.cat([apart[f"{part}.bias"] for part in parts]),
            f"{to}.out_proj.weight": apart["out.weight"],
            f"{to}.out_proj.bias": apart["out.bias"],
        }
