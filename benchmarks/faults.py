"""What goes wrong on long work: kills, full disks, lost workers, two commands in one folder; what each ends with.

    python benchmarks/faults.py [KILLS] [COMMAND]

Embedding, caching, clustering, sampling with responding, and training (or the COMMAND alone), small: the 92 embedded
photographs and a random encoder of two layers. Each is killed KILLS times (20) with kill -9, at moments drawn uniformly
over the time that it takes undisturbed, start of its imports excluded: the same command follows in the same folder, may
be killed too, and once it has ended every file is compared with those that an undisturbed process of its own has left.
Left out is what tells times (see tests/commands_in_children.py). A full disk is a limit on the size of a file
(RLIMIT_FSIZE) of several parts of the largest one and, where this user may mount one, a small tmpfs.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from measure import print_goals

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from commands_in_children import Child, make_inputs, result, undisturbed

PARTS = (0.0, 0.02, 0.3, 0.6, 0.99)  # of the largest file
WITH_WORKERS = ("embedding", "caching", "training")


class Command:
    """One of the commands, with what it ends with undisturbed and how long it takes."""

    def __init__(self, name: str, arguments: tuple[str, ...], folder: Path):
        self.name, self.arguments, self.folder = name, arguments, folder
        whole = folder / "undisturbed"
        self.files = undisturbed(arguments, whole)
        self.largest = max((whole / path).stat().st_size for path in self.files)
        self.bytes = sum((whole / path).stat().st_size for path in self.files)
        child, start = Child(arguments, folder / "timed"), time.monotonic()
        child.end()
        self.seconds = time.monotonic() - start

    def is_whole(self, folder: Path) -> bool:
        return result(folder) == self.files

    def goes_on(self, folder: Path) -> bool:
        """Whether the command, once more, ends well and as the undisturbed one."""
        return Child(self.arguments, folder).end() == (0, "") and self.is_whole(folder)

    def refuses_for_room(self, folder: Path, most_bytes: int | None = None) -> bool:
        """Whether it says in one line that there is no room, and leaves no file that is not as it should be."""
        code, said = Child(self.arguments, folder, most_bytes).end()
        left = result(folder)
        broken = [path for path in left if path in self.files and left[path] != self.files[path]]
        return code == 2 and said.count("\n") == 1 and "make room" in said and not broken


def kills(command: Command, n: int, moments: random.Random) -> tuple[str, bool]:
    done, ended, differing, folder = 0, 0, 0, command.folder / "killed"
    while True:
        if done < n and Child(command.arguments, folder).kill_after(moments.uniform(0, 1) * command.seconds):
            done += 1
            continue
        ended += 1
        differing += not command.goes_on(folder)
        shutil.rmtree(folder)
        if done == n:
            return f"{done} kills, {ended} ends, {differing} differ", differing == 0


def file_limits(command: Command) -> tuple[str, bool]:
    good = 0
    for part in PARTS:
        folder = command.folder / f"limit-{part}"
        good += command.refuses_for_room(folder, int(part * command.largest)) and command.goes_on(folder)
    return f"{good} of {len(PARTS)} limits", good == len(PARTS)


def full_tmpfs(command: Command) -> tuple[str, bool | None]:
    """On a file system that half of the result fills; then it is made larger, and the command goes on.

    Where this user may not mount one, nothing is known.
    """
    folder = command.folder / "tmpfs"
    folder.mkdir()
    size = max(command.bytes // 2, command.largest // 2)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return "this user may not mount one", None
    try:
        good = command.refuses_for_room(folder)
        subprocess.run(["mount", "-o", "remount,size=1g", folder], check=True)
        good = command.goes_on(folder) and good
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # a server of forks may still be on its way out
    return "refused, then went on" if good else "no", good


def killed_worker(command: Command) -> tuple[str, bool]:
    child = Child((*command.arguments, "--num-workers", "2"), command.folder / "worker")
    os.kill(child.first_worker(), signal.SIGKILL)
    start = time.monotonic()
    code, said = child.end()
    good = code == 2 and said.count("\n") == 1 and "a worker process was killed" in said
    return f"{'said' if good else said[-60:]!r} after {time.monotonic() - start:.1f} s", good


def two_at_once(command: Command) -> tuple[str, bool]:
    """The first is stopped in the middle of its work, and let go on when the second has ended."""
    folder = command.folder / "two"
    first = Child(command.arguments, folder)
    while not list(folder.glob("*/.lock")):
        time.sleep(0.001)
    time.sleep(0.02)  # from the file to the lock on it
    os.kill(first.process.pid, signal.SIGSTOP)
    code, said = Child(command.arguments, folder).end()
    os.kill(first.process.pid, signal.SIGCONT)
    good = code == 2 and "another process works in this folder" in said and said.count("\n") == 1
    good = first.end() == (0, "") and command.is_whole(folder) and good
    return "second refused, first whole" if good else said[-60:], good


def main(n_kills: int, only: str | None = None) -> None:
    moments, goals = random.Random(0), []
    with tempfile.TemporaryDirectory() as temporary:
        inputs = Path(temporary, "inputs")
        inputs.mkdir()
        commands = make_inputs(inputs)
        for name, arguments in commands.items() if only is None else [(only, commands[only])]:
            command = Command(name, arguments, Path(temporary, name))
            n = 2 * n_kills if "and" in name else n_kills  # two kinds of work in one command
            checks = {
                ("kill -9, then the same command", f"{n} kills, 0 differ"): partial(kills, n=n, moments=moments),
                ("files that may not grow", "a line, no broken file, goes on"): file_limits,
                ("a full disk", "a line, no broken file, goes on"): full_tmpfs,
                ("two commands, one folder", "the second refuses"): two_at_once,
            }
            if name in WITH_WORKERS:
                checks[("a worker killed", "a line, no hang")] = killed_worker
            for (what, goal), check in checks.items():
                measured, met = check(command)
                print(f"{name}: {what}: {measured}", file=sys.stderr, flush=True)
                goals.append((f"{name}: {what}", goal, measured, met))
    print_goals("faults", goals)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, *sys.argv[2:])
