"""The folder of a command: held by one process, made for the work, gone again where there was none."""

import errno
import os

import pytest
from filelock import FileLock

from alignet_hf.errors import InputError
from alignet_hf.output_folder import holds_a_lock_alone, remove_result, working_in, writes_out


def enter(folder):
    with working_in(folder):
        pytest.fail("it is open")


def test_one_at_a_time(tmp_path):
    with working_in(tmp_path / "out") as folder:
        (folder / "file").touch()
        with pytest.raises(InputError, match="out: another process works in this folder"):
            enter(folder)
    with working_in(folder):
        assert (folder / "file").exists()


def test_a_folder_without_a_result_goes_again(tmp_path):
    def work(folder, writes):
        with working_in(folder):
            if writes:
                (folder / "half").touch()
            raise InputError("nothing there")

    def fail(folder, writes):
        with pytest.raises(InputError, match="nothing there"):
            work(folder, writes)

    fail(tmp_path / "a" / "new", writes=False)
    assert not (tmp_path / "a" / "new").exists()
    fail(tmp_path / "half", writes=True)
    assert (tmp_path / "half" / "half").exists()
    (tmp_path / "old").mkdir()
    fail(tmp_path / "old", writes=False)
    assert (tmp_path / "old").exists()


def test_places_where_no_folder_can_be_are_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="a file stands where the folder should be"):
            enter(place)
    assert (tmp_path / "file").read_text() == "mine"


def test_no_room_names_the_folder(tmp_path):
    with (
        pytest.raises(InputError, match=r"out: cannot be written \(No space left on device\); make room"),
        working_in(tmp_path / "out"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_first_of_processes_that_work_together_holds_the_folder(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.setenv("RANK", "1")
    with FileLock(tmp_path / "out" / ".lock"), working_in(tmp_path / "out") as folder:
        assert folder == tmp_path / "out"
    monkeypatch.setenv("RANK", "0")
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(InputError, match="another process"):
        enter(tmp_path / "out")


def test_a_command_without_a_folder_works_in_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = writes_out(lambda *, out, n: (out, n))
    assert command(out=None, n=1) == (None, 1)
    assert not list(tmp_path.iterdir())
    assert command(out=tmp_path / "out", n=2) == (tmp_path / "out", 2)
    assert holds_a_lock_alone(tmp_path / "out")
    assert not holds_a_lock_alone(tmp_path)


def test_a_result_is_removed_and_the_lock_on_it_stays(tmp_path):
    (tmp_path / "plain" / "below").mkdir(parents=True)
    remove_result(tmp_path / "plain")
    remove_result(tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())
    with working_in(tmp_path / "out") as folder:
        (folder / "below").mkdir()
        (folder / "below" / "file").touch()
        (folder / "link").symlink_to(tmp_path)
        remove_result(folder)
        assert holds_a_lock_alone(folder)
        with pytest.raises(InputError, match="another process"):
            enter(folder)
    assert tmp_path.exists()
