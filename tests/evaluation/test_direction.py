import pytest

from alignet_hf.evaluation.direction import less_is_better


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calibration_error", True),
        ("calibration_error/scaled", True),
        ("levels_calibration/fine-grained", True),
        ("brier_score", True),
        ("log_loss", True),
        ("ood_fpr95/knn", True),
        ("corruption_error/fog", True),
        ("mean_corruption_error/alexnet", True),
        ("ood_auroc/knn", False),
        ("few_shot_accuracy/1-shot", False),
        ("effective_rank", False),
    ],
)
def test_errors_and_losses_are_better_where_they_are_less(name, expected):
    assert less_is_better(name) == expected
