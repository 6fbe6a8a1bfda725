"""How the vision tests are run, as the command line says it."""

import math
from dataclasses import dataclass

from alignet_hf.errors import InputError

METHODS = ("ridge", "logistic")  # of few-shot classification


@dataclass(frozen=True)
class VisionOptions:
    """How the tests are run.

    Attributes:
        shots: training images a class of few-shot classification.
        classifiers: of few-shot classification, "ridge" and "logistic"; the latter is slow for many classes.
        n_draws: how often the shots are drawn.
        n_bootstrap: draws of test images for intervals; 0 for none.
        seed: of everything random.
        l2: the strength of few-shot classification's regularization, big_vision's 1024 say; None to choose it on
            training images that are no shots.

    Raises:
        InputError: another classifier, or one strength for two, of which it is not the same.
    """

    shots: tuple[int, ...] = (1, 10)
    classifiers: tuple[str, ...] = ("ridge",)
    n_draws: int = 10
    n_bootstrap: int = 1000
    seed: int = 0
    l2: float | None = None

    def __post_init__(self):
        for name in self.classifiers:
            if name not in METHODS:
                raise InputError(f"--classifiers {name}: choose among {', '.join(METHODS)}")
        if self.l2 is not None and len(set(self.classifiers)) > 1:
            raise InputError(
                f"--l2 {self.l2:g}: is not the same for ridge and logistic; give --classifiers one of them"
            )

    @property
    def draws(self) -> dict[str, int]:
        return {"n_bootstrap": self.n_bootstrap, "seed": self.seed}


def strength(text: str) -> float | None:
    """ "1024" -> 1024.0, and "auto" -> None.

    Raises:
        InputError: neither.
    """
    if text == "auto":
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise InputError(f"--l2 {text}: give a number above 0, 1024 as big_vision say, or auto")
    return found


def numbers(text: str, option: str) -> tuple[int, ...]:
    """ "1,10" -> (1, 10).

    Raises:
        InputError: naming the option, where it is not numbers above 0.
    """
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"{option} {text}: give numbers above 0 with commas between, such as 1,10")
    return tuple(dict.fromkeys(int(part) for part in parts))
