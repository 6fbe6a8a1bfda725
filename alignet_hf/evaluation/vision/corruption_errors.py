"""The mean corruption error of ImageNet-C: plain, and as shares of AlexNet's.

Hendrycks & Dietterich 2019 (https://arxiv.org/abs/1903.12261), section 4.1.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES

# Mean error of AlexNet over the five severities, as published with ImageNet-C (https://github.com/hendrycks/robustness).
ALEXNET = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
ALEXNET_CLEAN = 0.4345  # its error without corruption, as torchvision gives it; the paper's table 1 prints 43.5

Wrong = tuple[np.ndarray, Sequence[str]]  # (N,) bool, and the names of the N images


def corruption_errors(
    wrong: Mapping[str, Wrong], clean: Wrong | None = None, *, chance: float, n_bootstrap: int = 1000, seed: int = 0
) -> dict[str, Result]:
    """The errors of a classifier on ImageNet-C; 0 is best.

    All are means over images of what each was got wrong, so intervals are drawn over images, the same for all
    corruptions and severities.

    Args:
        wrong: "fog/3" -> which images are got wrong, and their names; all corruptions in all severities.
        clean: the same of the images without corruption.
        chance: the error of an answer that knows nothing.
        n_bootstrap, seed: of the draws.

    Returns:
        `corruption_error/fog`, ...: the mean over the severities. `mean_corruption_error`: their mean.
        `mean_corruption_error/alexnet`: the mean of their ratios to AlexNet's, the mCE that papers print as per cent.
        `mean_corruption_error/alexnet-relative`: the mean of the ratios of what a corruption adds to the error without
        it, where `clean` holds the images that were corrupted.

    Raises:
        InputError: a corruption or a severity is missing or unknown, or holds other images than the first.
    """
    require_all_corruptions(wrong)
    names = list(next(iter(wrong.values()))[1])
    for name, (_, others) in wrong.items():
        if list(others) != names:
            raise InputError(f"ImageNet-C: {name} has other images than {next(iter(wrong))}, or another order of them")

    def result(name: str, values: np.ndarray, chance: float) -> Result:
        return mean_over_images(name, values, chance=chance, n_bootstrap=n_bootstrap, seed=seed)

    errors = {  # (N,) each: the share of the severities in which an image is got wrong
        corruption: np.mean([wrong[f"{corruption}/{severity}"][0] for severity in SEVERITIES], 0)
        for corruption in CORRUPTIONS
    }
    alexnet = np.array([ALEXNET[corruption] for corruption in CORRUPTIONS])
    by_image = np.stack(list(errors.values()), 1)  # (N, 15)
    results = [result(f"corruption_error/{corruption}", error, chance) for corruption, error in errors.items()]
    results.append(result("mean_corruption_error", by_image.mean(1), chance))
    results.append(result("mean_corruption_error/alexnet", (by_image / alexnet).mean(1), (chance / alexnet).mean()))
    uncorrupted = None if clean is None else _of_images(clean, names)
    if uncorrupted is not None:
        added = (by_image - uncorrupted[:, None]) / (alexnet - ALEXNET_CLEAN)
        results.append(result("mean_corruption_error/alexnet-relative", added.mean(1), 0.0))
    return {one.name: one for one in results}


def require_all_corruptions(names: Collection[str]) -> None:
    """Refuse names such as "fog/3" that are not those of all corruptions in all severities.

    Raises:
        InputError: one is missing or unknown.
    """
    needed = [f"{corruption}/{severity}" for corruption in CORRUPTIONS for severity in SEVERITIES]
    if missing := [name for name in needed if name not in names]:
        raise InputError(
            f"ImageNet-C: {missing[0]} is missing ({len(missing)} of {len(needed)} are); its mean is over "
            f"{len(CORRUPTIONS)} corruptions in {len(SEVERITIES)} severities"
        )
    if unknown := set(names) - set(needed):
        raise InputError(f"ImageNet-C: {min(unknown)} is no corruption/severity; they are {needed[0]} to {needed[-1]}")


def _of_images(clean: Wrong, names: Sequence[str]) -> np.ndarray | None:
    """Whether each image was got wrong uncorrupted, found by its file's name; None where one is not there."""
    before = {PurePosixPath(name).stem: bool(one) for one, name in zip(*clean, strict=True)}
    stems = [PurePosixPath(name).stem for name in names]
    if len(before) != len(clean[0]) or not all(stem in before for stem in stems):
        return None
    return np.array([before[stem] for stem in stems])
