"""What commands read that `embed` wrote, with gaps where images could not be decoded, and what does not fit it."""

from pathlib import Path

from alignet_hf.errors import InputError


def aligned(embeddings: Path, transform: Path | None):
    """Embeddings, memory-mapped; with a transform, a view that applies it to the rows that are read.

    Returns:
        (N, D), NaN where an image could not be decoded; (n,) int64, the rows where it could, None for all.
    """
    from alignet_hf.surrogate.embeddings import Embeddings, decodable_rows
    from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
    from alignet_hf.surrogate.views import EmbeddingsView

    rows, kept = Embeddings.from_pretrained(embeddings), None
    if rows.undecodable:
        rows, kept = EmbeddingsView(rows, with_gaps=True), decodable_rows(rows)
    return rows if transform is None else UncertaintyDistillation.from_pretrained(transform).view(rows), kept


def left_out(rows, kept) -> dict[str, int]:
    """How many images a command went on without, to be said with its result."""
    return {} if kept is None else {"undecodable": len(rows) - len(kept)}


def check_named(choices, embeddings, path: Path) -> None:
    """Refuse choices of an image that could not be decoded."""
    import numpy as np

    from alignet_hf.surrogate.embeddings import undecodable_rows

    bad = np.isin(choices, undecodable_rows(embeddings))
    if bad.any():
        row, image = int(bad.any(1).argmax()), int(choices[bad][0])
        raise InputError(
            f"{path}: choice {row} names image {image}, which could not be decoded: {embeddings.undecodable[image]}; "
            "leave that choice out, or replace the image and embed anew"
        )


def check_strategy(strategy: str, clusters: Path | None) -> None:
    """Refuse clusters that a strategy of sample_triplets has no use for, and a strategy without its clusters."""
    if strategy == "class-boundary" and clusters is not None:
        raise InputError(
            f"--clusters {clusters}: class-boundary samples by the classes that names tell; leave it out, or take "
            "--strategy cluster-boundary"
        )
    if clusters is None and strategy not in ("random", "class-boundary"):
        raise InputError(f"--strategy {strategy} needs --clusters FOLDER; only random and class-boundary do without")


def sampled_by(strategy: str, clusters: Path | None, names, kept):
    """What triplets are sampled by: (N,) the clusters, or the classes that the images' names tell.

    Args:
        strategy: of sample_triplets.
        clusters: the folder that `cluster` wrote; see check_strategy.
        names: (N,) of the embeddings.
        kept: rows to sample from, None for all.

    Raises:
        InputError: clusters of other embeddings; a name that tells no class.
    """
    import numpy as np

    from alignet_hf.data.images.classes import class_labels
    from alignet_hf.surrogate.cluster import Clusters

    if strategy == "class-boundary":
        return class_labels(names)
    labels = np.zeros(len(names), np.int32) if clusters is None else Clusters.from_pretrained(clusters).labels
    check_clustered(labels, len(names), kept, clusters)
    return labels


def check_clustered(labels, n_embeddings: int, kept, clusters: Path | None) -> None:
    """Refuse clusters of other embeddings: of another number, or that leave out one of those to sample from."""
    if len(labels) != n_embeddings:
        raise InputError(f"{clusters}: clusters of {len(labels)} embeddings, not of these {n_embeddings}; cluster anew")
    bad = (labels if kept is None else labels[kept]) < 0
    if bad.any():
        row = int(bad.argmax()) if kept is None else int(kept[bad.argmax()])
        raise InputError(f"{clusters}: image {row} has an embedding, but was left out of the clusters; cluster anew")
