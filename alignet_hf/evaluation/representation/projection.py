"""Representations in two dimensions: principal components, TriMap, UMAP (B.3.1, Figs. 18 to 20)."""

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from scipy.linalg import orthogonal_procrustes

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.similarity import sampled_rows, validate_same_images
from alignet_hf.evaluation.representation.spectrum import principal_components
from alignet_hf.triplets import validate_embeddings

METHODS = {"pca": "principal components", "trimap": "TriMap", "umap": "UMAP"}
PACKAGES = {"trimap": ("trimap", "trimap"), "umap": ("umap", "umap-learn")}  # method -> module, package
INSTALL = 'pip install "alignet-hf[projections]" -c constraints.txt'
MAX_IMAGES = 5000
TRIMAP_INLIERS, TRIMAP_MIN_IMAGES = 12, 20  # the package's own number of neighbours, and room for others
UMAP_NEIGHBOURS, UMAP_MIN_IMAGES = 15, 5


@dataclass(frozen=True)
class Projections:
    """Several models' representations of the same images in two dimensions.

    Attributes:
        method: "pca", "trimap" or "umap".
        rows: (n,) the images, rows of the embeddings: all of them, or a sample of `n_images`.
        n_images: how many were embedded.
        places: name of a model -> (n, 2) float64, centred; all but the last turned or mirrored to lie as near to the
            last as they can (orthogonal Procrustes), so that the eye can compare.
        explained: name of a model -> share of its variance in these two dimensions; empty unless the method is "pca".
    """

    method: str
    rows: np.ndarray
    n_images: int
    places: dict[str, np.ndarray]
    explained: dict[str, float]


def project(embeddings, method: str = "pca", *, seed: int = 0) -> np.ndarray:
    """Project embeddings to two dimensions; the same seed gives the same places.

    Args:
        embeddings: (N, D) float, one row an image.
        method: "pca", which has no seed; "trimap" (Amid & Warmuth 2019, https://arxiv.org/abs/1910.00204) or "umap"
            (McInnes et al. 2018, https://arxiv.org/abs/1802.03426), by their packages with their own settings.
        seed: of TriMap and UMAP, which then run in one thread.

    Returns:
        (N, 2) float64.

    Raises:
        InputError: too few images, an entry that is not finite, or a package that is not installed.
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if method == "pca":
        return _principal_places(embeddings)[0]
    embeddings = validate_embeddings(embeddings).astype(np.float32)
    at_least = TRIMAP_MIN_IMAGES if method == "trimap" else UMAP_MIN_IMAGES
    if len(embeddings) < at_least:
        raise InputError(f"{METHODS[method]} needs at least {at_least} images, got {len(embeddings)}")
    return (_trimap if method == "trimap" else _umap)(embeddings, seed).astype(np.float64)


def project_models(
    models: Mapping[str, np.ndarray], method: str = "pca", *, max_images: int = MAX_IMAGES, seed: int = 0
) -> Projections:
    """Project several models' embeddings of the same images, before and after alignment say; the last is the reference.

    Args:
        models: name -> (N, D) embeddings.
        method: as for `project`.
        max_images: of more images so many, drawn without replacement, are kept. Principal components are those of all
            images; TriMap and UMAP see the kept ones alone.
        seed: of the images kept, and of the method.

    Raises:
        InputError: other numbers of images, or as for `project`.
    """
    n_images = validate_same_images(models, min_images=3)
    rows = sampled_rows(n_images, max_images, seed)
    places, explained = {}, {}
    for name, embeddings in models.items():
        if method == "pca":
            found, explained[name] = _principal_places(embeddings, name)
            places[name] = found[rows]
        else:
            places[name] = project(np.asarray(embeddings[rows]), method, seed=seed)
        places[name] = places[name] - places[name].mean(0)
    reference = next(reversed(places.values()))
    turned = {name: one if one is reference else turned_to(one, reference) for name, one in places.items()}
    return Projections(method, rows, n_images, turned, explained)


def turned_to(places: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Turn and mirror centred (n, 2) places so that the squared distances to the reference are smallest."""
    return places @ orthogonal_procrustes(places, reference)[0]


def _principal_places(embeddings, name: str = "embeddings") -> tuple[np.ndarray, float]:
    rows, components, eigenvalues = principal_components(embeddings, name)
    places = np.zeros((len(rows), 2))  # one dimension leaves the second at zero
    places[:, : components.shape[1]] = rows @ components[:, :2]
    return places, float(eigenvalues[:2].sum() / eigenvalues.sum())


def _umap(embeddings: np.ndarray, seed: int) -> np.ndarray:
    with _needed("umap-learn"):
        from umap import UMAP
    neighbours = min(UMAP_NEIGHBOURS, len(embeddings) - 1)
    # The spectral start of so few images asks for more eigenvectors than there are.
    init = "spectral" if len(embeddings) > UMAP_NEIGHBOURS else "random"
    return UMAP(n_neighbors=neighbours, init=init, random_state=seed, n_jobs=1).fit_transform(embeddings)


def _trimap(embeddings: np.ndarray, seed: int) -> np.ndarray:
    with _needed("trimap"):
        import numba
        from trimap import TRIMAP

    @numba.njit
    def seed_numba(seed):  # compiled code has a generator of its own
        np.random.seed(seed)  # noqa: NPY002

    threads, state = numba.get_num_threads(), np.random.get_state()  # noqa: NPY002
    try:
        numba.set_num_threads(1)  # each thread draws from its own generator
        np.random.seed(seed)  # noqa: NPY002
        seed_numba(seed)
        inliers = min(TRIMAP_INLIERS, len(embeddings) // 2)
        return TRIMAP(n_inliers=inliers, verbose=False).fit_transform(embeddings)
    finally:
        numba.set_num_threads(threads)
        np.random.set_state(state)  # noqa: NPY002


def missing_packages(methods: Iterable[str]) -> dict[str, str]:
    """Those methods whose package is not installed -> the package; "pca" needs none."""
    needed = {method: PACKAGES[method] for method in methods if method in PACKAGES}
    return {method: package for method, (module, package) in needed.items() if find_spec(module) is None}


@contextmanager
def _needed(package: str):
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"{package} is not installed: {INSTALL}") from error
