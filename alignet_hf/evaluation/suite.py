"""The suites of `alignet-hf evaluate` one after another: each reads its data, scores an encoder, and draws."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import Comparison, compare_results
from alignet_hf.evaluation.comparison_family import CONSTANT, SURE, SmallestP, adjust_family
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.model_names import short_names
from alignet_hf.evaluation.score_files import save_tables
from alignet_hf.evaluation.score_json import as_result, scores_content
from alignet_hf.evaluation.score_printing import print_scores
from alignet_hf.evaluation.scores_folder import remove_scores
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.store import EmbeddingStore

Score = Result | Calibration
Note = Callable[[str], None]


class Suite(Protocol):
    """Tests that belong together."""

    def read(self, note: Note) -> None:
        """Open the data.

        Raises:
            InputError: naming the file and what is wrong with it.
        """

    def scores(
        self, store: EmbeddingStore, against: EmbeddingStore | None, note: Note
    ) -> tuple[dict[str, Score], dict[str, Comparison]]:
        """Every score of an encoder, and its comparison with another's, not yet corrected for their number."""

    def save_figures(self, folder: Path, scores: dict[str, Score], comparisons: dict[str, Comparison]) -> None:
        """Draw what was scored last, its own scores and comparisons, beside `scores.csv` or in a folder there."""


@dataclass
class Outcome:
    """What the suites found.

    Attributes:
        scores: name -> Result, or Calibration.
        comparisons: name -> the encoder less the other, corrected by Holm for the number of those that are tests of
            their own (`adjust_family`).
        notes: what a reader of the scores should know.
        about: what made the scores, the notes among it.
    """

    scores: dict[str, Score] = field(default_factory=dict)
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """As JSON, in the shape of scores.json (`score_json.scores_content`)."""
        return scores_content(self.scores, self.comparisons, self.about)

    def show(self, model: str, against: str | None) -> None:
        """As tables to read, and the remarks beneath them."""
        print_scores({name: as_result(one) for name, one in self.scores.items()}, self.comparisons, model, against)
        if said := self.remarks():
            print("\n".join(said))

    def remarks(self) -> list[str]:
        """What there is to say of the comparisons together, and the notes."""
        said = []
        smallest = SmallestP.of(self.comparisons)
        if len(self.comparisons) > 1 and smallest is not None:
            said.append(_smallest_in_words(smallest))
        if n_apart := sum(one.set_apart is not None for one in self.comparisons.values()):
            said.append(f"{n_apart} comparisons are not counted (p in brackets): the same as another, or {CONSTANT}")
        return said + [f"note: {line}" for line in self.notes]


def _smallest_in_words(smallest: SmallestP) -> str:
    n, least = smallest.n_comparisons, smallest.adjusted
    said = f"p of the {n} comparisons: corrected by Holm, {least:.2g} at the least"
    if least > SURE:
        return f"{said}, so none can reach {SURE}; --n-bootstrap {smallest.n_draws_needed} would do"
    return f"{said}; --n-bootstrap of more draws allows less" if least > 0.01 else said


def run_suites(
    suites: Sequence[Suite],
    store: EmbeddingStore,
    against: EmbeddingStore | None,
    note: Note,
    folder: Path | None = None,
    about: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Outcome:
    """Score an encoder, and compare it with another under common draws.

    Args:
        suites: that have read their data.
        store: the encoder's embeddings.
        against: another's.
        note: called with what a reader of the scores should know.
        folder: for scores.csv, comparisons.csv and figures, in place of those of an earlier evaluation.
        about: what made the scores, see `score_json.save_json`; the notes are put with it.
        notes: what was noted before, when the data were read.
    """
    noted = list(notes)

    def noting(line: str) -> None:
        note(line)
        noted.append(line)

    names = None
    if about is not None and "against" in about:
        names = short_names(about["model"], about["against"])
    found = []
    for suite in suites:
        scores, comparisons = suite.scores(store, against, noting)
        found.append((suite, scores, {name: replace(one, models=names) for name, one in comparisons.items()}))
    outcome = Outcome(notes=list(dict.fromkeys(noted)))
    for _, scores, comparisons in found:
        outcome.scores |= scores
        outcome.comparisons |= comparisons
    if outcome.comparisons:
        outcome.comparisons = adjust_family(outcome.comparisons)
    outcome.about = dict(about or {}) | ({"notes": "; ".join(outcome.notes)} if outcome.notes else {})
    if folder is not None:
        remove_scores(folder)
        save_tables(outcome.scores, folder, outcome.comparisons, outcome.about)
        for suite, scores, comparisons in found:
            suite.save_figures(folder, scores, comparisons)
    return outcome


def compare_scores(ours: Mapping[str, Score], theirs: Mapping[str, Score]) -> dict[str, Comparison]:
    """Two encoders' scores of the same names, paired draw by draw; of calibrations, their errors.

    Raises:
        InputError: scores without draws.
    """
    ours, theirs = ({name: as_result(one) for name, one in scores.items()} for scores in (ours, theirs))
    if any(not len(one.samples) for one in ours.values()):
        raise InputError("--against: the comparison is by bootstrap; --n-bootstrap 0 leaves it no draw")
    return {name: compare_results(one, theirs[name]) for name, one in ours.items() if name in theirs}
