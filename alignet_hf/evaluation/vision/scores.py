"""Every vision test of one encoder, as a function of its embeddings."""

from collections import ChainMap
from collections.abc import Callable
from dataclasses import replace

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.data import VisionEmbeddings
from alignet_hf.evaluation.vision.few_shot import few_shot
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout
from alignet_hf.evaluation.vision.neighbours import knn_accuracy, nearest_neighbours
from alignet_hf.evaluation.vision.options import VisionOptions
from alignet_hf.evaluation.vision.out_of_distribution import out_of_distribution
from alignet_hf.evaluation.vision.readout_calibration import calibration_of_readout
from alignet_hf.evaluation.vision.readout_result import ReadoutResult
from alignet_hf.evaluation.vision.retrieval import retrieval
from alignet_hf.evaluation.vision.robustness import IMAGENET, READOUT_ACCURACY, robustness
from alignet_hf.evaluation.vision.subpopulation_shift import subpopulation_shift

NEIGHBOURS = 20  # training images near a test image: of the vote, and of how far out it lies


def vision_scores(
    data: VisionEmbeddings, options: VisionOptions | None = None, say: Callable[[str], None] = lambda name: None
) -> dict[str, Result | Calibration]:
    """Score one encoder on every test that its data allow.

    Args:
        data: its embeddings.
        options: by default those of `VisionOptions`.
        say: called with the name of a test, and of each corruption, before it runs.

    Returns:
        `few_shot_accuracy/1-shot`, ... of the training and test images, and `few_shot_accuracy/NAME/1-shot` of the
        other data sets; and of the training and test images the read-out's accuracy (a `ReadoutResult`, as are those of
        BREEDS) and calibration, nearest neighbours, retrieval, BREEDS, robustness, and the detection of images of other
        classes.

    Raises:
        InputError: as the tests themselves.
    """
    options = options or VisionOptions()
    scores = {}
    for name, both in data.few_shot.items():
        say(f"few-shot, {name}")
        scores |= _few_shot(name, *both, options)
    if data.training is None:
        return scores
    training, test = data.training, data.test
    say("few-shot")
    scores |= _few_shot("", training, test, options)
    say("linear read-out")
    try:
        readout = LinearReadout.fit(training, seed=options.seed)
    except InputError as error:
        raise InputError(f"linear read-out: {error}") from error
    say("accuracy of the read-out" if data.real is None and not data.robustness else "robustness")
    sets = ChainMap({IMAGENET: test}, data.robustness)
    scores |= robustness(readout, sets, real=data.real, say=say, **options.draws)
    scores[READOUT_ACCURACY] = ReadoutResult.of(scores[READOUT_ACCURACY], readout)
    say("calibration")
    for one in calibration_of_readout(readout, test, **options.draws).values():
        scores |= one.results | {one.error.name: one}
    say("nearest neighbours")
    k = min(NEIGHBOURS, len(training))
    neighbours = nearest_neighbours(test.embeddings, training.embeddings, k)
    scores |= knn_accuracy(training, test, ks=(k,), neighbours=neighbours, **options.draws)
    for name, outside in data.ood.items():
        say(f"images of other classes, {name}")
        found = out_of_distribution(
            training, test, outside.embeddings, readout=readout, inside_neighbours=neighbours, **options.draws
        )
        scores |= _named(found, name)
    say("retrieval")
    scores |= retrieval(test, training, **options.draws)
    for name, task in data.tasks.items():
        say(f"subpopulation shift, {name}")
        scores |= subpopulation_shift(training, test, task, **options.draws)
    return scores


def _few_shot(
    name: str, training: LabelledEmbeddings, test: LabelledEmbeddings, options: VisionOptions
) -> dict[str, Result]:
    """Few-shot accuracies with the data set's name in theirs."""
    scores, strengths = {}, None if options.l2 is None else (options.l2,)
    for method in options.classifiers:
        try:
            found = few_shot(
                training,
                test,
                shots=options.shots,
                method=method,
                n_draws=options.n_draws,
                strengths=strengths,
                **options.draws,
            )
        except InputError as error:
            raise InputError(f"few-shot{f', {name}' if name else ''}: {error}") from error
        scores |= _named(found, name)
    return scores


def _named(scores: dict[str, Result], name: str) -> dict[str, Result]:
    """With the data set's name in theirs: `few_shot_accuracy/pets/1-shot`."""
    named = {}
    for key, result in scores.items():
        measure, _, variant = key.partition("/")
        key = "/".join(filter(None, (measure, name, variant)))
        named[key] = replace(result, name=key)
    return named
