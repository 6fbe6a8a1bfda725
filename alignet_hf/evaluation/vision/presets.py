"""Ten few-shot data sets: where each is, its splits, size and licence.

The paper's section 2.4 counts ten. B.2.1 names eight of them and 2.4 adds the textures of the colon; the tenth is taken
to be Describable Textures (DTD), which neither names.

The paper names no splits. They are those of big_vision's few-shot evaluation (`configs/common_fewshot.py`) where it has
the data set, ImageNet, CIFAR-100, Cars, Pets, UC Merced and DTD, and else those that the data set's authors published.
big_vision resizes every image to 256 x 256 pixels, whatever its shape (bilinear, without antialiasing), and crops the
middle 224 x 224. Here the encoder's own processor is used, which is what an application sees: most keep an image's
shape and resize with antialiasing. Of images that are squares (CIFAR-100, UC Merced, the textures of the colon) the
crop and the antialiasing alone differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import SPEC_HELP, Spec
from alignet_hf.evaluation.vision.labelled_images import LabelledImages, open_labelled
from alignet_hf.evaluation.vision.labelled_sources import VALIDATION

PREPROCESSING = "the encoder's own (big_vision: resized to 256 x 256 regardless of shape, middle 224 x 224)"


@dataclass(frozen=True)
class Preset:
    """A data set for few-shot classification.

    Attributes:
        title: as the paper calls it.
        place: a Hub id; None where no Hub copy is known, and a folder must be given.
        training, test: names of the splits; test is None where there is one split alone, which is divided by seed.
        n_classes: in all.
        n_training, n_test: images.
        licence: as its authors or its copy on the Hub state it.
        source: of the data set itself.
        layout: what a folder in place of the Hub's copy holds.
        image, label: columns; None where there is one that can be meant.
        per_class: of the training images, how many of a class to draw the shots from, where there are far more.
        note: what a user should know, and what could not be verified.
    """

    title: str
    place: str | None
    training: str
    test: str | None
    n_classes: int
    n_training: int
    n_test: int
    licence: str
    source: str
    layout: str = "train/CLASS/ and test/CLASS/"
    image: str | None = None
    label: str | None = None
    per_class: int | None = None
    note: str = ""


PRESETS = {
    "imagenet": Preset(
        "ImageNet",
        "ILSVRC/imagenet-1k",
        "train",
        "validation",
        1000,
        1_281_167,
        50_000,
        "research only, terms of image-net.org",
        "https://image-net.org",
        layout="imagenet:FOLDER, any usual layout with its validation set",
        per_class=50,
        note="On the Hub after agreeing to its terms. big_vision draws from its first 65,000.",
    ),
    "places365": Preset(
        "Places365",
        None,
        "train",
        "val",
        365,
        1_803_460,
        36_500,
        "research and education only, terms of places2.csail.mit.edu",
        "http://places2.csail.mit.edu",
        layout="train/CLASS/ and val/CLASS/, as places365standard_easyformat.tar unpacks",
        per_class=50,
        note="No copy on the Hub was found that could be verified. Which split the paper tests on it does not say.",
    ),
    "cifar100": Preset(
        "CIFAR-100",
        "uoft-cs/cifar100",
        "train",
        "test",
        100,
        50_000,
        10_000,
        "not stated",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        label="fine_label",
    ),
    "birds": Preset(
        "Caltech-UCSD Birds 200 (2011)",
        "bentrevett/caltech-ucsd-birds-200-2011",
        "train",
        "test",
        200,
        5_994,
        5_794,
        "research only, images of their owners",
        "https://www.vision.caltech.edu/datasets/cub_200_2011",
        note="The paper cites the report of 2010; big_vision's data set is that of 2011, whose splits these are. The "
        "names of the Hub copy's columns were not verified.",
    ),
    "cars": Preset(
        "Stanford Cars",
        "tanganke/stanford_cars",
        "train",
        "test",
        196,
        8_144,
        8_041,
        "research only",
        "https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
        note="The names of the Hub copy's columns were not verified.",
    ),
    "flowers": Preset(
        "Oxford Flowers 102",
        "dpdl-benchmark/oxford_flowers102",
        "train",
        "test",
        102,
        1_020,
        6_149,
        "not stated",
        "https://www.robots.ox.ac.uk/~vgg/data/flowers/102",
        note="Ten training images a class: all draws of 10 shots are the same. The names of the Hub copy's columns "
        "were not verified.",
    ),
    "pets": Preset(
        "Oxford-IIIT Pets",
        "timm/oxford-iiit-pet",
        "train",
        "test",
        37,
        3_680,
        3_669,
        "CC BY-SA 4.0",
        "https://www.robots.ox.ac.uk/~vgg/data/pets",
        label="label",
    ),
    "uc_merced": Preset(
        "UC Merced Land Use",
        "blanchon/UC_Merced",
        "train",
        None,
        21,
        1_008,
        1_092,
        "public domain (USGS); the copy on the Hub states none",
        "http://weegee.vision.ucmerced.edu/datasets/landuse.html",
        layout="CLASS/",
        note="One split, divided by seed, 48 of the 100 images of a class. big_vision takes the first 1,000 images.",
    ),
    "colon": Preset(
        "Colorectal histology",
        "1aurent/Kather-texture-2016",
        "train",
        None,
        8,
        2_000,
        3_000,
        "CC BY 4.0",
        "https://doi.org/10.5281/zenodo.53169",
        layout="CLASS/, as Kather_texture_2016_image_tiles_5000.zip unpacks",
        note="One split, divided by seed, 250 of the 625 images of a class. How the paper divides it is not known.",
    ),
    "dtd": Preset(
        "Describable Textures",
        "ikanher/dtd",
        "train",
        "test",
        47,
        1_880,
        1_880,
        "research only",
        "https://www.robots.ox.ac.uk/~vgg/data/dtd",
        note="The text of the paper does not name it: it is taken for the tenth of those that section 2.4 counts. "
        "The first of its ten splits; that the Hub copy holds that one was not verified, nor its columns' names.",
    ),
}


def few_shot_data(text: str, *, seed: int = 0) -> tuple[str, LabelledImages, LabelledImages]:
    """The training and test images of a few-shot data set, as the command line names it.

    Args:
        text: a preset, `pets`; a preset with a copy of your own, `pets=FOLDER`; or NAME=PLACE, where the place has the
            splits train and test (or validation), or one split alone, of which half of each class is tested on.
            per-class=N caps the training images alone.
        seed: of what is drawn.

    Returns:
        name, training images, test images; their labels are rows of the same classes.

    Raises:
        InputError: a name that is no preset, without a place; a split= of a preset that has two; or a place that cannot
            be opened so.
    """
    name, _, place = text.partition("=")
    preset = PRESETS.get(name)
    if preset is None and not place:
        raise InputError(f"--few-shot {text}: choose among {', '.join(PRESETS)}, or give NAME=PLACE: {SPEC_HELP}")
    if preset is not None and not place:
        if preset.place is None:
            raise InputError(f"--few-shot {name}: give a folder, --few-shot {name}=FOLDER: {preset.layout}")
        place = preset.place
    spec = Spec.parse(place)
    if preset is None:
        return name, *_own(spec, seed)
    if name == "imagenet" and Path(spec.place).is_dir():
        spec = replace(spec, place=f"imagenet:{spec.place}")
    if spec.place == preset.place:
        spec = spec.with_defaults(image=preset.image, label=preset.label)
    if preset.test is None:
        return name, *_divided(spec, preset.n_training / (preset.n_training + preset.n_test), seed)
    if spec.split is not None:
        raise InputError(
            f"--few-shot {text}: {name} has splits of its own, {preset.training} and {preset.test}; leave split= out, "
            "or give another name to divide this split"
        )
    capped = spec.with_defaults(per_class=preset.per_class)
    return name, *_two_splits(capped, preset.training, preset.test, seed)


def _own(spec: Spec, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """The two splits of a data set that is no preset."""
    if spec.split is None and (splits := _splits_of(spec)) is not None:
        return _two_splits(spec, *splits, seed)
    return _divided(spec, 0.5, seed)


def _two_splits(spec: Spec, training: str, test: str, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """Of these names; `per_class` is of the training images alone."""
    learnt = open_labelled(replace(spec, split=training), seed=seed)
    return learnt, open_labelled(replace(spec, split=test, per_class=None), classes=learnt.classes)


def _divided(spec: Spec, share: float, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """One split in two; `per_class` is of the training images alone, this share."""
    learnt, test = open_labelled(replace(spec, per_class=None)).divided(share, seed)
    return learnt if spec.per_class is None else learnt.capped(spec.per_class, seed), test


def _splits_of(spec: Spec) -> tuple[str, str] | None:
    """The names of a place's splits of training and test; None where it has one alone."""
    place = Path(spec.place)
    if spec.place.startswith("imagenet:"):
        return "train", "val"
    if place.is_dir():
        there = {entry.name for entry in place.iterdir() if entry.is_dir()}
        there |= {path.name.split("-")[0] for path in place.rglob("*.parquet")}
    elif place.exists() or len(place.parts) != 2:
        return None
    else:
        there = _splits_on_hub(spec.place)
    test = next((name for name in ("test", *VALIDATION) if name in there), None)
    return ("train", test) if "train" in there and test is not None else None


def _splits_on_hub(name: str) -> Sequence[str]:
    import datasets

    try:
        return datasets.get_dataset_split_names(name)
    except (OSError, ValueError, datasets.exceptions.DatasetGenerationError) as error:
        raise InputError(f"{name}: the data set cannot be opened: {str(error).splitlines()[0]}") from error


def presets_text() -> str:
    """The presets to read: where each is, how many images and classes, licence, source, notes."""
    parts = [
        "Few-shot data sets, the nine that the paper names and DTD for its tenth: "
        "--few-shot NAME, or --few-shot NAME=FOLDER for a copy of your own.",
        f"Preprocessing: {PREPROCESSING}.",
    ]
    for name, preset in PRESETS.items():
        lines = [
            f"{name}: {preset.title}, {preset.n_classes:,} classes, {preset.n_training:,} images to learn from, "
            f"{preset.n_test:,} to test on",
            f"  on the Hub: {preset.place or 'no copy known'}; a folder: {preset.layout}",
            f"  licence: {preset.licence}; {preset.source}",
        ]
        if preset.per_class is not None:
            lines.append(f"  of its training images {preset.per_class} a class are drawn from; per-class=N for others")
        parts.append("\n".join([*lines, *([f"  {preset.note}"] if preset.note else [])]))
    return "\n\n".join(parts)
