import io
import pickle

import datasets
import numpy as np
import pytest
from PIL import Image

from alignet_hf.data.images import (
    ArrayImages,
    ConcatImages,
    DatasetImages,
    ImageFolder,
    ImageList,
    image_names,
    images_fingerprint,
    load_images,
    open_image,
    to_rgb,
)
from alignet_hf.errors import InputError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
PHOTO = Image.fromarray(PIXELS)


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "a.PNG", "b/1.png", ".hidden.png", "notes.txt"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PHOTO.save(path, "PNG")
    return tmp_path / "images"


def saved(path, image, **options):
    image.save(path, **options)
    return open_image(path)


def test_grey(tmp_path):
    grey = PIXELS[..., 0]
    opened = saved(tmp_path / "x.png", Image.fromarray(grey))
    assert opened.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(opened), np.repeat(grey[..., None], 3, 2))


def test_grey_of_16_bits_keeps_its_range(tmp_path):
    grey = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    opened = saved(tmp_path / "x.png", Image.fromarray(grey))
    np.testing.assert_array_equal(np.asarray(opened)[0, :, 0], [0, 1, 128, 255])
    big_endian = Image.fromarray(grey.astype(np.int32))  # mode "I", as PIL opens 16-bit PGM
    np.testing.assert_array_equal(np.asarray(to_rgb(big_endian))[0, :, 0], [0, 1, 128, 255])


def test_black_and_white():
    bits = Image.fromarray(PIXELS[..., 0]).convert("1")
    np.testing.assert_array_equal(np.asarray(to_rgb(bits))[..., 1], np.asarray(bits) * 255)


def test_palette(tmp_path):
    palette = PHOTO.quantize(48)
    opened = saved(tmp_path / "x.png", palette)
    np.testing.assert_array_equal(np.asarray(opened), np.asarray(palette.convert("RGB")))


def test_palette_with_transparency_lies_on_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 0, 0, 200])
    palette.putpixel((1, 0), 1)
    opened = saved(tmp_path / "x.png", palette, transparency=1)
    assert [opened.getpixel((x, 0)) for x in range(2)] == [(200, 0, 0), (255, 255, 255)]


def test_rgb_with_a_transparent_colour_lies_on_white(tmp_path):
    image = Image.new("RGB", (2, 1), (9, 8, 7))
    image.putpixel((1, 0), (1, 2, 3))
    opened = saved(tmp_path / "x.png", image, transparency=(1, 2, 3))
    assert [opened.getpixel((x, 0)) for x in range(2)] == [(9, 8, 7), (255, 255, 255)]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(mode):
    alpha = np.array([[0, 128, 255]], np.uint8)
    image = Image.merge(mode, [Image.new("L", (3, 1), 40)] * (len(mode) - 1) + [Image.fromarray(alpha)])
    expected = (40 * (alpha / 255) + 255 * (1 - alpha / 255)).round()
    assert np.abs(np.asarray(to_rgb(image))[..., 0] - expected).max() <= 1


def test_cmyk(tmp_path):
    opened = saved(tmp_path / "x.tif", PHOTO.convert("CMYK"))
    np.testing.assert_array_equal(np.asarray(opened), PIXELS)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, lambda a: a), (2, np.fliplr), (3, lambda a: np.rot90(a, 2)), (6, lambda a: np.rot90(a, -1)), (8, np.rot90)],
)
def test_exif_orientation(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = saved(tmp_path / "x.png", PHOTO, exif=exif)
    np.testing.assert_array_equal(np.asarray(opened), turn(PIXELS))


def test_floating_point_image_is_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "x.tif")
    with pytest.raises(InputError, match=r"x\.tif.*floating point"):
        open_image(tmp_path / "x.tif")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tif", "bmp"])
def test_a_truncated_file_is_named_or_whole_wherever_it_is_cut(tmp_path, suffix):
    buffer = io.BytesIO()
    PHOTO.resize((40, 30)).save(buffer, Image.registered_extensions()[f".{suffix}"])
    whole = buffer.getvalue()
    path = tmp_path / f"cut.{suffix}"
    messages = []
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        try:
            open_image(path)  # what is missing may not be pixels
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > 0.5 * len(whole) / 7
    assert all(message.startswith(str(path)) for message in messages)


def test_a_file_that_is_no_image_or_not_there_is_named(tmp_path):
    (tmp_path / "x.jpg").write_text("not an image")
    images = ImageList([tmp_path / "x.jpg", tmp_path / "gone.jpg"])
    with pytest.raises(InputError, match=r"x\.jpg: the image cannot be decoded"):
        images[0]
    with pytest.raises(InputError, match=r"gone\.jpg"):
        images[1]
    with pytest.raises(InputError, match=r"gone\.jpg"):
        images.fingerprint()


def test_folder_is_sorted_and_recursive(folder):
    images = ImageFolder(folder)
    assert images.names == ["a.PNG", "b/1.png", "b/2.png"]
    assert [image.size for image in images] == [(8, 6)] * 3
    np.testing.assert_array_equal(np.asarray(images[-1]), PIXELS)


def test_empty_and_missing_folders_are_named(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(InputError, match=rf"{tmp_path}: no image in this folder"):
        ImageFolder(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        ImageFolder(tmp_path / "nowhere")


def test_names_and_images_are_as_many(folder):
    with pytest.raises(InputError, match="2 names for 1 images"):
        ImageList([folder / "a.PNG"], ["a", "b"])


def test_array():
    images = ArrayImages(np.stack([PIXELS, 255 - PIXELS]))
    assert len(images) == 2
    np.testing.assert_array_equal(np.asarray(images[1]), 255 - PIXELS)
    with pytest.raises(InputError, match=r"float64 \(2, 6, 8, 3\)"):
        ArrayImages(np.zeros((2, 6, 8, 3)))
    with pytest.raises(InputError, match="holds no image"):
        ArrayImages(np.zeros((0, 6, 8, 3), np.uint8))


def make_dataset(n=3):
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    PHOTO.save(buffer, "PNG", exif=exif)
    rows = [{"bytes": buffer.getvalue(), "path": None}, {"bytes": b"broken", "path": "broken.png"}, None]
    features = datasets.Features({"label": datasets.Value("int32"), "image": datasets.Image()})
    return datasets.Dataset.from_dict({"label": list(range(n)), "image": rows[:n]}, features=features)


def test_dataset():
    images = DatasetImages(make_dataset())
    assert len(images) == 3
    np.testing.assert_array_equal(np.asarray(images[0]), np.rot90(PIXELS, -1))
    with pytest.raises(InputError, match=r"image\[1\] \(broken\.png\): the image cannot be decoded"):
        images[1]
    with pytest.raises(InputError, match=r"image\[2\]: the row holds no image"):
        images[2]
    with pytest.raises(
        InputError, match=r"column 'label' is not one of images; the data set has label \(Value\), image"
    ):
        DatasetImages(make_dataset(), "label")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["b.png", "a/c.png", "d.png"], ["d.png", "b.png"]),
        (["n01440764_1_n01440764.JPEG", "x", "n01440764_2_n01440764.JPEG"], ["n01440764_2.JPEG", "n01440764_1.JPEG"]),
        (["a.png", "b.png", "a.png"], ["image[0]", "image[1]"]),
        ([None, "b.png", "c.png"], ["image[0]", "image[1]"]),
    ],
    ids=["files", "ImageNet on the Hub", "two alike", "one without"],
)
def test_rows_of_a_data_set_are_named_by_their_files(paths, names):
    images = [{"bytes": b"", "path": path} for path in paths]
    features = datasets.Features({"image": datasets.Image()})
    rows = datasets.Dataset.from_dict({"image": images}, features=features).select([2, 0])
    assert DatasetImages(rows).names == names


def test_concatenation(folder):
    images = ConcatImages([ImageFolder(folder), [PHOTO.rotate(90, expand=True)], ArrayImages(PIXELS[None])])
    assert [image.size for image in images] == [(8, 6)] * 3 + [(6, 8), (8, 6)]
    assert images[-1].size == (8, 6)
    assert images.names == ["a.PNG", "b/1.png", "b/2.png", "image 0", "images[0]"]
    with pytest.raises(IndexError):
        images[5]


def test_sources_can_be_sent_to_workers(folder):
    for images in (ImageFolder(folder), ArrayImages(PIXELS[None]), DatasetImages(make_dataset(1))):
        copy = pickle.loads(pickle.dumps(ConcatImages([images])))
        np.testing.assert_array_equal(np.asarray(copy[0]), np.asarray(images[0]))


def test_fingerprints_follow_the_images(folder):
    before = ImageFolder(folder).fingerprint()
    assert ImageFolder(folder).fingerprint() == before
    PHOTO.rotate(180).save(folder / "a.PNG")
    assert ImageFolder(folder).fingerprint() != before
    assert images_fingerprint([PHOTO]) == images_fingerprint([PHOTO.copy()])
    assert images_fingerprint([PHOTO]) != images_fingerprint([PHOTO.rotate(180)])
    assert ArrayImages(PIXELS[None]).fingerprint() != ArrayImages(255 - PIXELS[None]).fingerprint()
    assert image_names([PHOTO]) == ["image 0"]


def test_load_images_by_what_it_is(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    assert load_images(folder).names[0] == "a.PNG"
    np.save(tmp_path / "x.npy", PIXELS[None])
    np.savez(tmp_path / "x.npz", images=PIXELS[None], other=np.zeros(2))
    make_dataset(1).to_parquet(tmp_path / "parquet" / "train.parquet")
    expected = {"x.npy": PIXELS, "x.npz": PIXELS, "parquet": np.rot90(PIXELS, -1)}
    for name, pixels in expected.items():
        np.testing.assert_array_equal(np.asarray(load_images(tmp_path / name)[0]), pixels)


def test_load_images_names_what_it_cannot_open(tmp_path):
    np.savez(tmp_path / "pickled.npz", images=np.array([{}], object))
    np.savez(tmp_path / "two.npz", a=PIXELS, b=PIXELS)
    (tmp_path / "bad.parquet").write_text("no")
    (tmp_path / "bad.npy").write_text("no")
    (tmp_path / "text.txt").write_text("no")
    names = ("pickled.npz", "two.npz", "bad.parquet", "bad.npy", "text.txt", "none.npy")
    for name in names:
        with pytest.raises(InputError, match=name):
            load_images(tmp_path / name)
