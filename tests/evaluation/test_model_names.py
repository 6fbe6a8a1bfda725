import pytest

from alignet_hf.evaluation.model_names import LONGEST, before_and_after, short_names


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (("demo-student", "demo-teacher"), ("demo-student", "demo-teacher")),
        (("me/my-model", "facebook/dinov2-base"), ("my-model", "dinov2-base")),
        (("/runs/first/student", "/runs/second/student/"), ("first/student", "second/student")),
        (("a/b/student", "student"), ("b/student", "student")),
        (("one/model", "one/model"), ("model", "model")),
    ],
)
def test_names_are_the_last_parts_that_tell_two_apart(names, short):
    assert short_names(*names) == short


def test_a_long_name_keeps_its_ends():
    long, other = "so400m-patch14-384-of-some-long-training-run-at-step-9000", "base"
    name, _ = short_names(long, other)
    assert len(name) == LONGEST
    kept, _, end = name.partition("…")
    assert long.startswith(kept)
    assert long.endswith(end)
    assert short_names("a" * 40 + "b" + "a" * 40, "a" * 40 + "c" + "a" * 40) == ("a" * 16 + "…" + "a" * 15,) * 2


def test_the_two_are_called_before_and_after():
    assert before_and_after("x/old", "x/new") == {"before": "old (before)", "after": "new (after)"}
    assert before_and_after(None, "x/new") == {"before": "before", "after": "after"}
