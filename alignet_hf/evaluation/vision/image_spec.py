"""How a command line names labelled images: a place, and after commas what to read there."""

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from alignet_hf.errors import InputError

SPEC_HELP = (
    "a folder of class folders, imagenet:FOLDER, a .tsv of file and label, Parquet, a Hub data set, or objects92; "
    "then, after commas, split=, image=, label= (columns), labels=FILE, classes=A+B or FILE, per-class=N"
)
VALIDATION = ("validation", "val", "valid")  # the split by its names
_OPTION = re.compile(r"([a-z][a-z-]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Spec:
    """Labelled images as a command line names them: `uoft-cs/cifar100,split=test,label=fine_label`.

    Attributes:
        place: a folder, a file, `imagenet:FOLDER`, a data set's name on the Hub, or objects92.
        split: of a Hub data set; of a folder, its sub-folder or the Parquet files of this name.
        image: the column of images.
        label: the column of labels.
        labels: a file that gives the labels instead, see `label_files.read_labels`.
        classes: that alone are wanted: names with + between, or a file with a name a line.
        per_class: how many images of a class, drawn by seed, at most.
    """

    place: str
    split: str | None = None
    image: str | None = None
    label: str | None = None
    labels: str | None = None
    classes: str | None = None
    per_class: int | None = None

    @classmethod
    def parse(cls, text: "str | Path | Spec") -> Self:
        """Read `PLACE,key=value,...`.

        Raises:
            InputError: an option that there is not, or per-class= that is not a number above 0.
        """
        if isinstance(text, Spec):
            return text
        parts, found = [str(text)], {}
        if not Path(str(text)).exists():
            parts = str(text).split(",")
            while len(parts) > 1 and (option := _OPTION.fullmatch(parts[-1])):
                found[option[1]] = option[2]
                parts.pop()
        known = {field.name.replace("_", "-"): field.name for field in fields(cls)[1:]}
        for key, value in found.items():
            if key not in known or not value:
                what = "has no value" if key in known else "is no option"
                raise InputError(f"{text}: {key}= {what}; after the place come {'=, '.join(known)}=")
        options = {known[key]: value for key, value in found.items()}
        if "per_class" in options:
            if not options["per_class"].isdecimal() or not int(options["per_class"]):
                raise InputError(f"{text}: per-class={options['per_class']}: give a number above 0")
            options["per_class"] = int(options["per_class"])
        return cls(",".join(parts), **options)

    def require_options(self, what: str, *allowed: str) -> None:
        """Refuse options that would not be read.

        Args:
            what: is named, for the message.
            allowed: the options that are read there.

        Raises:
            InputError: naming the first of the others.
        """
        for field in fields(self)[1:]:
            if field.name not in allowed and getattr(self, field.name) is not None:
                read = f"; it has {', '.join(map(_as_option, allowed))}" if allowed else ""
                raise InputError(f"{self}: {_as_option(field.name)} is not for {what}{read}")

    def with_defaults(self, **options) -> Self:
        """With these options where it has none of its own."""
        return replace(self, **{key: value for key, value in options.items() if getattr(self, key) is None})

    def wanted_classes(self) -> list[str] | None:
        """The names of `classes`.

        Raises:
            InputError: the file of them cannot be read.
        """
        if self.classes is None:
            return None
        path = Path(self.classes)
        if not path.is_file():
            return self.classes.split("+")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read as a list of classes: {error}") from error
        return [line.strip() for line in lines if line.strip()]

    def __str__(self) -> str:
        options = [
            f"{field.name.replace('_', '-')}={getattr(self, field.name)}"
            for field in fields(self)[1:]
            if getattr(self, field.name) is not None
        ]
        return ",".join([self.place, *options])


def _as_option(name: str) -> str:
    return f"{name.replace('_', '-')}="
