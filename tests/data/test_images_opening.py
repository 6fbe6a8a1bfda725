"""Sources by their names on disk, names to rows, streams, and what is read of a JPEG."""

import pickle

import datasets
import numpy as np
import pytest
from photographs import encoded, photograph, write_photographs
from PIL import Image

from alignet_hf.data.images import (
    ArrayImages,
    ConcatImages,
    DatasetImages,
    ImageFolder,
    ImageList,
    SomeImages,
    StreamedImages,
    load_images,
)
from alignet_hf.data.images.names import Names
from alignet_hf.data.images.sources import covering
from alignet_hf.errors import InputError


def test_a_list_of_paths(tmp_path):
    folder = write_photographs(tmp_path / "photos", 3)
    (tmp_path / "list.txt").write_text(f"photos/2.jpg\n\n{folder / '0.jpg'}\n  photos/1.jpg\n")
    images = load_images(tmp_path / "list.txt")
    assert images.names == ["photos/2.jpg", str(folder / "0.jpg"), "photos/1.jpg"]
    np.testing.assert_array_equal(np.asarray(images[1]), np.asarray(Image.open(folder / "0.jpg")))
    assert images.row_of("1.jpg") == 2
    assert images.fingerprint() == load_images(tmp_path / "list.txt").fingerprint()


@pytest.mark.parametrize(
    ("text", "message"), [("", "names no image"), ("gone.jpg\n", r"line 1: no such file: .*gone\.jpg")]
)
def test_a_list_that_names_nothing_is_refused(tmp_path, text, message):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=rf"list\.txt: .*{message}"):
        load_images(tmp_path / "list.txt")


@pytest.mark.parametrize("name", ["none.txt", "none.parquet", "a/b/c", "none.tar", "/none"])
def test_a_name_that_is_nothing_is_refused_in_one_line(name):
    with pytest.raises(InputError, match=name) as error:
        load_images(name)
    assert "\n" not in str(error.value)


def test_rows_by_name_where_file_names_repeat(tmp_path):
    for part in "ab":
        write_photographs(tmp_path / part, 2)
    write_photographs(tmp_path / "c", 3)
    images = ImageFolder(tmp_path)
    assert images.names == ["a/0.jpg", "a/1.jpg", "b/0.jpg", "b/1.jpg", "c/0.jpg", "c/1.jpg", "c/2.jpg"]
    assert images.rows_of(["c/0.jpg", "2.jpg", "x/2.jpg"]).tolist() == [4, 6, 6]
    with pytest.raises(InputError, match=r"'1\.jpg' is ambiguous: 'a/1\.jpg' and 'b/1\.jpg' are both called so"):
        images.row_of("1.jpg")
    with pytest.raises(InputError, match=r"1 of 2 names \(9\.jpg\) are not among the 7 images"):
        images.rows_of(["2.jpg", "9.jpg"])
    some = SomeImages(images, [5, 0])
    assert some.row_of("a/0.jpg") == 1


def test_names_are_strings_in_an_array():
    names = Names(["b.jpg", "ä/ö.jpg", "bad\udcff.jpg", ""])
    assert list(names) == [names[row] for row in range(4)] == ["b.jpg", "ä/ö.jpg", "bad\udcff.jpg", ""]
    assert names[1:3] == ["ä/ö.jpg", "bad\udcff.jpg"]
    assert names == Names(names.array) == pickle.loads(pickle.dumps(names))
    assert names != ["b.jpg"]
    assert Names([]) == []
    assert len(pickle.dumps(Names(f"n01440764_{row}.JPEG" for row in range(10_000)))) < 200_000


def stream(n=5):
    cells = [{"bytes": encoded(photograph(seed=row), "PNG"), "path": None} for row in range(n)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int32")})
    rows = datasets.Dataset.from_dict({"image": cells, "label": list(range(n))}, features=features)
    return rows.to_iterable_dataset()


def test_a_stream_is_gone_through_in_order_as_often_as_wanted():
    images = StreamedImages(stream(), 5)
    for _ in range(2):
        for row in range(5):
            np.testing.assert_array_equal(np.asarray(images[row]), np.asarray(photograph(seed=row)))
    images[0], images[3]  # rows may be passed over
    with pytest.raises(InputError, match="row 1 of a stream was asked for after row 3: streams go in order"):
        images[1]
    with pytest.raises(InputError, match="the stream ended after 5 images, not 7"):
        StreamedImages(stream(), 7)[6]
    copy = pickle.loads(pickle.dumps(images))
    np.testing.assert_array_equal(np.asarray(copy[4]), np.asarray(photograph(seed=4)))
    assert len(images) == 5
    assert images.fingerprint() == StreamedImages(stream(), 5).fingerprint()


def test_parts_of_a_stream_are_told_apart():
    whole = datasets.Features({"image": datasets.Image()})
    cells = [None, *({"bytes": encoded(photograph(seed=row), "PNG"), "path": None} for row in range(3))]
    parts = [stream().take(2), stream().skip(2).take(2), stream().skip(3), stream().shuffle(seed=1)]
    parts += [datasets.Dataset.from_dict({"image": cells}, features=whole).to_iterable_dataset()]
    images = [StreamedImages(part, 2) for part in parts]
    assert len({one.fingerprint() for one in images}) == len(parts)
    assert images[1].fingerprint() == StreamedImages(stream().skip(2).take(2), 2).fingerprint()
    before = images[1][0]
    images[1].fingerprint()  # is no part of the pass
    np.testing.assert_array_equal(np.asarray(images[1][1]), np.asarray(photograph(seed=3)))
    np.testing.assert_array_equal(np.asarray(before), np.asarray(photograph(seed=2)))


def test_a_stream_does_not_answer_an_index():
    with pytest.raises(InputError, match=r"does not answer an index; .*StreamedImages\(dataset, length\)"):
        DatasetImages(stream())
    with pytest.raises(InputError, match="column 'label' is not one of images"):
        StreamedImages(stream(), 5, "label")


def test_every_source_gives_pixels_that_cover(tmp_path):
    folder = ImageFolder(write_photographs(tmp_path, 2, height=80, width=120))
    array = ArrayImages(np.stack([np.asarray(photograph()), np.asarray(photograph(seed=1))]))
    both = ConcatImages([folder, [photograph()], array])
    expected = {0: (40, 60), 1: (40, 60), 2: (60, 90), 3: (60, 90), 4: (60, 90)}  # files alone are decoded smaller
    for row, shape in expected.items():
        assert covering(both, row, lambda height, width: (40, 50)).shape == (*shape, 3)
        whole = covering(both, row, lambda height, width: (height, width))
        np.testing.assert_array_equal(whole, np.asarray(both[row]))
        np.testing.assert_array_equal(covering(SomeImages(both, [row]), 0, lambda *size: size), whole)
    assert covering([photograph().convert("L")], 0, lambda *size: size).shape == (60, 90, 3)


def test_a_memory_mapped_array_is_sent_as_its_place(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (4, 50, 50, 3), np.uint8))
    images = load_images(tmp_path / "x.npy")
    sent = pickle.dumps(ConcatImages([SomeImages(images, [3, 1])]))
    assert len(sent) < 3_000
    np.testing.assert_array_equal(np.asarray(pickle.loads(sent)[1]), np.asarray(images[1]))


def test_files_lie_where_the_folder_says(tmp_path):
    write_photographs(tmp_path / "photos", 1)
    images = ImageList(["0.jpg"], ["zero"], folder=tmp_path / "photos")
    assert images.names == ["zero"]
    assert images[0].size == (90, 60)
