import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_hsic import kernel_hsic

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.hsic import ESTIMATORS, centred_rows, leave_one_out_hsic


@pytest.mark.parametrize("estimator", ESTIMATORS)
@given(st.integers(5, 30), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_all_images_and_each_left_out_as_from_kernel_matrices(estimator, n, first, second, seed):
    rng = np.random.default_rng(seed)
    x = centred_rows(rng.normal(size=(n, first)) + rng.normal(scale=5, size=first))
    y = centred_rows(rng.normal(size=(n, second)))
    found = leave_one_out_hsic(x, y, estimator)
    left_out = [kernel_hsic(np.delete(x, row, 0), np.delete(y, row, 0), estimator) for row in range(n)]
    scale = np.sqrt(kernel_hsic(x, x, "biased") * kernel_hsic(y, y, "biased"))
    np.testing.assert_allclose(found, [kernel_hsic(x, y, estimator), *left_out], rtol=1e-9, atol=1e-9 * scale)


def test_shifts_do_not_matter_nor_does_a_large_scale_overflow():
    x = np.random.default_rng(0).normal(size=(20, 4))
    np.testing.assert_allclose(centred_rows((x + 3) * 1e200), centred_rows(x), rtol=1e-9)


def test_an_entry_that_is_not_finite_is_named():
    x = np.ones((6, 2))
    x[4, 1] = np.nan
    with pytest.raises(InputError, match="after: row 4 holds nan"):
        centred_rows(x, "after")
