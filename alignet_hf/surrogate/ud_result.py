"""What the experiment of uncertainty distillation found: one table, its files, and the setting to choose."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.human.noise_ceiling import NoiseCeiling
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import make_folder, replacing

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure
    from rich.table import Table

CHANCE = 1 / 3
NAMES = {
    "hard": "hard labels",
    "people": "people's shares",
    "vice": "VICE's soft labels",
    "given": "given soft labels",
}


@dataclass(frozen=True)
class Setting:
    """One kind of labels and one lambda, on objects not fitted on.

    Attributes:
        labels: "hard", "people", "vice" or "given".
        regularization: lambda.
        accuracy: odd-one-out accuracy, all folds together.
        folds: (folds,) the accuracy of each.
        neighbourhood_preservation: share of a held-out object's nearest neighbours that the transform left.
        calibration: of the probabilities of held-out triplets.
    """

    labels: str
    regularization: float
    accuracy: Result
    folds: np.ndarray
    neighbourhood_preservation: Result
    calibration: Calibration

    @property
    def scores(self) -> dict[str, Result]:
        """Its three Results, by name."""
        return {
            "accuracy": self.accuracy,
            "calibration_error": self.calibration.error,
            "neighbourhood_preservation": self.neighbourhood_preservation,
        }

    def to_dict(self) -> dict:
        """As JSON: the labels, lambda, `scores`, and the accuracy of each fold."""
        return {
            "labels": self.labels,
            "regularization": self.regularization,
            **{name: score.to_dict() for name, score in self.scores.items()},
            "folds": self.folds.tolist(),
        }


@dataclass(frozen=True)
class UDExperiment:
    """The whole experiment.

    Attributes:
        settings: every kind of labels with every lambda.
        teacher: odd-one-out accuracy of the representations as they were.
        teacher_folds: (folds,) the accuracy of each.
        ceiling: of the accuracies, a held-out person's; None where nobody's can be told.
        facts: how it was run, as JSON.
        least_preservation: the share of neighbours that the chosen setting has to leave.
    """

    settings: tuple[Setting, ...]
    teacher: Result
    teacher_folds: np.ndarray
    ceiling: NoiseCeiling | None
    facts: dict
    least_preservation: float = 0.0

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of labels compared."""
        return tuple(dict.fromkeys(setting.labels for setting in self.settings))

    @property
    def chosen(self) -> Setting:
        """The setting of the highest accuracy among those that leave enough neighbours.

        Its accuracy is the best of several on the same objects, and so a little flattering.
        """
        return self.choose(least_preservation=self.least_preservation)

    def choose(self, *, labels: str | None = None, least_preservation: float = 0.0) -> Setting:
        """The setting of the highest accuracy, of equals the one that leaves more neighbours.

        Args:
            labels: only of this kind.
            least_preservation: only settings that leave at least this share of the neighbours.
        """

        def preservation(setting: Setting) -> float:
            return setting.neighbourhood_preservation.estimate

        among = [
            setting
            for setting in self.settings
            if labels in (None, setting.labels) and preservation(setting) >= least_preservation
        ]
        if not among:
            raise InputError(
                f"no setting of labels {labels or 'of any kind'} leaves {least_preservation:g} of the neighbours; "
                f"the most that any leaves is {max(map(preservation, self.settings)):.3f}"
            )
        return max(among, key=lambda setting: (setting.accuracy.estimate, preservation(setting)))

    def to_dict(self) -> dict:
        """All of it as JSON: `settings`, `chosen`, `teacher`, `ceiling` and the facts."""
        chosen = self.chosen
        return {
            **self.facts,
            "ceiling": None if self.ceiling is None else self.ceiling.to_dict(),
            "teacher": {"accuracy": self.teacher.to_dict(), "folds": self.teacher_folds.tolist()},
            "chosen": {"labels": chosen.labels, "regularization": chosen.regularization},
            "settings": [setting.to_dict() for setting in self.settings],
        }

    def to_frame(self) -> "pandas.DataFrame":
        """One row a setting, after one of the teacher (labels "none").

        Returns:
            Columns labels, regularization; accuracy, calibration_error, neighbourhood_preservation, each also with
            _low and _high; chance, ceiling, normalised, which are the accuracy's. nan where there is no number.
        """
        import pandas

        rows = [("none", np.nan, {"accuracy": self.teacher})]
        rows += [(setting.labels, setting.regularization, setting.scores) for setting in self.settings]
        return pandas.DataFrame([_flat(*row) for row in rows])

    def table(self) -> "Table":
        """The trade-off as a table, for rich to print; the most accurate setting is bold."""
        from rich.table import Table

        facts = self.facts
        table = Table(
            title=f"Uncertainty distillation on objects not fitted on ({facts['n_objects']} objects, "
            f"{facts['n_folds']} folds, {facts['n_held_out_triplets']:,} held-out triplets)",
            caption=str(self),
        )
        table.add_column("labels")
        table.add_column("lambda", justify="right", no_wrap=True)
        neighbours = f"{facts['n_neighbours']} neighbours kept"
        for name in ("accuracy \\[95 %]", "normalised", "calibration error \\[95 %]", f"{neighbours} \\[95 %]"):
            table.add_column(name, justify="right")

        def cells(accuracy: Result) -> tuple[str, str]:
            return _interval(accuracy), "" if accuracy.normalised is None else f"{accuracy.normalised:.2f}"

        table.add_row("none: the teacher", "", *cells(self.teacher), "", "1.000", end_section=True)
        following = (*(setting.labels for setting in self.settings[1:]), None)
        for setting, next_labels in zip(self.settings, following, strict=True):
            table.add_row(
                NAMES[setting.labels],
                f"{setting.regularization:g}",
                *cells(setting.accuracy),
                _interval(setting.calibration.error),
                _interval(setting.neighbourhood_preservation),
                style="bold" if setting is self.chosen else None,
                end_section=next_labels != setting.labels,
            )
        if self.ceiling is not None:
            table.add_row("a person, by the others", "", _interval(self.ceiling), "1.00", "", "")
        chance = self.chosen.neighbourhood_preservation.chance
        table.add_row("chance", "", f"{CHANCE:.3f}", "" if self.ceiling is None else "0.00", "", f"{chance:.3f}")
        return table

    def __rich__(self) -> "Table":
        return self.table()

    def __str__(self) -> str:
        chosen = self.chosen
        people = "" if self.ceiling is None else f", a person {self.ceiling.estimate:.3f}"
        return (
            f"Most accurate: {NAMES[chosen.labels]}, lambda {chosen.regularization:g}: "
            f"{chosen.accuracy.estimate:.3f} of people's choices (teacher {self.teacher.estimate:.3f}, chance "
            f"{CHANCE:.3f}{people}), calibration error {chosen.calibration.error.estimate:.3f}, "
            f"{chosen.neighbourhood_preservation.estimate:.0%} of the neighbours kept"
        )

    def draw(self) -> "Figure":
        """The trade-off, see `ud_drawing.draw_trade_off`."""
        from alignet_hf.surrogate.ud_drawing import draw_trade_off

        return draw_trade_off(self)

    def draw_reliability(self) -> "Figure":
        """The reliability diagram of each kind of labels, see `ud_drawing.draw_reliability`."""
        from alignet_hf.surrogate.ud_drawing import draw_reliability

        return draw_reliability(self)

    def save(self, folder: str | Path) -> Path:
        """Write experiment.json, experiment.csv, trade_off.png and reliability.png into `folder`."""
        folder = make_folder(folder)
        texts = {
            "experiment.json": json.dumps(self.to_dict(), indent=2) + "\n",
            "experiment.csv": self.to_frame().to_csv(index=False),
        }
        for name, text in texts.items():
            with replacing(folder / name) as path:
                path.write_text(text, encoding="utf-8")
        figures: dict[str, Callable] = {"trade_off.png": self.draw, "reliability.png": self.draw_reliability}
        for name, draw in figures.items():
            with replacing(folder / name) as path:
                draw().savefig(path, format="png", dpi=110)
        return folder


def _flat(labels: str, regularization: float, scores: dict[str, Result]) -> dict:
    accuracy = scores["accuracy"]
    of_people = {"chance": accuracy.chance, "ceiling": accuracy.ceiling, "normalised": accuracy.normalised}
    row = {"labels": labels, "regularization": regularization}
    for name, score in scores.items():
        row |= {name: score.estimate, f"{name}_low": score.low, f"{name}_high": score.high}
        if score is accuracy:
            row |= {key: np.nan if value is None else value for key, value in of_people.items()}
    return row


def _interval(result: Result) -> str:
    """ "0.472 [0.465, 0.480]", the brackets as rich wants them and no break within them."""
    return f"{result.estimate:.3f} \\[{result.low:.3f},\N{NO-BREAK SPACE}{result.high:.3f}]"
