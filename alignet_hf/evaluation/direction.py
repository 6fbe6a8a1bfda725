"""Which way a score is better."""

# The beginnings of the names of errors and losses; of other scores more is better, or neither side is.
LESS_IS_BETTER = (
    "calibration_error",
    "levels_calibration",
    "brier_score",
    "log_loss",
    "ood_fpr95",
    "corruption_error",
    "mean_corruption_error",
)


def less_is_better(score: str) -> bool:
    """Whether a score, by the name under which `evaluate` writes it, is an error or a loss."""
    return score.startswith(LESS_IS_BETTER)
