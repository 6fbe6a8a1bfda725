"""Robustness: one read-out of ImageNet's classes, trained once, on ImageNet's images seen otherwise.

ReaL (https://arxiv.org/abs/2006.07159): the validation images under labels that were looked at again. V2
(https://arxiv.org/abs/1902.10811): photographs collected anew. A (https://arxiv.org/abs/1907.07174): photographs that a
ResNet-50 gets wrong. R (https://arxiv.org/abs/2006.16241): renditions. C (https://arxiv.org/abs/1903.12261): corrupted
validation images. A and R have 200 of the 1,000 classes, among which alone the read-out then decides.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images
from alignet_hf.evaluation.vision.corruption_errors import corruption_errors, require_all_corruptions
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.predictions import Readout, predicted_classes
from alignet_hf.progress import duration

IMAGENET, CORRUPTED = "imagenet", "imagenet-c"
READOUT_ACCURACY = "readout_accuracy"  # on the test images themselves, which need not be ImageNet's


def robustness(
    readout: Readout,
    sets: Mapping[str, LabelledEmbeddings],
    *,
    real: Sequence[Collection[str]] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
    say: Callable[[str], None] = lambda test: None,
) -> dict[str, Result]:
    """Score a read-out on every set that there is.

    Args:
        readout: trained on ImageNet's training images.
        sets: by name. "imagenet-c/fog/3" is a corruption in a severity: all 75, or none. Whatever other name, the score
            is the accuracy among the set's `classes`, all of which the read-out must know: "imagenet", the validation
            images; "imagenet-v2"; "imagenet-a" and "imagenet-r" with the 200 classes of theirs. It is asked for one set
            at a time.
        real: of each image of "imagenet" the classes that it shows; none where people found none, and such an image is
            left out. See `read_real`.
        n_bootstrap, seed: of the draws, over images.
        say: told which of the corruptions is next, each of which may be made and embedded when it is asked for, and how
            long all that are left will take.

    Returns:
        `readout_accuracy` of "imagenet", the images that robustness is compared with; `robustness_accuracy/NAME` of
        each other set, `robustness_accuracy/imagenet-real`, and of C what `corruption_errors` gives.

    Raises:
        InputError: a class that the read-out does not know, labels of ReaL for another number of images, or some
            corruptions without the others.
    """
    names = list(sets)  # not "in sets", which may be made when asked for
    if real is not None and IMAGENET not in names:
        raise InputError(f"labels of ReaL are for the validation images of ImageNet; give these too, as {IMAGENET!r}")
    if corrupted := [name.removeprefix(f"{CORRUPTED}/") for name in names if name.startswith(f"{CORRUPTED}/")]:
        require_all_corruptions(corrupted)
    draws = {"n_bootstrap": n_bootstrap, "seed": seed}
    results, wrong, clean, start = [], {}, None, 0.0
    for name in names:
        if name.startswith(f"{CORRUPTED}/"):
            start = start if wrong else time.monotonic()
            left = _time_left(start, len(wrong), len(corrupted))
            say(f"corruption {len(wrong) + 1} of {len(corrupted)}, {name.removeprefix(f'{CORRUPTED}/')}{left}")
        data = sets[name]
        predicted = predicted_classes(readout, data)
        right, chance = predicted == data.labels, 1 / len(data.classes)
        if name.startswith(f"{CORRUPTED}/"):
            wrong[name.removeprefix(f"{CORRUPTED}/")] = ~right, list(data.names)
            chance_of_error = 1 - chance
            continue
        score = READOUT_ACCURACY if name == IMAGENET else f"robustness_accuracy/{name}"
        results.append(mean_over_images(score, right, chance=chance, **draws))
        if name == IMAGENET:
            clean = ~right, list(data.names)
            if real is not None:
                results.append(_real_accuracy([data.classes[row] for row in predicted], real, chance, draws))
    scores = {result.name: result for result in results}
    if wrong:
        scores |= corruption_errors(wrong, clean, chance=chance_of_error, **draws)
    return scores


def _real_accuracy(
    predicted: Sequence[str], real: Sequence[Collection[str]], chance_of_one: float, draws: Mapping[str, int]
) -> Result:
    """A prediction is right where it is one of the image's classes; images that have none are left out."""
    if len(real) != len(predicted):
        raise InputError(f"ReaL has labels of {len(real)} images, where {len(predicted)} are given")
    labelled = [(one, shown) for one, shown in zip(predicted, real, strict=True) if shown]
    if not labelled:
        raise InputError("ReaL has no label of any of these images")
    right = np.array([one in shown for one, shown in labelled])
    chance = float(np.mean([len(shown) for _, shown in labelled])) * chance_of_one
    return mean_over_images(f"robustness_accuracy/{IMAGENET}-real", right, chance=chance, **draws)


def _time_left(start: float, n_done: int, n: int) -> str:
    """What is left if the others take as long as those that are done: ", 12 min left"; "" before one is."""
    return f", {duration((time.monotonic() - start) / n_done * (n - n_done))} left" if n_done else ""
