"""The vision data that a command line names, checked before anything is opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import Spec
from alignet_hf.evaluation.vision.presets import few_shot_place

CORRUPTED, REAL, MADE = "c", "real", "made"
ROBUSTNESS = ("v2", "a", "r", CORRUPTED, REAL)


@dataclass(frozen=True)
class Wanted:
    """Vision data as the command line names it.

    Attributes:
        few_shot: `pets`, `pets=FOLDER`, `mine=IMAGES` each.
        breeds: what `breeds_tasks` opens, or None.
        robustness: `v2=FOLDER` each.
        ood: `textures=IMAGES` each.
    """

    few_shot: Sequence[str] = ()
    breeds: str | None = None
    robustness: Sequence[str] = ()
    ood: Sequence[str] = ()

    def check(self, training: str | None, test: str | None) -> None:
        """Check names and what belongs together, before anything is opened.

        Args:
            training, test: the images of --training and --test, or None.

        Raises:
            InputError: nothing to test on, a set that there is not, or one that lacks the images it goes with.
        """
        if test is None and training is not None:
            raise InputError("--training: give the images to test on too: --test IMAGES")
        if training is None and not self.few_shot:
            raise InputError("--suite vision: give --training IMAGES and --test IMAGES, or --few-shot DATA, or both")
        if training is None:
            for option, is_given in (("--breeds", self.breeds), ("--robustness", self.robustness), ("--ood", self.ood)):
                if is_given:
                    raise InputError(f"{option}: give the images to learn from and to test on: --training and --test")
        for entry in self.few_shot:
            few_shot_place(entry)
            _check_name("--few-shot", entry)
        for entry in self.robustness:
            name, _, place = entry.partition("=")
            if name not in ROBUSTNESS or not place:
                raise InputError(f"--robustness {entry}: give SET=PLACE, SET one of {', '.join(ROBUSTNESS)}")
            if name == CORRUPTED and place != MADE and not Path(place).is_dir():
                raise InputError(
                    f"--robustness {entry}: no such folder; give that of ImageNet-C, or c=made, which corrupts the "
                    "images of --test on the fly"
                )
        for entry in self.ood:
            name, _, place = entry.partition("=")
            if not (name and place):
                raise InputError(f"--ood {entry}: give NAME=IMAGES")
            _check_name("--ood", entry)
            Spec.parse(place).require_options("images without classes", "split", "image")
        for option, entries in (("--few-shot", self.few_shot), ("--robustness", self.robustness), ("--ood", self.ood)):
            names = [entry.partition("=")[0] for entry in entries]
            if twice := [name for name in names if names.count(name) > 1]:
                raise InputError(f"{option} {twice[0]}: given twice")


def _check_name(option: str, entry: str) -> None:
    """Refuse a name that would make parts of a score's name of its own: `few_shot_accuracy/NAME/1-shot`."""
    name, given, _ = entry.partition("=")
    if given and "/" in name:
        raise InputError(f"{option} {entry}: the name is part of the scores' names; give one without a /")
