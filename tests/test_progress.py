"""Progress: lines now and then where there is no terminal, a bar on one."""

import sys

import pytest

from alignet_hf import progress
from alignet_hf.progress import Progress, duration


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def count(clock, n: int, seconds: float, **options) -> None:
    with Progress(n, "image", "embedding", **options) as shown:
        for _ in range(n):
            clock.now += seconds
            shown.update()


def test_short_work_says_nothing(clock, capsys):
    count(clock, 100, 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_line_each_tenth_of_what_takes_long(clock, capsys):
    count(clock, 1000, 2)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "embedding: 100 of 1,000 images, 10 %, 0.5 images/s, 30 min left"
    assert len(lines) == 9


def test_a_line_each_five_minutes_of_what_takes_days(clock, capsys):
    count(clock, 200_000, 1)
    assert len(capsys.readouterr().err.splitlines()) == pytest.approx(200_000 / 300, abs=12)


def test_where_it_is_not_shown_nothing_is_written(clock, capsys):
    count(clock, 1000, 2, shown=False)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal_alone(clock, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    count(clock, 1000, 2)
    err = capsys.readouterr().err
    assert "embedding: 100%" in err
    assert "1000/1000" in err
    assert "min left" not in err


def test_durations():
    said = {duration(seconds) for seconds in (0.4, 45, 89, 720, 5400, 9000, 86400 * 3.14)}
    assert said == {"0 s", "45 s", "89 s", "12 min", "1.5 h", "2.5 h", "3.1 days"}
