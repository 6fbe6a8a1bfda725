import pytest

from alignet_hf.distill.finished import MARKER, is_finished, made_from, mark_finished, unmark_finished
from alignet_hf.recipe import Distill, Encoder

ENCODER, OPTIONS = Encoder(model="student"), Distill(steps=4, batch_size=12)
NUMBERS = made_from(ENCODER, OPTIONS, 0, 1.0)


def test_a_training_is_finished_when_it_is_marked_and_its_student_is_there(tmp_path):
    student = tmp_path / "student"
    assert not is_finished(student, tmp_path, NUMBERS)
    mark_finished(tmp_path, NUMBERS)
    assert not is_finished(student, tmp_path, NUMBERS)
    student.mkdir()
    assert is_finished(student, tmp_path, NUMBERS)
    (tmp_path / MARKER).write_text('{"made_from": "')
    assert not is_finished(student, tmp_path, NUMBERS)
    unmark_finished(tmp_path)
    unmark_finished(tmp_path)
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize(
    ("encoder", "options", "numbers", "is_same"),
    [
        ({"num_workers": 2, "license": "mit"}, {"num_workers": 3}, (0, 1.0), True),
        ({"pooling": "cls"}, {}, (0, 1.0), False),
        ({}, {"steps": 5}, (0, 1.0), False),
        ({}, {}, (1, 1.0), False),
        ({}, {}, (0, 2.0), False),
    ],
)
def test_other_numbers_are_another_training(encoder, options, numbers, is_same):
    changed = made_from(ENCODER.model_copy(update=encoder), OPTIONS.model_copy(update=options), *numbers)
    assert (changed == NUMBERS) == is_same
