"""What a checkpoint's variables mean: the one layout, with the one choice of sizes, that all their shapes agree with.

A list without names is compared whole, number by number, with every layout that is known; a file with names by its
names as well. Two arrays of one shape that are exchanged cannot be told apart in a list without names.
"""

import re
from dataclasses import dataclass, field

from alignet_hf.convert.attempts import Attempt, anonymous_attempts, named_attempts
from alignet_hf.convert.layouts.heads import Heads
from alignet_hf.convert.layouts.layout import Layout
from alignet_hf.convert.layouts.names import named_tree
from alignet_hf.convert.layouts.published import LAYOUTS, NAMES, PUBLISHED_HEADS
from alignet_hf.convert.layouts.tree import Sizes
from alignet_hf.convert.variables import Variable, Variables
from alignet_hf.errors import InputError

_MOST = 4096  # variables: 255 blocks of 16; there is none of a hundred blocks
TWO_POOLINGS = "cls+patch-mean"
_ASKED = re.compile(r"([^:]+)(?::heads=([1-9]\d*))?")


@dataclass(frozen=True)
class Reading:
    """What variables mean.

    Attributes:
        layout: the encoder's family and naming.
        heads: the heads beside the encoder.
        sizes: width, depth, heads, mlp, patch, channels, and, where there are such, tokens (rows of the table of
            positions), triplet_width, labels.
        variables: path in the tree -> variable, each once.
        left_out: a variable's name -> why it is left out on purpose.
        is_released: whether it is one of the authors' models: a SavedModel, or an encoder with their heads.
    """

    layout: Layout
    heads: Heads
    sizes: Sizes
    variables: dict[str, Variable] = field(repr=False)
    left_out: dict[str, str] = field(default_factory=dict)
    is_released: bool = True

    @property
    def name(self) -> str:
        """What `reading` and `--as` call it."""
        return self.layout.names[0]

    @property
    def pooling(self) -> str:
        """Of AligNetVisionConfig. Heads that take twice the encoder's width read two poolings, one behind the other."""
        if self.sizes.get("representation", self.sizes["width"]) == self.sizes["width"]:
            return self.layout.pooling
        return TWO_POOLINGS

    @property
    def description(self) -> str:
        """It in words, in one line."""
        sizes = self.sizes
        parts = [
            f"{_layers(sizes['depth'])} of width {sizes['width']}",
            f"{sizes['heads']} heads",
            f"MLPs of {sizes['mlp']}",
            f"patches of {sizes['patch']} pixels",
            f"{sizes['tokens']} positions" if "tokens" in sizes else "positions of sines and cosines",
        ]
        if "triplet_width" in sizes:
            parts.append(f"triplet head of {sizes['triplet_width']}")
        if "labels" in sizes:
            parts.append(f"{sizes['labels']} labels")
        return f"{self.layout.description}: {', '.join(parts)}"


def find_reading(variables: Variables, reading: str | None = None) -> Reading:
    """Find what variables mean.

    Args:
        variables: of a whole checkpoint.
        reading: what to take them for, where shapes allow for more than one: one of NAMES, "dinov1" say, or what the
            message that lists them calls it; with ":heads=12" where shapes do not tell the number of attention heads.

    Raises:
        InputError: no layout that is known, or not the one asked for; the message names the first variable that does
            not fit. Or more than one, and the message has their names.
    """
    asked, asked_heads = _asked(variables.source, reading)
    tree = named_tree(variables.source, variables) if variables.named else None
    count = len(tree.variables) if tree else len(variables)
    if count > _MOST:
        raise InputError(f"{variables.source}: its {count} variables read as no model that is known, none has so many")
    every = named_attempts(tree, LAYOUTS) if tree else anonymous_attempts(variables, LAYOUTS)
    attempts = [attempt for attempt in every if asked in (None, attempt.name, *attempt.layout.names)]
    fits = [attempt for attempt in attempts if attempt.fault is None]
    if variables.named and asked is None:
        fits = [attempt for attempt in fits if not attempt.layout.only_when_asked] or fits
    if not fits:
        otherwise = [attempt for attempt in every if attempt.fault is None]
        raise InputError(_no_fit(variables, attempts, asked) + _read_otherwise(otherwise))
    if len(fits) > 1:
        raise InputError(
            f"{variables.source}: its variables can be read as {_alternatives(fits)}; say which with reading="
        )
    attempt = fits[0]
    sizes = attempt.sizes | {"heads": _attention_heads(variables, attempt, asked, asked_heads)}
    found = tree.variables if tree else dict(zip((leaf.path for leaf in attempt.leaves), variables, strict=True))
    for variable in found.values():
        if not variable.is_floating:
            raise InputError(
                f"{variables.source}: variable {variable.name} is {variable.dtype}, and a model's are floating-point; "
                "name a checkpoint of a model"
            )
    left_out = dict(tree.left_out) if tree else {}
    left_out |= {found[path].name: why for path, why in attempt.layout.left_out().items()}
    is_released = not variables.named or attempt.heads.triplet or attempt.heads.imagenet
    return Reading(attempt.layout, attempt.heads, sizes, found, left_out, is_released)


def _asked(source: str, reading: str | None) -> tuple[str | None, int | None]:
    if reading is None:
        return None, None
    match = _ASKED.fullmatch(reading)
    if match is None or match[1].split("+")[0] not in NAMES:
        raise InputError(
            f"{source}: no reading is called {reading!r}; there are {', '.join(NAMES)} (and {NAMES[0]}:heads=12, where "
            "shapes do not tell the number of attention heads)"
        )
    return match[1], int(match[2]) if match[2] else None


def _attention_heads(variables: Variables, attempt: Attempt, asked: str | None, asked_heads: int | None) -> int:
    """The number of attention heads: from shapes; or the one asked for; or that of the published model of this size.

    The last for a model that is called by its name alone, by `reading` or by the names of a file's variables.
    """
    sizes, name = attempt.sizes, attempt.layout.names[0]
    width = sizes["width"]
    if attempt.layout.tells_heads:
        if asked_heads not in (None, sizes["heads"]):
            raise InputError(f"{variables.source}: has {sizes['heads']} attention heads, not {asked_heads}")
        return sizes["heads"]
    if asked_heads is not None:
        if width % asked_heads:
            raise InputError(f"{variables.source}: {asked_heads} attention heads do not divide the width {width}")
        return asked_heads
    published = PUBLISHED_HEADS.get((width, sizes["depth"], sizes["mlp"]))
    if published is not None and (asked is not None or variables.named):
        return published
    readings = [f"{name}:heads={heads}" for heads in range(1, width + 1) if width % heads == 0]
    likely = [f"{name}:heads={width // each}" for each in (64, 32, 80, 128) if width % each == 0]
    listed = likely if len(likely) > 1 else readings
    raise InputError(
        f"{variables.source}: shapes do not tell the number of attention heads; its variables can be read as "
        f"{', '.join(listed[:-1])} or {listed[-1]}; say which with reading= (base models have 12; in timm's "
        "config.json it is num_heads)"
    )


def _alternatives(fits: list[Attempt]) -> str:
    families = {fit.layout.names[0] for fit in fits}
    names = [fit.layout.names[0] if len(families) == len(fits) else fit.name for fit in fits]
    return " or ".join(f"{name} ({fit.layout.description})" for name, fit in zip(names, fits, strict=True))


def _no_fit(variables: Variables, attempts: list[Attempt], asked: str | None) -> str:
    nearest = max(attempts, key=lambda attempt: attempt.fitting)
    name = asked or nearest.layout.names[0]
    what = "do not read as it was asked for"
    if asked is None:
        what = f"read as no model that is known ({', '.join(NAMES)}: a whole checkpoint of one)"
    return (
        f"{variables.source}: its {len(variables)} variables {what}; nearest is {name} ({nearest.layout.description}, "
        f"{_layers(nearest.sizes['depth'])}): {nearest.fault}"
    )


def _layers(depth: int) -> str:
    return f"{depth} layer{'s' if depth > 1 else ''}"


def _read_otherwise(fits: list[Attempt]) -> str:
    """What may be done about a reading that does not fit: nothing, where there is no other."""
    names = dict.fromkeys(fit.layout.names[0] for fit in fits)
    return f"; without reading= they read as {' or '.join(names)}" if names else ""
