"""The class of every photograph, as its name tells it: for triplets sampled by class (paper, section A.1.2)."""

import re
from collections.abc import Sequence

import numpy as np

from alignet_hf.errors import InputError

_IMAGENET = re.compile(r"(n\d{8})_\d+\.\w+")
_OBJECTS92 = re.compile(r"\d\d_((?:non)?human_(?:face|bodypart)|(?:natural|artificial)_inanimate)\.jpg")


def class_labels(names: Sequence[str]) -> np.ndarray:
    """Names of photographs -> (N,) their classes, str.

    ImageNet's photographs bear theirs in the name (n01440764_10026.JPEG), and so do the 92 that come with the package,
    whose classes are their six categories (00_human_bodypart.jpg); others lie in the folder of their class. ImageNet's
    keep theirs in whatever folder they lie (`train`, say), so that triplets can be sampled of them and others together;
    `evaluate`, whose images are of one folder, goes by the folders of classes where there are any.

    Raises:
        InputError: a name that tells no class.
    """
    labels = []
    for name in names:
        *folders, file = re.split(r"[/\\]", name)
        if match := _IMAGENET.fullmatch(file):
            labels.append(match[1])
        elif folders:
            labels.append(folders[-1])
        elif match := _OBJECTS92.fullmatch(file):
            labels.append(match[1])
        else:
            raise InputError(
                f"{name}: its name tells no class; name photographs as ImageNet does (n01440764_10026.JPEG), or put "
                "those of a class into a folder of their own"
            )
    return np.array(labels)
