"""Automatic temperatures: the spread and the entropy they promise, whatever the scale of the similarities."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from alignet_hf.distill.temperature import matching_temperature, student_temperature
from alignet_hf.errors import InputError

SIMILARITIES = np.random.default_rng(0).normal(size=(500, 3))
OTHERS = np.random.default_rng(1).normal(size=(400, 3))


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
def test_the_student_starts_a_third_as_spread_as_the_teacher(scale):
    temperature = student_temperature(SIMILARITIES * scale, OTHERS * 2)

    def spread(similarities):
        return np.sqrt(np.mean([np.var(row) for row in similarities]))

    np.testing.assert_allclose(spread(SIMILARITIES * scale / temperature), spread(OTHERS * 2) / 3)


def test_what_a_triplet_s_similarities_have_in_common_does_not_count():
    common = np.random.default_rng(2).normal(size=(500, 1)) * 100
    expected = student_temperature(SIMILARITIES, OTHERS)
    np.testing.assert_allclose(student_temperature(SIMILARITIES + common, OTHERS), expected)
    expected = matching_temperature(SIMILARITIES, OTHERS)
    np.testing.assert_allclose(matching_temperature(SIMILARITIES + common, OTHERS), expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
@pytest.mark.parametrize("sharpness", [0.1, 1, 8])
def test_the_tempered_teacher_is_as_uncertain_as_the_other(scale, sharpness):
    temperature = matching_temperature(SIMILARITIES * scale, OTHERS * sharpness)
    ours = entropy(softmax(SIMILARITIES * scale / temperature, 1), axis=1).mean()
    np.testing.assert_allclose(ours, entropy(softmax(OTHERS * sharpness, 1), axis=1).mean(), atol=1e-5)


def test_a_constant_has_no_scale():
    for function in (student_temperature, matching_temperature):
        with pytest.raises(InputError, match="give a number"):
            function(np.ones((5, 3)), OTHERS)
