"""The commands of the scores: evaluate, report."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.console import IMAGES, Json, OnBad, Pooling, Replace, Seed, quiet
from alignet_hf.errors import InputError
from alignet_hf.evaluation.labelled_data import LabelledData
from alignet_hf.evaluation.suite_options import (
    Breeds,
    Classifiers,
    Draws,
    EmbeddingsFolder,
    FewShot,
    HierarchySource,
    Ood,
    Presets,
    Robustness,
    Shots,
    Strength,
    Suites,
    Test,
    Training,
    check_belongs,
    check_draws,
    readers_of,
    wanted_suites,
)
from alignet_hf.output_folder import writes_out


@writes_out
def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Hub id or folder, or demo-teacher, demo-student.")],
    images: Annotated[
        str | None,
        typer.Argument(help=f"The images that people judged, of every data set without --images-of: {IMAGES}."),
    ] = None,
    suite: Suites = "human",
    on: Annotated[
        str | None,
        typer.Option(
            help="choices, things, levels, matrices, cichy, king, peterson, ratings, multi-arrangement, or rsa for the "
            "last six, commas between: by default all that is given."
        ),
    ] = None,
    images_of: Annotated[
        list[str] | None,
        typer.Option(
            help="levels=PATH: the images of one data set, or of rsa; again for another.", metavar="DATA=PATH"
        ),
    ] = None,
    choices: Annotated[Path | None, typer.Option("--triplets", help='People\'s choices, a row "i j k" each.')] = None,
    things: Annotated[Path | None, typer.Option(help="The folder of THINGS' triplets; with --concepts.")] = None,
    concepts: Annotated[
        Path | None, typer.Option(help="THINGS: .tsv of concept_index and photo: which image shows which concept.")
    ] = None,
    odd_column: Annotated[
        int, typer.Option(help="Which column of --triplets and --things holds the odd one: 0, 1 or 2.")
    ] = 2,
    levels: Annotated[str | None, typer.Option(help="Levels: participants' files, Parquet, or a Hub data set.")] = None,
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Leave out Levels triplets without image.")] = (
        False
    ),
    dissimilarities: Annotated[
        Path | None, typer.Option(help="Similarity judgments as matrices: .npz, .npy, .csv, .tsv or .mat.")
    ] = None,
    kind: Annotated[str, typer.Option(help="What --dissimilarities hold: dissimilarity or similarity.")] = (
        "dissimilarity"
    ),
    names: Annotated[
        Path | None, typer.Option(help="Of the objects of --dissimilarities, in their order, a name a line.")
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="The objects of --dissimilarities are the images, in order.")
    ] = False,
    cichy: Annotated[
        Path | None, typer.Option(help="Cichy 2019, 118 objects: dissimilarities; names in them or in a .txt beside.")
    ] = None,
    king: Annotated[Path | None, typer.Option(help="King 2019, 144 objects, likewise.")] = None,
    key: Annotated[str | None, typer.Option(help="The array or variable that holds the matrices in their file.")] = (
        None
    ),
    condensed: Annotated[bool, typer.Option("--condensed", help="The matrices are rows of pairs.")] = False,
    peterson: Annotated[
        Path | None,
        typer.Option(
            help="Peterson 2016, 2018: a folder with various.mat, animals.mat, ...: similarities by category."
        ),
    ] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            help="Ratings of similarity, .csv or .tsv: columns participant, first, second, rating; see --scale."
        ),
    ] = None,
    scale: Annotated[str | None, typer.Option(help="Of --ratings: lowest,highest. By default 0,10.")] = None,
    multi_arrangement: Annotated[
        Path | None, typer.Option(help="Arrangements, .csv or .tsv: columns participant, trial, object, x, y.")
    ] = None,
    similarity: Annotated[str, typer.Option(help="Of odd-one-out choices: dot, cosine or pearson.")] = "dot",
    rsa_similarity: Annotated[str, typer.Option(help="Of the model's matrix: pearson, cosine or dot.")] = "pearson",
    correlation: Annotated[
        str, typer.Option(help="Of the model's matrix with people's: spearman, pearson or kendall.")
    ] = "spearman",
    temperature: Annotated[
        float, typer.Option(help="Of the softmax of similarities, for calibration and uncertainty on Levels.")
    ] = 1.0,
    over: Annotated[
        str | None,
        typer.Option(
            help="What intervals are drawn over: objects, triplets or people, or people and one of the others with a "
            "comma. A score that cannot be drawn so keeps its own: triplets on Levels, else objects."
        ),
    ] = None,
    training: Training = None,
    test: Test = None,
    few_shot: FewShot = None,
    shots: Shots = "1,10",
    draws: Draws = 10,
    classifiers: Classifiers = "ridge",
    l2: Strength = "auto",
    breeds: Breeds = None,
    robustness: Robustness = None,
    ood: Ood = None,
    hierarchy: HierarchySource = None,
    embeddings: EmbeddingsFolder = None,
    on_bad: OnBad = "raise",
    against: Annotated[
        str | None, typer.Option(help="Another encoder, compared on the same judgments and images.")
    ] = None,
    image_size: Annotated[int | None, typer.Option(min=1, help="MODEL's, in pixels; its own by default.")] = None,
    against_image_size: Annotated[
        int | None, typer.Option(min=1, help="That of --against, in pixels; its own by default.")
    ] = None,
    pooling: Pooling = "auto",
    n_bootstrap: Annotated[int, typer.Option(min=0, help="Draws for intervals; 0 for none.")] = 1000,
    n_permutations: Annotated[int, typer.Option(min=0, help="For p-values against chance; 0 for none.")] = 0,
    out: Annotated[Path | None, typer.Option(help="A folder for scores.csv, comparisons.csv and figures.")] = None,
    seed: Seed = 0,
    force: Replace = False,
    as_json: Json = False,
    presets: Presets = False,
) -> None:
    """Score an encoder: people, vision, representation.

    What people say: odd-one-out choices, those of THINGS and Levels, similarity matrices (RSA), ratings,
    multi-arrangement. With --suite vision,representation what labelled images say: few-shot classification,
    robustness, retrieval, ...; the structure of the representation.
    """
    suites = wanted_suites(suite)
    check_belongs(suites, readers_of(context))
    check_draws(suites, n_bootstrap, n_permutations, compared=against is not None)
    if against is None and against_image_size is not None:
        raise InputError("--against-image-size is for the encoder of --against; give that, or leave the option out")
    asked = wanted = None
    if "human" in suites:
        from alignet_hf.evaluation.asked_of_people import AskedOfPeople
        from alignet_hf.evaluation.inputs import Reading
        from alignet_hf.evaluation.scoring import Scoring

        given = {
            "choices": choices,
            "things": things,
            "levels": levels,
            "matrices": dissimilarities,
            "cichy": cichy,
            "king": king,
            "peterson": peterson,
            "ratings": ratings,
            "multi-arrangement": multi_arrangement,
        }
        given = {name: path for name, path in given.items() if path is not None}
        reading = Reading(
            concepts=concepts,
            odd_column=odd_column,
            kind=kind,
            key=key,
            condensed=condensed,
            names=names,
            in_order=in_order,
            scale=scale,
            drop_missing=drop_missing,
        )
        scoring = Scoring(
            similarity=similarity,
            rsa_similarity=rsa_similarity,
            correlation=correlation,
            temperature=temperature,
            over=None if over is None else tuple(over.split(",")),
            n_bootstrap=n_bootstrap,
            n_permutations=n_permutations,
            seed=seed,
        )
        asked = AskedOfPeople(images, images_of or [], on, given, reading, scoring)
    data = LabelledData(training, test, seed)
    if "vision" in suites:
        from alignet_hf.evaluation.vision.options import VisionOptions, numbers, strength
        from alignet_hf.evaluation.vision.wanted import Wanted

        wanted = Wanted(few_shot or (), breeds, robustness or (), ood or ())
        wanted.check(training, test)
        few = numbers(shots, "--shots"), tuple(classifiers.split(","))
        options = VisionOptions(*few, draws, n_bootstrap, seed, strength(l2))
    if "representation" in suites and test is None:
        raise InputError("--suite representation: give the images to look at: --test IMAGES")
    data.check()
    if out is not None and embeddings is not None and embeddings.resolve() == out.resolve():
        raise InputError(f"--embeddings and --out: both are {out}; give each a folder of its own")

    # What is imported from here on takes seconds: wrong options have been refused.
    from alignet_hf.encoders import check_encoder, encoder_named
    from alignet_hf.evaluation.scores_folder import claim_scores_folder
    from alignet_hf.evaluation.suite import Suite, run_suites
    from alignet_hf.evaluation.vision.store import EmbeddingStore

    parts: list[Suite] = []
    human = None
    if asked is not None:
        from alignet_hf.evaluation.human_suite import HumanSuite

        human = HumanSuite(asked)
        parts.append(human)
    if wanted is not None:
        from alignet_hf.evaluation.vision.suite import VisionSuite

        parts.append(VisionSuite(data, wanted, options, _say))
    if "representation" in suites:
        from alignet_hf.evaluation.representation.suite import RepresentationSuite

        parts.append(RepresentationSuite(data, hierarchy, n_bootstrap, seed, _say, n_permutations, against is not None))

    quiet()
    for name, size in ((model, image_size), (against, against_image_size)):
        if name is not None:
            check_encoder(encoder_named(name, image_size=size, pooling=pooling))
    if out is not None:
        claim_scores_folder(out, context.params, force=force)
    notes: list[str] = []

    def noting(line: str) -> None:
        _note(line)
        notes.append(line)

    for part in parts:
        part.read(noting)
    labelled = {} if suites == ["human"] else {"training images": data.training, "test images": data.test}
    labelled = {what: images.described for what, images in labelled.items() if images is not None}
    for what, described in labelled.items():
        _note(f"{what}: {described}")
    exclusions = None if human is None else human.exclusions
    if exclusions is not None and not as_json:
        print(exclusions)
    encoder = {"folder": embeddings, "pooling": pooling, "on_bad": on_bad, "say": _say}
    store = EmbeddingStore.open(model, image_size=image_size, **encoder)
    other = None if against is None else EmbeddingStore.open(against, image_size=against_image_size, **encoder)
    about = {"model": model, "seed": str(seed), "command": shlex.join(["alignet-hf", *sys.argv[1:]])} | labelled
    if against is not None:
        about["against"] = against
    outcome = run_suites(parts, store, other, _note, out, about, notes)
    if as_json:
        # Beside what scores.json has.
        further = {} if exclusions is None else {"levels_exclusions": exclusions.to_dict()}
        print(json.dumps(outcome.to_dict() | further))
    else:
        outcome.show(model, against)
        if out is not None:
            of_two = "" if against is None else f", in which {against} is before and {model} after"
            print(f"scores and figures{of_two}: {out}   a page of them: alignet-hf report {out}")


def _note(line: str) -> None:
    """What a reader of the scores should know, as soon as it is known; it stands with the scores too."""
    print(f"alignet-hf: {line}", file=sys.stderr)


def _say(test: str) -> None:
    """What is being computed, on a terminal or in a log; standard output is the result's."""
    print(f"alignet-hf: {test} ...", file=sys.stderr, flush=True)


def report(
    folder: Annotated[Path, typer.Argument(help="Of a finished run, of a sweep, or one that evaluate --out wrote.")],
    photographs: Annotated[
        bool,
        typer.Option(
            help="Show photographs, or names in their place: for data that may not be passed on.", show_default=False
        ),
    ] = True,
) -> None:
    """Write a folder's report anew.

    report.html is one file that opens from disk; of a run, report.md and figures are written as well.
    """
    from alignet_hf.evaluation.page.folder import write_report_of

    print(f"report: {write_report_of(folder, photographs=photographs)}")
