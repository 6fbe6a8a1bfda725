"""Uncertainty distillation, the whole experiment: every regularization and kind of labels on objects not fitted on."""

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.surrogate.cross_validation import REGULARIZATIONS
from alignet_hf.surrogate.labels import Labels, label, tally
from alignet_hf.surrogate.neighbourhoods import neighbourhood_preservation
from alignet_hf.surrogate.object_splits import object_folds, split_by_objects
from alignet_hf.surrogate.ud_result import CHANCE, NAMES, UDExperiment
from alignet_hf.surrogate.ud_scores import score_experiment
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.triplets import (
    is_correct,
    triplet_similarities,
    validate_embeddings,
    validate_probabilities,
    validate_triplets,
)


def ud_experiment(
    embeddings,
    choices,
    probabilities=None,
    *,
    labels: Sequence[Labels] | None = None,
    regularizations: Sequence[float] = REGULARIZATIONS,
    n_folds: int = 5,
    n_neighbours: int = 10,
    validation: float | None = 0.2,
    n_bootstrap: int = 1000,
    vice: dict | None = None,
    seed: int,
    progress: bool = True,
    **options,
) -> UDExperiment:
    """Cross-validate uncertainty distillation over objects, for each kind of labels and each lambda.

    The OBJECTS that choices name are split into folds. In each, the labels are made of the choices among the other
    folds' objects alone, VICE's too, and every fit stops early by itself, on objects of its own training part. Then the
    transform answers for the objects held out, all folds together:

    - accuracy: the share of a triplet's answers that it predicts, ties wrong, in the mean over the triplets of three
      held-out objects; its ceiling, where most of them were judged repeatedly, is a person held out (`Tally.ceiling`);
    - calibration: of softmax(S') with the shares of people that chose each pair (their one choice where a triplet was
      judged once), over the same triplets;
    - neighbourhood preservation: of the `n_neighbours` that were nearest to a held-out object among all rows of
      `embeddings`, the share that still are (cosine similarity).

    Intervals are drawn over the held-out objects, the same draws for every setting and the teacher, so that the
    difference of two settings' `samples` is a paired one. They do not tell how another split would train.

    Args:
        embeddings: (N, p) float, the teacher's representations. Rows that no choice names are neighbours as well.
        choices: (n, 3) int rows of `embeddings`, the odd one last, a row a person's answer; several people may judge
            the same triplet, in any order of its objects.
        probabilities: (n, 3) soft labels of your own, of each choice's pairs [ij, ik, jk], the labels "given". Those
            that were fitted to choices of held-out objects too know of them; "vice" is fitted anew in each fold.
        labels: kinds to compare, see `labels.label`; by default "given" where there are probabilities, else "hard" and
            "vice".
        regularizations: lambdas of equation 3 to compare.
        validation: share of the training objects for early stopping; None trains each fit to its last epoch.
        n_bootstrap: draws for the intervals.
        vice: options for `Vice.fit`.
        seed: of the folds, of every fit and of the draws.
        options: for `UncertaintyDistillation.fit`, alike for all.

    Raises:
        InputError: naming the row, the option or the fold that cannot be used.
    """
    # What cannot be measured is an error at once, not after hours of fitting.
    embeddings = validate_embeddings(embeddings)
    choices = validate_triplets(choices, len(embeddings))
    labels = labels if labels is not None else ("hard", "vice") if probabilities is None else ("given",)
    for name, values in (("labels", labels), ("regularizations", regularizations)):
        if not values or len(set(values)) < len(values):
            raise InputError(f"{name}: {list(values)}; one or more, each once, are needed")
    probabilities = _checked(probabilities, labels, len(choices))
    neighbourhood_preservation(embeddings, embeddings, n_neighbours, [0])
    folds = object_folds(np.unique(choices), n_folds, seed)
    splits = [split_by_objects(choices, held, f"fold {number}") for number, held in enumerate(folds)]
    counted = [tally(choices[held_out]) for _, held_out in splits]
    answers = {(kind, value): [] for kind in labels for value in regularizations}
    with tqdm(
        total=n_folds * len(answers), unit="fit", desc="UD experiment", disable=None if progress else True
    ) as bar:
        for (training, _), held_objects, held_out in zip(splits, folds, counted, strict=True):
            for kind in labels:
                given = probabilities[training] if kind == "given" else None
                triplets, targets = label(
                    choices[training], kind, seed=seed, probabilities=given, vice=vice, progress=False
                )
                for value in regularizations:
                    fitted = UncertaintyDistillation.fit(
                        embeddings,
                        triplets,
                        targets,
                        regularization=value,
                        validation=validation,
                        seed=seed,
                        progress=False,
                        **options,
                    )
                    transformed = fitted.transform(embeddings)
                    kept = neighbourhood_preservation(embeddings, transformed, n_neighbours, held_objects)
                    answers[kind, value].append((triplet_similarities(transformed, held_out.triplets), kept))
                    bar.update()
    facts = {
        "n_choices": len(choices),
        "n_folds": n_folds,
        "n_neighbours": n_neighbours,
        "validation": validation,
        "n_bootstrap": n_bootstrap,
        "seed": seed,
        "vice": vice or {},
        **options,
    }
    return score_experiment(embeddings, counted, answers, facts)


def _checked(probabilities, labels: Sequence[Labels], n_choices: int) -> np.ndarray | None:
    """The given probabilities, if any, where the kinds of labels exist and ask for them."""
    if unknown := [kind for kind in labels if kind not in NAMES]:
        raise InputError(f"labels: {unknown[0]!r} is not {', '.join(list(NAMES)[:-1])} or {list(NAMES)[-1]}")
    if probabilities is None:
        if "given" in labels:
            raise InputError("labels: given needs the probabilities that are given, and there are none")
        return None
    if "given" not in labels:
        raise InputError(f"labels: {','.join(labels)} leaves the probabilities unused; add given, or leave them out")
    probabilities = validate_probabilities(probabilities, n_choices)
    # Rows in another order, or an odd one that is not last, would only show as accuracies near chance.
    agreement = is_correct(probabilities).mean()
    if agreement < CHANCE + 2 * np.sqrt(CHANCE * (1 - CHANCE) / n_choices):
        raise InputError(
            f"probabilities: the most probable pair is people's choice in {agreement:.1%} of the rows, no more than by "
            "chance; a row belongs to the same row of choices, its first number to the pair that leaves the odd one out"
        )
    return probabilities
