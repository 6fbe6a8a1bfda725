import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.triplets import (
    all_triplets,
    is_correct,
    odd_one_last,
    triplet_probabilities,
    triplet_similarities,
)

# A world in which people see 3 of the 6 dimensions that the teacher represents.
RNG = np.random.default_rng(0)
TEACHER = RNG.normal(size=(24, 6)).astype(np.float32)
PEOPLE = 1.5 * TEACHER[:, :3]
TRIPLETS = all_triplets(24)
SOFT = triplet_probabilities(triplet_similarities(PEOPLE, TRIPLETS))
HARD, _ = odd_one_last(TRIPLETS, SOFT)
QUICK = {"seed": 0, "batch_size": None, "learning_rate": 2e-2, "max_epochs": 150}


def cross_entropy(similarities, probabilities):
    """Equation 2, term by term."""
    total = 0.0
    for row, target in zip(similarities, probabilities, strict=True):
        log_sum = np.log(sum(np.exp(s) for s in row))
        total -= sum(p * (s - log_sum) for p, s in zip(target, row, strict=True))
    return total / len(similarities)


@pytest.mark.parametrize(("triplets", "probabilities"), [(TRIPLETS, SOFT), (HARD, None)])
def test_learns_what_people_see_of_objects_not_fitted_on(triplets, probabilities):
    fitted_on = (triplets < 16).all(1)
    held_out = HARD[(HARD >= 16).all(1)]
    fitted = UncertaintyDistillation.fit(
        TEACHER, triplets[fitted_on], None if probabilities is None else probabilities[fitted_on], **QUICK
    )
    before = is_correct(triplet_similarities(TEACHER, held_out)).mean()
    after = is_correct(triplet_similarities(fitted.transform(TEACHER), held_out)).mean()
    assert before < 0.7
    assert after > 0.85


def test_soft_labels_teach_uncertainty():
    fitted = UncertaintyDistillation.fit(TEACHER, TRIPLETS, SOFT, regularization=0, **QUICK)
    learnt = triplet_probabilities(triplet_similarities(fitted.transform(TEACHER), TRIPLETS))
    assert np.abs(learnt - SOFT).mean() < 0.05
    entropy = -(SOFT * np.log(SOFT)).sum(1).mean()
    assert fitted.facts()["loss"] == pytest.approx(entropy, abs=0.03)


def test_batches_lead_to_where_all_triplets_lead():
    small = UncertaintyDistillation.fit(
        TEACHER, TRIPLETS, SOFT, seed=0, batch_size=64, max_epochs=4, learning_rate=5e-3, regularization=0
    )
    assert small.facts()["loss"] < 0.75


def test_regularization_keeps_the_space():
    loose, tight = (
        UncertaintyDistillation.fit(TEACHER, TRIPLETS, SOFT, regularization=value, **QUICK).weight for value in (0, 10)
    )

    def share_off_scaled_identity(weight):
        return np.linalg.norm(weight - np.trace(weight) / 6 * np.eye(6)) / np.linalg.norm(weight)

    assert share_off_scaled_identity(tight) < 0.05 < 0.5 < share_off_scaled_identity(loose)


def test_only_the_objects_of_the_triplets_matter():
    objects = np.arange(0, 24, 2)
    triplets = objects[all_triplets(12)]
    elsewhere = TEACHER.copy()
    elsewhere[1::2] *= 100
    fits = [UncertaintyDistillation.fit(array, triplets, **QUICK) for array in (TEACHER, elsewhere)]
    np.testing.assert_array_equal(fits[0].weight, fits[1].weight)
    assert fits[0].mean == pytest.approx(TEACHER[objects].mean())
    assert fits[0].std == pytest.approx(TEACHER[objects].std())


def test_transform_against_the_definition():
    fitted = UncertaintyDistillation(RNG.normal(size=(6, 6)), RNG.normal(size=6), 0.3, 2.0)
    expected = [fitted.weight @ ((x - 0.3) / 2.0) + fitted.bias for x in TEACHER]
    np.testing.assert_allclose(fitted.transform(TEACHER), expected, rtol=1e-4, atol=1e-5)
    assert fitted.transform(TEACHER.astype(np.float16)).dtype == np.float32


def test_early_stopping_keeps_the_best_weights():
    options = {**QUICK, "max_epochs": 200, "learning_rate": 0.1, "validation": 0.4}
    noisy = RNG.dirichlet([0.1, 0.1, 0.1], len(TRIPLETS))  # nothing to learn: more training only harms
    stopped = UncertaintyDistillation.fit(TEACHER, TRIPLETS, noisy, patience=3, **options)
    facts = stopped.facts()
    assert facts["epochs"] < 200
    held = np.random.default_rng(0).permutation(24)[: round(0.4 * 24)]
    rows = np.isin(TRIPLETS, held).all(1)
    similarities = triplet_similarities(stopped.transform(TEACHER), TRIPLETS[rows])
    assert cross_entropy(similarities, noisy[rows]) == pytest.approx(facts["validation_loss"], rel=1e-3)
    assert facts["n_triplets"] == (~np.isin(TRIPLETS, held)).all(1).sum()


def test_the_seed_decides():
    options = {"batch_size": 256, "max_epochs": 1}
    runs = [UncertaintyDistillation.fit(TEACHER, TRIPLETS, SOFT, seed=seed, **options) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0].weight, runs[1].weight)
    assert (runs[0].weight != runs[2].weight).any()


def test_round_trip(tmp_path):
    fitted = UncertaintyDistillation.fit(TEACHER, TRIPLETS, SOFT, **QUICK)
    loaded = UncertaintyDistillation.from_pretrained(fitted.save_pretrained(tmp_path))
    np.testing.assert_array_equal(loaded.transform(TEACHER), fitted.transform(TEACHER))
    assert loaded.facts() == fitted.facts()
    assert "| alignment | soft |" in (tmp_path / "README.md").read_text()


def bad_embeddings(value):
    embeddings = TEACHER.copy()
    embeddings[5, 2] = value
    return embeddings


@pytest.mark.parametrize(
    ("embeddings", "triplets", "probabilities", "message"),
    [
        (TEACHER, [[0, 1, 24]], None, r"triplets: row 0 is out of range: \[0, 1, 24\]; there are 24 items"),
        (TEACHER, [[0, 1, 2], [0, 1, 1]], None, "triplets: row 1 names an item twice"),
        (TEACHER, np.empty((0, 3), int), None, "triplets: there are none"),
        (TEACHER, [[0, 1, 2]], [[0.5, 0.3, 0.3]], r"probabilities: row 0 is not a distribution.*sums to 1\.1"),
        (TEACHER, [[0, 1, 2]], [[1, 0, 0], [1, 0, 0]], r"expected shape \(1, 3\)"),
        (bad_embeddings(np.nan), [[0, 1, 2]], None, "embeddings: row 5 holds nan"),
        (bad_embeddings(-np.inf), [[0, 1, 2]], None, "embeddings: row 5 holds -inf"),
        (np.ones((4, 3)), [[0, 1, 2]], None, "every entry is 1"),
    ],
)
def test_bad_input_is_named(embeddings, triplets, probabilities, message):
    with pytest.raises(InputError, match=message):
        UncertaintyDistillation.fit(embeddings, triplets, probabilities, **QUICK)


def test_what_cannot_be_split_or_transformed_is_named():
    with pytest.raises(InputError, match=r"validation=0\.01 has 2024 triplets to train on and 0 held out"):
        UncertaintyDistillation.fit(TEACHER, TRIPLETS, validation=0.01, **QUICK)
    with pytest.raises(InputError, match="6 dimensions, but the transform was fitted on 3"):
        UncertaintyDistillation(np.eye(3), np.zeros(3), 0, 1).transform(TEACHER)
    with pytest.raises(InputError, match="lower learning_rate"):
        UncertaintyDistillation.fit(TEACHER, TRIPLETS, **{**QUICK, "learning_rate": 1e20})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regularization": -1.0}, "regularization is -1"),
        ({"max_epochs": 0}, "max_epochs is 0; 1 or more"),
        ({"patience": 0}, "patience is 0; 1 or more"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
    ],
)
def test_numbers_that_no_fit_can_have_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        UncertaintyDistillation.fit(np.eye(4, dtype=np.float32), [[0, 1, 2]], seed=0, **options)
