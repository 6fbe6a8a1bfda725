"""Which order of rows the arguments of a training ask for."""

import numpy as np
from datasets import Dataset

from alignet_hf.data.collator import DenseCollator, ImageCollator
from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.distill.batches import Order
from alignet_hf.distill.cluster_order import ClusterOrder
from alignet_hf.distill.shared_images import SharedImagesOrder
from alignet_hf.errors import InputError


def check_row_order(args: AligNetTrainingArguments, collator) -> None:
    """Raise an InputError where the arguments ask for an order that the collator's rows cannot have."""
    is_dense = isinstance(collator, DenseCollator)
    if args.triplet_order != "random" and is_dense:
        raise InputError(
            f"triplet_order is {args.triplet_order!r}, which is for listed triplets: leave it out; "
            "clusters_a_step says which images share a dense step"
        )
    if args.clusters_a_step is None:
        return
    if isinstance(collator, ImageCollator) and not is_dense:
        raise InputError("clusters_a_step is for dense triplets; listed ones name their images: leave it out")
    if not is_dense or collator.labels is None:
        raise InputError(
            "clusters_a_step needs the cluster of every image: give DenseCollator labels=... (cluster_embeddings makes "
            "them), or leave it out"
        )


def row_order(args: AligNetTrainingArguments, dataset: Dataset, collator, rows_a_step: int) -> Order | None:
    """The order that `args.triplet_order` or `args.clusters_a_step` asks for; None for any.

    Args:
        dataset: of the collator's rows.
        rows_a_step: of all processes and micro-batches together.

    Raises:
        InputError: the data set lacks the column that says which images its rows are about.
    """
    if args.triplet_order == "shared-images":
        return SharedImagesOrder(_column(dataset, "indices").reshape(-1, 3), rows_a_step)
    if args.clusters_a_step is not None:
        return ClusterOrder(collator.labels[_column(dataset, "index")], rows_a_step, args.clusters_a_step)
    return None


def _column(dataset: Dataset, name: str) -> np.ndarray:
    """All values of a column of integers, or of lists of them, one after the other."""
    if not isinstance(dataset, Dataset) or name not in dataset.column_names:
        raise InputError(f"train_dataset: expected a datasets.Dataset with a column {name!r}, to order its rows by")
    values = dataset.select_columns(name).with_format("arrow")[:][name].combine_chunks()
    while hasattr(values, "flatten") and values.type.num_fields:
        values = values.flatten()
    return values.to_numpy(zero_copy_only=False)
