import json

import pytest

from alignet_hf.distill.checkpoints import checkpoint_to_resume, is_complete, last_complete_checkpoint, mark_incomplete
from alignet_hf.errors import InputError


def checkpoint(folder, step, state=None):
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / "model.safetensors").touch()
    if state is None:
        state = json.dumps({"global_step": step, "log_history": [{"loss": 1.0}]}, indent=2)
    (path / "trainer_state.json").write_text(state)
    return path


def test_the_last_complete_one_is_found(tmp_path):
    assert last_complete_checkpoint(tmp_path / "absent") is None
    assert last_complete_checkpoint(tmp_path) is None
    checkpoint(tmp_path, 2)
    ninth = checkpoint(tmp_path, 9)
    tenth = checkpoint(tmp_path, 10)
    assert last_complete_checkpoint(tmp_path) == str(tenth)
    mark_incomplete(tenth)
    assert not is_complete(tenth)
    assert last_complete_checkpoint(tmp_path) == str(ninth)


def test_a_state_cut_short_anywhere_is_not_complete(tmp_path):
    whole = (checkpoint(tmp_path, 1) / "trainer_state.json").read_text()
    for length in range(len(whole)):
        folder = tmp_path / f"cut-{length}"
        folder.mkdir()
        assert not is_complete(checkpoint(folder, 2, whole[:length]))


def test_what_to_resume_from(tmp_path):
    assert checkpoint_to_resume(None, tmp_path) is None
    assert checkpoint_to_resume(False, tmp_path) is None
    with pytest.raises(InputError, match="no complete checkpoint"):
        checkpoint_to_resume(True, tmp_path)
    first, second = checkpoint(tmp_path, 4), checkpoint(tmp_path, 8, state="{")
    assert checkpoint_to_resume(True, tmp_path) == str(first)
    assert checkpoint_to_resume(first, tmp_path) == str(first)
    with pytest.raises(InputError, match=f"checkpoint-8: not a complete checkpoint.*resume from {first}"):
        checkpoint_to_resume(str(second), tmp_path)
