"""How far long work is: a bar on a terminal, a line now and then elsewhere; both on standard error."""

import sys
import time

from tqdm import tqdm

LINE_EACH = 300.0  # seconds at most from line to line
LINE_AFTER = 60.0  # seconds from the line before until one of another tenth of the work


class Progress:
    """Counts what is done; as a context manager it takes its bar away at the end.

    Args:
        total: of what is to be done.
        unit: of what is counted: "image".
        what: is done: "embedding".
        shown: where False, nothing is ever written.
    """

    def __init__(self, total: int, unit: str, what: str, *, shown: bool = True):
        self.total, self.unit, self.what, self.done = total, unit, what, 0
        self.start = self.line = time.monotonic()
        self.tenth = 0
        on_terminal = shown and sys.stderr.isatty()
        self.writes_lines = shown and not on_terminal
        self.bar = tqdm(total=total, unit=unit, desc=what, disable=not on_terminal)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self.bar.close()

    def update(self, n: int = 1) -> None:
        """Count n more."""
        self.done += n
        self.bar.update(n)
        if self.writes_lines and self.done < self.total and self._line_is_due():
            self.line, self.tenth = time.monotonic(), 10 * self.done // self.total
            rate = self.done / max(self.line - self.start, 1e-9)
            left = duration((self.total - self.done) / rate)
            share = f"{self.done:,} of {self.total:,} {self.unit}s, {100 * self.done // self.total} %"
            print(f"{self.what}: {share}, {rate:.3g} {self.unit}s/s, {left} left", file=sys.stderr, flush=True)

    def _line_is_due(self) -> bool:
        since = time.monotonic() - self.line
        return since >= LINE_EACH or (since >= LINE_AFTER and 10 * self.done // self.total > self.tenth)


def duration(seconds: float) -> str:
    """A time to wait for: "45 s", "12 min", "2.5 h", "3.1 days"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            number = seconds / size
            return f"{number:.0f} {unit}" if unit == "min" else f"{number:.1f} {unit}"
    return f"{seconds:.0f} s"
