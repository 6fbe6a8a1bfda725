"""How representations are compared with people, as the command line says it."""

from dataclasses import dataclass

from alignet_hf.evaluation.bootstrap import validate_over
from alignet_hf.evaluation.human.measures import validate_correlation, validate_similarity, validate_temperature


@dataclass(frozen=True)
class Scoring:
    """How representations are compared with people.

    Attributes:
        similarity: of representations, for odd-one-out choices: "dot", "cosine" or "pearson".
        rsa_similarity: the same for similarity matrices.
        correlation: of similarity matrices, "spearman", "pearson" or "kendall".
        temperature: of the softmax that makes probabilities of similarities, for calibration and uncertainty.
        over: what intervals are drawn over by each score that can be drawn so; None leaves each score its own default.
        n_bootstrap: draws for intervals; 0 for none.
        n_permutations: for p-values against chance; 0 for none.
        seed: of draws and permutations.

    Raises:
        InputError: a value that is not allowed.
    """

    similarity: str = "dot"
    rsa_similarity: str = "pearson"
    correlation: str = "spearman"
    temperature: float = 1.0
    over: tuple[str, ...] | None = None
    n_bootstrap: int = 1000
    n_permutations: int = 0
    seed: int = 0

    def __post_init__(self):
        validate_similarity(self.similarity)
        validate_similarity(self.rsa_similarity, "rsa_similarity")
        validate_correlation(self.correlation)
        validate_temperature(self.temperature)
        if self.over is not None:
            validate_over(self.over, ("objects", "triplets", "people"))

    @property
    def draws(self) -> dict[str, int]:
        """The options that every score takes."""
        return {"n_bootstrap": self.n_bootstrap, "n_permutations": self.n_permutations, "seed": self.seed}
