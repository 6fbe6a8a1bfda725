"""Scores and comparisons as JSON of one shape: scores.json, which `report` reads, and what `evaluate --json` prints."""

import json
from collections.abc import Mapping
from pathlib import Path

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.comparison_family import SmallestP
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import replacing

SCORES_FILE = "scores.json"


def scores_content(
    scores: Mapping[str, Result | Calibration],
    comparisons: Mapping[str, Comparison] | None = None,
    about: Mapping[str, str] | None = None,
) -> dict[str, dict]:
    """What scores.json holds, and `evaluate --json` prints.

    It is {"about": ..., "scores": {name: `Result.to_dict`, and the Result's own name}, "comparisons": {name:
    `Comparison.to_dict`}, "against": {name: `Result.to_dict` of the model that is compared with}, "smallest_p":
    `SmallestP.to_dict`, null without a comparison that is counted}; of a calibration, its error.

    Args:
        about: what made the scores: "model", "against", "command", "seed" and whatever else is known.
    """
    results = {name: as_result(one) for name, one in scores.items()}
    smallest = SmallestP.of(comparisons or {})
    theirs = {name: one.second for name, one in (comparisons or {}).items() if one.second is not None}
    return {
        "about": dict(about or {}),
        "scores": {name: {"name": one.name, **one.to_dict()} for name, one in results.items()},
        "comparisons": {name: one.to_dict() for name, one in (comparisons or {}).items()},
        "against": {name: one.to_dict() for name, one in theirs.items()},
        "smallest_p": None if smallest is None else smallest.to_dict(),
    }


def save_json(
    scores: Mapping[str, Result | Calibration],
    folder: Path,
    comparisons: Mapping[str, Comparison] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write scores.json, which holds `scores_content`, into a folder."""
    content = scores_content(scores, comparisons, about)
    with replacing(folder / SCORES_FILE) as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def as_result(score: Result | Calibration) -> Result:
    """The number of a score: of a calibration, its error."""
    return score.error if isinstance(score, Calibration) else score
