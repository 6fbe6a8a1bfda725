"""FSDP2 and torch.compile in two processes give what a single, plain process does."""

from pathlib import Path

import pytest
import torch
from processes import launched
from sharded_processes import trainer
from test_processes import assert_same_curve, read

from alignet_hf.modeling_alignet import AligNetVisionModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharded")
    trainer(folder / "listed-plain", 8).train()
    launched(2, Path(__file__).with_name("sharded_processes.py"), folder)
    return folder


@pytest.fixture(scope="module", params=["listed", "dense"])
def alone(request, tmp_path_factory):
    plain = trainer(tmp_path_factory.mktemp("alone"), 8, request.param)
    plain.train()
    return request.param, plain


def test_shards_learn_as_the_whole(folder, alone):
    """Losses, penalties and held-out accuracies; DINOv2's mask token never has a gradient."""
    data, plain = alone
    assert_same_curve(plain.state.log_history, read(folder, f"{data}-sharded"))


def test_shards_resume_to_the_bit(folder):
    whole, resumed = read(folder, "listed-sharded"), read(folder, "listed-resumed")
    assert resumed[:-1] == whole[:-1]


def test_shards_go_on_from_a_plain_training(folder, alone):
    """With weights and origins from the checkpoint: what it begins with is another student."""
    data, plain = alone
    if data == "listed":
        assert_same_curve(plain.state.log_history, read(folder, "listed-goes-on"))


def test_a_plain_training_goes_on_from_shards(folder, alone, tmp_path):
    data, plain = alone
    if data == "listed":
        resumed = trainer(tmp_path, 8, seed=1)
        resumed.train(resume_from_checkpoint=str(folder / "listed-sharded" / "checkpoint-3"))
        assert_same_curve(plain.state.log_history, resumed.state.log_history)


def test_the_student_is_saved_whole_and_under_its_own_name(folder, alone):
    data, plain = alone
    if data == "dense":
        pytest.skip("saved once, of the listed one")
    saved = folder / "student"
    assert {path.name for path in saved.glob("*.py")} == {
        "configuration_alignet.py", "image_processing_alignet.py", "modeling_alignet.py"
    }  # fmt: skip
    student = AligNetVisionModel.from_pretrained(saved)
    assert student.config.architectures == ["AligNetVisionModel"]
    for (name, p), q in zip(student.named_parameters(), plain.model.parameters(), strict=True):
        if not name.endswith("k_proj.bias"):
            torch.testing.assert_close(p, q, atol=1e-4, rtol=1e-4, msg=name)


def test_a_compiled_student_learns_as_the_plain_one(folder, alone):
    data, plain = alone
    if data == "listed":
        assert_same_curve(plain.state.log_history, read(folder, "compiled"))
