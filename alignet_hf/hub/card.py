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
from alignet_hf.hub import snippet
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.artifacts import replacing
from alignet_hf.hub.base_model import is_hub_id
from alignet_hf.hub.card_metadata import metadata
from alignet_hf.hub.card_tables import curve_table, fact_rows, score_table
from alignet_hf.hub.push import read_json_object
from alignet_hf.hub.reading import reading

TEMPLATE = "model_card.md.jinja"
CURVE = "training_curve.png"
RECIPE = "recipe.yaml"
_CLASSIFIER = "AligNetForImageClassification"
WRITTEN_BY_US = "<!-- Written by alignet-hf:"
METHOD = (
    "Human odd-one-out choices gave the teacher an affine transform that makes it answer like people (uncertainty "
    "distillation); the student was then trained to give the transformed teacher's answers to triplets of images, "
    "while its weights were held near where they began ([Muttenthaler et al., 2025](https://arxiv.org/abs/2409.06509))."
)
METHOD_UNKNOWN = (
    "The student was trained to give a teacher's answers to triplets of images, while its weights were held near where "
    "they began: the distillation of [Muttenthaler et al., 2025](https://arxiv.org/abs/2409.06509). Whether people's "
    "judgments had aligned the teacher before is not recorded here."
)
METHOD_UNALIGNED = (
    "This is UnAligNet, the control of [Muttenthaler et al., 2025](https://arxiv.org/abs/2409.06509): the student was "
    "trained to give the answers of a teacher that was **not** aligned with people."
)
METHOD_ORIGINAL = (
    "This is a base model of [Muttenthaler et al., 2025](https://arxiv.org/abs/2409.06509) **before** any training on "
    "triplets: what its aligned sibling is compared with."
)
CONVERTED = (
    "The weights are those of the file in the table, which others made; they were put under transformers' names, and "
    "nothing was trained here."
)


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
    bare = Alignment()
    values = {
        "written_by": "`alignet-hf card FOLDER`",
        "metadata": attempt(
            "most of the header", lambda: metadata(name, alignment, **options), metadata(name, bare, **options)
        ),
        "name": name,
        "summary": attempt("the summary", lambda: _summary(alignment, config), _summary(bare, config)),
        "snippet": attempt(
            "a snippet that uses the model",
            lambda: _tried_snippet(folder, name, alignment, config, classifies, adapter),
        ),
        "snippet_name": None if "/" in name else name,
        "without_snippet": "With `AutoModel.from_pretrained` after `import alignet_hf`; see the end of this card.",
        "representation": _representation(config, classifies),
        "native": None if adapter else attempt("how to read the exported backbone", lambda: reading(config)),
        "backbone_class": type(config.vision_config).__name__.removesuffix("Config") + "Model",
        "table": attempt("the table of scores", lambda: score_table(alignment)),
        "published": None,
        "method": _method(alignment),
        "facts": attempt("the facts of its making", lambda: fact_rows(alignment)),
        "hyperparameters": attempt("the hyperparameters", lambda: sorted(alignment.hyperparameters.items())),
        "recipe": (folder / RECIPE).is_file(),
        "curve": attempt("the training curve", lambda: curve_table(alignment.curve)),
        "curve_file": CURVE if (folder / CURVE).is_file() else None,
        "people": _people(alignment),
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


def _summary(alignment: Alignment, config: AligNetVisionConfig) -> str:
    base = f"[{alignment.base_model}](https://hf.co/{alignment.base_model})" if alignment.base_model else alignment.base
    what = base or f"A vision encoder ({config.vision_config.model_type})"
    told = {(score.setting, score.metric): score.estimate for score in alignment.scores if score.who == "student"}
    before, after = (told.get((setting, "odd_one_out_accuracy")) for setting in ("original", alignment.setting))
    if alignment.setting == "unalignet":
        text = f"{what}, distilled from a teacher without human alignment: a control, not a better encoder."
    elif alignment.setting == "alignet":
        text = f"{what}, aligned with human similarity judgments (AligNet)."
    elif alignment.setting == "original":
        text = f"{what}, as it was before any alignment: not aligned with people."
    elif alignment.source:
        text = f"{what}, converted; whether it was aligned with people is not recorded here."
    else:
        text = f"{what}, distilled from a teacher's answers to triplets of images, as AligNet does."
    if before is not None and after is not None:
        text += (
            f" On choices that it never learnt from, it picks people's odd one out in {after:.0%} of the triplets, "
            f"where it was {before:.0%} before (chance 33 %)."
        )
    return text


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


def _method(alignment: Alignment) -> str:
    told = {"alignet": METHOD, "unalignet": METHOD_UNALIGNED, "original": METHOD_ORIGINAL}
    if not alignment.source:
        return told.get(alignment.setting, METHOD_UNKNOWN)
    return " ".join(part for part in (told.get(alignment.setting), CONVERTED) if part)


def _people(alignment: Alignment) -> str:
    if alignment.setting in ("unalignet", "original"):
        return "No human judgment went into it."
    if alignment.people is None:
        return "Whose judgments the teacher was aligned with is not recorded here. People differ; no group is everyone."
    return f"The teacher was aligned with the judgments of {alignment.people}. People differ; no group is everyone."


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
        "the people whose judgments were used": alignment.people or alignment.setting in ("unalignet", "original"),
        "scores: none were measured, or not recorded in alignment.json": alignment.scores,
        "the training data": alignment.training_data or alignment.setting == "original",
        "the training curve: too short, or not recorded": curve or alignment.source,
    }
    return [what for what, known in told.items() if not known]
