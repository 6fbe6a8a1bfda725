from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alignet_hf.evaluation.representation.photograph_grid import photograph_canvas, snap_to_grid

rng = np.random.default_rng(0)


@given(
    st.integers(1, 60),
    st.floats(0.2, 1),
    st.sampled_from([(1, 1), (5, 1), (1, 0.1), (0, 1), (0, 0)]),
    st.integers(0, 999),
)
@settings(max_examples=50, deadline=None)
def test_no_two_share_a_cell_and_none_lies_outside(n, occupancy, spread, seed):
    places = np.random.default_rng(seed).normal(size=(n, 2)) * spread
    cells, (rows, columns) = snap_to_grid(places, occupancy)
    assert len({tuple(cell) for cell in cells}) == n
    assert (cells >= 0).all()
    assert (cells < [rows, columns]).all()
    assert rows * columns >= n


def test_places_on_the_cells_stay_where_they_are():
    columns, rows = np.meshgrid(np.arange(5), np.arange(4))
    places = np.stack([columns.ravel(), -rows.ravel()], 1).astype(float)  # the second coordinate points up
    cells, shape = snap_to_grid(places, occupancy=1)
    assert shape == (4, 5)
    np.testing.assert_array_equal(cells, np.stack([rows.ravel(), columns.ravel()], 1))


def test_the_moves_are_the_shortest_of_all_assignments():
    places = rng.random((5, 2))
    places[:2] = places[2] + 0.01  # three want one cell
    cells, (rows, columns) = snap_to_grid(places, occupancy=5 / 6)
    span, middle = np.ptp(places, axis=0), (places.min(0) + places.max(0)) / 2
    side = max(span[0] / (columns - 1), span[1] / (rows - 1))

    def cost(cells):
        centres = np.stack([cells[:, 1] - (columns - 1) / 2, (rows - 1) / 2 - cells[:, 0]], 1) * side + middle
        return ((centres - places) ** 2).sum()

    every = [(row, column) for row in range(rows) for column in range(columns)]
    assert np.isclose(cost(cells), min(cost(np.array(chosen)) for chosen in permutations(every, 5)))


def test_one_far_off_does_not_crowd_the_others():
    places = rng.normal(size=(200, 2))
    apart = np.vstack([places, [[1000, 1000]]])
    cells, (_, columns) = snap_to_grid(apart)
    assert np.ptp(cells[:-1, 1]) > 0.8 * columns
    assert cells[-1, 1] > 0.8 * columns


def test_every_photograph_is_seen_whole_in_its_frame():
    colours = rng.integers(0, 200, (3, 3)).astype(np.uint8)
    photographs = [Image.new("RGB", (50, 30), (10 * number, 250, 5)) for number in range(1, 4)]
    cells = np.array([[0, 0], [1, 2], [0, 1]])
    canvas = photograph_canvas(cells, (2, 3), photographs, colours, 40)
    assert canvas.shape == (80, 120, 3)
    for number, (row, column) in enumerate(cells):
        cell = canvas[row * 40 : row * 40 + 40, column * 40 : column * 40 + 40].reshape(-1, 3)
        inside = (cell == [10 * (number + 1), 250, 5]).all(1).sum()
        assert inside > 0.6 * 1600
        assert inside + (cell == colours[number]).all(1).sum() + (cell == 255).all(1).sum() == 1600
    assert (canvas[40:, :80] == 255).all()
