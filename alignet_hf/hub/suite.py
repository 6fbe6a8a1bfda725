"""Cards of models and data sets that are not made yet, or not ours: from a recipe, or from what their authors say.

No number stands in them that nobody measured. What the paper reports stands in columns that say so.
"""

from pathlib import Path

import yaml
from huggingface_hub import DatasetCardData

from alignet_hf.evaluation import paper
from alignet_hf.hub import card_words
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.base_model import is_hub_id
from alignet_hf.hub.card import render
from alignet_hf.hub.card_metadata import metadata
from alignet_hf.recipe import Encoder, Recipe

SOURCE = "Tab. 3 of [the paper](https://arxiv.org/abs/2409.06509)"
TEACHER_METHOD = (
    "Human odd-one-out choices give the model an affine transform of its representation that makes it answer like "
    "people (uncertainty distillation, eqs. 1-3 of [Muttenthaler et al., 2025](https://arxiv.org/abs/2409.06509)); its "
    "weights stay as they are. It is the teacher of the suite's other models."
)
RUN = "Make it: `alignet-hf run training/recipes/{file}.yaml --out run`, with the data that the recipe names; then "
USE_STUDENT = "`run/student` opens with `AutoModel.from_pretrained` after `import alignet_hf`."
USE_TEACHER = (
    '`UncertaintyDistillation.from_pretrained("run/surrogate").transform(...)` aligns the model\'s embeddings.'
)


def recipe_card(recipe: Recipe, written_by: str) -> str:
    """The card of the model that a recipe makes, before anybody has run it.

    Args:
        recipe: its student is the model; without one, its teacher is.
        written_by: the command that writes the card, for the card.
    """
    encoder = recipe.student or recipe.teacher
    on_hub = is_hub_id(encoder.model)
    alignment = Alignment(
        base_model=encoder.model if on_hub else None,
        base=None if on_hub else f"{recipe.name} (a folder: {encoder.model})",
        license=encoder.license,
        setting="alignet" if recipe.student else "ud",
        people=recipe.human.people,
    )
    what = f"[{encoder.model}](https://hf.co/{encoder.model})" if on_hub else f"the {recipe.name} of the paper"
    return render(
        "model_card.md.jinja",
        written_by=written_by,
        metadata=metadata(recipe.name, alignment, relation="finetune" if recipe.student else None),
        name=f"AligNet {recipe.name}",
        summary=f"The recipe that aligns {what} with human similarity judgments (AligNet). **The weights are not made "
        "yet, and nothing is measured.**",
        snippet=None,
        snippet_name=None,
        without_snippet=RUN.format(file=recipe.name.lower()) + (USE_STUDENT if recipe.student else USE_TEACHER),
        representation=_representation(encoder),
        native=None,
        backbone_class=None,
        table=None,
        published=_published(recipe.name),
        method=card_words.METHOD if recipe.student else TEACHER_METHOD,
        facts=_facts(recipe, encoder),
        hyperparameters=None,
        recipe=False,
        curve=None,
        limits=[
            f"The judgments are those of {recipe.human.people}. People differ; no group is everyone.",
            *card_words.LIMITS,
        ],
        input=None,
        cites="",
        citation=card_words.CITATION,
        cost="Not known before it is run.",
        left_out=[
            *([] if encoder.license else ["the licence: that of the base model is not known here"]),
            *([] if on_hub else ["the base model: it has no name on the Hub"]),
            "a snippet that uses the model, scores, the training curve: there are no weights yet",
        ],
    )


def _representation(encoder: Encoder) -> str:
    if encoder.pooling != "auto":
        return f"The representation is `pooler_output`, with pooling `{encoder.pooling}`."
    return (
        "The representation is `pooler_output`: the pooled output of the image encoder where the model was trained on "
        "images and texts, the CLS token after the last layer norm otherwise."
    )


def _published(name: str) -> dict | None:
    """The paper's numbers of a model, each level with an empty place for a measured one."""
    if name not in paper.LEVELS:
        return None
    rows = [
        (level, *("" if value is None else f"{value:.2f}" for value in values), "not measured")
        for level, values in paper.LEVELS[name].items()
    ]
    return {"name": name, "source": SOURCE, "settings": paper.SETTINGS, "rows": rows}


def _facts(recipe: Recipe, encoder: Encoder) -> list[tuple[str, str]]:
    facts = {"base model": encoder.model, "teacher": recipe.teacher.model, "people": recipe.human.people}
    facts |= {"UD": f"lambda {recipe.surrogate.regularization}, {recipe.surrogate.alignment} labels"}
    facts |= {"triplets": f"{recipe.triplets.n:,}, {recipe.triplets.strategy}", "clusters": recipe.clusters.n_clusters}
    if options := recipe.distill:
        facts |= {
            "loss": f"{options.loss}, temperatures {options.teacher_temperature} (teacher) and "
            f"{options.student_temperature} (student), on a head of {options.projection_dim}",
            "steps": f"{options.steps:,} of {options.batch_size} triplets, learning rate {options.learning_rate}",
            "weight decay to initialization": options.decay_to_init,
            "seed": recipe.seed,
        }
    return [(key, str(value)) for key, value in facts.items()]


def dataset_card(path: Path, written_by: str) -> str:
    """The card of a data set of the paper, from the YAML file that says what its authors say of it.

    Args:
        path: with the keys name, license (or none), license_note, source, summary, columns, splits, made, limits.
        written_by: the command that writes the card, for the card.
    """
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    header = {"pretty_name": told["name"], "tags": ["alignet", "odd-one-out", "human-alignment"]}
    if told["license"] is not None:
        header["license"] = told["license"]
    data = DatasetCardData(**header).to_yaml()
    return render("dataset_card.md.jinja", metadata=f"---\n{data}\n---", written_by=written_by, **told)
