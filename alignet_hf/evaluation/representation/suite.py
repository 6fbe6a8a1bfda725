"""The suite `representation` of `alignet-hf evaluate`: the structure of a representation, from files to scores."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.labelled_data import LabelledData
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.neighbour_figure import draw_neighbours
from alignet_hf.evaluation.representation.projection import METHODS, TRIMAP_MIN_IMAGES, project_models
from alignet_hf.evaluation.representation.projection_figures import draw_photographs, draw_points
from alignet_hf.evaluation.representation.scores import Change, Kinds, Structure, categories_of, change, structure
from alignet_hf.evaluation.representation.spectrum import draw_spectra
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.evaluation.score_files import save_figures, save_score_figures
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.suite import compare_scores
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.labelled_images import LabelledImages
from alignet_hf.evaluation.vision.store import EmbeddingStore
from alignet_hf.recipe import EMBEDDED

FOLDER = "representation"  # of the figures
_WNID = re.compile(r"n\d{8}")


@dataclass
class RepresentationSuite:
    """The structure of a representation of labelled images.

    Args:
        data: whose test images are looked at.
        hierarchy: where it says what is a kind of what; None for WordNet where classes are its ids.
        n_bootstrap, seed: of the draws.
        say: called with the name of a test before it runs.

    Raises:
        InputError: no images.
    """

    data: LabelledData
    hierarchy: str | None = None
    n_bootstrap: int = 1000
    seed: int = 0
    say: Callable[[str], None] = lambda test: None
    kinds: Kinds | None = field(default=None, init=False)

    def __post_init__(self):
        if self.data.test_spec is None:
            raise InputError("--suite representation: give the images to look at: --test IMAGES")
        self.data.check()

    def read(self, note: Callable[[str], None]) -> None:
        images = self.data.test
        classes = [images.classes[label] for label in np.unique(images.labels)]
        self.kinds = open_kinds(self.hierarchy, classes, self.data.test_spec, note)

    def scores(
        self, store: EmbeddingStore, against: EmbeddingStore | None, note: Callable[[str], None]
    ) -> tuple[dict[str, Result], dict[str, Comparison]]:
        images = self.data.test
        after = store.embed_labelled(images)
        self.images, self.embeddings = store.decodable(images), {"": after}
        labels = class_names(after)
        options = {"kinds": self.kinds, "n_bootstrap": self.n_bootstrap, "seed": self.seed, "say": self.say}
        self.structures: dict[str, Structure] = {"": structure(after.embeddings, labels, **options)}
        self.change: Change | None = None
        scores = dict(self.structures[""].scores)
        if against is None:
            return scores, {}
        before = against.embed_labelled(images)
        self.embeddings = {"before": before, "after": after}
        self.structures = {
            "before": structure(before.embeddings, labels, **options),
            "after": self.structures[""],
        }
        comparisons = compare_scores(scores, self.structures["before"].scores)
        self.change = change(before.embeddings, after.embeddings, labels, **options)
        if self.kinds is not None and self.change.distances is None:
            note("distance changes: every distance changed equally, so there is no score of them")
        for name, result in self.change.neighbours.same_category.items():
            if name == "after":
                scores["neighbours_same_category"] = result
        if self.change.neighbours.same_category:
            both = self.change.neighbours.same_category
            comparisons |= compare_scores(
                {"neighbours_same_category": both["after"]}, {"neighbours_same_category": both["before"]}
            )
        return scores | self.change.scores, comparisons

    def save_figures(self, folder: Path, scores: dict[str, Result], comparisons: dict[str, Comparison]) -> None:
        """The scores, projections, spectra; with another encoder, neighbours and changes of distances."""
        categories, drawn = self._categories(), {}
        models = {name or "representation": np.asarray(one.embeddings) for name, one in self.embeddings.items()}
        for method in METHODS if len(self.images) >= TRIMAP_MIN_IMAGES else ("pca",):
            projections = project_models(models, method, seed=self.seed)
            drawn[f"{method}-points"] = draw_points(projections, categories)
            drawn[f"{method}-photographs"] = draw_photographs(
                projections, self.images.images, categories, seed=self.seed
            )
        spectra = {name or "representation": one.spectrum for name, one in self.structures.items()}
        drawn["spectrum"] = draw_spectra(spectra)
        if self.change is not None:
            labels = class_names(self.embeddings["after"])
            drawn["neighbours"] = draw_neighbours(self.change.neighbours, self.images.images, labels, categories)
            if self.change.distances is not None:
                drawn["distance-changes"] = self.change.distances.draw_levels()
                drawn["distance-changes-matrix"] = self.change.distances.draw_matrix()
        save_figures(drawn, folder / FOLDER)
        save_score_figures(scores, folder / FOLDER, comparisons)

    def _categories(self) -> list[str]:
        """Of every image: its superordinate category, or its class where there is no hierarchy."""
        labels = class_names(next(iter(self.embeddings.values())))
        return labels if self.kinds is None else categories_of(labels, self.kinds.categories)


def class_names(embedded: LabelledEmbeddings | LabelledImages) -> list[str]:
    """The name of each image's class."""
    return [embedded.classes[label] for label in embedded.labels.tolist()]


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
    if source is None and images == EMBEDDED:
        from alignet_hf.demo.objects92 import CATEGORIES

        categories = Categories.from_table(CATEGORIES)
        return Kinds(categories, categories)
    if source is None and not all(_WNID.fullmatch(name) for name in classes):
        note("no hierarchy of the classes, which are no WordNet ids: give --hierarchy, a .tsv of categories say")
        return None
    if source is not None and Path(source).suffix.lower() in (".csv", ".tsv"):
        categories = Categories.read(source)
        return Kinds(categories, categories)
    try:
        hierarchy = Hierarchy.open(source)
    except InputError as error:
        if source is not None:
            raise
        note(f"no hierarchy of the classes: {error}")
        return None
    return Kinds(hierarchy, Categories.of_wordnet(hierarchy, classes))
