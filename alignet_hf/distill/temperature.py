"""Temperatures that follow from the scale of similarities, for a recipe that says "auto".

The paper finds both temperatures by grid search; a grid of students is what a small run does not have. Dot products of
one encoder's representations may differ by hundreds, of another's by hundredths, so that no number suits all.
"""

import numpy as np
from scipy.optimize import brentq

from alignet_hf.errors import InputError
from alignet_hf.triplets import triplet_probabilities

# Of the spread of the student's tempered similarities before training to that of the teacher's. A student that starts
# flatter than its teacher moves its representation apart, and one that starts sharper has to pull it together first;
# found on the embedded photographs, other splits than those reported.
INITIAL_SPREAD = 1 / 3


def student_temperature(student_similarities: np.ndarray, teacher_similarities: np.ndarray) -> float:
    """The temperature at which an untrained student's similarities spread a third as widely as its teacher's.

    Args:
        student_similarities: (n, 3) of the student as it came.
        teacher_similarities: (m, 3), divided by the teacher's temperature.

    Raises:
        InputError: either does not vary.
    """
    student, teacher = _spread(student_similarities), _spread(teacher_similarities)
    if not (student > 0 and teacher > 0):
        raise InputError("distill.student_temperature: cannot be auto where similarities do not vary; give a number")
    return student / (INITIAL_SPREAD * teacher)


def _spread(similarities: np.ndarray) -> float:
    """Within triplets: what all three similarities have in common changes no probability."""
    return float(np.std(similarities - similarities.mean(-1, keepdims=True)))


def matching_temperature(similarities: np.ndarray, reference: np.ndarray) -> float:
    """The temperature at which a teacher is as uncertain as another, in the mean entropy of its choices.

    Args:
        similarities: (n, 3) of the teacher to be tempered.
        reference: (n, 3) of the other, tempered already.

    Raises:
        InputError: the similarities do not vary, so that no temperature changes the entropy.
    """

    def mean_entropy(values: np.ndarray, temperature: float) -> float:
        probabilities = triplet_probabilities(values, temperature)
        return -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(1).mean()

    spread = _spread(similarities)
    if not spread > 0:
        raise InputError(
            "distill.unaligned_teacher_temperature: cannot be auto where similarities do not vary; give a number"
        )
    target = mean_entropy(reference, 1.0)
    low, high = np.log(spread) - 15, np.log(spread) + 15
    return float(np.exp(brentq(lambda log: mean_entropy(similarities, np.exp(log)) - target, low, high, xtol=1e-6)))
