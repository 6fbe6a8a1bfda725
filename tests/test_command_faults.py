"""Commands that are killed, run out of room, lose a worker or meet another: benchmarks/faults.py, in small.

Caching has the same tests in data/test_image_cache.py and data/test_images_undecodable.py.
"""

import os
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from commands_in_children import Child, make_inputs, result
from filelock import FileLock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
COMMANDS = ("embedding", "clustering", "sampling and responding", "training")


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def expected(commands, tmp_path_factory):
    """Where an undisturbed command has left its result, and how long it took."""
    known = {}

    def expected(name) -> tuple[Path, float]:
        if name not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            child, start = Child(commands[name], folder), time.monotonic()
            assert child.end() == (0, "")
            known[name] = folder, time.monotonic() - start
        return known[name]

    return expected


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_and_started_again(name, commands, expected, tmp_path):
    whole, seconds = expected(name)
    moments, kills = random.Random(0), 0
    for _ in range(20):
        if Child(commands[name], tmp_path).kill_after(moments.uniform(0.1, 0.7) * seconds):
            kills += 1
        else:
            assert result(tmp_path) == result(whole)
            shutil.rmtree(tmp_path)
        if kills == 2:  # in one folder: the second has met what the first one left
            break
    assert kills == 2
    code, said = Child(commands[name], tmp_path).end()
    assert code == 0, said
    assert not said or re.fullmatch(r"\w+: go(es|ing) on from (image|step) \d+ of \d+\n", said)
    assert result(tmp_path) == result(whole)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_line_and_room_lets_it_go_on(name, commands, expected, tmp_path):
    whole, _ = expected(name)
    files = result(whole)
    largest = max((whole / path).stat().st_size for path in files)
    code, said = Child(commands[name], tmp_path, most_bytes=largest // 2).end()
    assert code == 2, said
    assert re.fullmatch(r"alignet-hf: out\S*: .*cannot be written \(.+\); .*make room and start .+\n", said)
    left = result(tmp_path)
    assert not {path for path in left if path in files and left[path] != files[path]}
    assert not {path for path in left if path.endswith(".tmp") or ".new/" in path}
    assert Child(commands[name], tmp_path).end()[0] == 0
    assert result(tmp_path) == files


@pytest.mark.parametrize("name", ["embedding", "training"])
def test_a_killed_worker_is_one_line(name, commands, tmp_path):
    child = Child((*commands[name], "--num-workers", "2"), tmp_path)
    os.kill(child.first_worker(), signal.SIGKILL)
    code, said = child.end(60)
    assert code == 2, said
    assert said.startswith("alignet-hf: a worker process was killed, by the system perhaps")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("name", "held"), [*((name, "out") for name in COMMANDS), ("training", "out-training")])
def test_a_second_command_in_the_folder_is_refused(name, held, commands, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / held
    folder.mkdir()
    with FileLock(folder / ".lock"):
        code, out, err = call(*commands[name])
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"alignet-hf: {folder.name}: another process .+; wait for it, or .+\n", err)
    assert [path.name for path in folder.iterdir()] == [".lock"]
    assert list(tmp_path.iterdir()) == [folder]
