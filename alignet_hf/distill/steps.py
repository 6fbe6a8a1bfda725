"""What every order of rows has in common: its steps come in random order, and chance alone leaves rows over."""

import numpy as np


def draw_rest(rng: np.random.Generator, n_rows: int, rows_a_step: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of an epoch's whole steps, and those of its last, smaller one -> two ascending int arrays.

    The last step may be left out, so that who is in it is drawn before anything else: all rows alike.
    """
    is_rest = np.zeros(n_rows, bool)
    is_rest[rng.choice(n_rows, n_rows % rows_a_step, replace=False, shuffle=False)] = True
    return np.flatnonzero(~is_rest), np.flatnonzero(is_rest)


def shuffle_steps(rng: np.random.Generator, rows: np.ndarray, rows_a_step: int) -> np.ndarray:
    """Put whole steps in random order; the rows within each stay as they are."""
    return rng.permutation(rows.reshape(-1, rows_a_step)).reshape(-1)
