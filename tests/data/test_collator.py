import pickle

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image
from torch.utils.data import DataLoader

from alignet_hf.data.collator import DenseCollator, TripletCollator, image_rows
from alignet_hf.data.images import ArrayImages, ImageList
from alignet_hf.data.step_rows import RowsOfSteps
from alignet_hf.data.triplet_images import triplets_on
from alignet_hf.distill.batches import TrainingBatches
from alignet_hf.errors import InputError
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.views import EmbeddingsView


class Images(list):
    """A list that remembers which images it was asked for."""

    def __init__(self, *args):
        super().__init__(*args)
        self.opened = []

    def __getitem__(self, index):
        self.opened.append(index)
        return super().__getitem__(index)


def shades(n=8):
    return [Image.new("RGB", (4, 4), (10 * index, 0, 0)) for index in range(n)]


def process(images, return_tensors):
    pixels = np.stack([np.asarray(image, np.float32) for image in images])
    return {"pixel_values": torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())}


def noisy(image):
    return Image.new("RGB", image.size, (int(torch.randint(256, ())), 0, 0))


def triplet_row(*indices):
    return {"indices": list(indices), "similarities": [0.5, 0.25, 0.125]}


def shade_of(pixel_values):
    return (pixel_values[:, 0, 0, 0] / 10).long().tolist()


def test_a_listed_batch_opens_each_distinct_image_once():
    images = Images(shades())
    batch = TripletCollator(images, process)([triplet_row(5, 1, 3), triplet_row(3, 5, 7), triplet_row(1, 3, 5)])
    assert sorted(images.opened) == [1, 3, 5, 7]
    assert batch["pixel_values"].shape == (4, 3, 4, 4)
    assert batch["triplets"].dtype == torch.int64
    assert batch["similarities"].dtype == torch.float32
    assert [shade_of(batch["pixel_values"][row]) for row in batch["triplets"]] == [[5, 1, 3], [3, 5, 7], [1, 3, 5]]


def named_row(*indices, names):
    return {**triplet_row(*indices), "filenames": list(names)}


def test_triplets_that_name_other_images_than_their_rows_are_refused():
    array = np.zeros((8, 4, 4, 3), np.uint8)
    images = ArrayImages(array, [f"train/{name}.png" for name in "abcdefgh"])
    collator = TripletCollator(images, process)
    for names in (["train/a.png", "train/b.png", "train/c.png"], ["a.jpeg", "stimuli/b.png", "c"]):
        assert len(collator([named_row(0, 1, 2, names=names)])["triplets"]) == 1
    rows = [named_row(0, 1, 2, names="abc"), named_row(3, 5, 4, names="def")]
    wrong = r"names the image 'e', but row 5 of the images is 'train/f.png': train on triplets_on\(triplets, images\)"
    with pytest.raises(InputError, match=wrong):
        collator(rows)
    found = triplets_on(Dataset.from_list(rows), images)
    assert collator(list(found))["triplets"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert len(TripletCollator(shades(), process)(rows)["triplets"]) == 2  # a list has no names to compare


def test_a_dense_batch_keeps_images_embeddings_and_labels_together(tmp_path):
    on_disk = np.memmap(tmp_path / "embeds", np.float64, "w+", shape=(8, 2))
    on_disk[:] = np.arange(8)[:, None]
    collator = DenseCollator(shades(), process, on_disk, labels=np.arange(8) * 2)
    assert isinstance(collator.teacher_embeds.base, np.memmap)
    batch = collator([{"index": index} for index in (6, 2, 4, 2)])  # an image drawn twice counts once
    assert shade_of(batch["pixel_values"]) == batch["teacher_embeds"][:, 0].tolist() == [2, 4, 6]
    assert batch["labels"].tolist() == [4, 8, 12]
    assert batch["teacher_embeds"].dtype == torch.float32


def test_collators_work_in_worker_processes():
    collator = DenseCollator(shades(), process, np.eye(8, dtype=np.float32))
    pickle.loads(pickle.dumps(collator))
    batches = list(DataLoader(image_rows(8), 4, collate_fn=collator, num_workers=1))
    assert [shade_of(batch["pixel_values"]) for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("aligned", [True, False])
def test_embeddings_on_disk_are_read_as_batches_need_them(tmp_path, aligned):
    rng = np.random.default_rng(0)
    embeddings = Embeddings(rng.normal(size=(4000, 16)).astype(np.float32)).save_pretrained(tmp_path)
    transform = UncertaintyDistillation(rng.normal(size=(16, 16)).astype(np.float32), np.ones(16, np.float32), 0.2, 3.0)
    on_disk = Embeddings.from_pretrained(embeddings)
    teacher, whole = (transform.view(on_disk), transform.transform(on_disk)) if aligned else (on_disk, on_disk)
    images = shades(8) * 500
    sent = DenseCollator(images, process, teacher).__getstate__()
    assert len(pickle.dumps(sent["teacher_embeds"])) < on_disk.array.nbytes / 10
    collator = DenseCollator(images, process, teacher)
    for each in (collator, pickle.loads(pickle.dumps(collator))):
        batch = each([{"index": index} for index in (3999, 5, 17, 5)])
        np.testing.assert_allclose(batch["teacher_embeds"], whole[[5, 17, 3999]], rtol=1e-5, atol=1e-6)
        assert batch["teacher_embeds"].dtype == torch.float32
    spawned = DataLoader(
        image_rows(4000).select(range(8)), 4, collate_fn=collator, num_workers=1, multiprocessing_context="spawn"
    )
    found = torch.cat([batch["teacher_embeds"] for batch in spawned])
    np.testing.assert_allclose(found, whole[:8], rtol=1e-5, atol=1e-6)


def test_of_a_view_only_the_batch_s_rows_are_computed():
    computed = []

    def doubled(rows):
        computed.append(len(rows))
        return 2 * rows

    teacher = EmbeddingsView(np.ones((8, 2), np.float32), function=doubled, n_dimensions=2)
    batch = DenseCollator(shades(), process, teacher)([{"index": index} for index in (6, 2, 4)])
    assert computed == [3]
    assert (batch["teacher_embeds"] == 2).all()


def test_a_random_transform_follows_from_the_seed_and_the_rows():
    def pixels(seed, *indices):
        rows = [{"index": index} for index in indices]
        return DenseCollator(shades(), process, np.eye(8), transform=noisy, seed=seed)(rows)["pixel_values"]

    state = torch.get_rng_state()
    first = pixels(0, 1, 2, 3)
    assert torch.equal(state, torch.get_rng_state())
    torch.rand(5)
    assert torch.equal(first, pixels(0, 1, 2, 3))
    assert not torch.equal(first, pixels(1, 1, 2, 3))
    assert not torch.equal(first[:2], pixels(0, 1, 2, 4)[:2])
    assert not torch.equal(first, pixels(0, 3, 2, 1))  # the next epoch's batch of all images is seen anew


def test_an_image_looks_alike_in_every_part_of_a_step_and_new_in_the_next():
    collator = DenseCollator(shades(), process, np.eye(8), transform=noisy, seed=3)
    loads = {}
    for n_workers, batch_size, accumulation, n_processes in ((0, 8, 1, 1), (0, 2, 2, 2), (2, 2, 4, 1), (0, 4, 1, 2)):
        parts = []
        for index in range(n_processes):
            batches = TrainingBatches(16, batch_size, accumulation, n_processes, index, seed=0)
            data = RowsOfSteps(Dataset.from_dict({"index": np.arange(16) % 8}))
            loader = DataLoader(data, batch_sampler=batches, collate_fn=collator, num_workers=n_workers)
            for epoch in (0, 1):
                batches.set_epoch(epoch)
                looks = [(batch["teacher_embeds"].argmax(1).tolist(), batch["pixel_values"]) for batch in loader]
                for number, (images, pixels) in enumerate(looks):
                    step = 2 * epoch + number // accumulation
                    parts += [(step, image, int(look[0, 0, 0])) for image, look in zip(images, pixels, strict=True)]
        loads[n_workers, batch_size, accumulation, n_processes] = set(parts)
    first, *others = loads.values()
    assert all(first == other for other in others)
    looks = {(step, image): look for step, image, look in first}
    assert len(looks) == len(first) > 16  # one look for each image of a step
    assert len(set(looks.values())) > 0.8 * len(looks)  # of 256


def test_images_of_other_modes_become_rgb():
    images = [Image.new("L", (4, 4), 20), Image.new("RGBA", (4, 4), (30, 0, 0, 255)), Image.new("P", (4, 4))]
    batch = DenseCollator(images, process, np.eye(3))([{"index": 0}, {"index": 1}])
    assert shade_of(batch["pixel_values"]) == [2, 3]


def test_an_image_that_does_not_decode_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(InputError, match=r"broken\.png"):
        DenseCollator(ImageList([tmp_path / "broken.png"]), process, np.eye(1))([{"index": 0}])
    Image.effect_noise((64, 64), 50).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:500])
    with pytest.raises(InputError, match="image 1 cannot be read"):
        TripletCollator([*shades(1), Image.open(tmp_path / "cut.png"), *shades(2)], process)([triplet_row(0, 1, 2)])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([triplet_row(0, 1, 2), triplet_row(0, 1, 8)], r"row 1 is out of range: \[0, 1, 8\].*8 items"),
        ([triplet_row(0, 1, 1)], "names an item twice"),
        ([{"index": 1}], "no 'indices', only: index"),
    ],
)
def test_bad_listed_rows_are_refused(rows, message):
    with pytest.raises(InputError, match=message):
        TripletCollator(shades(), process)(rows)


def test_bad_dense_inputs_are_refused():
    with pytest.raises(InputError, match=r"teacher_embeds has shape \(7, 2\), but there are 8 images"):
        DenseCollator(shades(), process, np.ones((7, 2)))
    with pytest.raises(InputError, match="labels"):
        DenseCollator(shades(), process, np.ones((8, 2)), labels=[1, 2])
    embeds = np.ones((8, 2))
    embeds[3, 1] = np.nan
    collator = DenseCollator(shades(), process, embeds)
    with pytest.raises(InputError, match="row 3 is not finite"):
        collator([{"index": 2}, {"index": 3}])
    with pytest.raises(InputError, match="index 8 is out of range: there are 8 images, 0 to 7"):
        collator([{"index": 2}, {"index": 8}])
