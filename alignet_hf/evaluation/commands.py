"""The commands of the scores: evaluate, report."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.console import IMAGES, ImageSize, Json, OnBad, Pooling, Seed, quiet
from alignet_hf.errors import InputError
from alignet_hf.output_folder import writes_out


@writes_out
def evaluate(
    model: Annotated[str, typer.Argument(help="Hub id or folder, or demo-teacher, demo-student.")],
    images: Annotated[
        str | None,
        typer.Argument(help=f"The images that people judged, of every data set without --images-of: {IMAGES}."),
    ] = None,
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
    on_bad: OnBad = "raise",
    against: Annotated[str | None, typer.Option(help="Another encoder, compared on the same judgments.")] = None,
    image_size: ImageSize = None,
    pooling: Pooling = "auto",
    n_bootstrap: Annotated[int, typer.Option(min=0, help="Draws for intervals; 0 for none.")] = 1000,
    n_permutations: Annotated[int, typer.Option(min=0, help="For p-values against chance; 0 for none.")] = 0,
    out: Annotated[Path | None, typer.Option(help="A folder for scores.csv, comparisons.csv and figures.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Score an encoder on what people say.

    Odd-one-out choices, those of THINGS and Levels, similarity matrices (RSA), ratings, multi-arrangement.
    """
    import numpy as np

    from alignet_hf.evaluation import inputs
    from alignet_hf.evaluation.comparison import adjust_comparisons
    from alignet_hf.evaluation.judged_images import Images, image_paths
    from alignet_hf.evaluation.on_people import Scoring, compare, score

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
    wanted = inputs.wanted_sets(on, given)
    reading = inputs.Reading(
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
    inputs.check_reading(reading, wanted)
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
    _check_scoring(scoring, wanted, against)
    paths = image_paths(images, images_of or [], wanted)

    quiet()
    sources = Images(paths)
    notes: list[str] = []

    def note(line: str) -> None:
        print(f"alignet-hf: {line}", file=sys.stderr)
        notes.append(line)

    people = inputs.read_people({name: given[name] for name in wanted}, sources, reading, note)
    if scoring.over is not None:
        people.check_over(scoring.over)
    if people.levels is not None and people.levels[0].exclusions is not None and not as_json:
        print(people.levels[0].exclusions)
    rows = people.rows
    ours, undecodable = sources.embed(model, rows, image_size, pooling, on_bad)
    if undecodable:
        people, n_out = people.without(list(undecodable))
        ours = ours[np.searchsorted(rows, people.rows)]
        note(f"{n_out} judgments (triplets, and objects of matrices) name images that were skipped, and are left out")
    scores = score(ours, people, scoring, note)
    comparisons = {}
    if against is not None:
        theirs, _ = sources.embed(against, people.rows, image_size, pooling)
        comparisons = adjust_comparisons(compare(ours, theirs, people, scoring))
    if out is not None:
        from alignet_hf.evaluation.score_files import save_scores

        about = {"model": model, "seed": str(seed)} | ({} if against is None else {"against": against})
        save_scores(scores, out, comparisons, about)
    if as_json:
        print(json.dumps(_as_json(scores, comparisons, people, notes)))
        return
    for name, one in scores.items():
        print(f"{name}: {one}")
    for name, one in comparisons.items():
        print(f"against {against}, {name}: {one}")
    if len(comparisons) > 1:
        print(f"p of the {len(comparisons)} comparisons: corrected by Holm")


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


def _check_scoring(scoring, wanted: list[str], against: str | None) -> None:
    """Refuse options that nothing here would use."""
    from alignet_hf.evaluation.inputs import RSA
    from alignet_hf.evaluation.on_people import Scoring

    default = Scoring()
    if not set(wanted) & set(RSA):
        for option, changed in (
            ("--correlation", scoring.correlation != default.correlation),
            ("--rsa-similarity", scoring.rsa_similarity != default.rsa_similarity),
        ):
            if changed:
                raise InputError(f"{option} is for similarity matrices (RSA), which none of {', '.join(wanted)} is")
    if scoring.temperature != default.temperature and "levels" not in wanted:
        raise InputError("--temperature is for calibration and uncertainty, which are scored on --levels")
    if against is not None and not scoring.n_bootstrap:
        raise InputError("--against: the comparison is by bootstrap; --n-bootstrap 0 leaves it no draw")
    if scoring.over is not None and not scoring.n_bootstrap:
        raise InputError("--over: --n-bootstrap 0 leaves nothing to draw")


def _as_json(scores: dict, comparisons: dict, people, notes: list[str]) -> dict:
    found = {name: one.to_dict() for name, one in scores.items()}
    found |= {f"difference_on_{name}": one.to_dict() for name, one in comparisons.items()}
    if people.levels is not None and people.levels[0].exclusions is not None:
        found["levels_exclusions"] = people.levels[0].exclusions.to_dict()
    if notes:
        found["notes"] = notes
    return found
