"""Which order of rows the arguments of a training ask for."""

import numpy as np
from datasets import Dataset

from alignet_hf.data.collator import DenseCollator, ImageCollator
from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.distill.batches import Order
from alignet_hf.distill.cluster_order import ClusterOrder
from alignet_hf.distill.shared_images import SharedImagesOrder
from alignet_hf.errors import InputError


def check_row_order(args: AligNetTrainingArguments, collator, dataset) -> None:
    """Raise an InputError where the arguments ask for an order that the collator's rows cannot have.

    Args:
        dataset: what will be learnt from; None where nothing is.
    """
    is_dense = isinstance(collator, DenseCollator)
    if args.triplet_order != "random":
        if is_dense:
            raise InputError(
                f"triplet_order is {args.triplet_order!r}, which is for listed triplets: leave it out; "
                "clusters_a_step says which images share a dense step"
            )
        _check_column(dataset, "indices", "triplet_order")
    if args.clusters_a_step is not None:
        if isinstance(collator, ImageCollator) and not is_dense:
            raise InputError("clusters_a_step is for dense triplets; listed ones name their images: leave it out")
        if not is_dense or collator.labels is None:
            raise InputError(
                "clusters_a_step needs the cluster of every image: give DenseCollator labels=... (cluster_embeddings "
                "makes them), or leave it out"
            )
        _check_column(dataset, "index", "clusters_a_step")


def row_order(args: AligNetTrainingArguments, dataset: Dataset, collator, rows_a_step: int) -> Order | None:
    """The order that `args.triplet_order` or `args.clusters_a_step` asks for; None for any.

    Args:
        collator, dataset: as check_row_order found them good.
        rows_a_step: of all processes and micro-batches together.

    Raises:
        InputError: steps of so many rows cannot be.
    """
    if args.triplet_order == "shared-images":
        return SharedImagesOrder(_values(dataset, "indices").reshape(-1, 3), rows_a_step)
    if args.clusters_a_step is not None:
        return ClusterOrder(collator.labels[_values(dataset, "index")], rows_a_step, args.clusters_a_step)
    return None


def _check_column(dataset, name: str, argument: str) -> None:
    if dataset is None or (isinstance(dataset, Dataset) and name in dataset.column_names):
        return
    has = ", ".join(dataset.column_names) if isinstance(dataset, Dataset) else type(dataset).__name__
    raise InputError(
        f"{argument} needs a datasets.Dataset with the column {name!r} to train on, not {has}; leave it out"
    )


def _values(dataset: Dataset, name: str) -> np.ndarray:
    """All values of a column of integers, or of lists of them, one after the other; not copied if Arrow has them so."""
    column = dataset.select_columns(name).with_format("arrow")[:][name].combine_chunks()
    return (column.flatten() if column.type.num_fields else column).to_numpy(zero_copy_only=False)
