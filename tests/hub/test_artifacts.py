import json

import numpy as np
import pytest

from alignet_hf.errors import HubError, InputError
from alignet_hf.hub import artifacts
from alignet_hf.hub.artifacts import Artifact, replacing
from alignet_hf.hub.download import local_folder
from alignet_hf.hub.push import push_folder, repo_type_of


class Ruler(Artifact):
    kind = "ruler"
    command = "measure"
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
    config = json.loads((folder / "config.json").read_text())
    assert config == {"artifact": "ruler", "seed": 3, "note": "a|b", "repo_type": "model"}
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
    with pytest.raises(
        InputError,
        match=r"here: not clock.*made by alignet-hf measure; it holds README.md, config.json, ruler.safetensors",
    ):
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


def test_what_is_pushed_loads_again(small_hub):
    RULER.push_to_hub("alignet/ruler", private=True, token=small_hub.token)
    assert small_hub.commits("alignet/ruler") == ["Upload ruler", "initial commit"]
    longer = Ruler(np.arange(9, dtype=np.float32), seed=4)
    longer.push_to_hub("alignet/ruler", revision="v2", commit_message="Longer", token=small_hub.token)
    pull_request = longer.push_to_hub("alignet/ruler", create_pr=True, token=small_hub.token)
    assert pull_request == f"{small_hub.url}/alignet/ruler/discussions/1"
    for revision, seed in [(None, 3), ("v2", 4), ("refs/pr/1", 4)]:
        loaded = Ruler.from_pretrained("alignet/ruler", revision=revision, token=small_hub.token)
        assert loaded.metadata["seed"] == seed
    assert set(small_hub.files("alignet/ruler")) == {".gitattributes", "README.md", "config.json", "ruler.safetensors"}


def test_an_artefact_that_is_a_data_set(small_hub, tmp_path):
    class Tape(Ruler):
        kind, repo_type = "tape", "dataset"

    tape = Tape(RULER.marks, seed=5)
    assert repo_type_of(tape.save_pretrained(tmp_path)) == "dataset"
    tape.push_to_hub("alignet/tape", token=small_hub.token)
    assert Tape.from_pretrained("alignet/tape").metadata["seed"] == 5
    with pytest.raises(HubError, match="no such repository"):
        Ruler.from_pretrained("alignet/tape")


def test_a_part_of_a_folder_or_repository(small_hub, tmp_path):
    RULER.save_pretrained(tmp_path / "all" / "deep" / "ruler")
    Ruler(RULER.marks, seed=6).save_pretrained(tmp_path / "all" / "other")
    push_folder(tmp_path / "all", "alignet/all", repo_type="model", token=small_hub.token)
    for source in (tmp_path / "all", "alignet/all"):
        assert Ruler.from_pretrained(source, subfolder="deep/ruler").metadata["seed"] == 3
        with pytest.raises(InputError, match="all: no subfolder none"):
            Ruler.from_pretrained(source, subfolder="none")
        for name in ("../all/other", "/etc"):
            with pytest.raises(InputError, match="leaves the folder; give a path inside it"):
                Ruler.from_pretrained(source, subfolder=name)
    assert not [path for method, path in small_hub.requests if method == "GET" and "other/" in path]
