"""What a training says of images that it goes on without."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from students import arguments, listed_rows, photographs, processor, student, teacher_embeds

from alignet_hf.data.collator import DenseCollator, TripletCollator, image_rows
from alignet_hf.data.images import ImageFolder, UndecodableImageError
from alignet_hf.distill.record import training_data
from alignet_hf.distill.trainer import AligNetTrainer

BROKEN = (0, 7)  # the first is among those that the card's fingerprint opens


@pytest.fixture
def partly_broken(tmp_path):
    (tmp_path / "images").mkdir()
    for row, image in enumerate(photographs()):
        path = tmp_path / "images" / f"{row:02d}.png"
        image.save(path)
        if row in BROKEN:
            path.write_bytes(path.read_bytes()[:100])
    return ImageFolder(tmp_path / "images")


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


IN_PROCESSES = """
import torch
from alignet_hf.distill.left_out import LeftOut
from alignet_hf.distill.processes import this_process

process = this_process()
left_out = LeftOut(range(9))
left_out.add(torch.tensor([[2, 5], [5, 7]][process.process_index]))
left_out.tell()
assert left_out.rows == {2, 5, 7}
process.destroy_process_group()
"""


def test_processes_bring_together_what_each_left_out(tmp_path):
    (tmp_path / "script.py").write_text(IN_PROCESSES)
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [*launcher, tmp_path / "script.py"],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stderr.count("the training goes on without") == 2  # each process names its own first
    assert run.stderr.count("3 images could not be decoded and were not learnt from: image 2; image 5; image 7") == 1
