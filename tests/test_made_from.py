"""A folder is a command's own: it goes on there, and replaces nothing unasked."""

import pytest

from alignet_hf.errors import InputError
from alignet_hf.made_from import MadeFrom, claim, digest_of

ASKED = MadeFrom("cluster", {"n_clusters": 8, "seed": 0}, {"embeddings": "a", "transform": None})
NOT_OURS = "is there already, and not of this run; remove it or use another folder"


def test_the_same_command_goes_on(tmp_path):
    assert not claim(tmp_path, ASKED)
    assert not claim(tmp_path, ASKED)
    assert MadeFrom.read(tmp_path) == ASKED


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (MadeFrom("cluster", {"n_clusters": 9, "seed": 0}, ASKED.inputs), r"\(n_clusters: 8, now 9\)"),
        (MadeFrom("cluster", {"n_clusters": 8}, ASKED.inputs), r"\(seed: 0, now none\)"),
        (MadeFrom("cluster", ASKED.options, {"embeddings": "b", "transform": None}), r"\(embeddings\)"),
        (MadeFrom("cluster", ASKED.options, {"embeddings": "a", "transform": "c"}), r"\(transform\)"),
        (MadeFrom("cluster", {"n_clusters": 8, "seed": 1}, {"embeddings": "b"}), r"\(seed: 0, now 1; embeddings\)"),
    ],
)
def test_other_inputs_are_named_and_replace_what_is_there_if_it_is_forced(tmp_path, now, said):
    claim(tmp_path, ASKED)
    assert not claim(tmp_path, now)  # nothing is lost
    claim(tmp_path, ASKED)
    (tmp_path / "clusters.safetensors").touch()
    with pytest.raises(InputError, match=f"holds what `cluster` made from other inputs {said}; --force replaces it"):
        claim(tmp_path, now)
    assert MadeFrom.read(tmp_path) == ASKED
    with pytest.warns(UserWarning, match=f"{said}, which is replaced"):
        assert claim(tmp_path, now, force=True)
    assert not claim(tmp_path, now)


@pytest.mark.parametrize("force", [False, True])
def test_what_another_command_or_nobody_wrote_is_left_alone(tmp_path, force):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "cat.png").touch()
    (tmp_path / "other").mkdir()
    claim(tmp_path / "other", MadeFrom("triplets", {}))
    for folder in ("photographs", "other"):
        with pytest.raises(InputError, match=f"{folder}: {NOT_OURS}"):
            claim(tmp_path / folder, ASKED, result="clusters.safetensors", force=force)
    assert [path.name for path in (tmp_path / "photographs").iterdir()] == ["cat.png"]
    assert MadeFrom.read(tmp_path / "other").command == "triplets"


def test_a_result_without_a_record_is_replaced_if_it_is_forced(tmp_path):
    (tmp_path / "clusters.safetensors").touch()
    with pytest.raises(InputError, match="--force replaces it"):
        claim(tmp_path, ASKED, result="clusters.safetensors")
    with pytest.warns(UserWarning, match="which is replaced"):
        claim(tmp_path, ASKED, result="clusters.safetensors", force=True)
    assert MadeFrom.read(tmp_path) == ASKED


def test_what_a_kill_leaves_is_no_content(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / "..made_from.json.tmp").touch()
    claim(tmp_path, ASKED)


def test_a_digest_is_of_the_content_alone(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_bytes(b"same")
    monkeypatch.chdir(tmp_path)
    assert digest_of("one") == digest_of(tmp_path / "two")
    (tmp_path / "one" / ".lock").touch()
    (tmp_path / "one" / "README.md").touch()
    (tmp_path / "one" / "out").mkdir()
    (tmp_path / "one" / "out" / "result").touch()
    assert digest_of("one") == digest_of("two")
    (tmp_path / "two" / "weights").write_bytes(b"other")
    assert digest_of("one") != digest_of("two")
    (tmp_path / "two" / "weights").rename(tmp_path / "two" / "renamed")
    assert digest_of("two/renamed") not in (digest_of("two"), digest_of("one/weights"))
    assert digest_of("lab/encoder") == "lab/encoder"
    assert digest_of(None) is None
