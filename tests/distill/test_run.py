"""What a recipe's section `distill` makes of the trainer's arguments."""

import pytest

from alignet_hf.distill.run import _arguments
from alignet_hf.recipe import Distill


def arguments(work, **options):
    options = Distill(steps=4, batch_size=12, bf16=False, **options)
    return _arguments(options, work, 0, 8, 1.0, 1.0, evaluates=False)


@pytest.mark.parametrize("compiles", [True, False])
def test_the_student_is_compiled_where_the_recipe_says_so(tmp_path, compiles):
    assert arguments(tmp_path, torch_compile=compiles).torch_compile is compiles
    assert arguments(tmp_path).torch_compile is False


@pytest.mark.parametrize(
    ("options", "gathers"),
    [
        ({"triplets": "dense"}, True),
        ({"triplets": "dense", "gather_negatives": False}, False),
        ({"triplets": "listed"}, False),  # they name their images, wherever these are
        ({"triplets": "listed", "gather_negatives": True}, False),
    ],
)
def test_dense_triplets_span_the_processes_unless_the_recipe_says_otherwise(tmp_path, options, gathers):
    assert arguments(tmp_path, **options).gather_negatives is gathers
