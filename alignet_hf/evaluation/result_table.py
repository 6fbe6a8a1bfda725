"""Results as a data frame, and as the entries of a model card's model-index."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from huggingface_hub import EvalResult

from alignet_hf.evaluation.statistics import Result

if TYPE_CHECKING:
    import pandas

    from alignet_hf.evaluation.comparison import Comparison

_OF_SHOTS = ("spread_over_draws", "l2")  # of `FewShotResult`


def results_frame(results: Mapping[str, Result] | Iterable[Result]) -> "pandas.DataFrame":
    """One row a Result; the keys of a mapping (groups, models) become the index.

    Returns:
        Columns name, estimate, low, high, chance, ceiling, upper_ceiling, normalised, p_value, n_objects, unit, over,
        n_bootstrap, and where there are few-shot accuracies spread_over_draws and l2, as `to_dict` names them; nan
        where a Result has no chance, no ceiling, no p-value or no such.
    """
    import pandas

    results, index = _keyed(results)
    rows = [
        {
            "name": result.name,
            "estimate": result.estimate,
            "low": result.low,
            "high": result.high,
            "chance": _number(result.chance),
            "ceiling": _number(result.ceiling),
            "upper_ceiling": _number(result.upper_ceiling),
            "normalised": _number(result.normalised),
            "p_value": _number(result.p_value),
            "n_objects": result.n_objects,
            "unit": result.unit,
            "over": " and ".join(result.over),
            "n_bootstrap": len(result.samples),
        }
        for result in results
    ]
    frame, known = pandas.DataFrame(rows, index=index), [result.to_dict() for result in results]
    for fact in _OF_SHOTS:
        if any(fact in one for one in known):
            frame[fact] = [one.get(fact, np.nan) for one in known]
    return frame


def comparisons_frame(comparisons: "Mapping[str, Comparison] | Iterable[Comparison]") -> "pandas.DataFrame":
    """One row a Comparison; the keys of a mapping become the index.

    Returns:
        Columns name, estimate, low, high, p_bootstrap, p_adjusted, p_mcnemar, n_first_only, n_second_only,
        set_apart, n_objects, unit, over, n_bootstrap, as `Comparison.to_dict` names them; nan or None where something
        is not known.
    """
    comparisons, index = _keyed(comparisons)
    frame = results_frame([one.difference for one in comparisons])
    frame = frame.drop(columns=["chance", "ceiling", "upper_ceiling", "normalised", "p_value"])
    facts = ("p_bootstrap", "p_adjusted", "p_mcnemar", "n_first_only", "n_second_only")
    for place, fact in enumerate(facts, list(frame.columns).index("n_objects")):
        frame.insert(place, fact, [one.facts.get(fact, np.nan) for one in comparisons])
    frame.insert(list(frame.columns).index("n_objects"), "set_apart", [one.set_apart for one in comparisons])
    return frame if index is None else frame.set_axis(index)


def eval_result(
    result: Result,
    *,
    dataset_name: str,
    dataset_type: str,
    metric_type: str,
    task_type: str = "image-feature-extraction",
    command: str | None = None,
    further: Mapping[str, float] | None = None,
) -> EvalResult:
    """A Result as an entry of a model-index (https://huggingface.co/docs/hub/model-cards#evaluation-results).

    Args:
        dataset_name: as a reader calls it, "THINGS" say.
        dataset_type: its Hub id, or a name without spaces.
        metric_type: "odd_one_out_accuracy", say.
        task_type: the Hub's pipeline tag.
        command: that measures it again.
        further: facts that belong to the score, the p-values of a comparison say.
    """
    facts = {} if result.chance is None else {"chance": round(result.chance, 4)}
    facts |= {"n": result.n_objects, "unit": result.unit}
    if not np.isnan(result.low):
        facts |= {
            "confidence_interval_95": [round(result.low, 4), round(result.high, 4)],
            "bootstrap_over": " and ".join(result.over),
        }
    optional = {
        **(further or {}),
        "ceiling": result.ceiling,
        "upper_ceiling": result.upper_ceiling,
        "normalised": result.normalised,
        "p_value": result.p_value,
    }
    facts |= {key: float(f"{value:.4g}") for key, value in optional.items() if value is not None}
    if command is not None:
        facts["command"] = command
    return EvalResult(
        task_type=task_type,
        dataset_type=dataset_type,
        dataset_name=dataset_name,
        metric_type=metric_type,
        metric_name=result.name,
        metric_value=round(result.estimate, 4),
        metric_args=facts,
    )


def _keyed(results) -> tuple[list, list | None]:
    if isinstance(results, Mapping):
        return list(results.values()), list(results)
    return list(results), None


def _number(value: float | None) -> float:
    return np.nan if value is None else value
