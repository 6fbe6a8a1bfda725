"""What a training says of images that it goes on without."""

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from lost_batches import BROKEN, gradients, held_out_score, rows_of
from processes import launched
from safetensors.torch import load_file
from students import arguments, listed_rows, photographs, processor, student, teacher_embeds

from alignet_hf.data.collator import DenseCollator, TripletCollator, image_rows
from alignet_hf.data.images import ImageFolder, UndecodableImageError
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.record import _scores, training_data
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.errors import InputError
from alignet_hf.triplets import all_triplets


@pytest.fixture
def partly_broken(tmp_path):
    return ImageFolder(write_partly_broken(tmp_path / "images"))


def write_partly_broken(folder):
    folder.mkdir()
    for row, image in enumerate(photographs()):
        path = folder / f"{row:02d}.png"
        image.save(path)
        if row in BROKEN:
            path.write_bytes(path.read_bytes()[:100])
    return folder


def trained(folder, collator, rows, **options):
    """-> the trainer once it has trained, and its warnings of images."""
    trainer = AligNetTrainer(student(), arguments(folder, **options), collator, rows)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.train()
    return trainer, [str(one.message) for one in caught if "could not be decoded" in str(one.message)]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_images_left_out_are_named_and_counted(tmp_path, partly_broken, num_workers):
    rows = listed_rows()
    named = np.isin(np.asarray(rows["indices"]), BROKEN)
    assert named.any()
    collator = TripletCollator(partly_broken, processor, on_bad="skip")
    options = {"max_steps": 5, "per_device_train_batch_size": 8, "dataloader_num_workers": num_workers}
    trainer, said = trained(tmp_path, collator, rows, **options)
    assert trainer.left_out.rows == set(BROKEN)
    first, last = said
    assert re.match(r"(00|07)\.png\b.* could not be decoded; the training goes on without", first)
    assert re.match(r"2 images could not be decoded and were not learnt from: 00\.png; 07\.png$", last)


def test_a_dense_training_counts_too(tmp_path, partly_broken):
    collator = DenseCollator(partly_broken, processor, teacher_embeds(), on_bad="skip")
    trainer, said = trained(tmp_path, collator, image_rows(24), max_steps=2, per_device_train_batch_size=12)
    assert trainer.left_out.rows == set(BROKEN)
    assert len(said) == 2


def test_nothing_is_said_where_all_are_whole(tmp_path):
    collator = TripletCollator(photographs(), processor, on_bad="skip")
    trainer, said = trained(tmp_path, collator, listed_rows(), max_steps=1)
    assert (trainer.left_out.rows, said) == (set(), [])


def test_the_card_keeps_its_facts(partly_broken):
    with pytest.raises(UndecodableImageError):
        partly_broken[0]
    facts = training_data(TripletCollator(partly_broken, processor, on_bad="skip"), listed_rows())
    assert facts["images"] == 24
    assert re.fullmatch("[0-9a-f]{32}", facts["images fingerprint"])
    assert facts["triplets"] == 40


STEPS = [False, True, True, True, False, False]  # which batches are lost, two a step


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("listed", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}),
        ("listed", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "bf16": True}),
        ("dense", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}),
        ("dense", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "gather_negatives": True}),
    ],
)
def test_a_lost_batch_adds_nothing_to_its_step(tmp_path, partly_broken, data, options):
    steps, trainer = gradients(tmp_path, partly_broken.folder, data, STEPS, max_steps=3, **options)
    assert (trainer.left_out.rows, trainer.left_out.n_batches) == (set(BROKEN), 3)
    assert trainer.state.log_history[1]["loss"] == 0
    assert len(steps) == 3
    assert not any(gradient.any() for gradient in steps[1].values())
    options["gradient_accumulation_steps"] = 1
    (alone,), _ = gradients(tmp_path, partly_broken.folder, data, [False], max_steps=1, **options)
    assert_same(steps[0], alone)


def test_a_batch_of_two_whole_images_has_no_triplet(tmp_path, partly_broken):
    collator = DenseCollator(partly_broken, processor, teacher_embeds(), on_bad="skip")
    rows = Dataset.from_dict({"index": np.array([0, 7, 1, 2], np.int32)})
    trainer, said = trained(tmp_path, collator, rows, max_steps=1)
    assert trainer.state.log_history[0]["loss"] == 0
    assert said[-1].endswith("not learnt from: 00.png; 07.png; 1 batch had no triplet left")


def test_an_evaluation_passes_over_a_lost_batch(tmp_path, partly_broken):
    collator = TripletCollator(partly_broken, processor, on_bad="skip")
    trainer = AligNetTrainer(student(), arguments(tmp_path, per_device_eval_batch_size=4), collator)
    whole, lost = (trainer.evaluate(rows_of("listed", kind)) for kind in ([False], [True, False]))
    assert whole["eval_loss"] == pytest.approx(lost["eval_loss"], rel=1e-6) != 0
    assert trainer.evaluate(rows_of("listed", [True]))["eval_loss"] == 0


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_held_out_choices_on_broken_images_are_left_out(tmp_path, partly_broken, batch_size):
    triplets = np.random.default_rng(0).permuted(all_triplets(8), axis=1)
    named = np.isin(triplets, BROKEN).any(1)
    collator = TripletCollator(partly_broken, processor, on_bad="skip")
    args = arguments(tmp_path, max_steps=1, per_device_eval_batch_size=batch_size, eval_strategy="steps", eval_steps=1)
    held_out = {"people": HeldOutTriplets(partly_broken, triplets), "whole": HeldOutTriplets(photographs(), triplets)}
    trainer = AligNetTrainer(student(), args, collator, listed_rows(), held_out)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = [trainer.evaluate() for _ in range(2)]
        trainer.train()
    told = [str(one.message) for one in caught if "held-out" in str(one.message)]
    assert told == [
        "2 held-out images could not be decoded: 00.png; 07.png; "
        f"{named.sum()} of 56 held-out triplets name them and are not scored"
    ]
    expected = trainer.evaluate(HeldOutTriplets(photographs(), triplets[~named]), metric_key_prefix="rest")
    assert scores[0]["eval_people_triplets_left_out"] == named.sum()
    assert "eval_whole_triplets_left_out" not in scores[0]
    assert scores[0] == scores[1]
    assert trainer.evaluate()["eval_people_odd_one_out_accuracy"] == expected["rest_odd_one_out_accuracy"]
    assert f"{56 - named.sum()} held-out choices" in next(one.data for one in _scores(trainer))


def test_held_out_choices_of_which_none_is_left_are_refused(tmp_path, partly_broken):
    held_out = HeldOutTriplets(partly_broken, np.array([[0, 1, 2], [3, 7, 4]]))
    for on_bad, error in (("skip", "no held-out triplet can be scored"), ("raise", r"00\.png")):
        collator = TripletCollator(partly_broken, processor, on_bad=on_bad)
        with pytest.raises(InputError, match=error):
            AligNetTrainer(student(), arguments(tmp_path), collator, eval_dataset=held_out).evaluate()


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert max(gradient.abs().max() for gradient in first.values()) > 0.01
    for name, gradient in first.items():
        torch.testing.assert_close(gradient, second[name], atol=1e-5, rtol=1e-5, msg=name)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What two processes made of lost batches, and the images."""
    folder = tmp_path_factory.mktemp("two")
    images = write_partly_broken(folder / "images")
    launched(2, Path(__file__).with_name("lost_batches.py"), folder, images)
    return folder, images


def test_two_processes_score_what_is_left_as_one_does(of_two, tmp_path):
    folder, images = of_two
    score = json.loads((folder / "score.json").read_text())
    assert score == held_out_score(tmp_path, images)
    assert score["eval_triplets_left_out"] == 36  # of 56, 20 are of the six whole images


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("listed", {"per_device_train_batch_size": 8}),
        ("dense", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}),
        ("dense-gathered", {"per_device_train_batch_size": 8}),
    ],
)
def test_two_processes_of_which_one_or_both_lose_a_batch_learn_as_one_does(of_two, tmp_path, name, options):
    folder, images = of_two
    data = name.split("-")[0]
    steps, _ = gradients(tmp_path, images, data, STEPS, max_steps=3, **options)
    together = load_file(folder / name)
    for number, step in enumerate(steps):
        theirs = {key[2:]: gradient for key, gradient in together.items() if key.startswith(f"{number}.")}
        if number == 1:
            assert not any(gradient.any() for gradient in theirs.values())
        else:
            assert_same(step, theirs)


IN_PROCESSES = """
import torch
from alignet_hf.distill.left_out import LeftOut
from alignet_hf.distill.processes import this_process

process = this_process()
left_out = LeftOut(range(9))
left_out.add(torch.tensor([[2, 5], [5, 7]][process.process_index]), process.is_main_process)
left_out.tell()
assert left_out.rows == {2, 5, 7}
process.destroy_process_group()
"""


def test_processes_bring_together_what_each_left_out(tmp_path):
    (tmp_path / "script.py").write_text(IN_PROCESSES)
    said = launched(2, tmp_path / "script.py").stderr
    assert said.count("the training goes on without") == 2  # each process names its own first
    told = "3 images could not be decoded and were not learnt from: image 2; image 5; image 7; 1 batch had no triplet"
    assert said.count(told) == 1
