import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from alignet_hf.errors import InputError
from alignet_hf.surrogate.embeddings import Embeddings, header
from alignet_hf.triplets import validate_embeddings

ARRAY = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
NAMES = ["a.jpg", "ü/b c.jpg", "c", "d", "e", "f", "g"]


@pytest.mark.parametrize("names", [NAMES, None])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_round_trip(tmp_path, names, dtype):
    saved = Embeddings(ARRAY.astype(dtype), names, model="m", revision=None)
    loaded = Embeddings.from_pretrained(saved.save_pretrained(tmp_path))
    np.testing.assert_array_equal(np.asarray(loaded), ARRAY.astype(dtype))
    assert (loaded.names, loaded.metadata) == (names, {"model": "m", "revision": None})


def test_any_reader_of_safetensors_reads_it(tmp_path):
    Embeddings(ARRAY, NAMES).save_pretrained(tmp_path)
    with safe_open(tmp_path / "embeddings.safetensors", "numpy") as file:
        np.testing.assert_array_equal(file.get_tensor("embeddings"), ARRAY)
        assert bytes(file.get_tensor("names")).decode().split("\0") == NAMES


def test_stands_where_an_array_does(tmp_path):
    embeddings = Embeddings.from_pretrained(Embeddings(ARRAY).save_pretrained(tmp_path))
    assert (len(embeddings), embeddings.shape, embeddings.dtype) == (7, (7, 5), np.float32)
    np.testing.assert_array_equal(embeddings[[3, 1]], ARRAY[[3, 1]])
    np.testing.assert_array_equal(np.asarray(embeddings, np.float64), ARRAY.astype(np.float64))
    assert validate_embeddings(embeddings).shape == (7, 5)


def test_loading_maps_the_file_and_copies_nothing(tmp_path):
    embeddings = Embeddings.from_pretrained(Embeddings(ARRAY).save_pretrained(tmp_path))
    view = np.asarray(embeddings)
    assert not view.flags.owndata
    assert not view.flags.writeable
    base = view
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_saved_over_the_file_it_is_mapped_from(tmp_path):
    embeddings = Embeddings.from_pretrained(Embeddings(ARRAY, NAMES).save_pretrained(tmp_path))
    embeddings.save_pretrained(tmp_path)
    np.testing.assert_array_equal(np.asarray(Embeddings.from_pretrained(tmp_path)), ARRAY)


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match=r"float64 \(7, 5\)"):
        Embeddings(ARRAY.astype(np.float64))
    with pytest.raises(InputError, match="2 names for 7 rows"):
        Embeddings(ARRAY, ["a", "b"])
    path = Embeddings(ARRAY).save_pretrained(tmp_path) / "embeddings.safetensors"
    whole = path.read_bytes()
    for end in (0, 5, 40, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"embeddings\.safetensors: not an embeddings file"):
            Embeddings.from_pretrained(tmp_path)


def test_undecodable_rows_are_kept_apart(tmp_path):
    array = ARRAY.copy()
    array[[1, 4]] = np.nan
    whole = Embeddings(array, NAMES, {4: "d.jpg: bad", 1: "ü: bad"}, model="m")
    loaded = Embeddings.from_pretrained(whole.save_pretrained(tmp_path))
    np.testing.assert_array_equal(np.asarray(loaded), array)
    assert (loaded.undecodable, loaded.names) == ({1: "ü: bad", 4: "d.jpg: bad"}, NAMES)
    with safe_open(tmp_path / "embeddings.safetensors", "numpy") as file:
        assert set(file.keys()) == {"embeddings", "names", "undecodable"}
    with pytest.raises(InputError, match=r"row 1 is empty: ü: bad; `embeddings\.decodable\(\)` are those of the other"):
        validate_embeddings(loaded)
    left, rows = loaded.decodable()
    assert rows.tolist() == [0, 2, 3, 5, 6]
    np.testing.assert_array_equal(np.asarray(left), ARRAY[rows])
    assert left.names == [NAMES[row] for row in rows]
    validate_embeddings(left)


@given(st.integers(1, 5), st.dictionaries(st.integers(0, 10**9), st.text(max_size=30), max_size=50))
def test_the_header_is_of_one_length(n_dimensions, undecodable):
    """So that rows can be written before it is known."""
    shape, names = (10**9, n_dimensions), ["a", "b"]
    plain = header(shape, np.dtype(np.float32), names, {"model": "m"})
    assert len(header(shape, np.dtype(np.float32), names, {"model": "m"}, undecodable)) == len(plain)


def test_names_that_are_not_unicode(tmp_path):
    names = [f"{row}-\udcff.jpg" for row in range(7)]  # as Python has a file name that is not UTF-8
    assert Embeddings.from_pretrained(Embeddings(ARRAY, names).save_pretrained(tmp_path)).names == names
