"""Ten thousand spoiled files for every binary reader: no crash, no hang, no memory beyond the file's size.

    python benchmarks/fuzz_readers.py [N] [READER]

N (10,000) files for each of "tensor bundle" (index and two shards), "npz", "tar.gz" and "safetensors", or the READER
alone: good ones spoiled at random in one to four places, from a seed each; many of them before a checksum is taken, so
that it fits and the change gets further (see tests/convert/mutations.py). Each is opened and every variable read.

A reader may refuse a file with an InputError of one line that begins with the file's name; or read it, and then, where
no checksum was made to fit, with the values that were written. Anything else that is raised counts. A process that dies
is a crash; one that takes longer than SECONDS for a file is a hang. Memory is what Python and numpy allocate at a
file's peak (tracemalloc) less its size; a limit of the address space (RLIMIT_AS) fails what goes far beyond.
"""

import faulthandler
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

from measure import print_goals

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "convert"))

SECONDS = 10
FILES_PER_PROCESS = 1000
ROOM = 2**20  # bytes beyond a file's size: what every file costs, as the interpreter's objects
LIMIT = 2**27  # bytes of address space beyond what a process has when it begins


def read_spoiled(reader: str, seeds: range, pipe) -> None:
    """Read a good file, then those of some seeds; send seed (or None), result, seconds and bytes beyond its size."""
    from mutations import MAY_DIFFER, READERS, is_as_written

    from alignet_hf.errors import InputError

    files = READERS[reader]()
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
        folder = Path(folder, "file")
        for seed in (None, *seeds):
            folder.mkdir()
            kind = files.write(folder, None if seed is None else random.Random(seed))
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            tracemalloc.start()
            start = time.process_time()
            try:
                same = is_as_written(files.open(folder), files.arrays)
                result = "read" if same else "read otherwise" if kind in MAY_DIFFER else "WRONG VALUES"
            except InputError as error:
                is_proper = "\n" not in str(error) and str(error).startswith(str(folder))
                result = "refused" if is_proper else f"NOT A LINE: {error}"
            except Exception as error:
                result = f"RAISED {type(error).__name__}: {error}"
            seconds = time.process_time() - start
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            faulthandler.cancel_dump_traceback_later()
            shutil.rmtree(folder)
            pipe.send((seed, result, seconds, peak - size))
            if seed is None:  # what is imported and kept once is there now
                _limit_address_space()


def _in_memory() -> str | None:
    """A folder that no disk is behind, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _limit_address_space() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + LIMIT,) * 2)


def fuzz(reader: str, n: int) -> list[tuple[str, str, str, bool]]:
    """Read `n` spoiled files in processes of their own -> rows of goals."""
    context = multiprocessing.get_context("spawn")
    counts, bad, slowest, most, seed = Counter(), [], 0.0, 0, 0
    start = time.perf_counter()
    while seed < n:
        here, there = context.Pipe(duplex=False)
        seeds = range(seed, min(seed + FILES_PER_PROCESS, n))
        child = context.Process(target=read_spoiled, args=(reader, seeds, there))
        child.start()
        there.close()
        try:
            _, result, *_ = here.recv()
            if result != "read":
                sys.exit(f"{reader}: a good file is {result}")
            while True:
                read, result, seconds, beyond = here.recv()
                seed, slowest, most = read + 1, max(slowest, seconds), max(most, beyond)
                counts[result.split(":")[0]] += 1
                if not result.startswith(("read", "refused")):
                    bad.append(f"seed {read}: {result}")
        except EOFError:
            child.join()
        if child.exitcode:
            bad.append(f"seed {seed}: the process ended with {child.exitcode}, 1 for more than {SECONDS} s")
            seed += 1
    for line in bad[:20]:
        print(f"{reader}, {line}")
    said = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    print(f"{reader}: {said}; {time.perf_counter() - start:.0f} s")
    return [
        (f"{reader}: {n} files, crashes, hangs, other errors, wrong values", "0", str(len(bad)), not bad),
        (f"{reader}: processor's time of the slowest file", "< 1 s", f"{slowest:.3f} s", slowest < 1),
        (f"{reader}: memory beyond the file's size", f"< {ROOM} bytes", f"{most} bytes", most < ROOM),
    ]


def main() -> None:
    from mutations import READERS

    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    readers = [sys.argv[2]] if len(sys.argv) > 2 else list(READERS)
    print_goals("spoiled files", [row for reader in readers for row in fuzz(reader, n)])


if __name__ == "__main__":
    main()
