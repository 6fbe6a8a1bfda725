import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.representation.convergence import draw_pairwise_similarities, pairwise_similarities
from alignet_hf.evaluation.representation.similarity import cka, rsm_correlation

rng = np.random.default_rng(0)
COMMON = rng.normal(size=(80, 5))
BEFORE = {name: rng.normal(size=(80, size)) for name, size in {"a": 6, "b": 9, "c": 5}.items()}
AFTER = {name: 2 * COMMON @ rng.normal(size=(5, rows.shape[1])) + 0.5 * rows for name, rows in BEFORE.items()}


@pytest.mark.parametrize(("measure", "of_pair"), [("cka", cka), ("rsm", rsm_correlation)])
def test_each_pair_and_their_mean(measure, of_pair):
    found = pairwise_similarities(AFTER, measure)
    pair = of_pair(AFTER["a"], AFTER["c"])
    assert found.pairs["a", "c"] == pair
    np.testing.assert_array_equal(found.pairs["a", "c"].samples, pair.samples)
    assert found.matrix[0, 2] == found.matrix[2, 0] == pair.estimate
    assert (found.matrix.diagonal() == 1).all()
    estimates = [one.estimate for one in found.pairs.values()]
    assert found.mean.estimate == pytest.approx(np.mean(estimates))
    np.testing.assert_allclose(found.mean.samples, np.mean([one.samples for one in found.pairs.values()], 0))


def test_the_change_by_alignment_is_paired():
    before, after = pairwise_similarities(BEFORE), pairwise_similarities(AFTER)
    assert compare_results(after.mean, before.mean).difference.low > 0


def test_options_reach_the_measure():
    assert pairwise_similarities(AFTER, "cka", estimator="biased").measure == "linear CKA (biased)"
    found = pairwise_similarities(AFTER, "rsm", correlation="pearson", max_images=40)
    assert found.measure == "RSM correlation (Pearson)"
    assert found.mean.n_objects == 40


def test_one_model_or_another_measure_is_refused():
    with pytest.raises(InputError, match="1 models; at least two"):
        pairwise_similarities({"a": COMMON})
    with pytest.raises(InputError, match="measure is 'svcca'; it must be one of cka, rsm"):
        pairwise_similarities(AFTER, "svcca")


def test_before_and_after_share_a_colour_scale_and_print_their_numbers():
    similarities = {"before": pairwise_similarities(BEFORE), "after": pairwise_similarities(AFTER)}
    figure = draw_pairwise_similarities(similarities)
    axes = figure.axes[:2]
    assert len({axis.images[0].get_clim() for axis in axes}) == 1
    for axis, one in zip(axes, similarities.values(), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), one.matrix)
        assert next(text.get_text() for text in axis.texts) == f"{one.matrix[0, 1]:.2f}"
        assert axis.get_title().startswith(f"{'before' if axis is axes[0] else 'after'}: mean {one.mean.estimate:.2f}")
