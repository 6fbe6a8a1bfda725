"""What one run has done another takes, byte for byte, and nothing is done twice, however many want it."""

import threading
import time

import pytest

from alignet_hf.stages import Stages
from alignet_hf.sweep.shared_stages import SharedStages

LARGE = b"x" * 2**20


def run(folder, library, made_from, counted, *, content=LARGE, seconds=0.0, stages=None):
    def work():
        counted.append(folder.name)
        time.sleep(seconds)
        (folder / "made").mkdir(exist_ok=True)
        (folder / "made" / "large").write_bytes(content)
        (folder / "made" / "small").write_text("small")
        (folder / "made" / ".lock").touch()

    with stages or SharedStages(folder, lambda line: None, library) as opened:
        return opened.run("make", made_from, work, [folder / "made"])


def test_the_second_takes_what_the_first_made(tmp_path):
    counted = []
    prints = [run(tmp_path / name, tmp_path / "library", "a", counted) for name in ("first", "second")]
    assert counted == ["first"]
    assert prints[0] == prints[1]
    first, second = (tmp_path / name / "made" for name in ("first", "second"))
    assert (second / "large").read_bytes() == LARGE
    assert (second / "large").stat().st_ino == (first / "large").stat().st_ino  # once on disk
    (second / "small").write_text("rewritten in place")
    assert (first / "small").read_text() == "small"
    assert not (second / ".lock").exists()
    with Stages(tmp_path / "second", lambda line: None) as stages:  # to a run by itself it is as if it had made it
        assert stages.standing("make", "a", [second]) == "done"


def test_another_fingerprint_is_made_anew(tmp_path):
    counted = []
    for name, made_from in (("first", "a"), ("second", "b"), ("third", "b")):
        run(tmp_path / name, tmp_path / "library", made_from, counted)
    assert counted == ["first", "second"]


def test_those_that_want_it_at_once_wait_for_one(tmp_path):
    counted = []
    threads = [
        threading.Thread(
            target=run, args=(tmp_path / str(n), tmp_path / "library", "a", counted), kwargs={"seconds": 0.2}
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counted) == 1
    assert all((tmp_path / str(n) / "made" / "large").read_bytes() == LARGE for n in range(4))


def test_what_stopped_halfway_is_shared_with_nobody(tmp_path):
    class Stop(Exception):
        pass

    def fail():
        (tmp_path / "first" / "made").mkdir()
        raise Stop

    with pytest.raises(Stop), SharedStages(tmp_path / "first", lambda line: None, tmp_path / "library") as stages:
        stages.run("make", "a", fail, [tmp_path / "first" / "made"])
    counted = []
    run(tmp_path / "second", tmp_path / "library", "a", counted)
    run(tmp_path / "first", tmp_path / "library", "a", counted)  # which began before the second
    assert counted == ["second"]
    assert (tmp_path / "first" / "made" / "large").read_bytes() == LARGE


def test_what_a_run_by_itself_had_done_is_given_to_the_others(tmp_path):
    counted = []
    run(tmp_path / "first", None, "a", counted, stages=Stages(tmp_path / "first", lambda line: None))
    run(tmp_path / "first", tmp_path / "library", "a", counted)
    run(tmp_path / "second", tmp_path / "library", "a", counted)
    assert counted == ["first"]


def test_scores_are_each_run_s_own(tmp_path):
    counted = []
    for name in ("first", "second"):
        with SharedStages(tmp_path / name, lambda line: None, tmp_path / "library") as stages:
            stages.run("evaluate", "a", lambda name=name: counted.append(name))
    assert counted == ["first", "second"]
