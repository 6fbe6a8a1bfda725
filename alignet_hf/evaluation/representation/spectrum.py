"""How a representation's variance is spread over its principal components (B.3.1, third row of Fig. 18).

The interval is a bootstrap over images with the components held fixed: a draw's variance along each component of all
images, which are the eigenvalues of the draw's covariance matrix to first order. With the components found anew, a draw
of few images would seem to have fewer dimensions than there are, because an image drawn twice adds none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.figure import Figure

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.triplets import validate_embeddings

FIRST = (1, 5, 10)  # the paper: "only the first 5-15 principal components"
SHARE = 0.9
BEFORE_AFTER = ("#999999", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # Okabe & Ito
DRAWS, COUNTS = 250, 2**24  # at once: draws, and how often each image is drawn in them


@dataclass(frozen=True)
class Spectrum:
    """The variances of (N, D) embeddings along their principal components.

    Attributes:
        eigenvalues: (K,) float64, K = min(N - 1, D), of the covariance matrix, from the largest; 0 where nothing but
            rounding is left.
        samples: (n_bootstrap, K) the same under each draw of images.
        n_images: N.
    """

    eigenvalues: np.ndarray
    samples: np.ndarray
    n_images: int

    @cached_property
    def variance_explained(self) -> np.ndarray:
        """(K,) shares of the total variance."""
        return self.eigenvalues / self.eigenvalues.sum()

    @property
    def cumulative(self) -> np.ndarray:
        """(K,) shares of the first component, the first two, ..."""
        return np.cumsum(self.variance_explained)

    @property
    def cumulative_interval(self) -> np.ndarray:
        """(2, K) lower and upper ends of the 95 % interval of each."""
        sums = np.cumsum(self.samples, 1)
        return np.percentile(sums / sums[:, -1:], [2.5, 97.5], axis=0)

    def share_of_first(self, k: int) -> Result:
        """The share of the variance that the first k components explain; all of it where there are fewer."""
        return self._result(
            f"variance explained by the first {f'{k} components' if k > 1 else 'component'}",
            lambda values: values[..., :k].sum(-1) / values.sum(-1),
        )

    @property
    def effective_rank(self) -> Result:
        """exp of the entropy of the singular values of the centred embeddings, which are divided by their sum.

        Roy & Vetterli 2007, The effective rank: a measure of effective dimensionality (EUSIPCO). K equal singular
        values give K.
        """
        return self._result("effective rank (Roy and Vetterli)", _effective_rank)

    @property
    def participation_ratio(self) -> Result:
        """(sum of eigenvalues)^2 / sum of their squares: K equal ones give K."""
        return self._result("participation ratio", lambda values: values.sum(-1) ** 2 / (values**2).sum(-1))

    def n_components(self, share: float = SHARE) -> Result:
        """How many components explain at least this share of the variance.

        Raises:
            InputError: a share that is not above 0 and at most 1.
        """
        if not 0 < share <= 1:
            raise InputError(f"share is {share}; it must be above 0 and at most 1")

        def number(values: np.ndarray) -> np.ndarray:
            reached = np.cumsum(values, -1) / values.sum(-1, keepdims=True) >= share - 1e-12
            return 1 + reached.argmax(-1)

        return self._result(f"components for {share:.0%} of the variance", number)

    def _result(self, name: str, score) -> Result:
        return Result.from_samples(
            name,
            score(self.eigenvalues),
            np.asarray(score(self.samples), np.float64),
            None,  # no embeddings are right or wrong
            self.n_images,
            unit="images",
            over=("images",),
        )


def spectrum(embeddings, *, n_bootstrap: int = 1000, seed: int = 0) -> Spectrum:
    """Find the variances along the principal components.

    Args:
        embeddings: (N, D) float, one row an image.
        n_bootstrap: draws of images; 0 for none.
        seed: of the draws; on the same images they are the same for every model, and those of `mean_over_images`.

    Raises:
        InputError: fewer than two images, an entry that is not finite, or images that all have one embedding.
    """
    rows, components, eigenvalues = principal_components(embeddings)
    # Along each component in units of its own deviation, where float32 is enough for a draw.
    deviations = np.sqrt(np.where(eigenvalues > 0, eigenvalues, np.inf))
    places = ((rows @ components) / deviations).astype(np.float32)  # (N, K)
    del rows
    squares = places**2
    n = len(places)
    rng = np.random.default_rng(seed)
    samples = np.empty((n_bootstrap, len(eigenvalues)))
    n_draws = max(1, min(DRAWS, COUNTS // n))
    for start in range(0, n_bootstrap, n_draws):
        stop = min(start + n_draws, n_bootstrap)
        counts = np.empty((stop - start, n), np.float32)
        for draw in counts:
            draw[:] = np.bincount(rng.integers(n, size=n, dtype=np.uint32), minlength=n)
        samples[start:stop] = counts @ squares / n - (counts @ places / n) ** 2
    samples *= eigenvalues * n / (n - 1)
    return Spectrum(eigenvalues, samples, n)


def principal_components(embeddings, name: str = "embeddings") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre embeddings and find their components.

    A component's sign is arbitrary; its largest weight is made positive, so that it does not depend on the solver.

    Returns:
        (N, D) centred rows; (D, K) components, orthonormal columns; (K,) eigenvalues of the covariance matrix, from the
        largest. All float64; K = min(N - 1, D).
    """
    rows = validate_embeddings(embeddings, name).astype(np.float64)
    n, dimensions = rows.shape
    if n < 2:
        raise InputError(f"{name}: principal components need at least two images, got {n}")
    scale = np.abs(rows).max()
    rows -= rows.mean(0)
    if n > dimensions:
        eigenvalues, components = np.linalg.eigh(rows.T @ rows / (n - 1))
        eigenvalues, components = eigenvalues[::-1], components[:, ::-1]
    else:
        _, singular, transposed = np.linalg.svd(rows, full_matrices=False)
        eigenvalues, components = singular[: n - 1] ** 2 / (n - 1), transposed[: n - 1].T
    eps = np.finfo(np.float64).eps
    rounding = dimensions * max(eigenvalues[0] * eps, (n * scale * eps) ** 2)  # of the sums above, and of the mean
    if not eigenvalues[0] > rounding:
        raise InputError(f"{name}: all {n} images have one embedding; there is no variance to explain")
    eigenvalues = np.where(eigenvalues > rounding, eigenvalues, 0.0)
    largest = np.abs(components).argmax(0)
    return rows, components * np.sign(components[largest, np.arange(components.shape[1])]), eigenvalues


def spectrum_scores(found: Spectrum, first: Sequence[int] = FIRST) -> dict[str, Result]:
    """The scores of a spectrum by name: `variance_explained/first-5`, `effective_rank`, ..."""
    return {f"variance_explained/first-{k}": found.share_of_first(k) for k in first} | {
        "effective_rank": found.effective_rank,
        "participation_ratio": found.participation_ratio,
        f"components_for/{SHARE:.0%}": found.n_components(),
    }


def draw_spectra(spectra: Mapping[str, Spectrum], n_components: int = 50) -> Figure:
    """The cumulative variance explained, with 95 % intervals as bands; dots where 90 % is reached.

    Args:
        spectra: name, "before" say -> its spectrum.
        n_components: how many components to show at most.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axis = figure.subplots()
    for number, (name, one) in enumerate(spectra.items()):
        colour = BEFORE_AFTER[number % len(BEFORE_AFTER)]
        shown = np.arange(1, min(n_components, len(one.eigenvalues)) + 1)
        needed = int(one.n_components().estimate)
        axis.plot(shown, one.cumulative[: len(shown)], color=colour, linewidth=2, label=f"{name} ({needed} for 90 %)")
        if len(one.samples):
            axis.fill_between(shown, *one.cumulative_interval[:, : len(shown)], color=colour, alpha=0.25, linewidth=0)
        if needed <= len(shown):
            axis.plot(needed, one.cumulative[needed - 1], "o", color=colour)
    axis.axhline(SHARE, color="grey", linestyle=":")
    axis.set(xlabel="principal components", ylabel="cumulative share of the variance", ylim=(0, 1), xlim=(1, None))
    axis.yaxis.set_major_formatter("{x:.0%}")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    return figure


def _effective_rank(values: np.ndarray) -> np.ndarray:
    singular = np.sqrt(values)
    shares = singular / singular.sum(-1, keepdims=True)
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.exp(-(shares * logarithms).sum(-1))
