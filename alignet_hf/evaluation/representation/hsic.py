"""The Hilbert-Schmidt independence criterion of linear kernels, on all images and without each of them.

With K = X X' and L = Y Y', HSIC is made of sums over pairs of images: of K_ij L_ij, of K_ij, of L_ij, and of the rows'
sums. Where the columns of X and Y have mean zero, each of them follows from C = X'Y and the rows' own lengths, and so
does what an image takes with it when it is left out. The cost is that of two (N, D) by (D, D') products.
"""

import numpy as np

from alignet_hf.triplets import validate_embeddings

ESTIMATORS = ("unbiased", "biased")
BLOCK = 4096


def centred_rows(embeddings, name: str = "embeddings") -> np.ndarray:
    """(N, D) rows less their mean, (N, D) float64, at a scale where no square overflows; zeros if all are one."""
    rows = validate_embeddings(embeddings, name).astype(np.float64)
    rounding = len(rows) * np.finfo(np.float64).eps * np.abs(rows).max()  # of the mean
    rows -= rows.mean(0)
    largest = np.abs(rows).max()
    return rows / largest if largest > rounding else np.zeros_like(rows)


def leave_one_out_hsic(x: np.ndarray, y: np.ndarray, estimator: str) -> np.ndarray:
    """HSIC on all N images, then without each.

    Args:
        x, y: (N, D) and (N, D') float64, columns with mean zero.
        estimator: "unbiased" is equation 5 of Song et al. 2012 (https://jmlr.org/papers/v13/song12a.html), which leaves
            out an image's pair with itself; "biased" is tr(K H L H) / (n - 1)^2 of Gretton et al. 2005.

    Returns:
        (1 + N,) float64.
    """
    return (_unbiased if estimator == "unbiased" else _biased)(x, y)


def _pair_sums(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The sum of K_ij L_ij over all i and j, and (N,) over j alone: |C|^2 and x_i' C y_i."""
    cross = x.T @ y  # (D, D')
    rows = [
        np.einsum("nd,nd->n", x[start : start + BLOCK] @ cross, y[start : start + BLOCK])
        for start in range(0, len(x), BLOCK)
    ]
    return float((cross**2).sum()), np.concatenate(rows)


def _biased(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    n = len(x)
    total, row = _pair_sums(x, y)
    own = _squares(x) * _squares(y)  # K_ii L_ii
    # Without image i the columns' means are no longer zero; the rows of K then sum to -K_ij.
    without = total - 2 * row + own - 2 / (n - 1) * (row - own) + own / (n - 1) ** 2
    return np.append(total / (n - 1) ** 2, without / (n - 2) ** 2)


def _unbiased(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    n = len(x)
    total, row = _pair_sums(x, y)
    of_x, of_y = _squares(x), _squares(y)
    own = of_x * of_y
    total, row = total - own.sum(), row - own  # pairs of different images alone
    # The rows of K without its diagonal sum to -K_ii, because those of K sum to zero.
    on_all = _song(total, -of_x.sum(), -of_y.sum(), own.sum(), n)
    across = y @ (y.T @ of_x) + x @ (x.T @ of_y) - 2 * own  # sums over j of K_jj L_ij + K_ij L_jj, j not i
    without = _song(
        total - 2 * row, 2 * of_x - of_x.sum(), 2 * of_y - of_y.sum(), own.sum() - own + across + row, n - 1
    )
    return np.append(on_all, without)


def _song(total, sum_x, sum_y, row_products, n: int):
    """Equation 5 of Song et al. 2012, from sums over pairs of different images."""
    return (total + sum_x * sum_y / ((n - 1) * (n - 2)) - 2 * row_products / (n - 2)) / (n * (n - 3))


def _squares(rows: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", rows, rows)
