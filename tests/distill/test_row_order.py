"""The orders as a training asks for them: on one process, on several, and resumed."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from students import arguments, dense_collator, listed_collator, listed_rows, student

from alignet_hf.data.collator import image_rows
from alignet_hf.distill.batches import TrainingBatches
from alignet_hf.distill.cluster_order import ClusterOrder
from alignet_hf.distill.row_order import row_order
from alignet_hf.distill.shared_images import SharedImagesOrder
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.errors import InputError
from alignet_hf.surrogate.sample import sample_triplets

LABELS = np.arange(24) % 3
ORDERS = {
    "clusters": ClusterOrder(np.arange(200) % 10, 32, 4),
    "shared images": SharedImagesOrder(sample_triplets(40, 200, "random", seed=0), 32),
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_rows_of_a_step_do_not_depend_on_processes_and_micro_batches(name):
    def rows_of_steps(batch_size, accumulation, n_processes):
        parts = [
            list(TrainingBatches(200, batch_size, accumulation, n_processes, process, seed=3, order=ORDERS[name]))
            for process in range(n_processes)
        ]
        batches = [np.concatenate(batch) for batch in zip(*parts, strict=True)]
        return [np.concatenate(batches[start : start + accumulation]) for start in range(0, len(batches), accumulation)]

    alone = rows_of_steps(32, 1, 1)
    assert [len(step) for step in alone] == [32] * 6 + [8]
    for others in (rows_of_steps(16, 1, 2), rows_of_steps(8, 2, 2), rows_of_steps(8, 4, 1)):
        for step, other in zip(alone, others, strict=True):
            assert np.array_equal(step, other)


def trainer(folder, data, seed=0, **kwargs):
    """6 steps in two epochs."""
    args = arguments(folder, max_steps=6, save_strategy="steps", save_steps=2, **kwargs)
    if data == "dense":
        return AligNetTrainer(student(seed), args, dense_collator(labels=LABELS), image_rows(24))
    return AligNetTrainer(student(seed), args, listed_collator(), listed_rows(24))


OPTIONS = {
    "dense": {"clusters_a_step": 2, "per_device_train_batch_size": 8},
    "listed": {"triplet_order": "shared-images", "per_device_train_batch_size": 8},
}


@pytest.mark.parametrize("data", OPTIONS)
def test_a_resumed_run_ends_as_the_undisturbed_one(tmp_path, data):
    undisturbed = trainer(tmp_path, data, **OPTIONS[data])
    undisturbed.train()
    resumed = trainer(tmp_path / "resumed", data, seed=1, **OPTIONS[data])
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    for p, q in zip(undisturbed.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(p, q)


def test_the_trainer_draws_steps_from_clusters(tmp_path):
    batches = list(trainer(tmp_path, "dense", **OPTIONS["dense"]).get_train_dataloader())
    assert [batch["labels"].unique(return_counts=True)[1].tolist() for batch in batches] == [[4, 4]] * 3


def test_the_trainer_puts_triplets_together_that_share_images(tmp_path):
    def n_images(**options):
        loader = trainer(tmp_path, "listed", per_device_train_batch_size=8, **options).get_train_dataloader()
        loader.set_epoch(0)
        return sum(len(batch["pixel_values"]) for batch in loader)

    assert n_images(triplet_order="shared-images") < n_images() - 5


def test_columns_of_any_kind_are_read():
    rows = listed_rows(20)
    for dataset in (rows, rows.select([3, 5, 1, 7, 8, 0, 2]), Dataset.from_dict({"indices": rows["indices"][:]})):
        order = row_order(arguments("unused", triplet_order="shared-images"), dataset, listed_collator(), 4)
        assert order.triplets.tolist() == dataset["indices"][:]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("dense", {"triplet_order": "shared-images"}, "triplet_order is 'shared-images', which is for listed triplets"),
        ("listed", {"clusters_a_step": 2}, "clusters_a_step is for dense triplets"),
        ("listed", {"triplet_order": "sorted"}, "triplet_order is 'sorted'; choose one of random, shared-images"),
        ("dense", {"clusters_a_step": 0}, "clusters_a_step is 0; it must be a positive number"),
        (
            "dense",
            {"clusters_a_step": 2, "train_sampling_strategy": "sequential"},
            "'sequential' takes the rows as they come",
        ),
    ],
)
def test_orders_that_cannot_be_are_refused(tmp_path, data, options, message):
    with pytest.raises(InputError, match=message):
        trainer(tmp_path, data, **options)


def test_clusters_need_labels(tmp_path):
    with pytest.raises(InputError, match="clusters_a_step needs the cluster of every image"):
        AligNetTrainer(student(), arguments(tmp_path, clusters_a_step=2), dense_collator(), image_rows(24))


@pytest.mark.parametrize(
    ("data", "rows", "message"),
    [
        ("listed", [{"indices": [0, 1, 2]}] * 24, "triplet_order needs .* 'indices' to train on, not list"),
        ("listed", image_rows(24), "triplet_order needs .* 'indices' to train on, not index"),
        ("listed", listed_rows(24).to_iterable_dataset(), "triplet_order needs .*, not IterableDataset"),
        ("dense", listed_rows(24), "clusters_a_step needs .* 'index' to train on, not indices, similarities"),
    ],
)
def test_a_data_set_without_the_column_is_refused(tmp_path, data, rows, message):
    collator = listed_collator() if data == "listed" else dense_collator(labels=LABELS)
    with pytest.raises(InputError, match=message):
        AligNetTrainer(student(), arguments(tmp_path, **OPTIONS[data]), collator, rows)
