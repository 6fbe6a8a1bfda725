"""The suite `representation` of `alignet-hf evaluate`: the structure of a representation, from files to scores."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.labelled_data import LabelledData
from alignet_hf.evaluation.model_names import before_and_after, short_name
from alignet_hf.evaluation.representation.categories import NO_CATEGORY, Categories
from alignet_hf.evaluation.representation.coverage import OF_A_TABLE, left_out, require_classes, save_left_out
from alignet_hf.evaluation.representation.distance_changes import MIN_IMAGES as MIN_WITH_CATEGORY
from alignet_hf.evaluation.representation.hierarchy_figures import category_matrix, level_densities
from alignet_hf.evaluation.representation.neighbour_figure import draw_neighbours
from alignet_hf.evaluation.representation.neighbour_files import save_neighbours
from alignet_hf.evaluation.representation.projection import (
    INSTALL,
    METHODS,
    TRIMAP_MIN_IMAGES,
    missing_packages,
    project_models,
)
from alignet_hf.evaluation.representation.projection_figures import draw_photographs, draw_points
from alignet_hf.evaluation.representation.scores import N_NEIGHBOURS, Change, Kinds, categories_of, change, structure
from alignet_hf.evaluation.representation.spectrum import Spectrum, draw_spectra
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.evaluation.score_files import save_figures, save_score_figures
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.suite import compare_scores
from alignet_hf.evaluation.vision.image_spec import Spec
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.labelled_images import LabelledImages
from alignet_hf.evaluation.vision.store import EmbeddingStore
from alignet_hf.recipe import EMBEDDED

FOLDER = "representation"  # of the figures
AS_THEY_ARE, SCALED = "distances as they are (the paper's)", "each encoder's distances divided by their mean"
NO_HIERARCHY = f"left out, as no hierarchy of the classes is known: {OF_A_TABLE}; all else is scored"
_WNID = re.compile(r"n\d{8}")


@dataclass
class RepresentationSuite:
    """The structure of a representation of labelled images.

    Args:
        data: whose test images are looked at.
        hierarchy: where it says what is a kind of what; None for WordNet where classes are its ids.
        n_bootstrap, seed: of the draws.
        say: called with the name of a test before it runs.
        n_permutations: for the p-values of the block structure of changes; 0 for none.
        compared: whether there is another encoder, which a few images are not enough to compare with.
    """

    data: LabelledData
    hierarchy: str | None = None
    n_bootstrap: int = 1000
    seed: int = 0
    say: Callable[[str], None] = lambda test: None
    n_permutations: int = 1000
    compared: bool = False
    kinds: Kinds | None = field(default=None, init=False)
    found: "_Found | None" = field(default=None, init=False)

    def read(self, note: Callable[[str], None]) -> None:
        images = self.data.test
        least = N_NEIGHBOURS + 1 if self.compared else 2
        if len(images) < least:
            raise InputError(
                f"{images.name}: {len(images)} {'image' if len(images) == 1 else 'images'}; a representation's "
                f"structure needs {least} at least"
            )
        labels = class_names(images)
        self.kinds = open_kinds(self.hierarchy, sorted(set(labels)), self.data.test_spec, note)
        if self.kinds is not None and (said := left_out(labels, self.kinds)) is not None:
            note(said)

    def scores(
        self, store: EmbeddingStore, against: EmbeddingStore | None, note: Callable[[str], None]
    ) -> tuple[dict[str, Result], dict[str, Comparison]]:
        embedded = store.embed_labelled(self.data.test)
        images, labels = store.decodable(self.data.test), class_names(embedded)
        options = {"kinds": self.kinds, "n_bootstrap": self.n_bootstrap, "seed": self.seed}
        own = structure(embedded.embeddings, labels, say=store.naming(self.say), **options)
        if against is None:
            name = short_name(store.name or "representation")
            self.found = _Found(images, labels, {name: embedded.embeddings}, {name: own.spectrum}, None)
            return own.scores, {}
        before, after = against.embed_labelled(self.data.test).embeddings, embedded.embeddings
        theirs = structure(before, labels, say=against.naming(self.say), **options)
        changed = change(before, after, labels, n_permutations=self.n_permutations, say=self.say, **options)
        if self.kinds is not None and changed.scaled_distances is None:
            self._note_no_changes(changed, labels, note)
        titles = before_and_after(against.name, store.name)
        spectra = {titles["before"]: theirs.spectrum, titles["after"]: own.spectrum}
        embeddings = {titles["before"]: before, titles["after"]: after}
        self.found = _Found(images, labels, embeddings, spectra, changed, titles)
        ours = own.scores | _same_category(changed, "after")
        comparisons = compare_scores(ours, theirs.scores | _same_category(changed, "before"))
        return ours | changed.scores, comparisons

    def _note_no_changes(self, changed: Change, labels: list[str], note: Callable[[str], None]) -> None:
        n_with = sum(name != NO_CATEGORY for name in categories_of(labels, self.kinds.categories))
        if n_with < MIN_WITH_CATEGORY:
            note(f"distance changes: {n_with} of {len(labels)} images have a category, so there is no score of them")
        elif changed.distances is None:
            note("distance changes: every distance changed equally, so there is no score of them")
        else:
            note(
                "scaled distance changes: the representations differ in their size alone, so there is no score of them"
            )

    def _spoken(self, labels: list[str]) -> list[str]:
        """The classes as people call them: those of the demo's photographs by the words of its own hierarchy."""
        own = objects92_categories() if _is_objects92(self.hierarchy, self.data.test_spec) else {}
        return [own[label][0] if label in own else spoken_name(label) for label in labels]

    def save_figures(self, folder: Path, scores: dict[str, Result], comparisons: dict[str, Comparison]) -> None:
        """The scores, projections, spectra; with another encoder, neighbours (as JSON too) and changes of distances.

        Classes without a category are listed beside them.
        """
        found, figures = self.found, {}
        images, labels = found.images.images, found.labels
        categories = labels if self.kinds is None else categories_of(labels, self.kinds.categories)
        methods = METHODS if len(images) >= TRIMAP_MIN_IMAGES else ("pca",)
        missing = missing_packages(methods)
        if missing:
            self.say(f"no projection by {' and '.join(missing)}, which are not installed: {INSTALL}")
        for method in methods:
            if method in missing:
                continue
            self.say(f"projection: {method}")
            projections = project_models(found.embeddings, method, seed=self.seed)
            figures[f"{method}-points"] = draw_points(projections, categories)
            figures[f"{method}-photographs"] = draw_photographs(projections, images, categories, seed=self.seed)
        figures["spectrum"] = draw_spectra(found.spectra)
        if found.change is not None:
            spoken = self._spoken(labels)
            known, page = None if self.kinds is None else categories, found.change.neighbours
            save_neighbours(page, images, spoken, folder / FOLDER, known, found.titles)
            figures["neighbours"] = draw_neighbours(page, images, spoken, known, found.titles)
            figures |= _distance_figures(found.change, found.titles)
        if self.kinds is not None:
            save_left_out(labels, self.kinds, folder / FOLDER)
        save_figures(figures, folder / FOLDER)
        save_score_figures(scores, folder / FOLDER, comparisons)


@dataclass(frozen=True)
class _Found:
    """What the figures are drawn of: N images that could be decoded, their classes, and of each representation by its
    title the embeddings (N, D) and the spectrum; what is between the two, and what "before" and "after" are called,
    where there are two."""

    images: LabelledImages
    labels: list[str]
    embeddings: dict[str, np.ndarray]
    spectra: dict[str, Spectrum]
    change: Change | None
    titles: dict[str, str] = field(default_factory=dict)


def _distance_figures(changed: Change, titles: dict[str, str]) -> dict[str, Figure]:
    """The changes of distances by level, the paper's beside those without the encoders' sizes, and between categories;
    none without categories."""
    titled = {AS_THEY_ARE: changed.distances, SCALED: changed.scaled_distances}
    known = {title: one for title, one in titled.items() if one is not None}
    if not known:
        return {}
    names = {AS_THEY_ARE: "distance-changes-matrix", SCALED: "scaled-distance-changes-matrix"}
    between = f"{titles['before']} to {titles['after']}"
    matrices = {names[title]: category_matrix(one, f"{between}\n{title}") for title, one in known.items()}
    return {"distance-changes": level_densities(known, between), **matrices}


def _same_category(changed: Change, when: str) -> dict[str, Result]:
    """The share of neighbours of an image's own category, "before" or "after"; none without categories."""
    found = changed.neighbours.same_category
    return {"neighbours_same_category": found[when]} if when in found else {}


def class_names(embedded: LabelledEmbeddings | LabelledImages) -> list[str]:
    """The name of each image's class."""
    return [embedded.classes[label] for label in embedded.labels.tolist()]


def spoken_name(name: str) -> str:
    """A class as people call it: ImageNet's by its first name, others without underscores."""
    return imagenet_classes().get(name, name).split(",")[0].replace("_", " ")


def open_kinds(source: str | None, classes: list[str], images: str, note: Callable[[str], None]) -> Kinds | None:
    """What is a kind of what, from where the command line says.

    Args:
        source: a .csv or .tsv of class, basic and superordinate; what `Hierarchy.open` opens; None for WordNet
            where classes are its ids, and for the demo's photographs their own kinds.
        classes: of the images.
        images: their spec.
        note: told where there is no hierarchy, and what to give.

    Raises:
        InputError: a source that cannot be read, or in which the classes are not.
    """
    own = _is_objects92(source, images)
    if source is None and not own and not all(_WNID.fullmatch(name) for name in classes):
        other = next(name for name in classes if not _WNID.fullmatch(name))
        note(
            f"{NO_HIERARCHY}: the classes are no WordNet ids ({other} is not); to have these scores too, give "
            "--hierarchy, a .tsv of class, basic and superordinate say"
        )
        return None
    try:
        kinds = _kinds_of_objects92() if own else _read_kinds(source, classes)
        require_classes(kinds, classes, source or (EMBEDDED if own else "WordNet"))
    except InputError as error:
        if source is not None:
            raise
        note(f"{NO_HIERARCHY}: {error}")
        return None
    return kinds


def _is_objects92(hierarchy: str | None, images: str) -> bool:
    """Whether the images are the demo's photographs, and nobody says what is a kind of what."""
    return hierarchy is None and Spec.parse(images).place == EMBEDDED


def objects92_categories() -> dict[str, tuple[str, str]]:
    """Of each class of the demo's photographs its basic and superordinate category."""
    from alignet_hf.demo.objects92 import CATEGORIES

    return CATEGORIES


def _kinds_of_objects92() -> Kinds:
    categories = Categories.from_table(objects92_categories())
    return Kinds(categories, categories)


def _read_kinds(source: str | None, classes: list[str]) -> Kinds:
    if source is not None and Path(source).suffix.lower() in (".csv", ".tsv"):
        categories = Categories.read(source)
        return Kinds(categories, categories)
    hierarchy = Hierarchy.open(source)
    return Kinds(hierarchy, Categories.of_wordnet(hierarchy, classes))
