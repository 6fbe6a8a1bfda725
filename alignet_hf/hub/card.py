"""A model's card, written from what is in its folder: config.json, alignment.json, recipe.yaml.

A card never stops anybody: what it cannot find it leaves out, and says so at its end. The template is beside this file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from transformers import AutoConfig

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.errors import InputError
from alignet_hf.hub import card_words, snippet
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.artifacts import replacing
from alignet_hf.hub.base_model import is_hub_id
from alignet_hf.hub.card_metadata import metadata
from alignet_hf.hub.card_tables import curve_table, fact_rows, score_table
from alignet_hf.hub.push import read_json_object
from alignet_hf.hub.reading import reading
from alignet_hf.image_processing_alignet import AligNetImageProcessor

TEMPLATE = "model_card.md.jinja"
CURVE = "training_curve.png"
RECIPE = "recipe.yaml"
_CLASSIFIER = "AligNetForImageClassification"
WRITTEN_BY_US = "<!-- Written by alignet-hf:"


def write_card(folder: str | Path, name: str | None = None) -> list[str]:
    """Write README.md, and the training curve's picture, into a model's folder -> what the card had to leave out.

    The arguments and errors are card_text's.
    """
    folder = Path(folder)
    notes = _Notes(folder)
    notes.attempt("the training curve's picture", lambda: _draw_curve(folder))
    text, left_out = card_text(folder, name)
    with replacing(folder / "README.md") as path:
        path.write_text(text, encoding="utf-8")
    return notes.left_out + left_out


class _Notes:
    """What a card leaves out, and why; whatever fails in the making of a part costs that part alone."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.left_out: list[str] = []

    def attempt(self, what: str, make: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return make()
        except Exception as error:  # whatever it is: a card must not stop the run that it describes
            reason = "it failed here"
            if isinstance(error, InputError):
                reason = str(error).replace(f"{self.folder.resolve()}/", "").replace(f"{self.folder}/", "")
            self.left_out.append(f"{what}: {reason}")
            return otherwise


def card_text(folder: Path, name: str | None = None) -> tuple[str, list[str]]:
    """The card of the model in a folder, and what it had to leave out.

    Args:
        folder: what `save_pretrained` of an AligNet model wrote, with alignment.json where there is one.
        name: of the repository; the folder's by default.

    Raises:
        InputError: the folder holds no AligNet model.
    """
    notes = _Notes(folder)
    attempt = notes.attempt
    name = name or folder.resolve().name
    alignment = attempt("what alignment.json says", lambda: Alignment.read(folder), Alignment())
    config, adapter = _config(folder, alignment)
    classifies = config.architectures == [_CLASSIFIER]  # a folder with both heads is an encoder's first
    task = "image-classification" if classifies else "image-feature-extraction"
    options = {
        "task": task,
        "library": "peft" if adapter else "transformers",
        "relation": "adapter" if adapter else "finetune",
        "tags": [config.vision_config.model_type],
    }
    shown = name if "/" in name or name == folder.resolve().name else "."  # no folder here is called so
    bare, family = Alignment(), config.vision_config.model_type
    values = {
        "written_by": "`alignet-hf card FOLDER`",
        "metadata": attempt(
            "most of the header", lambda: metadata(name, alignment, **options), metadata(name, bare, **options)
        ),
        "name": name,
        "summary": attempt(
            "the summary", lambda: card_words.summary(alignment, family), card_words.summary(bare, family)
        ),
        "snippet": attempt(
            "a snippet that uses the model",
            lambda: _tried_snippet(folder, shown, alignment, config, classifies, adapter),
        ),
        "snippet_name": None if "/" in name else shown,
        "without_snippet": "With `AutoModel.from_pretrained` after `import alignet_hf`; see the end of this card.",
        "representation": _representation(config, classifies),
        "input": attempt("how images are prepared", lambda: _input(folder)),
        "native": None if adapter else attempt("how to read the exported backbone", lambda: reading(config)),
        "backbone_class": type(config.vision_config).__name__.removesuffix("Config") + "Model",
        "table": attempt("the table of scores", lambda: score_table(alignment)),
        "published": None,
        "method": card_words.method(alignment),
        "facts": attempt("the facts of its making", lambda: fact_rows(alignment)),
        "hyperparameters": attempt("the hyperparameters", lambda: sorted(alignment.hyperparameters.items())),
        "recipe": (folder / RECIPE).is_file(),
        "curve": attempt("the training curve", lambda: curve_table(alignment.curve)),
        "curve_file": CURVE if (folder / CURVE).is_file() else None,
        "limits": card_words.limits(alignment),
        "cites": card_words.cites(alignment),
        "citation": card_words.CITATION,
        "cost": attempt("the cost", lambda: _cost(alignment.resources), "Not known."),
    }
    left_out = notes.left_out + _missing(alignment, values["curve"])
    return render(TEMPLATE, **values, left_out=left_out), left_out


def _tried_snippet(
    folder: Path, name: str, alignment: Alignment, config: AligNetVisionConfig, classifies: bool, adapter: bool
) -> str:
    """The snippet, which ran here a moment ago, with what it printed."""
    if not adapter:
        if not (folder / "preprocessor_config.json").is_file():
            raise InputError("there is no image processor in the folder")
        printed = snippet.execute(snippet.usage(str(folder.resolve()), classifies=classifies))
        return f"{snippet.usage(name, classifies=classifies)}  # {printed}"
    if alignment.base_model is None or not is_hub_id(alignment.base_model):
        raise InputError("the model that the adapter goes on has no name on the Hub")
    base = snippet.cached_folder(alignment.base_model)
    aligned = AutoConfig.from_pretrained(base).model_type == AligNetVisionConfig.model_type
    tried = snippet.adapter_usage(str(folder.resolve()), base, config, base_is_aligned=aligned)
    printed = snippet.execute(tried)
    return f"{snippet.adapter_usage(name, alignment.base_model, config, base_is_aligned=aligned)}  # {printed}"


def _config(folder: Path, alignment: Alignment) -> tuple[AligNetVisionConfig, bool]:
    """The configuration of a folder's model, and whether the folder holds an adapter of it only."""
    if (folder / "adapter_config.json").is_file():
        if not alignment.adapter_of:
            raise InputError(
                f"{folder}: holds adapters alone, and no record of the model they go on; let AligNetTrainer save "
                "them, or save the merged model (merge_and_unload)"
            )
        return AligNetVisionConfig.from_dict(dict(alignment.adapter_of)), True
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no model here (no config.json); give the folder that save_pretrained wrote")
    if (found := read_json_object(folder / "config.json").get("model_type")) != AligNetVisionConfig.model_type:
        raise InputError(f"{folder}: a {found!r} model, not an AligNet model")
    try:
        return AligNetVisionConfig.from_pretrained(folder), False
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: {str(error).splitlines()[0]}") from error


def render(template: str, **values) -> str:
    """Fill a template beside this file; a value that it names and does not get is an error of ours."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    return environment.get_template(template).render(**values)


def _input(folder: Path) -> str | None:
    """What the authors' own input is; other processors say it themselves."""
    path = folder / "preprocessor_config.json"
    kind = read_json_object(path).get("image_processor_type") if path.is_file() else None
    return f"{card_words.INPUT} The image processor does that." if kind == AligNetImageProcessor.__name__ else None


_POOLED = {
    "cls": "the CLS token of the last layer",
    "mean": "the mean over the tokens of the last layer",
    "patch-mean": "the mean over the patches' tokens of the last layer",
    "cls+patch-mean": "the CLS token of the last layer, and behind it the mean over the patches' tokens",
    "pooler": "the backbone's own pooled output",
}


def _representation(config: AligNetVisionConfig, classifies: bool) -> str:
    representation = (
        f"`pooler_output`, {_POOLED[config.resolved_pooling]} (pooling `{config.resolved_pooling}`), "
        f"{config.hidden_size:,} numbers an image"
    )
    if classifies:
        normed = "normalised " if config.classifier_norm else ""
        return f"The {config.num_labels} labels are read linearly off the {normed}representation: {representation}."
    text = f"The representation is {representation}"
    if config.projection_dim is not None:
        text += (
            f"; `triplet_embeds` is a linear head of {config.projection_dim:,} on it, in which the triplets were "
            "compared while training"
        )
    if _CLASSIFIER in (config.architectures or []):
        text += f". `AutoModelForImageClassification` loads the folder with its head of {config.num_labels:,} labels"
    return f"{text}."


def _draw_curve(folder: Path) -> None:
    """Draw the training curve where one was recorded."""
    history = Alignment.read(folder).curve
    if not any("loss" in entry for entry in history):
        return
    from alignet_hf.evaluation import figures

    with replacing(folder / CURVE) as path:
        figures.training_curves({"training": history}).savefig(path, dpi=figures.DPI, format="png")


def _cost(resources: dict) -> str:
    parts = []
    if "seconds" in resources:
        parts.append(f"The last part of the training took {resources['seconds']:,.0f} s.")
    if "hardware" in resources:
        parts.append(f"Hardware: {resources['hardware']}.")
    if {"co2_kg", "energy_kwh"} <= set(resources):
        parts.append(
            f"CodeCarbon measured {resources['energy_kwh']:.4g} kWh, about {resources['co2_kg']:.4g} kg of CO2."
        )
    else:
        parts.append("Energy and emissions were not measured.")
    return " ".join(parts)


def _missing(alignment: Alignment, curve: dict | None) -> list[str]:
    told = {
        "the base model: it has no name on the Hub that is known here": alignment.base_model,
        "the licence: that of the base model is not known here": alignment.license,
        "the people whose judgments were used": alignment.people or not card_words.is_for_people(alignment),
        "scores: none were measured, or not recorded in alignment.json": alignment.scores,
        "the training data": alignment.training_data or alignment.setting == "original",
        "a citation: the model is its makers', whose paper is not known here": card_words.cites(alignment) is not None,
        "the training curve: too short, or not recorded": curve or alignment.source,
    }
    return [what for what, known in told.items() if not known]
