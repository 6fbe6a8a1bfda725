"""Subpopulation shift: does a read-out of superclasses hold on kinds of them that it was not trained on?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout
from alignet_hf.evaluation.vision.predictions import predicted_classes
from alignet_hf.evaluation.vision.readout_result import ReadoutResult
from alignet_hf.evaluation.vision.superclass_tasks import SuperclassTask

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.labelled_images import LabelledImages


def subpopulation_shift(
    training: LabelledEmbeddings,
    test: LabelledEmbeddings,
    task: SuperclassTask,
    *,
    seed: int = 0,
    n_bootstrap: int = 1000,
) -> dict[str, Result]:
    """Train a linear read-out of superclasses on the source's classes, and test it on those and on the target's.

    Santurkar et al. 2020 (https://arxiv.org/abs/2008.04859), on frozen features. Intervals are drawn over images, the
    source's and the target's apart; of two encoders the draws are the same images.

    Args:
        training: of ImageNet's training images, say; those of the source's classes are used.
        test: of ImageNet's validation images, say; those of both are.
        task: of `breeds_tasks`.
        seed: of the read-out and of the draws.
        n_bootstrap: draws.

    Returns:
        `breeds_source_accuracy/TASK`; `breeds_target_accuracy/TASK`; and `breeds_accuracy_change/TASK`, the target's
        less the source's, which is below 0 where accuracy is lost. Each is a `ReadoutResult`.

    Raises:
        InputError: a class of the task of which there is no image.
    """
    readout = LinearReadout.fit(of_superclasses(training, task, task.source, "training"), seed=seed)
    right = []
    for subclasses in (task.source, task.target):
        images = of_superclasses(test, task, subclasses, "test")
        right.append(predicted_classes(readout, images) == images.labels)
    chance = 1 / len(task)
    options = {"chance": chance, "n_bootstrap": n_bootstrap}
    source = mean_over_images(f"breeds_source_accuracy/{task.name}", right[0], seed=seed, **options)
    # Draws of their own: these are other images, and common random numbers would tie the two together.
    target = mean_over_images(f"breeds_target_accuracy/{task.name}", right[1], seed=seed + 1, **options)
    change = Result.from_samples(
        f"breeds_accuracy_change/{task.name}",
        target.estimate - source.estimate,
        target.samples - source.samples,
        0.0,
        source.n_objects + target.n_objects,
        unit="images",
        over=("images",),
    )
    return {result.name: ReadoutResult.of(result, readout) for result in (source, target, change)}


def of_superclasses(
    data: LabelledEmbeddings, task: SuperclassTask, subclasses: Sequence[Sequence[str]], what: str = "given"
) -> LabelledEmbeddings:
    """The images of a task's subclasses, labelled by their superclasses.

    Args:
        subclasses: of each superclass those wanted: `task.source` or `task.target`.
        what: the images are, for the message.

    Raises:
        InputError: a class of which there is no image.
    """
    require_subclasses(data, task, subclasses, what)
    superclass_of = {name: row for row, names in enumerate(subclasses) for name in names}
    superclasses = np.array([superclass_of.get(name, -1) for name in data.classes])
    labels = superclasses[data.labels]
    rows = np.flatnonzero(labels >= 0)
    names = [data.names[int(row)] for row in rows]
    return LabelledEmbeddings(np.asarray(data.embeddings)[rows], labels[rows], task.superclasses, names)


def require_subclasses(
    data: "LabelledEmbeddings | LabelledImages",
    task: SuperclassTask,
    subclasses: Sequence[Sequence[str]],
    what: str = "given",
) -> None:
    """Raise InputError unless there is an image of each of a task's subclasses; arguments as of `of_superclasses`."""
    wanted = {name for names in subclasses for name in names}
    missing = wanted - {data.classes[label] for label in np.unique(data.labels)}
    if missing:
        raise InputError(
            f"{task.name}: no image of {min(missing)} among the {what} images ({len(missing)} of {len(wanted)} "
            "classes have none); give images of all classes of ImageNet"
        )
