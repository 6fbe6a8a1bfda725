"""What transforms answered for held-out objects, in the experiment of uncertainty distillation, as Results."""

from collections.abc import Sequence

import numpy as np

from alignet_hf.evaluation.bootstrap import Resampled, resampled_means
from alignet_hf.evaluation.human.calibration import calibration
from alignet_hf.evaluation.statistics import Result
from alignet_hf.surrogate.labels import Tally
from alignet_hf.surrogate.ud_result import CHANCE, Setting, UDExperiment
from alignet_hf.triplets import triplet_probabilities, triplet_similarities

# A fold's held-out triplets as a transform sees them, (m, 3) similarities, and the share of neighbours that it left to
# each object held out, (objects,).
Answers = tuple[np.ndarray, np.ndarray]


def score_experiment(
    embeddings: np.ndarray, counted: Sequence[Tally], answers: dict[tuple[str, float], list[Answers]], facts: dict
) -> UDExperiment:
    """Score every setting, and the teacher, on the held-out objects of all folds together.

    Args:
        embeddings: (N, p), the teacher's.
        counted: people's answers to the held-out triplets of each fold.
        answers: of each kind of labels and lambda, a pair a fold.
        facts: how the experiment was run: `n_neighbours`, `n_bootstrap` and `seed` are used.
    """
    draws = {"n_bootstrap": facts["n_bootstrap"], "seed": facts["seed"]}
    held_out = Tally(*(np.concatenate([getattr(part, name) for part in counted]) for name in ("triplets", "counts")))
    ceiling = held_out.ceiling(**draws)
    teacher_similarities = triplet_similarities(embeddings, held_out.triplets)
    similarities = [np.concatenate([of_fold for of_fold, _ in folds]) for folds in answers.values()]
    predicted = np.stack([held_out.predicted(of) for of in (teacher_similarities, *similarities)], 1)
    teacher, *accuracies = _results(
        "odd-one-out accuracy",
        predicted,
        Resampled.of(held_out.triplets),
        draws,
        chance=CHANCE,
        ceiling=None if ceiling is None else ceiling.estimate,
    )
    kept = np.stack([np.concatenate([of_fold for _, of_fold in folds]) for folds in answers.values()], 1)
    preservations = _results(
        "neighbourhood preservation",
        kept,
        Resampled(np.arange(len(kept)), len(kept)),
        draws,
        chance=facts["n_neighbours"] / (len(embeddings) - 1),
    )
    ends = np.cumsum([len(part.triplets) for part in counted])[:-1]
    teacher_folds, *folds = np.stack([part.mean(0) for part in np.split(predicted, ends)], 1)
    settings = tuple(
        Setting(
            labels=kind,
            regularization=regularization,
            accuracy=accuracies[number],
            folds=folds[number],
            neighbourhood_preservation=preservations[number],
            calibration=calibration(
                triplet_probabilities(similarities[number]), held_out.shares, triplets=held_out.triplets, **draws
            ),
        )
        for number, (kind, regularization) in enumerate(answers)
    )
    facts = {"n_objects": len(kept), "n_held_out_triplets": len(predicted), **facts}
    return UDExperiment(settings, teacher, teacher_folds, ceiling, facts)


def _results(name: str, values: np.ndarray, drawn: Resampled, draws: dict, *, chance: float, **further) -> list[Result]:
    """A Result for each column of values, (rows, columns); one draw weighs all of them alike."""
    samples = resampled_means(values, [drawn], draws["n_bootstrap"], draws["seed"])
    return [
        Result.from_samples(name, values[:, column].mean(), samples[:, column], chance, drawn.size, **further)
        for column in range(values.shape[1])
    ]
