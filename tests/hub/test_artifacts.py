import json
from types import SimpleNamespace

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.hub import artifacts
from alignet_hf.hub.artifacts import Artifact, local_folder, replacing


class Ruler(Artifact):
    kind = "ruler"
    summary = "A ruler."

    def __init__(self, marks, **facts):
        self.marks, self.metadata = marks, facts

    def tensors(self):
        return {"marks": self.marks}

    def facts(self):
        return self.metadata

    @classmethod
    def from_parts(cls, tensors, facts):
        return cls(tensors["marks"], **facts)


class Clock(Ruler):
    kind = "clock"


RULER = Ruler(np.arange(5, dtype=np.float32), seed=3, note="a|b")


def test_what_is_saved_loads_again(tmp_path):
    folder = RULER.save_pretrained(tmp_path / "deep" / "ruler")
    loaded = Ruler.from_pretrained(folder)
    np.testing.assert_array_equal(loaded.marks, RULER.marks)
    assert loaded.metadata == {"seed": 3, "note": "a|b"}
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "ruler.safetensors"]


def test_card_and_config_say_what_made_it(tmp_path):
    folder = RULER.save_pretrained(tmp_path)
    assert json.loads((folder / "config.json").read_text()) == {"artifact": "ruler", "seed": 3, "note": "a|b"}
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: alignet-hf\n")
    assert "A ruler." in card
    assert "| seed | 3 |" in card
    assert r"| note | a\|b |" in card


def test_same_artefact_same_bytes(tmp_path):
    files = [RULER.save_pretrained(tmp_path / name) / "ruler.safetensors" for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("stop_at", ["config.json", "README.md", "ruler.safetensors"])
def test_a_save_stopped_anywhere_leaves_the_old_artefact(tmp_path, monkeypatch, stop_at):
    RULER.save_pretrained(tmp_path)
    replace = artifacts.os.replace

    def stopped(source, target):
        if target.name == stop_at:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(artifacts.os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        Ruler(np.zeros(7, np.float32), seed=4).save_pretrained(tmp_path)
    loaded = Ruler.from_pretrained(tmp_path)
    np.testing.assert_array_equal(loaded.marks, RULER.marks)
    assert loaded.metadata["seed"] == 3


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    def half():
        with replacing(tmp_path / "a") as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert not list(tmp_path.iterdir())


def test_another_kind_of_artefact_is_named(tmp_path):
    RULER.save_pretrained(tmp_path / "here")
    with pytest.raises(InputError, match=r"here: not clock.*it holds README.md, config.json, ruler.safetensors"):
        Clock.from_pretrained(tmp_path / "here")


def test_a_damaged_file_is_named(tmp_path):
    path = RULER.save_pretrained(tmp_path) / "ruler.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"ruler.safetensors: not a ruler file"):
        Ruler.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["/no/such/folder", "./here", "one", "a/b/c"])
def test_neither_folder_nor_repository(name):
    with pytest.raises(InputError, match="no such folder"):
        local_folder(name, repo_type="model")


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="a file stands where"):
        RULER.save_pretrained(tmp_path / "taken")


def test_a_repository_is_asked_of_the_hub(tmp_path, monkeypatch):
    asked = {}

    def snapshot_download(repo_id, **arguments):
        asked.update(arguments, repo_id=repo_id)
        return RULER.save_pretrained(tmp_path)

    monkeypatch.setattr(artifacts, "snapshot_download", snapshot_download)
    assert Ruler.from_pretrained("owner/name", revision="v1").metadata["seed"] == 3
    assert (asked["repo_id"], asked["revision"], asked["repo_type"]) == ("owner/name", "v1", "model")


def test_a_repository_that_the_hub_does_not_give_is_named(monkeypatch):
    def snapshot_download(*_, **__):
        raise artifacts.LocalEntryNotFoundError("offline, and not in the cache")

    monkeypatch.setattr(artifacts, "snapshot_download", snapshot_download)
    with pytest.raises(InputError, match="owner/name: no such folder, and the Hub does not give it: offline"):
        Ruler.from_pretrained("owner/name")


def test_push_is_one_commit_of_what_save_writes(monkeypatch):
    calls = []

    class Api:
        def __init__(self, token):
            calls.append(("token", token))

        def create_repo(self, repo_id, **arguments):
            calls.append(("create", repo_id, arguments["repo_type"], arguments["exist_ok"]))
            return SimpleNamespace(repo_id=f"me/{repo_id}")

        def upload_folder(self, *, folder_path, repo_id, **arguments):
            marks = Ruler.from_pretrained(folder_path).marks
            calls.append(("upload", repo_id, len(marks), arguments["commit_message"]))
            return SimpleNamespace(commit_url="https://hub/commit")

    monkeypatch.setattr(artifacts, "HfApi", Api)
    assert RULER.push_to_hub("ruler", token="t") == "https://hub/commit"
    assert calls == [("token", "t"), ("create", "ruler", "model", True), ("upload", "me/ruler", 5, "Upload ruler")]
