"""The tables of a model's card: scores, facts, the training curve."""

from alignet_hf.evaluation.report import SCORES
from alignet_hf.hub.alignment import TRAINED, Alignment
from alignet_hf.hub.card_metadata import label_of

_SOURCE = {"file": "source file", "url": "its address", "size": "its size", "sha256": "its sha256"}


def score_table(alignment: Alignment) -> dict | None:
    """The four-settings table, with whatever of it was measured."""
    if not alignment.scores:
        return None
    metrics = list(dict.fromkeys(score.metric for score in alignment.scores))
    rows = {}
    for score in alignment.scores:
        label = f"{score.who}, {label_of(score.setting)}"
        own = (score.who, score.setting) == ("student", alignment.setting or TRAINED)
        label = f"**{label}**" if own else label
        rows.setdefault(label, {})[score.metric] = f"{score.estimate:.3f}" + (
            "" if score.low is None else f" [{score.low:.3f}, {score.high:.3f}]"
        )
    table = [(label, *(cells.get(metric, "") for metric in metrics)) for label, cells in rows.items()]
    if alignment.noise_ceiling:
        known = alignment.noise_ceiling
        ceiling = (f"{known[metric]:.3f}" if metric in known else "" for metric in metrics)
        table.append(("people: one person from the mean of the others", *ceiling))
    chance = {score.metric: score.chance for score in alignment.scores}
    table.append(("chance", *("" if chance[metric] is None else f"{chance[metric]:.3f}" for metric in metrics)))
    return {
        "metrics": [f"{SCORES.get(metric, metric)} [95 %]" for metric in metrics],
        "rows": table,
        "note": f"Measured on {alignment.scores[0].data}. Intervals: bootstrap over objects; a tie counts as wrong. "
        "To measure it again:",
        "command": alignment.scores[0].command,
    }


def fact_rows(alignment: Alignment) -> list[tuple[str, str]]:
    """What the model was made of, key and value, for a Markdown table."""
    made_from = {"base model": alignment.base_model or alignment.base, "its revision": alignment.base_revision}
    people = {"people": alignment.people}
    base = {f"base model: {key}": value for key, value in _in_words(alignment.base_made).items()}
    source = _in_words(alignment.source)
    facts = {**made_from, **base, **people, **alignment.training_data, **source, **alignment.versions}
    return [(key, str(value).replace("|", "\\|")) for key, value in facts.items() if value is not None]


def _in_words(source: dict) -> dict:
    """A source's facts, whose keys and sizes are for machines, for people."""
    facts = source | ({"size": f"{source['size']:,} bytes"} if isinstance(source.get("size"), int) else {})
    return {_SOURCE.get(key, key): value for key, value in facts.items()}


def curve_table(history: list[dict]) -> dict | None:
    """The logged losses and held-out accuracies, at most ten evenly spaced rows of them."""
    keys = [key for key in ("loss", "decay_penalty") if any(key in entry for entry in history)]
    measured = ("_odd_one_out_accuracy", "_loss")
    keys += sorted({key for entry in history for key in entry if key.startswith("eval_") and key.endswith(measured)})
    by_step: dict[int, dict] = {}
    for entry in history:
        by_step.setdefault(entry["step"], {}).update({key: entry[key] for key in keys if key in entry})
    steps = [step for step, values in sorted(by_step.items()) if values]
    if not steps:
        return None
    shown = sorted(
        {steps[round(i * (len(steps) - 1) / min(9, max(len(steps) - 1, 1)))] for i in range(min(10, len(steps)))}
    )
    rows = [
        (str(step), *(f"{by_step[step][key]:.4g}" if key in by_step[step] else "" for key in keys)) for step in shown
    ]
    return {"columns": ["step", *(key.removeprefix("eval_").replace("_", " ") for key in keys)], "rows": rows}
