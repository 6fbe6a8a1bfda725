"""Scores and comparisons as files: tables and figures in one folder."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.figures import DPI
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.result_table import comparisons_frame, results_frame
from alignet_hf.evaluation.score_json import as_result, save_json
from alignet_hf.evaluation.score_panels import draw_differences, draw_scores
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import make_folder, replacing


def save_scores(
    scores: Mapping[str, Result | Calibration],
    folder: Path,
    comparisons: Mapping[str, Comparison] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """`save_tables` and `save_score_figures`."""
    save_tables(scores, folder, comparisons, about)
    save_score_figures(scores, folder, comparisons)


def save_tables(
    scores: Mapping[str, Result | Calibration],
    folder: Path,
    comparisons: Mapping[str, Comparison] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write every score, and what it is compared with, into a folder.

    Args:
        about: what made the scores, see `save_json`.

    Files:
        scores.json: all of it, for `report`.
        scores.csv: a row a score; of a calibration, its error.
        a table of bins for each calibration, under its name.
        comparisons.csv: where there are comparisons.
    """
    make_folder(folder)
    tables = {"scores": results_frame({name: as_result(one) for name, one in scores.items()})}
    tables |= {
        f"{_file_name(name)}-bins": one.bins_frame() for name, one in scores.items() if isinstance(one, Calibration)
    }
    if comparisons:
        tables["comparisons"] = comparisons_frame(comparisons)
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv") as path:
            path.write_text(table.to_csv(index_label=None if name.endswith("-bins") else "score"), encoding="utf-8")
    save_json(scores, folder, comparisons, about)


def save_score_figures(
    scores: Mapping[str, Result | Calibration], folder: Path, comparisons: Mapping[str, Comparison] | None = None
) -> None:
    """Draw scores, and what they are compared with, into a folder.

    Files:
        scores.png: the scores, without the calibrations: of an error less is better.
        a reliability diagram for each calibration, under its name.
        comparisons.png: where there are comparisons.
    """
    figures = {}
    if results := {name: one for name, one in scores.items() if isinstance(one, Result)}:
        figures["scores"] = draw_scores(results)
    for name, one in scores.items():
        if isinstance(one, Calibration):
            axis = one.draw()
            axis.set_title(f"{_file_name(name).removeprefix('levels_')}\n{axis.get_title()}", fontsize=9)
            figures[_file_name(name)] = axis.figure
    if comparisons:
        figures["comparisons"] = draw_differences(comparisons)
    save_figures(figures, folder)


def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write figures as NAME.png, each whole or not at all."""
    make_folder(folder)
    for name, figure in figures.items():
        with replacing(folder / f"{name}.png") as path:
            figure.savefig(path, dpi=DPI, format="png")


def _file_name(score: str) -> str:
    return score.replace("/", "-")
