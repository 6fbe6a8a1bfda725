import pickle

import numpy as np
import pytest

from alignet_hf.mapped import Place, packed, unpacked

ARRAY = np.arange(6000, dtype=np.float32).reshape(1000, 6)


@pytest.fixture
def mapped(tmp_path) -> np.ndarray:
    (tmp_path / "file").write_bytes(b"header: 10" + ARRAY.tobytes())
    return np.memmap(tmp_path / "file", np.float32, "r", 10, ARRAY.shape)


@pytest.mark.parametrize(
    "part",
    [
        lambda whole: whole,
        np.asarray,  # no memmap any more, but of one
        lambda whole: whole[400:900],
        lambda whole: np.asarray(whole)[3:][2:].reshape(-1, 2, 3),
    ],
    ids=["whole", "plain", "slice", "slice of a slice"],
)
def test_a_mapped_array_goes_as_its_place(mapped, part):
    array = part(mapped)
    found = packed(array)
    assert isinstance(found, Place)
    assert len(pickle.dumps(found)) < 1000
    np.testing.assert_array_equal(unpacked(pickle.loads(pickle.dumps(found))), part(ARRAY))


@pytest.mark.parametrize(
    "part", [lambda whole: whole[::2], lambda whole: whole.T, np.array], ids=["step", "turned", "copy"]
)
def test_any_other_array_goes_as_it_is(mapped, part):
    array = part(mapped)
    assert packed(array) is array
    assert unpacked(array) is array


def test_what_may_be_written_to_goes_as_it_is(mapped):
    changed = np.memmap(mapped.filename, np.float32, "c", 10, ARRAY.shape)  # its changes are not on the disk
    changed[0] = -1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(packed(changed))), changed)
