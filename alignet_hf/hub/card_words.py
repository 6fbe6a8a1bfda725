"""What the cards say in sentences: of an aligned model, of the controls, and of what nobody says was aligned."""

from alignet_hf.hub.alignment import Alignment

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
METHOD_HUMAN = (
    "The model was trained to give people's own odd-one-out choices on the photographs that they judged, without a "
    "teacher, while its weights were held near where they began: the comparison of B.2.3 in "
    "[Muttenthaler et al., 2025](https://arxiv.org/abs/2409.06509), not its method."
)
CONVERTED = (
    "The weights are those of the file in the table, which others made; they were put under transformers' names, and "
    "nothing was trained here."
)
LIMITS = (
    "Similarity of objects in photographs is what it learnt. It is no model of how people see anything else (motion, "
    "scenes,\n  text, faces they know), nor of any one person, and no measure of what is right or safe.",
    "It keeps the biases of its base model, of its teacher and of the images it was distilled on.",
)
CITATION = """\
@article{muttenthaler2025aligning,
  title   = {Aligning machine and human visual representations across abstraction levels},
  author  = {Muttenthaler, Lukas and Greff, Klaus and Born, Frieda and Spitzer, Bernhard and Kornblith, Simon and
             Mozer, Michael C. and M{\\"u}ller, Klaus-Robert and Unterthiner, Thomas and Lampinen, Andrew K.},
  journal = {Nature},
  year    = {2025},
  note    = {arXiv:2409.06509}
}"""
CITE_ITS_OWN = (
    "The checkpoint was released with the paper below; the model itself is its makers', whose own paper is to be cited "
    "too."
)
INPUT = (
    "Input: the whole image, stretched to a square (the aspect ratio is not kept), resized by bicubic interpolation "
    "*without antialiasing*, rounded to whole numbers, in [0, 1], not normalised."
)
_TITLES = {
    "alignet": "Vision encoder aligned with human similarity judgments",
    "unalignet": "Vision encoder of UnAligNet, a control that is not aligned with people",
    "original": "Vision encoder before any alignment, not aligned with people",
    "human": "Vision encoder trained on people's odd-one-out choices, without a teacher",
}


def is_of_triplets(alignment: Alignment) -> bool:
    """Whether a model learnt from triplets, as far as is known: all but base models, and what was merely converted."""
    return alignment.setting != "original" and not (alignment.source and alignment.setting is None)


def is_for_people(alignment: Alignment) -> bool:
    """Whether the Hub may list a model among those that people's judgments made."""
    return is_of_triplets(alignment) and alignment.setting != "unalignet"


def title(alignment: Alignment) -> str:
    """What an export is, in a line."""
    return _TITLES.get(alignment.setting, "Vision encoder")


def summary(alignment: Alignment, family: str) -> str:
    base = f"[{alignment.base_model}](https://hf.co/{alignment.base_model})" if alignment.base_model else alignment.base
    what = base or f"A vision encoder ({family})"
    told = {(score.setting, score.metric): score.estimate for score in alignment.scores if score.who == "student"}
    before, after = (told.get((setting, "odd_one_out_accuracy")) for setting in ("original", alignment.setting))
    if alignment.setting == "unalignet":
        text = f"{what}, distilled from a teacher without human alignment: a control, not a better encoder."
    elif alignment.setting == "alignet":
        text = f"{what}, aligned with human similarity judgments (AligNet)."
    elif alignment.setting == "human":
        text = f"{what}, trained directly on people's odd-one-out choices: a control, without AligNet's teacher."
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


def method(alignment: Alignment) -> str:
    told = {"alignet": METHOD, "unalignet": METHOD_UNALIGNED, "original": METHOD_ORIGINAL, "human": METHOD_HUMAN}
    if not alignment.source:
        return told.get(alignment.setting, METHOD_UNKNOWN)
    return " ".join(part for part in (told.get(alignment.setting), CONVERTED) if part)


def people(alignment: Alignment) -> str:
    if (base_people := alignment.base_made.get("people")) and not alignment.people:
        return f"Its base model was aligned with the judgments of {base_people}. People differ; no group is everyone."
    if alignment.setting in ("unalignet", "original"):
        return "No human judgment went into it."
    if alignment.setting == "human":
        whose = alignment.people or "people who are not recorded here"
        return f"It learnt from the judgments of {whose}. People differ; no group is everyone."
    if not is_of_triplets(alignment):
        return "Whether people's judgments went into it is not recorded here."
    if alignment.people is None:
        return "Whose judgments the teacher was aligned with is not recorded here. People differ; no group is everyone."
    return f"The teacher was aligned with the judgments of {alignment.people}. People differ; no group is everyone."


def limits(alignment: Alignment) -> list[str]:
    """What a card warns of, a sentence or two each."""
    if not is_of_triplets(alignment):
        return [people(alignment), "It keeps the biases of the images that it was trained on."]
    return [people(alignment), *LIMITS]


def cites(alignment: Alignment) -> str | None:
    """The sentence above the citation of AligNet's paper; None where the paper is not the model's."""
    if alignment.setting == "original":
        return CITE_ITS_OWN
    return "" if is_of_triplets(alignment) else None
