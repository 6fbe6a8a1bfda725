"""Scores that are a mean over test images, with an interval; two encoders' on the same images are paired."""

import numpy as np

from alignet_hf.evaluation.statistics import Result


def mean_over_images(
    name: str,
    values: np.ndarray,
    *,
    chance: float | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
    unit: str = "images",
) -> Result:
    """The mean of what each test image scored, with a bootstrap interval over the images.

    Of two encoders, scored on the same images in the same order with the same seed, the draws are the same images:
    `comparison.compare_results` takes the difference draw by draw.

    Args:
        name: of the score.
        values: (N,) float or bool, 1 where a read-out was right; or its mean over several read-outs.
        chance: the score of an answer that knows nothing; None where there is none.
        n_bootstrap: draws; 0 for none.
        seed: of the draws.
        unit: what a value stands for.
    """
    values = np.asarray(values, np.float64)
    rng = np.random.default_rng(seed)
    n = len(values)
    samples = np.array([values[rng.integers(n, size=n, dtype=np.uint32)].mean() for _ in range(n_bootstrap)])
    return Result.from_samples(name, values.mean(), samples, chance, n, unit=unit, over=(unit,))
