"""What the command `vice` takes as choices, and which of them it holds out."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.surrogate.vice.choices import read_choices

CHOICES = np.argsort(np.random.default_rng(0).random((200, 9)), 1)[:, :3]
OPTIONS = {"n_objects": None, "odd_column": 2, "share": None, "seed": 4}


def write(path: Path, choices: np.ndarray) -> Path:
    np.savetxt(path, choices, "%d")
    return path


def as_set(*parts):
    return sorted(tuple(row) for part in parts for row in part.tolist())


def about(choices):
    return {tuple(row) for row in np.sort(choices, 1).tolist()}


# Choices of the triplet that has the most of them: a share of whole triplets is not reached more closely.
MOST_OFTEN = max(Counter(tuple(row) for row in np.sort(CHOICES, 1).tolist()).values())


@pytest.fixture
def official(tmp_path):
    write(tmp_path / "trainset.txt", CHOICES[:150])
    np.save(tmp_path / "validationset.npy", CHOICES[150:])
    write(tmp_path / "triplets.txt", CHOICES[:20])  # the split comes first
    names = "\n".join(f"{row}\tthing{row}" for row in range(9))
    (tmp_path / "concepts.tsv").write_text(f"index\tconcept\n{names}\n")
    return tmp_path


@pytest.mark.parametrize(("share", "count"), [(None, 20), (0.3, 60)])
def test_a_file_has_a_share_held_out_at_random(share, count, tmp_path):
    path = write(tmp_path / "choices.txt", CHOICES)
    found = read_choices(path, **OPTIONS | {"share": share})
    assert as_set(found.training, found.held_out) == as_set(CHOICES)
    n_held = len(found.held_out)
    assert count <= n_held < count + MOST_OFTEN
    assert not about(found.training) & about(found.held_out)
    assert found.how == f"held out: {n_held} of 200 choices, drawn at random with seed 4"
    assert (found.n_objects, found.names) == (9, None)
    other = read_choices(path, **OPTIONS | {"share": share, "seed": 5})
    assert as_set(other.held_out) != as_set(found.held_out)


def test_no_share_of_a_file_is_held_out(tmp_path):
    found = read_choices(write(tmp_path / "choices.txt", CHOICES), **OPTIONS | {"share": 0, "n_objects": 12})
    np.testing.assert_array_equal(found.training, CHOICES)
    assert found.held_out is None
    assert found.n_objects == 12
    assert found.how == "held out: no choices"


def test_a_folder_s_own_split_is_used(official):
    found = read_choices(official, **OPTIONS)
    np.testing.assert_array_equal(found.training, CHOICES[:150])
    np.testing.assert_array_equal(found.held_out, CHOICES[150:])
    assert found.how == f"held out: 50 choices, the validation split of {official}"
    assert found.n_objects == 9
    assert found.names == tuple(f"thing{row}" for row in range(9))


@pytest.mark.parametrize("odd_column", [0, 1])
def test_the_odd_one_s_column(official, odd_column):
    pair = [column for column in range(3) if column != odd_column]
    options = OPTIONS | {"odd_column": odd_column}
    found = read_choices(official, **options)
    np.testing.assert_array_equal(found.held_out, CHOICES[150:][:, [*pair, odd_column]])
    found = read_choices(official / "trainset.txt", **options | {"share": 0})
    np.testing.assert_array_equal(found.training, CHOICES[:150][:, [*pair, odd_column]])


@pytest.mark.parametrize(("share", "count"), [(None, 20), (0.25, 50)])
def test_a_folder_without_a_split_says_that_a_share_is_drawn(share, count, tmp_path):
    write(tmp_path / "triplets.txt", CHOICES)
    found = read_choices(tmp_path, **OPTIONS | {"share": share, "n_objects": 9})
    assert as_set(found.training, found.held_out) == as_set(CHOICES)
    n_held = len(found.held_out)
    assert count <= n_held < count + MOST_OFTEN
    assert not about(found.training) & about(found.held_out)
    drawn = f"held out: {n_held} of 200 choices, drawn at random with seed 4"
    assert found.how == f"{tmp_path} has no validation split; {drawn}"
    assert (found.n_objects, found.names) == (9, None)


def test_a_folder_without_a_table_has_the_concepts_of_things(tmp_path):
    write(tmp_path / "triplets.txt", CHOICES)
    assert read_choices(tmp_path, **OPTIONS).n_objects == 1854


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 0.1}, r"--validation 0\.1: .* has a validation split of its own; leave the option out"),
        ({"share": 0.0}, r"--validation 0: .* has a validation split of its own"),
        ({"n_objects": 10}, r"--objects 10: the concept table in .* has 9; leave it out"),
        ({"odd_column": 3}, "odd_column is 3; the odd one is in column 0, 1 or 2"),
    ],
)
def test_options_that_a_folder_contradicts(change, message, official):
    with pytest.raises(InputError, match=message):
        read_choices(official, **OPTIONS | change)


def test_all_of_a_folder_s_choices_are_a_file(tmp_path):
    write(tmp_path / "triplets.txt", CHOICES)
    with pytest.raises(InputError, match=r"--validation 0: .* is a folder; name the file of its choices"):
        read_choices(tmp_path, **OPTIONS | {"share": 0.0})


def test_a_folder_without_choices(tmp_path):
    with pytest.raises(InputError, match="no choices in this folder"):
        read_choices(tmp_path, **OPTIONS)
