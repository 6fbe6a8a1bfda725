"""The 24 checkpoints that the authors released, by name: https://github.com/google-deepmind/alignet#alignet-models."""

import os
from dataclasses import dataclass
from difflib import get_close_matches

from alignet_hf.errors import InputError

BASE_URL = "https://storage.googleapis.com/alignet/models"
URL_VARIABLE = "ALIGNET_HF_RELEASED_URL"
LICENSE_LINK = "https://github.com/google-deepmind/alignet#license"
LICENSE = (
    "the authors' README says: aligned model checkpoints are governed by their original licenses; license information "
    "is provided along with the checkpoints"
)

# Model -> the files' stems in the order in which they are asked for: the authors' README spells CLIP's another way.
_STEMS = {
    "SigLIP-B": ("SigLIP-B",),
    "SigLIP2-B": ("SigLIP2-B",),
    "DINOv1-B": ("DINOv1-B",),
    "DINOv2-B": ("DINOv2-B",),
    "CapPa-B": ("CapPa-B",),
    "ViT-B": ("ViT-B",),
    "CLIP-ViT-B": ("CLIP-ViT-B", "CLIP-Vit-B"),
    "Scratch-B": ("Scratch-B",),
}
# Model -> what its variables are read as (see `alignet_hf.convert.reading`), by whoever asks for it by name.
_READINGS = {
    "SigLIP-B": "siglip",
    "SigLIP2-B": "siglip2",
    "DINOv1-B": "dinov1",
    "DINOv2-B": "dinov2",
    "CapPa-B": "cappa",
    "ViT-B": "vit",
    "CLIP-ViT-B": "clip",
    "Scratch-B": "scratch",
}
# Variant -> what `Alignment.setting` calls it, and what it is in words.
VARIANTS = {
    "base_model": ("original", "the pre-trained base model, before any training on triplets"),
    "alignet": ("alignet", "trained on AligNet, the triplets of a teacher that was aligned with people"),
    "untransformed": ("unalignet", "UnAligNet, the control: trained on the triplets of a teacher that was not aligned"),
}


@dataclass(frozen=True)
class Released:
    """A released checkpoint.

    Attributes:
        model: "SigLIP2-B", one of eight.
        variant: "base_model", "alignet" or "untransformed".
    """

    model: str
    variant: str

    @property
    def name(self) -> str:
        return f"{self.model}-{self.variant}"

    @property
    def setting(self) -> str:
        """What the record of an alignment calls the variant."""
        return VARIANTS[self.variant][0]

    @property
    def reading(self) -> str:
        """The family that the name states, as `reading` does; the shapes must agree with it."""
        return _READINGS[self.model]

    @property
    def doubt(self) -> str | None:
        """What is not sure of the reading; None of the one model of which a released file's variables are known."""
        if self.model == "SigLIP2-B":
            return None
        return (
            "only SigLIP2-B's layout is known from a released file; this one's variables are read as its model's own "
            "code lays them out, and compared with it in number and shapes; --verify compares what the model gives"
        )

    @property
    def described(self) -> str:
        """The variant in words."""
        return VARIANTS[self.variant][1]

    def urls(self, base_url: str | None = None) -> list[str]:
        """Where the file is, the likeliest first.

        Args:
            base_url: of the folder of all of them; by default ALIGNET_HF_RELEASED_URL, or the authors' own.
        """
        base = (base_url or os.environ.get(URL_VARIABLE) or BASE_URL).rstrip("/")
        return [f"{base}/{stem}-{self.variant}.tar.gz" for stem in _STEMS[self.model]]


MODELS = tuple(_STEMS)
RELEASED = {f"{model}-{variant}": Released(model, variant) for model in _STEMS for variant in VARIANTS}
_BY_SPELLING = {name.lower(): released for name, released in RELEASED.items()}


def is_released(name: str) -> bool:
    """Whether a checkpoint of that name was released, in capitals or not."""
    return name.lower() in _BY_SPELLING


def find_released(name: str) -> Released:
    """The checkpoint of that name, in capitals or not.

    Raises:
        InputError: there is none; the message names those there are.
    """
    if is_released(name):
        return _BY_SPELLING[name.lower()]
    close = get_close_matches(name.lower(), _BY_SPELLING, n=1)
    hint = f"did you mean {_BY_SPELLING[close[0]].name}? " if close else ""
    raise InputError(f"{name}: no released checkpoint; {hint}{names_there_are()}")


def named_by(stem: str) -> Released | None:
    """The checkpoint that a file or folder of that name ought to be; None where its name says nothing."""
    for released in RELEASED.values():
        stems = (f"{spelt}-{released.variant}" for spelt in _STEMS[released.model])
        if stem.lower() in {spelt.lower() for spelt in stems}:
            return released
    return None


def names_there_are() -> str:
    """All the names, in a line."""
    return f"there are {', '.join(MODELS)}, each with -{', -'.join(VARIANTS)}"
