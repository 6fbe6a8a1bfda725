"""Every human score of a representation at once, under the names that metrics.json gives them."""

from alignet_hf.data.judgments import Judgments
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.evaluation.human import odd_one_out, rsa
from alignet_hf.evaluation.statistics import Result

CHANCE = {"odd_one_out_accuracy": odd_one_out.CHANCE, "rsa_spearman": rsa.CHANCE}


def score_on_judgments(embeddings, judgments: Judgments, **options) -> dict[str, Result]:
    """Score (N, D) embeddings of an image source on its held-out judgments."""
    return {
        "odd_one_out_accuracy": odd_one_out.odd_one_out_accuracy(embeddings, judgments.held_out, **options),
        "rsa_spearman": rsa.rsa(embeddings[judgments.held_out_rows], judgments.similarities, **options),
    }


def score_on_people(embeddings, people: Dissimilarities, **options) -> dict[str, Result]:
    """Score (N, D) embeddings on similarity matrices of the same N objects: the mean person's choices, and RSA."""
    triplets, _ = people.choices(range(people.n_objects))
    return {
        "odd_one_out_accuracy": odd_one_out.odd_one_out_accuracy(embeddings, triplets, **options),
        "rsa_spearman": rsa.rsa(embeddings, -people.mean(), **options),
    }
