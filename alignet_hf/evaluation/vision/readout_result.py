"""An accuracy of a read-out, with what was chosen in its training."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

from alignet_hf.evaluation.statistics import Result

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.linear_readout import LinearReadout


@dataclass(frozen=True)
class ReadoutResult(Result):
    """A score of a read-out.

    Attributes:
        l2, temperature: of the read-out, see `LinearReadout`.
    """

    l2: float = np.nan
    temperature: float = np.nan

    @classmethod
    def of(cls, result: Result, readout: "LinearReadout") -> Self:
        """This score, as one of that read-out."""
        known = {field.name: getattr(result, field.name) for field in fields(Result)}
        return cls(**known, l2=readout.l2, temperature=readout.temperature)

    def to_dict(self) -> dict:
        return {**super().to_dict(), "l2": self.l2, "temperature": self.temperature}

    def _remarks(self) -> list[str]:
        return [*super()._remarks(), f"l2 {self.l2:.3g}", f"temperature {self.temperature:.3g}"]
