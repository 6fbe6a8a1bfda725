import os
import tarfile
import zlib

import pytest

from alignet_hf.convert.mapped_file import MappedFile, reading, refuse_overlaps
from alignet_hf.errors import FullDiskError, InputError


def test_parts_of_a_file(tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(10)))
    file = MappedFile(tmp_path / "file")
    assert file.size == 10
    assert file.part(3, 4, "it").tolist() == [3, 4, 5, 6]
    assert file.part(10, 0, "it").tolist() == []
    with pytest.raises(ValueError, match="read-only"):
        file.part(0, 1, "it")[0] = 1


@pytest.mark.parametrize("place", [(0, 11), (10, 1), (11, 0), (-1, 2), (3, -1), (2**64, 1), (1, 2**64)])
def test_parts_outside_of_it(tmp_path, place):
    (tmp_path / "file").write_bytes(bytes(10))
    with pytest.raises(ValueError, match=r"it should be -?\d+ bytes from -?\d+ on, but the file has 10"):
        MappedFile(tmp_path / "file").part(*place, "it")


def test_what_is_no_file(tmp_path):
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, said in [("none", "No such file"), ("empty", "empty"), ("pipe", "not a file"), (".", "not a file")]:
        with pytest.raises(InputError, match=said):
            MappedFile(tmp_path / name)


@pytest.mark.parametrize("error", [ValueError("odd"), EOFError("odd"), zlib.error("odd"), tarfile.ReadError("odd")])
def test_damage_is_said_in_a_line(error):
    with (
        pytest.raises(InputError, match=r"^a/b: odd; it is damaged, or not a table: get it anew$"),
        reading("a/b", "a table"),
    ):
        raise error


@pytest.mark.parametrize(
    "error", [InputError("as it is"), FullDiskError("as it is"), OSError("as it is"), KeyError("x")]
)
def test_what_is_no_damage_passes(error):
    with pytest.raises(type(error)) as caught, reading("a/b", "a table"):
        raise error
    assert caught.value is error


def test_overlaps():
    refuse_overlaps([(4, 4, "b"), (0, 4, "a"), (8, 0, "c"), (8, 1, "d")])
    with pytest.raises(ValueError, match="a and b share bytes"):
        refuse_overlaps([(3, 4, "b"), (0, 4, "a")])
    with pytest.raises(ValueError, match="a and b share bytes"):
        refuse_overlaps([(0, 10, "a"), (2, 1, "b"), (5, 1, "c")])
