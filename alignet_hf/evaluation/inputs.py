"""What `alignet-hf evaluate` is given of people's judgments, checked before a file is read."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignet_hf.errors import InputError

# Data set -> the option that gives it; those of RSA are called "rsa" together.
OPTIONS = {
    "choices": "--triplets",
    "things": "--things",
    "levels": "--levels",
    "matrices": "--dissimilarities",
    "cichy": "--cichy",
    "king": "--king",
    "peterson": "--peterson",
    "ratings": "--ratings",
    "multi-arrangement": "--multi-arrangement",
}
RSA = ("matrices", "cichy", "king", "peterson", "ratings", "multi-arrangement")
GROUP = "rsa"


def wanted_sets(on: str | None, given: Collection[str]) -> list[str]:
    """The data sets to score on, in the order of OPTIONS: those of `on`, "levels,rsa" say, or else all that are given.

    Raises:
        InputError: another name, or a data set that is not given.
    """
    if on is None:
        if not given:
            raise InputError(f"give {', '.join(OPTIONS.values())}, or several")
        return [name for name in OPTIONS if name in given]
    wanted = set()
    for name in on.split(","):
        members = RSA if name == GROUP else (name,)
        if not set(members) <= set(OPTIONS):
            raise InputError(f"--on {name}: choose among {', '.join(OPTIONS)}, {GROUP}")
        found = [member for member in members if member in given]
        if not found:
            raise InputError(f"--on {name}: give {' or '.join(OPTIONS[member] for member in members)} too")
        wanted.update(found)
    return [name for name in OPTIONS if name in wanted]


@dataclass(frozen=True)
class Reading:
    """How the files are to be read: `alignet-hf evaluate --help` says it of the options of these names."""

    concepts: Path | None = None
    odd_column: int = 2
    kind: str = "dissimilarity"
    key: str | None = None
    condensed: bool = False
    names: Path | None = None
    in_order: bool = False
    scale: str | None = None
    drop_missing: bool = False


def check_reading(reading: Reading, wanted: Collection[str]) -> None:
    """Check the options for files before any is read.

    Raises:
        InputError: an option without the data that it is for, THINGS without its concepts, or a value that is not
            allowed.
    """
    default = Reading()
    belongs = {
        "--concepts": (reading.concepts != default.concepts, ("things",)),
        "--odd-column": (reading.odd_column != default.odd_column, ("choices", "things")),
        "--kind": (reading.kind != default.kind, ("matrices",)),
        "--key": (reading.key != default.key, ("matrices", "cichy", "king", "peterson")),
        "--condensed": (reading.condensed, ("matrices", "cichy", "king", "peterson")),
        "--names": (reading.names != default.names, ("matrices",)),
        "--in-order": (reading.in_order, ("matrices",)),
        "--scale": (reading.scale != default.scale, ("ratings",)),
        "--drop-missing": (reading.drop_missing, ("levels",)),
    }
    for option, (is_given, sets) in belongs.items():
        if is_given and not set(sets) & set(wanted):
            raise InputError(f"{option} goes with {' or '.join(OPTIONS[name] for name in sets)}")
    if "things" in wanted and reading.concepts is None:
        raise InputError("--things: give --concepts too, which says which image shows which concept")
    if reading.odd_column not in (0, 1, 2):
        raise InputError(f"--odd-column {reading.odd_column}: the odd one is in column 0, 1 or 2")
    if reading.kind not in ("dissimilarity", "similarity"):
        raise InputError(f"--kind {reading.kind}: the matrices hold dissimilarity or similarity")
    if reading.names is not None and reading.in_order:
        raise InputError("--names and --in-order contradict each other; give one")
    if reading.scale is not None:
        scale_of(reading.scale)


def image_paths(images: str | None, images_of: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """Where the images of each data set are -> {data set: path}.

    Args:
        images: of every data set that has none of its own.
        images_of: "levels=PATH" each; "rsa=PATH" for all data sets of RSA that have none of their own.
        wanted: the data sets that are scored on.

    Raises:
        InputError: an entry that is not NAME=PATH, of a data set that is not scored on, or twice; a data set without
            images; images of no data set.
    """
    own: dict[str, str] = {}
    for entry in images_of:
        name, _, path = entry.partition("=")
        if not path or name not in (*OPTIONS, GROUP):
            raise InputError(f"--images-of {entry}: give DATA=PATH, DATA one of {', '.join(OPTIONS)}, {GROUP}")
        if name in own:
            raise InputError(f"--images-of {entry}: the images of {name} are given twice")
        if name not in wanted and not (name == GROUP and set(RSA) & set(wanted)):
            raise InputError(f"--images-of {entry}: {name} is not scored on; leave it out, or give its data")
        own[name] = path
    paths = {}
    for name in wanted:
        path = own.get(name) or (own.get(GROUP) if name in RSA else None) or images
        if path is None:
            raise InputError(f"{OPTIONS[name]}: where are its images? Give IMAGES, or --images-of {name}=PATH")
        paths[name] = path
    for path in (images, own.get(GROUP)):
        if path is not None and path not in paths.values():
            raise InputError(f"{path}: every data set has images of its own; leave this out")
    return paths


def scale_of(text: str) -> tuple[float, float]:
    """ "1,7" -> (1.0, 7.0).

    Raises:
        InputError: not two numbers, of which the second is the larger.
    """
    try:
        low, high = (float(end) for end in text.split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise InputError(f"--scale {text}: give the lowest and the highest rating there is: 1,7 say")
    return low, high
