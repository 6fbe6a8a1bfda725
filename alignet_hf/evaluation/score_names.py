"""What the scores of `evaluate` are called, what each says in a sentence, its scale, and which way it is better.

Pages, figures and the terminal take their words from here, which has them from the one table of `score_words`;
`scores.csv` keeps the identifiers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from alignet_hf.evaluation.score_words import KINDS, LED_TO, LESS, MORE, OTHER, TABLE, WORDS, Kind

_PATTERNS = {re.compile(pattern): entry for pattern, entry in TABLE.items()}


@dataclass(frozen=True)
class ScoreName:
    """A score in words.

    Attributes:
        title: its name, without the data's where it is on the test images.
        says: one sentence on what is measured; empty where it is not known.
        kind: what it stands on one axis with.
        better: `MORE`, `LESS`, or `NEITHER` where no side is better; None where it is not known.
    """

    title: str
    says: str
    kind: Kind
    better: str | None

    @property
    def which_is_better(self) -> str:
        """As a sentence; empty where it is not known."""
        return "" if self.better is None else f"{self.better.capitalize()} is better."


def score_name(score: str) -> ScoreName:
    """The words of a score, by the identifier under which `evaluate` writes it.

    One that the table does not have is called by its identifier, and stands among other scores.
    """
    if (found := _entry(score)) is None:
        return ScoreName(score.replace("_", " ").replace("/", ", "), "", OTHER, None)
    groups, (title, says, kind, better) = found
    words = {group: "" if value is None else _worded(group, value) for group, value in groups.items()}
    return ScoreName(title.format(**words), says.format(**words), kind, better)


def set_name(judgments: str) -> str:
    """A set of judgments as titles of scores call it: "Peterson, fruits" of "peterson/fruits"."""
    family, _, part = judgments.partition("/")
    return _worded("set", family) + (_worded("part", part) if part else "")


def is_named(score: str) -> bool:
    """Whether the table has a score."""
    return _entry(score) is not None


def by_kind(scores: Iterable[str]) -> dict[Kind, list[str]]:
    """Scores, by their identifiers, of each kind that there is, in the order of the kinds."""
    kinds: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
    for name in scores:
        kinds[score_name(name).kind].append(name)
    return {kind: names for kind, names in kinds.items() if names}


def kind_title(kind: Kind, scores: Iterable[str]) -> str:
    """What stands above scores of a kind: its title, and which way they are better where that is one way."""
    ways = {score_name(name).better for name in scores}
    return f"{kind.title}: {ways.pop()} is better" if ways in ({MORE}, {LESS}) else kind.title


def _entry(score: str) -> tuple[dict[str, str | None], tuple[str, str, Kind, str]] | None:
    for pattern, entry in _PATTERNS.items():
        if match := pattern.fullmatch(score):
            return match.groupdict(), entry
    return None


def _worded(group: str, value: str) -> str:
    word = WORDS.get(group, {}).get(value, value.replace("_", " "))
    return LED_TO.get(group, "{}").format(word)
