"""ImageNet's variants as they lie on disk, with the WordNet ids of their classes: V2, A, R, C, and ReaL's labels."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.data.images import ImageFolder
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES, CorruptedImages
from alignet_hf.evaluation.vision.labelled_images import LabelledImages

N_OF_A_AND_R = 200  # classes
N_REAL = 50_000  # validation images

_VALIDATION_NUMBER = re.compile(r"ILSVRC2012_val_(\d{8})")
_IN_GROUPS = "a folder such as fog/3/n01440764 in it, or weather/fog/3/n01440764"


def open_imagenet_v2(folder: str | Path) -> LabelledImages:
    """ImageNet-V2: a folder a class, named by the class's number in the order of the WordNet ids, 0 to 999.

    The archive of one sampling as it unpacks, such as imagenetv2-matched-frequency-format-val.

    Raises:
        InputError: no such folder, or one in it that is not such a number.
    """
    images, wnids = ImageFolder(folder), list(imagenet_classes())
    labels = []
    for name in images.names:
        number = name.split("/")[0]
        if "/" not in name or not number.isdecimal() or int(number) >= len(wnids):
            raise InputError(
                f"{folder}: {name} lies in no folder named by a class's number, 0 to {len(wnids) - 1}; give the folder "
                "that an archive of ImageNet-V2 unpacks to"
            )
        labels.append(wnids[int(number)])
    return LabelledImages.of(images, labels, str(folder))


def open_imagenet_a(folder: str | Path) -> LabelledImages:
    """ImageNet-A: 200 of ImageNet's classes, a folder each, named by its WordNet id.

    The classes of the result are these 200. A read-out decides among them, so that a part of the folders would make
    the test easier, and is refused.

    Raises:
        InputError: no such folder, one in it that is not named so, or another number of them than 200.
    """
    return _with_all_classes(open_class_folders(folder))


def open_imagenet_r(folder: str | Path) -> LabelledImages:
    """ImageNet-R: 200 of ImageNet's classes, others than A's; see `open_imagenet_a`."""
    return _with_all_classes(open_class_folders(folder))


def open_class_folders(folder: str | Path) -> LabelledImages:
    """A folder a class, named by its WordNet id; the names of the images are relative to `folder`.

    Raises:
        InputError: no such folder, or one in it that is not named by a class of ImageNet.
    """
    images, known = ImageFolder(folder), imagenet_classes()
    labels = [name.split("/")[0] for name in images.names]
    if unknown := [name for name, label in zip(images.names, labels, strict=True) if label not in known]:
        raise InputError(
            f"{folder}: {unknown[0]} lies in no folder named by a class of ImageNet, such as n01440764 (so do "
            f"{len(unknown)} of {len(labels)} images)"
        )
    return LabelledImages.of(images, labels, str(folder))


def open_imagenet_c(folder: str | Path) -> Iterator[tuple[str, LabelledImages]]:
    """ImageNet-C, one corruption in one severity after the other: ("imagenet-c/fog/3", its images), ...

    The names of the images are the same in all, such as n01440764/ILSVRC2012_val_00000293.JPEG.

    Args:
        folder: with CORRUPTION/SEVERITY/CLASS/ below it, or with GROUP/CORRUPTION/..., as the archives unpack.

    Raises:
        InputError: a corruption or a severity is missing; before the first is given.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    places = {}
    for corruption in CORRUPTIONS:
        found = [at for at in (folder / corruption, *sorted(folder.glob(f"*/{corruption}"))) if at.is_dir()]
        for severity in SEVERITIES:
            place = found[0] / str(severity) if found else folder / corruption
            if not place.is_dir():
                raise InputError(f"{place}: no such folder; ImageNet-C has all its corruptions as {_IN_GROUPS}")
            places[f"imagenet-c/{corruption}/{severity}"] = place
    return ((name, open_class_folders(place)) for name, place in places.items())


def corrupt_images(data: LabelledImages, *, seed: int = 0) -> Iterator[tuple[str, LabelledImages]]:
    """Any labelled images in the place of ImageNet-C: each corruption in each severity, made on the fly.

    Args:
        data: images as they are, not brought to a size for a processor.
        seed: of what is drawn at random.

    Raises:
        InputError: as `CorruptedImages`; before the first is given.
    """
    corrupted = {
        f"imagenet-c/{corruption}/{severity}": CorruptedImages(data.images, corruption, severity, seed)
        for corruption in CORRUPTIONS
        for severity in SEVERITIES
    }
    return ((name, LabelledImages(images, data.labels, data.classes, name)) for name, images in corrupted.items())


def read_real(path: str | Path, names: Sequence[str]) -> list[tuple[str, ...]]:
    """ReaL's labels of validation images: of each the classes that it shows, none where people agreed on none.

    Args:
        path: real.json of https://github.com/google-research/reassessed-imagenet: a list of numbers of classes for
            each of the 50,000 validation images, in the order of their own numbers.
        names: of the images, such as n01440764/ILSVRC2012_val_00000293.JPEG; their number is read from them.

    Returns:
        (N,) WordNet ids, in the order of `names`.

    Raises:
        InputError: a file that is not so, or an image whose name has no such number.
    """
    wnids = list(imagenet_classes())
    try:
        listed = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(listed, list) or len(listed) != N_REAL:
        has = f"a list of {len(listed)}" if isinstance(listed, list) else f"a {type(listed).__name__}"
        raise InputError(f"{path}: {has}, where real.json is a list of {N_REAL}, one for each validation image")
    real = []
    for name in names:
        if not (match := _VALIDATION_NUMBER.search(name)) or not 1 <= int(match[1]) <= N_REAL:
            raise InputError(
                f"{name}: no validation image of ImageNet by its name (ILSVRC2012_val_00000293.JPEG); ReaL's labels "
                "are found by its number"
            )
        numbers = listed[int(match[1]) - 1]
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < len(wnids) for n in numbers):
            raise InputError(f"{path}: entry {int(match[1]) - 1} is {numbers!r}; it must be a list of 0 to 999")
        real.append(tuple(wnids[number] for number in numbers))
    return real


def _with_all_classes(found: LabelledImages) -> LabelledImages:
    if len(found.classes) != N_OF_A_AND_R:
        raise InputError(
            f"{found.name}: images of {len(found.classes)} classes, where ImageNet-A and R have {N_OF_A_AND_R} each; "
            "unpack the whole archive"
        )
    return found
