"""The YAML header of a model's card, as the Hub reads it: https://huggingface.co/docs/hub/model-cards."""

from collections.abc import Sequence

from huggingface_hub import EvalResult, ModelCardData

from alignet_hf.evaluation.report import SCORES, SETTINGS
from alignet_hf.hub.alignment import TRAINED, Alignment, Score
from alignet_hf.hub.card_words import is_for_people


def metadata(
    name: str,
    alignment: Alignment,
    *,
    task: str = "image-feature-extraction",
    library: str = "transformers",
    relation: str | None = "finetune",
    tags: Sequence[str] = (),
) -> str:
    """The header, with what is known and no more.

    Args:
        name: of the model.
        alignment: the record of its making; every score of it stands in the model-index, with its interval, its data
            and the command that measures it.
        task: the Hub's pipeline tag.
        library: that loads it; "peft" for an adapter.
        relation: to the base model.
        tags: further tags.
    """
    known = {
        **provenance(alignment, relation),
        "eval_results": [_eval_result(score, task) for score in _own_first(alignment)] or None,
        "model_name": name if alignment.scores else None,
    }
    if "co2_kg" in alignment.resources:
        known["co2_eq_emissions"] = {
            "emissions": alignment.resources["co2_kg"] * 1000,  # grams
            "source": "CodeCarbon",
            "training_type": "fine-tuning",
            "hardware_used": alignment.resources.get("hardware", "unknown"),
        }
    data = ModelCardData(
        library_name=library,
        pipeline_tag=task,
        tags=["alignet", "alignet_vision", *human_alignment(alignment), "vision", *tags, *alignment.tags],
        **{key: value for key, value in known.items() if value is not None},
    )
    return f"---\n{data.to_yaml()}\n---"


def provenance(alignment: Alignment, relation: str | None = "finetune") -> dict:
    """What the header says of where a model is from; None where it is not known."""
    return {
        "license": alignment.license,
        "license_name": alignment.license_name,
        "license_link": alignment.license_link,
        "base_model": alignment.base_model,
        "base_model_relation": relation if alignment.base_model else None,
        "datasets": alignment.datasets or None,
    }


def human_alignment(alignment: Alignment) -> list[str]:
    """The Hub's tag of that name, where people's judgments may have gone into the model."""
    return ["human-alignment"] if is_for_people(alignment) else []


def label_of(setting: str) -> str:
    """A setting in words."""
    return {**SETTINGS, TRAINED: "as trained"}.get(setting, setting)


def _own_first(alignment: Alignment) -> list[Score]:
    """The scores, the model's own before those that it is compared with: the Hub shows the first ones."""
    return sorted(
        alignment.scores, key=lambda score: (score.who, score.setting) != ("student", alignment.setting or TRAINED)
    )


def _eval_result(score: Score, task: str) -> EvalResult:
    facts = {"command": score.command}
    if score.low is not None:
        facts |= {"confidence_interval_95": [round(score.low, 4), round(score.high, 4)], "bootstrap_over": "objects"}
    if score.chance is not None:
        facts["chance"] = round(score.chance, 4)
    return EvalResult(
        task_type=task,
        dataset_type=score.data_type,
        dataset_name=score.data,
        metric_type=score.metric,
        metric_name=f"{SCORES.get(score.metric, score.metric)}: {score.who}, {label_of(score.setting)}",
        metric_value=round(score.estimate, 4),
        metric_config=f"{score.who}-{score.setting}",
        metric_args=facts,
    )
