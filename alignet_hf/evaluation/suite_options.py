"""The options of `alignet-hf evaluate` for the suites vision and representation."""

from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import SPEC_HELP

SUITES = ("human", "vision", "representation")
_HUMAN = """images on images_of choices things concepts odd_column levels drop_missing dissimilarities kind names
in_order cichy king key condensed peterson ratings scale multi_arrangement similarity rsa_similarity correlation
temperature over"""
_VISION = "training few_shot shots draws classifiers l2 breeds robustness ood"
READERS: dict[str, tuple[str, ...]] = {  # parameter of `evaluate` -> the suites that read it
    **dict.fromkeys(_HUMAN.split(), ("human",)),
    **dict.fromkeys(_VISION.split(), ("vision",)),
    "test": ("vision", "representation"),
    "hierarchy": ("representation",),
    "n_permutations": ("human", "representation"),
}


def _list_presets(asked: bool) -> None:
    if asked:
        from alignet_hf.evaluation.vision.presets import presets_text

        print(presets_text())
        raise typer.Exit


Suites = Annotated[
    str,
    typer.Option(
        help="What to test, commas between: human (what people say), vision (few-shot, robustness, ...), "
        "representation (its structure)."
    ),
]
Training = Annotated[
    str | None, typer.Option(help=f"Vision: labelled images to learn from: {SPEC_HELP}.", metavar="IMAGES")
]
Test = Annotated[
    str | None, typer.Option(help="Vision, representation: labelled images to test on, likewise.", metavar="IMAGES")
]
FewShot = Annotated[
    list[str] | None,
    typer.Option(
        help="Vision: a few-shot data set: a name that --presets lists, or NAME=IMAGES; again for another.",
        metavar="DATA",
    ),
]
Shots = Annotated[str, typer.Option(help="Of few-shot: training images a class, commas between.")]
Draws = Annotated[int, typer.Option(min=1, help="Of few-shot: how often they are drawn.")]
Classifiers = Annotated[
    str, typer.Option(help="Of few-shot: ridge, logistic, or both with a comma; logistic is slow for many classes.")
]
Strength = Annotated[
    str,
    typer.Option(
        "--l2",
        help="Of few-shot: strength of the regularization, big_vision's 1024 say; auto chooses it on training images "
        "that are no shots.",
        metavar="auto|NUMBER",
    ),
]
Breeds = Annotated[
    str | None,
    typer.Option(
        help="Vision: the hierarchy of BREEDS, a folder with its class_hierarchy.txt; or WordNet (nltk, wn, a folder), "
        "of which living17 alone can be made.",
        metavar="HIERARCHY",
    ),
]
Robustness = Annotated[
    list[str] | None,
    typer.Option(
        help="Vision: v2=FOLDER, a=FOLDER, r=FOLDER, c=FOLDER (or c=made: --test, corrupted on the fly), "
        "real=FILE (real.json); again for another.",
        metavar="SET=PLACE",
    ),
]
Ood = Annotated[
    list[str] | None,
    typer.Option(help="Vision: other images, of none of the classes; again for another.", metavar="NAME=IMAGES"),
]
HierarchySource = Annotated[
    str | None,
    typer.Option(
        "--hierarchy",
        help="Representation: what is a kind of what: nltk, wn, a folder of WordNet, a file of 'parent child' lines, "
        "or a .tsv of class, basic and superordinate. By default WordNet, where classes are its ids.",
    ),
]
EmbeddingsFolder = Annotated[
    Path | None,
    typer.Option("--embeddings", help="A folder to keep embeddings in, each image's made once.", metavar="DIR"),
]
Presets = Annotated[
    bool, typer.Option("--presets", callback=_list_presets, is_eager=True, help="List the few-shot data sets.")
]


def wanted_suites(text: str) -> list[str]:
    """ "human,vision" -> the suites, in the order of SUITES.

    Raises:
        InputError: another name.
    """
    asked = text.split(",")
    for name in asked:
        if name not in SUITES:
            raise InputError(f"--suite {name}: choose among {', '.join(SUITES)}")
    return [name for name in SUITES if name in asked]


def readers_of(context: typer.Context) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Of each option that not every suite reads: whether it is given, and the suites that read it."""
    return {
        "IMAGES" if parameter.param_type_name == "argument" else parameter.opts[0]: (
            context.get_parameter_source(parameter.name).name != "DEFAULT",
            READERS[parameter.name],
        )
        for parameter in context.command.params
        if parameter.name in READERS
    }


def check_belongs(suites: list[str], given: dict[str, tuple[bool, tuple[str, ...]]]) -> None:
    """Refuse options of suites that are not asked for.

    Args:
        given: option -> whether it is given, and the suites that read it.

    Raises:
        InputError: naming the option, and what to add.
    """
    for option, (is_given, readers) in given.items():
        if is_given and not set(readers) & set(suites):
            raise InputError(f"{option} is for --suite {' or '.join(readers)}; add it, or leave the option out")


def check_draws(suites: list[str], n_bootstrap: int, n_permutations: int, *, compared: bool) -> None:
    """Refuse numbers of draws with which what is asked for cannot be had.

    Args:
        compared: whether there is another encoder, --against.

    Raises:
        InputError: naming the option.
    """
    if compared and not n_bootstrap:
        raise InputError("--against: the comparison is by bootstrap; --n-bootstrap 0 leaves it no draw")
    if n_permutations and "human" not in suites and not compared:
        raise InputError(
            "--n-permutations: of a representation, it is the changes from another's that are permuted; give --against"
        )
