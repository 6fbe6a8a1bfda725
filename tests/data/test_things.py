"""Reading choices, people's dimensions and the images of concepts, right and wrong."""

import numpy as np
import pytest

from alignet_hf.data.things import read_concept_images, read_embedding, read_triplets
from alignet_hf.errors import InputError


def test_triplets_of_any_common_layout(tmp_path):
    path = tmp_path / "triplets.txt"
    path.write_bytes(b"\xef\xbb\xbf0 1 2\r\n3,4,5\n\n  6\t7\t8\n")
    assert read_triplets(path, 9).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 2\n0 1\n", "line 2: '0 1' is not three integers"),
        ("0 1 x\n", "line 1"),
        ("0 1 --3\n", "line 1"),
        ("", "holds no triplet"),
        ("0 1 2\n0 1 9\n", "row 1 is out of range"),
        ("0 1 1\n", "row 0 names an item twice"),
    ],
)
def test_bad_triplet_files_are_named(tmp_path, text, message):
    path = tmp_path / "triplets.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=f"{path}.*{message}"):
        read_triplets(path, 9)


def test_concepts_find_their_images_by_file_name(tmp_path):
    path = tmp_path / "concepts.tsv"
    path.write_text("concept_index\tphoto\tmore\n4\tb.jpg\tx\n2\ta.jpg\ty\n")
    assert read_concept_images(path, ["folder/a.jpg", "folder/b.jpg"], 5) == {4: 1, 2: 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("concept\tphoto\n0\ta.jpg\n", "no column concept_index"),
        ("concept_index\tphoto\n7\ta.jpg\n", "line 2: concept_index '7' is not one of 0 to 4"),
        ("concept_index\tphoto\n1\tz.jpg\n", "line 2: 'z.jpg' is not among the 1 images"),
    ],
)
def test_bad_concept_files_are_named(tmp_path, text, message):
    path = tmp_path / "concepts.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_concept_images(path, ["a.jpg"], 5)


def test_an_embedding_must_be_finite_numbers(tmp_path):
    path = tmp_path / "dimensions.npy"
    np.save(path, np.array([[1.0, np.inf]]))
    with pytest.raises(InputError, match=r"dimensions\.npy: row 0 holds inf"):
        read_embedding(path)
    for content in (b"no array", b"", b"PK\x03\x04 an archive cut short"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            read_embedding(path)
