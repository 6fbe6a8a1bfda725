"""Calibration: where a model gives a pair 70 %, do 70 % of people choose it?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means, validate_over
from alignet_hf.evaluation.statistics import Result
from alignet_hf.triplets import validate_probabilities, validate_triplets

if TYPE_CHECKING:
    import pandas
    from huggingface_hub import EvalResult
    from matplotlib.axes import Axes

UNITS = ("objects", "triplets")


@dataclass(frozen=True)
class Calibration:
    """A model's pair probabilities against people's choice shares.

    Attributes:
        error: the expected calibration error and its interval. Less is better, and 0 says nothing of accuracy: a model
            that gives every pair 1/3 has it too, so there is no chance.
        edges: (n_bins + 1,) of the bins of probability, equally wide.
        predicted, observed: (n_bins,) the mean probability and the mean share of people in each bin; nan where empty.
        counts: (n_bins,) pairs in each bin.
    """

    error: Result
    edges: np.ndarray = field(repr=False)
    predicted: np.ndarray = field(repr=False)
    observed: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)

    x_label: ClassVar[str] = "the model's probability of a pair"
    y_label: ClassVar[str] = "share of people who choose it"

    def __str__(self) -> str:
        return str(self.error)

    def to_dict(self) -> dict:
        """The error's (see `Result.to_dict`)."""
        return self.error.to_dict()

    def to_frame(self) -> "pandas.DataFrame":
        """The error as one row, as `results_frame` has it."""
        return self.error.to_frame()

    def to_eval_result(self, **where) -> "EvalResult":
        """The error as an entry of a model card's model-index (arguments: see `result_table.eval_result`)."""
        return self.error.to_eval_result(**where)

    def bins_frame(self) -> "pandas.DataFrame":
        """One row a bin: from, to, predicted, observed, count."""
        import pandas

        return pandas.DataFrame(
            {
                "from": self.edges[:-1],
                "to": self.edges[1:],
                "predicted": self.predicted,
                "observed": self.observed,
                "count": self.counts,
            }
        )

    def draw(self, axis: "Axes | None" = None) -> "Axes":
        """The reliability diagram: observed shares over probabilities, a dot's area how many lie there."""
        from matplotlib.figure import Figure

        if axis is None:
            axis = Figure(figsize=(4.2, 4.2), layout="constrained").subplots()
        axis.plot([0, 1], [0, 1], color="grey", linestyle=":", label="calibrated")
        full = self.counts > 0
        area = 20 + 180 * self.counts[full] / self.counts.max()
        # Not clipped: a bin of certain answers lies on the border.
        axis.scatter(self.predicted[full], self.observed[full], s=area, color="#0072B2", clip_on=False, zorder=3)
        axis.set(xlabel=self.x_label, ylabel=self.y_label)
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.set_title(f"expected calibration error {self.error.estimate:.3f}", fontsize=9)
        return axis


def calibration(
    probabilities,
    shares,
    *,
    triplets=None,
    over: str | Sequence[str] | None = None,
    n_bins: int = 15,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Expected calibration error (Guo et al. 2017, https://arxiv.org/abs/1706.04599), of all three pairs.

    sum over bins of (pairs in the bin / all pairs) * |mean share - mean probability|

    All pairs are counted, not only the most probable: a teacher of soft labels passes on all three. Few people a
    triplet, or few triplets a bin, make the error too large, in a draw more so than in the data.

    Args:
        probabilities: (n, 3) the model's, of each pair being the most similar.
        shares: (n, 3) of the people who chose each pair; one 1 and two 0 for a single person's choice.
        triplets: (n, 3) int, the objects of each triplet; needed for an interval over objects.
        over: what the interval is drawn over, "objects" or "triplets"; by default objects where triplets are known to
            share them, which an interval over triplets would take for independent. A triplet's three pairs stay
            together.
        n_bins: equally wide; a probability on an edge belongs to the bin above it.
        n_bootstrap, seed: of the draws.

    Raises:
        InputError: rows that are not distributions, shapes that do not fit, no triplet, no bin, objects to be drawn
            that are not known.
    """
    shape = np.shape(probabilities)
    n = shape[0] if shape else 0
    if n == 0:
        raise InputError("probabilities: there are none to compare")
    if n_bins < 1:
        raise InputError(f"n_bins is {n_bins}; at least one is needed")
    probabilities = validate_probabilities(probabilities, n).astype(np.float64)
    shares = validate_probabilities(shares, n, "shares").astype(np.float64)
    over, drawn = _drawn(triplets, over, n)
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    # (triplets, bins): how far the probabilities of a triplet's pairs in a bin lie above people's shares, in all.
    gaps = np.zeros((n, n_bins))
    np.add.at(gaps, (np.arange(n)[:, None], bins), probabilities - shares)
    error = Result.from_samples(
        "expected calibration error",
        np.abs(gaps.sum(0)).sum() / (3 * n),
        np.abs(resampled_means(gaps, [drawn], n_bootstrap, seed)).sum(1) / 3,
        None,  # an answer that knows nothing can be calibrated perfectly
        n,
        unit="triplets",
        over=over,
    )
    counts = np.bincount(bins.ravel(), minlength=n_bins)
    with np.errstate(invalid="ignore"):
        predicted, observed = (
            np.bincount(bins.ravel(), weights=values.ravel(), minlength=n_bins) / counts
            for values in (probabilities, shares)
        )
    return Calibration(error, np.linspace(0, 1, n_bins + 1), predicted, observed, counts)


def _drawn(triplets, over: str | Sequence[str] | None, n: int) -> tuple[tuple[str, ...], Resampled]:
    """What the interval is drawn over, by name and as the draws take it."""
    objects = None
    if triplets is not None:
        triplets = validate_triplets(triplets)
        if len(triplets) != n:
            raise InputError(f"there are {len(triplets)} triplets and {n} rows of probabilities")
        objects = Resampled.of(triplets)
    if over is None:
        over = "objects" if objects is not None and objects.size < 3 * n else "triplets"
    over = validate_over(over, UNITS)
    if over == ("triplets",):
        return over, Resampled(np.arange(n), n)
    if objects is None:
        raise InputError("over objects: which objects a triplet shows is not known; give triplets")
    return over, objects
