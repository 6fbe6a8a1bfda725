import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.views import EmbeddingsView

RNG = np.random.default_rng(0)
ARRAY = RNG.normal(size=(9, 4)).astype(np.float16)
TRANSFORM = UncertaintyDistillation(RNG.normal(size=(4, 4)).astype(np.float32), np.ones(4, np.float32), 0.2, 3.0)
KEYS = [3, -1, slice(2, 7), slice(None, None, -2), [5, 5, 0], np.array([[0, 1, 2], [8, 7, 6]]), np.arange(9) > 5]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_answers_as_an_array_does(key):
    whole = TRANSFORM.transform(ARRAY)
    rows = np.array([8, 1, 1, 4, 0, 2, 3, 7, 6])
    for view, array in (
        (TRANSFORM.view(ARRAY), whole),
        (EmbeddingsView(ARRAY, rows), ARRAY[rows]),
        (EmbeddingsView(TRANSFORM.view(ARRAY), rows), whole[rows]),
        (TRANSFORM.view(EmbeddingsView(ARRAY, rows)), whole[rows]),
    ):
        found = view[key]
        assert (found.shape, found.dtype) == (array[key].shape, array.dtype)
        np.testing.assert_allclose(found, array[key], rtol=1e-5, atol=1e-6)


def test_stands_where_an_array_does(tmp_path):
    mapped = Embeddings.from_pretrained(Embeddings(ARRAY).save_pretrained(tmp_path))
    view = TRANSFORM.view(mapped)
    assert (len(view), view.shape, view.dtype, view.ndim) == (9, (9, 4), np.float32, 2)
    np.testing.assert_allclose(np.asarray(view), TRANSFORM.transform(ARRAY), rtol=1e-5, atol=1e-6)
    assert np.asarray(view, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(view, copy=False)


def test_only_rows_that_are_read_are_computed():
    seen = []

    def doubled(rows):
        seen.append(len(rows))
        return 2 * rows.astype(np.float32)

    view = EmbeddingsView(ARRAY, function=doubled, n_dimensions=4)
    assert not seen
    _ = view[[3, 4]], view[2:7], view[0]
    assert seen == [2, 5, 1]


def test_bad_input_is_named():
    bad = ARRAY.copy()
    bad[6, 1] = np.inf
    with pytest.raises(InputError, match="row 6 holds inf"):
        EmbeddingsView(bad)
    with pytest.raises(InputError, match="3 dimensions, but the transform was fitted on 4"):
        TRANSFORM.view(ARRAY[:, :3])


def test_gaps_are_refused_unless_they_are_asked_for():
    array = ARRAY.astype(np.float32)
    array[[2, 6]] = np.nan
    embeddings = Embeddings(array, undecodable={2: "c.jpg: bad", 6: "g.jpg: bad"})
    with pytest.raises(InputError, match=r"row 2 is empty: c\.jpg: bad"):
        EmbeddingsView(embeddings)
    np.testing.assert_array_equal(EmbeddingsView(embeddings, np.array([4, 1]))[:], array[[4, 1]])
    with pytest.raises(InputError, match="row 6 is empty"):
        EmbeddingsView(embeddings, np.array([4, 6]))
    kept = [0, 1, 3, 4, 5, 7, 8]
    view = TRANSFORM.view(EmbeddingsView(embeddings, with_gaps=True))
    np.testing.assert_allclose(view[kept], TRANSFORM.transform(array[kept]), rtol=1e-5, atol=1e-6)
    assert np.isnan(np.asarray(view)[[2, 6]]).all()
    array[4, 1] = np.inf
    with pytest.raises(InputError, match="row 4 holds inf"):
        EmbeddingsView(embeddings, with_gaps=True)
