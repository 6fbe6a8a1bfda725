"""The report of whatever a folder holds."""

from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.evaluation.page.of_scores import page_of_scores
from alignet_hf.evaluation.page.of_sweep import SWEEP, page_of_sweep
from alignet_hf.evaluation.page.writing import FILE, write_page
from alignet_hf.evaluation.score_json import SCORES_FILE
from alignet_hf.output_folder import working_in
from alignet_hf.pipeline import RECIPE, rewrite_report
from alignet_hf.pipeline_work import METRICS


def write_report_of(folder: Path, *, photographs: bool = True) -> Path:
    """Write the report of a run, a sweep, or what `evaluate --out` wrote, anew -> report.html.

    Args:
        photographs: False to show none.

    Raises:
        InputError: the folder holds none of these.
    """
    if (folder / METRICS).is_file() and (folder / RECIPE).is_file():
        rewrite_report(folder, photographs=photographs)
        return folder / FILE
    for name, page_of in ((SWEEP, page_of_sweep), (SCORES_FILE, page_of_scores)):
        if (folder / name).is_file():
            with working_in(folder):
                return write_page(page_of(folder, photographs=photographs), folder)
    raise InputError(
        f"{folder}: not the folder of a finished run ({METRICS} and {RECIPE}), of a sweep ({SWEEP}), nor one that "
        f"evaluate --out wrote ({SCORES_FILE}); name one of these"
    )
