"""How long the command line takes to say what it can do, and what importing the package adds to transformers.

    python benchmarks/startup.py [ROUNDS]

Every number is the median of fresh processes, one kind after the other in every round. What the machine is like at the
time is said by the first two rows: a Python that does nothing, and one that imports typer, which every help needs.
"""

import os
import statistics
import subprocess
import sys
import time

from measure import print_goals
from typer.main import get_command

from alignet_hf.cli import app

HELP_SECONDS, IMPORT_RATIO = 0.4, 1.15
AUTO_MODEL = "from transformers import AutoModel"


def seconds(*arguments: str) -> tuple[float, float]:
    """One fresh Python -> wall seconds, and those of them that a processor worked for it."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])  # of children that have ended: user and system


def main(rounds: int) -> None:
    commands = ["", *get_command(app).commands]
    helps = {f"alignet-hf {name}".strip(): ("-m", "alignet_hf", *name.split(), "--help") for name in commands}
    imports = {
        code: ("-c", code)
        for code in ("pass", "import typer", AUTO_MODEL, "import alignet_hf", f"import alignet_hf; {AUTO_MODEL}")
    }
    ways = imports | helps
    times = {name: [] for name in ways}
    for _ in range(rounds):
        for name, arguments in ways.items():
            times[name].append(seconds(*arguments))

    def shown(name: str) -> tuple[float, str]:
        wall, processor = (statistics.median(kind) for kind in zip(*times[name], strict=True))
        return wall, f"{wall:.2f} s ({processor:.2f} s of a processor)"

    goals = [(f"python -c {name!r} (for comparison)", "", shown(name)[1], True) for name in ("pass", "import typer")]
    for name in helps:
        wall, text = shown(name)
        goals.append((f"{name} --help", f"< {HELP_SECONDS} s", text, wall < HELP_SECONDS))
    for name in ("import alignet_hf", f"import alignet_hf; {AUTO_MODEL}"):
        ratio = statistics.median(
            ours / theirs for (ours, _), (theirs, _) in zip(times[name], times[AUTO_MODEL], strict=True)
        )
        measured = f"{ratio:.2f} times ({shown(AUTO_MODEL)[0]:.2f} -> {shown(name)[0]:.2f} s)"
        goals.append((f"{name}, over {AUTO_MODEL}", f"<= {IMPORT_RATIO}", measured, ratio <= IMPORT_RATIO))
    print_goals(f"starting, median of {rounds}", goals)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
