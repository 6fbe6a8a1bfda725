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

from dataclasses import dataclass

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import SPEC_HELP, Spec

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


def few_shot_place(text: str) -> tuple[str, Spec]:
    """The name of a few-shot data set, as `few_shot_data` takes it, and where it is; nothing is opened.

    Raises:
        InputError: a name that is no preset, or a preset that no Hub copy is known of, without a place; a split= of a
            preset that has two.
    """
    name, _, place = text.partition("=")
    preset = PRESETS.get(name)
    if not name or (preset is None and not place):
        raise InputError(f"--few-shot {text}: choose among {', '.join(PRESETS)}, or give NAME=PLACE: {SPEC_HELP}")
    if preset is not None and not place:
        if preset.place is None:
            raise InputError(f"--few-shot {name}: give a folder, --few-shot {name}=FOLDER: {preset.layout}")
        place = preset.place
    spec = Spec.parse(place)
    if preset is not None and preset.test is not None and spec.split is not None:
        raise InputError(
            f"--few-shot {text}: {name} has splits of its own, {preset.training} and {preset.test}; leave split= out, "
            "or give another name to divide this split"
        )
    return name, spec


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
