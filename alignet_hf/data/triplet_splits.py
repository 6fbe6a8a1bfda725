"""Choices divided by the triplets that they are about, so that no triplet is on both sides."""

import numpy as np


def distinct_triplets(choices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different sets of three objects among choices, in whatever order these name them.

    Args:
        choices: (n, 3) int, from 0.

    Returns:
        triplets (m, 3) int64, each and all of them in ascending order; (n,) which of these every choice is about.
    """
    ordered = np.sort(choices, 1).astype(np.int64)
    # One number a triplet sorts ten times faster than a row; 64 bits hold those of two million objects.
    base = int(ordered.max(initial=0)) + 1
    keys, group = np.unique((ordered[:, 0] * base + ordered[:, 1]) * base + ordered[:, 2], return_inverse=True)
    return np.stack([keys // base**2, keys // base % base, keys % base], 1), group


def draw_triplets(choices: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw triplets at random, with all that was said of each, until they hold a share of the choices -> (n,) bool.

    Args:
        choices: (n, 3) int.
        share: of the choices, 0 to 1; rounded, and passed by less than one triplet's choices.
        seed: of the draw.
    """
    triplets, group = distinct_triplets(choices)
    order = np.random.default_rng(seed).permutation(len(triplets))
    counts = np.bincount(group, minlength=len(triplets))[order]
    drawn = np.zeros(len(triplets), bool)
    drawn[order[counts.cumsum() - counts < round(share * len(choices))]] = True
    return drawn[group]
