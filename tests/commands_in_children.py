"""Commands that take long as child processes: to be killed, to run out of room, to meet each other in one folder.

The children are forks of a clean process that has imported what they need, so that a kill falls into the work and
seldom into an import. `undisturbed` compares with a process of its own, whose sets have another order.

The result of a command is every file under the folder that it ran in, but for what tells times: the records in
`stages/`, the summary at the end of a training curve, a card's sentence on how long the training took.
"""

import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import time
import traceback
from pathlib import Path

import faiss
import torch

from alignet_hf import cli
from alignet_hf.data.images import cache_images, load_images
from alignet_hf.demo import objects92

PHOTOS = objects92.FOLDER / "images"
# Of the package alone: this folder is not on the fork server's path.
PRELOADED = ["alignet_hf.cli", "alignet_hf.distill.run", "alignet_hf.surrogate.cluster", "alignet_hf.surrogate.respond"]
TEACHER, CLUSTERS, TRIPLETS, ENCODER = "teacher", "clusters", "triplets", "encoder"  # of the folder of inputs


def cache(images: str, out: Path, size: int = 96, num_workers: int = 0) -> None:
    cache_images(load_images(images), out, size, num_workers=num_workers)


def command_line() -> None:
    """`alignet-hf`, with caching as a command beside the others: in a child alone, where no test counts them."""
    cli.app.command()(cache)
    cli.main()


def make_inputs(folder: Path) -> dict[str, tuple[str, ...]]:
    """Make what the commands need in `folder` -> each command's arguments, by name; its output is `out`, where it runs.

    Every command writes more than once on its way, or takes a while before it does.
    """
    from backbones import tiny_backbone  # here: the children do without
    from transformers import BitImageProcessorPil

    tiny_backbone("dinov2").save_pretrained(folder / ENCODER)
    processor = BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False)
    processor.save_pretrained(folder / ENCODER)
    photos, encoder, teacher, clusters, triplets = (
        str(path) for path in (PHOTOS, *(folder / name for name in (ENCODER, TEACHER, CLUSTERS, TRIPLETS)))
    )
    train = ("--steps", "20", "--save-steps", "3", "--batch-size", "6", "--no-bf16")
    for arguments in (
        ("embed", photos, teacher, "--model", encoder),
        ("cluster", teacher, clusters, "--n-clusters", "8"),
        ("triplets", teacher, triplets, "-n", "500", "--clusters", clusters),
    ):
        code, said = Child(arguments, folder).end()
        assert code == 0, said
    return {
        "embedding": ("embed", photos, "out", "--model", encoder, "--batch-size", "4"),
        "caching": ("cache", photos, "out"),
        "clustering": ("cluster", teacher, "out", "--n-clusters", "elbow"),
        "sampling and responding": ("triplets", teacher, "out", "-n", "100000", "--clusters", clusters),
        "training": ("distill", photos, "out", "--student", encoder, "--triplets", triplets, *train),
    }


def undisturbed(arguments: tuple[str, ...], folder: Path) -> dict[str, str]:
    """The result of a command in a process of its own."""
    folder.mkdir(parents=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, __file__, *arguments], cwd=folder, env=environment, check=True, capture_output=True)
    return result(folder)


class Child:
    """A command at work in `folder`, which is made if need be.

    Args:
        arguments: of `alignet-hf`.
        most_bytes: that a file may hold, as of a disk that is full then.
    """

    def __init__(self, arguments: tuple[str, ...], folder: Path, most_bytes: int | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.hears, speaks = context.Pipe(duplex=False)
        self.process = context.Process(target=_run, args=(arguments, folder, most_bytes, speaks))
        self.process.start()
        speaks.close()
        self.hears.recv()  # it has begun

    def kill_after(self, seconds: float) -> bool:
        """kill -9 -> whether it was still at work."""
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        return self.process.exitcode == -9

    def end(self, seconds: float = 300) -> tuple[int, str]:
        """Wait until it ends -> exit code, standard error."""
        if not self.hears.poll(seconds):
            self.process.kill()
            raise TimeoutError(f"the command has not ended after {seconds} s")
        code, said = self.hears.recv()
        self.process.join()
        return code, said

    def workers(self) -> list[int]:
        """The processes that it has started."""
        tasks = Path("/proc", str(self.process.pid), "task")
        return [int(pid) for task in tasks.glob("*/children") for pid in task.read_text().split()]

    def first_worker(self, seconds: float = 120) -> int:
        """Wait for the first process that it starts."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.is_alive():
            if workers := self.workers():
                return workers[0]
            time.sleep(0.001)
        raise TimeoutError("the command started no worker process")


def _run(arguments: tuple[str, ...], folder: Path, most_bytes: int | None, speaks) -> None:
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    os.chdir(folder)
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    sys.argv = ["alignet-hf", *arguments]
    said, code = io.StringIO(), 0
    speaks.send("begun")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            command_line()
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            code, _ = 1, said.write(traceback.format_exc())
    speaks.send((code, said.getvalue()))


def result(folder: Path) -> dict[str, str]:
    """Digests of the files of a command's result, by path."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    names = {path.relative_to(folder).as_posix(): path for path in paths if path.parent.name != "stages"}
    return {name: hashlib.sha256(_without_times(path)).hexdigest() for name, path in names.items()}


def _without_times(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name == "README.md":
        return re.sub(rb"The last part of the training took [\d,]+ s\.", b"", content)
    if path.suffix != ".json":
        return content
    return json.dumps(_timeless(json.loads(content))).encode()


def _timeless(found):
    """JSON without the seconds that a training took, and the last entry of its curve, which is of its last part."""
    if isinstance(found, list):
        return [_timeless(entry) for entry in found if not (isinstance(entry, dict) and "train_runtime" in entry)]
    if isinstance(found, dict):
        return {key: _timeless(value) for key, value in found.items() if key != "seconds"}
    return found


if __name__ == "__main__":
    command_line()
