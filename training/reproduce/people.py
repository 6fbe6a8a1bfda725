"""Models scored on people's judgments in the paper's four settings: what Tabs. 1-3 and Fig. 2 are made of."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from common import (
    Models,
    arguments,
    embed,
    findings_sweep,
    paper_says,
    print_tables,
    read_models,
    report_of,
    rows_as_scores,
    says_what_is_not_here,
    settings_table,
)

from alignet_hf.data.images import SomeImages
from alignet_hf.errors import InputError
from alignet_hf.evaluation.inputs import Reading, check_reading, image_paths
from alignet_hf.evaluation.judged_images import Images
from alignet_hf.evaluation.on_people import score
from alignet_hf.evaluation.people_files import read_people
from alignet_hf.evaluation.report import SCORES
from alignet_hf.evaluation.scoring import Scoring
from alignet_hf.evaluation.statistics import Result

SETS = {
    "things": "the folder of THINGS' triplets (Hebart et al., 2020), with --concepts",
    "cichy": "dissimilarities of 118 objects (Cichy et al., 2019)",
    "king": "dissimilarities of 144 objects (King et al., 2019)",
    "peterson": "a folder with various.mat, animals.mat ... (Peterson et al., 2016, 2018)",
    "levels": "participants' files, Parquet, or a Hub data set",
}


def people_table(
    description: str,
    place: str,
    sets: Sequence[str],
    wanted: Mapping[str, str],
    not_here: str,
    papers: Mapping[str, Mapping[str, Sequence[float | None]]] | None = None,
) -> None:
    """A table of models in the paper's settings; on the data that are there, the sweep's student in them.

    Args:
        description: of the command.
        place: of the table in the paper.
        sets: of people's judgments that it is about.
        wanted: score -> what the table calls it.
        not_here: what of the table the data that are here cannot show.
        papers: the paper's numbers, as `settings_table` takes them.
    """
    given = add_sets(arguments(description), *sets).parse_args()
    sweep = findings_sweep(given, ["settings"], shots=[0])
    if sweep is not None:
        scores = rows_as_scores(report_of(sweep, given))
        of_its_kind = {name: called for name, called in SCORES.items() if any(name in one for one in wanted)}
        print_tables(settings_table(f"In place of {place}: on objects that are here", scores, of_its_kind))
        if papers:
            print_tables(settings_table(f"{place}, the paper's numbers", {}, wanted, papers))
        says_what_is_not_here(not_here)
    else:
        scores = people_scores(read_models(given.models), given)
        print_tables(settings_table(place, scores, wanted, papers))
    paper_says(place)


def add_sets(parser: argparse.ArgumentParser, *names: str) -> argparse.ArgumentParser:
    """The options of people's judgments."""
    for name in names:
        parser.add_argument(f"--{name}", help=SETS[name])
    if "things" in names:
        parser.add_argument("--concepts", type=Path, help="THINGS: .tsv of concept_index and photo")
    parser.add_argument("--images", help="the images that people judged, of every set without --images-of")
    parser.add_argument("--images-of", action="append", default=[], metavar="DATA=PATH", help="of one set; again")
    parser.add_argument("--n-bootstrap", type=int, default=1000)
    return parser


def people_scores(models: Models, given: argparse.Namespace) -> dict[str, dict[str, dict[str, Result]]]:
    """Every score on every set that is given -> model -> setting -> score -> Result."""
    sets = {name: path for name in SETS if (path := getattr(given, name, None)) is not None}
    if not sets:
        raise InputError(f"give {' or '.join(f'--{name}' for name in SETS if hasattr(given, name))}")
    reading = Reading(concepts=getattr(given, "concepts", None))
    check_reading(reading, sets)
    images = Images(image_paths(given.images, given.images_of, list(sets)))
    people = read_people(sets, images, reading, print)
    scoring, found = Scoring(n_bootstrap=given.n_bootstrap), {}
    for name, settings in models.items():
        for setting in settings:
            print(f"{name}, {setting} ...", flush=True)
            embeddings = _of_people(people.rows, images, settings, setting, given.out)
            found.setdefault(name, {})[setting] = score(embeddings, people, scoring, print)
    return found


def _of_people(rows: np.ndarray, images: Images, settings: dict[str, str], setting: str, out: Path) -> np.ndarray:
    """The embeddings of the images that were judged, in the order of `rows`."""
    model, transform = (settings["original"], settings["ud"]) if setting == "ud" else (settings[setting], None)
    parts = []
    for path, source in images.sources.items():
        start = images.starts[path]
        own = rows[(rows >= start) & (rows < start + len(source))] - start
        if len(own):
            parts.append(embed(model, SomeImages(source, own), out, transform))
    return np.concatenate(parts)
