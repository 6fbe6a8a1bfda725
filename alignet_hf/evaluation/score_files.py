"""Scores and comparisons as files: tables and figures in one folder."""

from collections.abc import Mapping
from pathlib import Path

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.figures import DPI
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.result_drawing import draw_comparisons, draw_scores
from alignet_hf.evaluation.result_table import comparisons_frame, results_frame
from alignet_hf.evaluation.score_json import save_json
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import make_folder, replacing


def save_scores(
    scores: dict[str, Result | Calibration],
    folder: Path,
    comparisons: dict[str, Comparison] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write every score, and what it is compared with, into a folder.

    Args:
        about: what made the scores, see `save_json`.

    Files:
        scores.json: all of it, for `report`.
        scores.csv: a row a score; of a calibration, its error.
        scores.png: the scores, without the calibrations: of an error less is better.
        a reliability diagram and a table of bins for each calibration, under its name.
        comparisons.csv, comparisons.png: where there are comparisons.
    """
    make_folder(folder)
    calibrations = {name.replace("/", "-"): one for name, one in scores.items() if isinstance(one, Calibration)}
    results = {name: one for name, one in scores.items() if isinstance(one, Result)}
    errors = {name: one.error for name, one in scores.items() if isinstance(one, Calibration)}
    tables = {"scores": results_frame({**results, **errors})}
    tables |= {f"{name}-bins": one.bins_frame() for name, one in calibrations.items()}
    figures = {"scores": draw_scores(results)}
    for name, one in calibrations.items():
        axis = one.draw()
        axis.set_title(f"{name.removeprefix('levels_')}\n{axis.get_title()}", fontsize=9)
        figures[name] = axis.figure
    if comparisons:
        tables["comparisons"] = comparisons_frame(comparisons)
        figures["comparisons"] = draw_comparisons(comparisons).figure
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv") as path:
            path.write_text(table.to_csv(index_label=None if name.endswith("-bins") else "score"), encoding="utf-8")
    save_json(scores, folder, comparisons, about)
    for name, figure in figures.items():
        with replacing(folder / f"{name}.png") as path:
            figure.savefig(path, dpi=DPI, format="png")
