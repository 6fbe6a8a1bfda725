"""The linear read-out beside scikit-learn's: how near the least of the loss it comes, and in what time.

    python benchmarks/readout.py [IMAGES] [ROUNDS]

Synthetic: IMAGES (20,000) to learn from and as many to test on, 128 dimensions whose deviations differ sevenfold, 20
classes. At three strengths of the regularization the read-out of all images at once is compared with scikit-learn's
`newton-cholesky`, whose steps end at the least itself; its time with that of scikit-learn's default `lbfgs`, both
measured in turn, ROUNDS (3) times. Mini-batches of 1,024, which `evaluate` takes where images are too many to be taken
at once, come near the least: that is measured too, at each strength, and of the read-out whose strength is chosen.
"""

import sys
import time

import numpy as np
from measure import print_goals
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout

N_DIMENSIONS, N_CLASSES, SPREAD = 128, 20, 2.6
STRENGTHS = (3.0, 0.3, 0.03)  # divided by the number of classes
NEAREST = 1e-6  # of scores
NEAREST_PROBABILITY = 2e-6  # of one image: its logits are float32, and where they are of tens keep six places


def drawn(n: int, centres: np.ndarray, rng: np.random.Generator) -> LabelledEmbeddings:
    labels = rng.permutation(np.arange(n) % N_CLASSES)
    rows = centres[labels] + SPREAD / np.sqrt(N_DIMENSIONS) * rng.standard_normal((n, N_DIMENSIONS))
    rows *= np.geomspace(2, 0.3, N_DIMENSIONS)
    return LabelledEmbeddings(rows.astype(np.float32), labels, tuple(map(str, range(N_CLASSES))), range(n))


def scikit_learns(training: LabelledEmbeddings, test: LabelledEmbeddings, l2: float, **options) -> np.ndarray:
    """-> (N, C) probabilities of the test images."""
    features = np.float64(training.embeddings)
    mean, deviation = features.mean(0), features.std(0)
    fitted = LogisticRegression(C=1 / (l2 * len(training)), max_iter=10_000, **options)
    fitted.fit((features - mean) / deviation, training.labels)
    return fitted.predict_proba((test.embeddings - mean) / deviation)


def ours(training: LabelledEmbeddings, test: LabelledEmbeddings, **options) -> np.ndarray:
    return softmax(np.float64(LinearReadout.fit(training, **options).logits(test.embeddings)), 1)


def seconds(function, *arguments, **options) -> float:
    start = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - start


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((N_CLASSES, N_DIMENSIONS)) / np.sqrt(N_DIMENSIONS)
    training, test = drawn(n, centres, rng), drawn(n, centres, rng)

    def scores(probabilities: np.ndarray) -> np.ndarray:
        return np.array([log_loss(test.labels, probabilities), accuracy_score(test.labels, probabilities.argmax(1))])

    def beside(found: np.ndarray, least: np.ndarray) -> str:
        loss, accuracy = scores(found) - scores(least)
        return f"log-loss {loss:+.1e}, accuracy {accuracy:+.1e}"

    goals = []
    for strength in STRENGTHS:
        l2 = strength / N_CLASSES
        at_once, batches = (ours(training, test, l2=l2, batch_size=size) for size in (n, 1024))
        least = scikit_learns(training, test, l2, solver="newton-cholesky", tol=1e-12)
        largest = np.abs(at_once - least).max()
        apart = np.abs(scores(at_once) - scores(least)).max()
        goals += [
            (f"l2 {l2:g}: log-loss and accuracy from the least's", f"< {NEAREST:g}", f"{apart:.1e}", apart < NEAREST),
            (
                f"l2 {l2:g}: a probability from its, at most",
                f"< {NEAREST_PROBABILITY:g}",
                f"{largest:.1e}",
                largest < NEAREST_PROBABILITY,
            ),
            (f"l2 {l2:g}: by mini-batches, from its", "", beside(batches, least), True),
        ]
    l2 = STRENGTHS[1] / N_CLASSES
    turns = [
        (
            seconds(LinearReadout.fit, training, l2=l2, batch_size=n),
            seconds(LinearReadout.fit, training, l2=l2, batch_size=1024),
            seconds(scikit_learns, training, test, l2, tol=1e-9),
        )
        for _ in range(rounds)
    ]
    all_images, by_batches, theirs = np.median(turns, 0)
    chosen = [ours(training, test, batch_size=size) for size in (n, 1024)]
    goals += [
        (f"l2 {l2:g}: seconds over scikit-learn's lbfgs", "", f"{all_images / theirs:.2f} of {theirs:.2f} s", True),
        (f"l2 {l2:g}: by mini-batches, over the same", "", f"{by_batches / theirs:.2f}", True),
        ("strength chosen: by mini-batches, from all at once", "", beside(chosen[1], chosen[0]), True),
    ]
    print_goals(f"a read-out of {n:,} images x {N_DIMENSIONS}, {N_CLASSES} classes", goals)


if __name__ == "__main__":
    main()
