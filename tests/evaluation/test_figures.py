import io

import numpy as np
from PIL import Image

from alignet_hf.evaluation.figures import people_order, similarity_matrices

rng = np.random.default_rng(0)
GROUPS = np.repeat([0, 1, 2], 6)[rng.permutation(18)]
PEOPLE = (GROUPS[:, None] == GROUPS) + 0.1 * rng.random((18, 18))
PEOPLE = (PEOPLE + PEOPLE.T) / 2


def test_the_order_puts_together_what_people_find_alike():
    assert (np.diff(GROUPS[people_order(PEOPLE)]) != 0).sum() == 2


def test_matrices_hold_ranks_in_the_order_and_no_hole():
    order = people_order(PEOPLE)
    axis = similarity_matrices({"people": PEOPLE, "model": -PEOPLE}, order).axes[0]
    shown = np.asarray(axis.images[0].get_array())
    assert not np.ma.is_masked(axis.images[0].get_array())
    upper = np.triu_indices(18, 1)
    by_value = np.argsort(PEOPLE[np.ix_(order, order)][upper])
    np.testing.assert_array_equal(np.argsort(shown[upper]), by_value)
    np.testing.assert_array_equal(shown.diagonal(), 1)


def test_matrices_fill_the_figure():
    for n in (1, 2, 3):
        figure = similarity_matrices({f"model {number}": PEOPLE for number in range(n)}, np.arange(18))
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=60)
        pixels = np.asarray(Image.open(written).convert("RGB"))
        white = (pixels == 255).all(2)
        assert white.all(1).mean() < 0.06  # of the rows
        assert white.all(0).mean() < 0.12  # of the columns
