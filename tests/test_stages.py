"""Stages: done once, repeated when what they are made from changes, one process at a time."""

import pytest

from alignet_hf.errors import InputError
from alignet_hf.output_folder import working_in
from alignet_hf.stages import Stages, files_fingerprint, fingerprint


@pytest.fixture
def stages(tmp_path):
    with Stages(tmp_path / "run", say=lambda line: None) as stages:
        yield stages


def test_a_stage_is_done_once(stages):
    calls = []
    for _ in range(2):
        stages.run("embed", "a", lambda: calls.append(1))
    assert calls == [1]
    assert list(stages.seconds()) == ["embed"]


def test_a_stage_that_has_not_ended_took_no_time_yet(stages):
    during = []
    stages.run("embed", "a", lambda: None)
    stages.run("report", "b", lambda: during.extend(stages.seconds()))
    assert during == ["embed"]
    assert list(stages.seconds()) == ["embed", "report"]


def test_a_changed_input_repeats_the_stage_and_those_after_it(stages):
    calls = []

    def chain(made_from):
        first = stages.run("first", made_from, lambda: calls.append("first"))
        stages.run("second", first, lambda: calls.append("second"))

    for made_from in ("a", "a", "b"):
        chain(made_from)
    assert calls == ["first", "second"] * 2


def test_a_stopped_stage_goes_on_with_what_it_left_and_a_changed_one_does_not(stages, tmp_path):
    folder = tmp_path / "work"

    def work(stop):
        folder.mkdir(exist_ok=True)
        seen.append((folder / "half").exists())
        (folder / "half").touch()
        if stop:
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        stages.run("train", "a", lambda: work(True), [folder])
    stages.run("train", "a", lambda: work(False), [folder])
    stages.run("train", "b", lambda: work(False), [folder])
    assert seen == [False, True, False]


def test_what_runs_share_is_found_made_anew_where_it_is_gone_and_never_removed(stages, tmp_path):
    shared, calls = tmp_path / "cache.json", []

    def work():
        calls.append(1)
        shared.touch()

    shared.touch()  # another run's
    for made_from in ("a", "a", "b"):
        stages.run("cache", made_from, work, shares=[shared])
    assert shared.exists()
    assert len(calls) == 2
    shared.unlink()
    stages.run("cache", "b", work, shares=[shared])
    assert len(calls) == 3


def test_a_record_cut_short_counts_as_none(stages):
    stages.run("embed", "a", lambda: None)
    (stages.folder / "stages" / "embed.json").write_text('{"made')
    calls = []
    stages.run("embed", "a", lambda: calls.append(1))
    assert calls == [1]


def test_what_somebody_else_left_is_not_touched(stages, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "notes.md").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in ("thesis", "file"):
        with pytest.raises(InputError, match=f"{place}: is there already, and not of this run"):
            stages.run("train", "a", lambda: None, [tmp_path / place])
    assert (tmp_path / "thesis" / "notes.md").read_text() == (tmp_path / "file").read_text() == "mine"


def test_forgetting_repeats_a_stage_and_replaces_what_it_wrote(stages, tmp_path):
    folder = tmp_path / "work"
    seen = []

    def work():
        seen.append(folder.exists())
        folder.mkdir()
        (folder / "file").touch()

    for _ in range(2):
        stages.run("train", "a", work, [folder])
        stages.forget()
    assert seen == [False, False]
    assert stages.unfinished() == ["train"]


def test_a_stage_whose_output_is_gone_is_done_again(stages, tmp_path):
    for _ in range(2):
        stages.run("train", "a", (tmp_path / "output").touch, [tmp_path / "output"])
        (tmp_path / "output").unlink()
    assert stages.n_done == 2


def test_a_second_process_is_refused(stages):
    with pytest.raises(InputError, match="another process works in this folder"), Stages(stages.folder, print):
        pass


def test_a_file_in_the_folder_s_place_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="file: a file stands where the folder should be"),
        Stages(tmp_path / "file", print),
    ):
        pass


def test_fingerprints_tell_inputs_apart():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_a_result_that_is_locked_while_it_is_made(stages, tmp_path):
    out, calls = tmp_path / "out", []

    def work():
        calls.append(sorted(path.name for path in out.iterdir()))
        (out / "result").touch()

    with working_in(out):
        for made_from in ("a", "a", "b"):
            stages.run("train", made_from, work, [out])
    assert calls == [[".lock"]] * 2
    (out / "result").unlink()
    stages.run("train", "b", work, [out])  # a lock alone is no result
    assert calls == [[".lock"]] * 3


def test_a_lock_changes_no_fingerprint(tmp_path):
    (tmp_path / "model").touch()
    before = files_fingerprint(tmp_path)
    with working_in(tmp_path):
        assert files_fingerprint(tmp_path) == before
    (tmp_path / "other").touch()
    assert files_fingerprint(tmp_path) != before
