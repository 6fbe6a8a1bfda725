"""What a comparison with people can be asked for; no more is imported than an option needs to be refused."""

import math

from alignet_hf.errors import InputError

SIMILARITIES = ("dot", "cosine", "pearson")  # of representations
CORRELATIONS = ("spearman", "pearson", "kendall")  # of matrices


def validate_similarity(similarity: str, name: str = "similarity") -> None:
    if similarity not in SIMILARITIES:
        raise InputError(f"{name} is {similarity!r}; it must be one of {', '.join(SIMILARITIES)}")


def validate_correlation(correlation: str) -> None:
    if correlation not in CORRELATIONS:
        raise InputError(f"correlation is {correlation!r}; it must be one of {', '.join(CORRELATIONS)}")


def validate_temperature(temperature: float) -> None:
    if not 0 < temperature < math.inf:
        raise InputError(f"temperature is {temperature}; it must be a positive finite number")
