"""What a report page says, before any of it is HTML."""

from dataclasses import dataclass, field

from alignet_hf.evaluation.page.explorer import Explorer
from alignet_hf.evaluation.page.neighbours import Neighbours
from alignet_hf.evaluation.page.photographs import Photographs


@dataclass(frozen=True)
class Score:
    """One measured number as a page shows it.

    Attributes:
        estimate: the number.
        low, high: its 95 % interval; None without one.
        chance: of an answer that knows nothing; None where there is none.
        ceiling, upper_ceiling: what people themselves score; None where the data do not tell.
        further: whatever else is known of it (p-value, n, what was drawn), by its name.
        is_reference: whether it is itself chance or what people score, and drawn so.
    """

    estimate: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    ceiling: float | None = None
    upper_ceiling: float | None = None
    further: dict[str, str] = field(default_factory=dict)
    is_reference: bool = False

    @classmethod
    def of(cls, result: dict, ceiling: float | None = None, **further: str) -> "Score":
        """Of `Result.to_dict`; `ceiling` where the data's people give one that the result does not hold."""
        return cls(
            result["estimate"],
            result.get("low"),
            result.get("high"),
            result.get("chance"),
            result.get("ceiling", ceiling),
            result.get("upper_ceiling"),
            further,
        )

    @property
    def values(self) -> list[float]:
        """All of its numbers that a drawing has to hold."""
        known = (self.estimate, self.low, self.high, self.chance, self.ceiling, self.upper_ceiling)
        return [value for value in known if value is not None]


@dataclass(frozen=True)
class RowHead:
    """What the head of a row says beside the identifier of its score.

    Attributes:
        title: its name in words.
        says: what it is, which way it is better, and chance, in sentences.
        facts: what it was measured on and its interval drawn over; empty where that is not known.
    """

    title: str
    says: str
    facts: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """Rows of scores, drawn on one axis a column.

    Attributes:
        title: above it.
        caption: what its rows and columns are.
        head: of the column of names.
        columns: the measures.
        rows: name of a row -> a score for each column, None where there is none.
        emphasised: names of rows to look at first.
        heads: of rows whose names are identifiers, what their heads say.
        on_one_axis: columns that are drawn on a common axis.
        verdicts: name of a row -> what its numbers tell, in a column of its own.
    """

    title: str
    caption: str
    head: str
    columns: list[str]
    rows: dict[str, list[Score | None]]
    emphasised: tuple[str, ...] = ()
    heads: dict[str, RowHead] = field(default_factory=dict)
    on_one_axis: tuple[str, ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes:
        title: above it.
        panels: (title of the panel, its markup with a text alternative of its own), side by side where there is room.
        caption: beneath it.
        legend: markup of what its colours and signs mean.
    """

    title: str
    panels: list[tuple[str, str]]
    caption: str
    legend: str = ""


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: what the report is of.
        subtitle: in one line, what was measured.
        headline: (name, number, its interval or what it is) of the few numbers to see first.
        summary: sentences.
        limits: sentences on what the numbers do not say.
        tables: of scores.
        about_tables: what holds for all of them, in sentences; empty where their captions say it.
        photographs: all that the page shows, each once.
        neighbours, explorer: None where the folder does not hold what they need.
        held_out: whether what these show is of objects that were held out of a training.
        before_and_after: which encoders these call so, in a sentence; empty where their names say it.
        figures: in their order.
        left_out: the files of figures for which the page has no room.
        commands: (what it does, command line) to make it again.
        facts: name -> value: versions, seeds, fingerprints.
        seconds: of each stage.
        recipe: YAML; None where there is none.
    """

    title: str
    subtitle: str
    headline: list[tuple[str, str, str]]
    summary: list[str]
    limits: list[str]
    tables: list[ScoreTable]
    photographs: Photographs
    neighbours: Neighbours | None = None
    explorer: Explorer | None = None
    figures: list[Drawn] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    recipe: str | None = None
    about_tables: str = ""
    held_out: bool = False
    before_and_after: str = ""
