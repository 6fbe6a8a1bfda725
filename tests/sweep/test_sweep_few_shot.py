"""Few-shot accuracy of a sweep's students: against loops over the same draws, and what is refused early."""

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

from alignet_hf.demo import objects92
from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.evaluation.commands import evaluate
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.few_shot import FIXED, FewShotResult, few_shot
from alignet_hf.evaluation.vision.shots import shot_draws
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.sweep.few_shot import N_DRAWS, FewShotTask, classes_by_name, few_shot_results, few_shot_tasks
from alignet_hf.sweep.figures import figures_of
from alignet_hf.sweep.grid import Finding, load_sweep
from alignet_hf.sweep.report import OF_FEW_SHOT, SweepReport
from alignet_hf.sweep.scores import Row, differences, findings, mean_over_replicates, rows_of

NAMES = [path.name for path in sorted((objects92.FOLDER / "images").glob("*.jpg"))]
SMALL = ["distill.triplets=listed", "evaluate.settings=[original, ud, alignet]", "evaluate.n_bootstrap=40"]
SCORE = "few_shot_accuracy/1-shot"


@pytest.fixture(scope="module")
def sweep():
    return load_sweep(RECIPE, ["split.fold=0,1", "triplets.strategy=cluster-boundary,random"], SMALL, shots=[1, 2])


@pytest.fixture(scope="module")
def tasks(sweep):
    said = []
    tasks = few_shot_tasks(sweep, said.append)
    assert said == ["few-shot accuracy: 92 of 92 images in 6 classes"]
    return tasks


@pytest.fixture(scope="module")
def folders(sweep, tmp_path_factory):
    """Of points whose aligned students know the categories a little, and whose original ones do not."""
    folder, rng = tmp_path_factory.mktemp("points"), np.random.default_rng(0)
    own = np.eye(6)[np.unique([name[3:-4] for name in NAMES], return_inverse=True)[1]]
    for place, point in enumerate(sweep.points):
        for setting, clear in (("original", 0), ("alignet", 1 + place)):
            rows = (clear * own @ np.eye(6, 8) + rng.normal(size=(92, 8))).astype(np.float32)
            Embeddings(rows, NAMES).save_pretrained(folder / point.name / "embeddings" / setting)
    return {point.name: folder / point.name for point in sweep.points}


def test_shots_are_of_the_images_that_are_not_held_out_and_the_test_of_those_that_are(sweep, tasks):
    names = open_images("objects92").names
    for point in sweep.points:
        held_out = {names[row] for row in read_judgments(point.recipe, names).held_out_rows}
        training, test = tasks[point.name].parts(np.zeros((92, 1)), names)
        assert set(test.names) == held_out
        assert set(training.names) == set(names) - held_out
        classes = [test.classes[label] for label in test.labels]
        assert all(one in name for one, name in zip(classes, test.names, strict=True))


def test_a_one_shot_accuracy_is_that_of_a_naive_loop(sweep, tasks, folders):
    """Of one shot a class, ridge in its dual form: by the formula, a draw at a time."""
    results = few_shot_results(sweep, folders, tasks)
    point = sweep.points[1]
    found = results[point.name]["student", "alignet"][SCORE]
    embeddings = Embeddings.from_pretrained(folders[point.name] / "embeddings" / "alignet")
    training, test = tasks[point.name].parts(np.asarray(embeddings, np.float64), embeddings.names)
    of_draws = []
    for rows in shot_draws(training.labels, 1, 100, tasks[point.name].seed):
        features, targets = training.embeddings[rows], np.eye(6)[training.labels[rows]]
        mean, deviation = features.mean(0), features.std(0)
        standard = (features - mean) / deviation
        centred = targets - targets.mean(0)
        weights = np.linalg.solve(standard.T @ standard + 1024 * np.eye(8), standard.T @ centred)
        outputs = ((test.embeddings - mean) / deviation) @ weights + targets.mean(0)
        of_draws.append((outputs.argmax(1) == test.labels).mean())
    np.testing.assert_allclose(found.per_draw, of_draws, atol=1e-6)
    assert found.estimate == pytest.approx(np.mean(of_draws), abs=1e-6)
    assert found.chance == pytest.approx(1 / 6)
    assert set(results[point.name]) == {("student", "original"), ("student", "alignet")}  # not UD


def judged(sweep) -> dict:
    """Scores on people's judgments, as points keep them."""
    samples = np.random.default_rng(0).normal(0, 0.01, 40)
    scores = {
        name: Result.from_samples(name, 0.5, 0.5 + samples, 1 / 3, 30)
        for name in ("odd_one_out_accuracy", "rsa_spearman")
    }
    return {point.name: {("student", one): dict(scores) for one in point.recipe.settings} for point in sweep.points}


def test_means_spreads_differences_and_findings_have_it_beside_the_others(sweep, tasks, folders, tmp_path):
    results, measured = judged(sweep), few_shot_results(sweep, folders, tasks)
    for name, of_point in measured.items():
        for key, scores in of_point.items():
            results[name][key] |= scores
    rows = rows_of(sweep.points, results)
    finding = Finding(claim="A over B", paper="Fig. 4", better={}, than={"setting": "original"}, score=SCORE)
    stated = replace(sweep, findings=(finding,))
    report = SweepReport(stated, rows, differences(sweep, rows), findings(stated, rows), {})
    said = report.to_dict()
    (row,) = [
        row
        for row in said["rows"]
        if (row["setting"], row["condition"]) == ("alignet", {"triplets.strategy": "random"})
    ]
    both = [
        measured[point.name]["student", "alignet"][SCORE]
        for point in sweep.points
        if point.values["triplets.strategy"] == "random"
    ]
    assert row["scores"][SCORE]["estimate"] == pytest.approx(np.mean([one.estimate for one in both]))
    spread = np.sqrt(sum(np.var(one.per_draw, ddof=1) for one in both) / len(both))
    assert row["scores"][SCORE]["spread_over_draws"] == pytest.approx(spread)
    assert "per_draw" not in row["scores"][SCORE]
    assert "spread_over_draws" not in row["scores"]["rsa_spearman"]
    means = report.frames()["means"].set_index(["triplets.strategy", "setting"])
    assert means.loc[("random", "alignet"), f"{SCORE}.spread_over_draws"] == pytest.approx(spread)
    assert np.isnan(means.loc[("random", "ud"), SCORE])
    ours = next(one for one in report.differences if (one.kind, one.second.setting) == ("setting", "original"))
    theirs = [
        [
            measured[point.name]["student", setting][SCORE]
            for point in sweep.points
            if point.condition == ours.first.condition
        ]
        for setting in ("alignet", "original")
    ]
    samples = np.mean([one.samples for one in theirs[0]], 0) - np.mean([one.samples for one in theirs[1]], 0)
    np.testing.assert_allclose(ours.scores[SCORE].difference.samples, samples, atol=1e-12)
    assert all(SCORE not in one.scores for one in report.differences if "ud" in (one.first.setting, one.second.setting))
    assert str(report.findings[0]).startswith("A over B (the paper's Fig. 4): 1-shot accuracy 0.")
    assert "held-out images: shown here" in str(report.findings[0])
    grid_table, _ = report.tables()
    assert [column.header for column in grid_table.columns].count("1-shot accuracy\n\\[95 %] (spread)") == 1
    for figure in figures_of(report.rows_by_grid()).values():
        assert [axis.get_ylabel() for axis in figure.axes][2:] == ["1-shot accuracy", "2-shot accuracy"]


def test_how_it_differs_from_that_of_evaluate_is_said_where_its_numbers_are(call):
    """The numbers that the words have are those of the code."""
    said_in_help = " ".join(re.sub("[│|]", " ", call("sweep", "--help")[1]).split())
    of_evaluate, of_function = (inspect.signature(one).parameters for one in (evaluate, few_shot))
    for said in (OF_FEW_SHOT, said_in_help):
        assert f"{N_DRAWS} draws of the shots, with l2 {FIXED['ridge']:,.0f} for every student" in said
        assert f"{of_evaluate['draws'].default} draws" in said
        assert f"{of_function['n_draws'].default}), at an l2 that it chooses" in said
    assert of_evaluate["l2"].default == "auto"


@pytest.mark.parametrize("n_folds", [1, 3, 10])
def test_a_spread_does_not_shrink_with_the_number_of_folds(n_folds):
    """Draws of a known spread in every fold: it is what `evaluate` would call the spread of any of them."""
    rng = np.random.default_rng(0)
    results = {}
    for fold in range(n_folds):
        draws = rng.normal(0.5, 0.05, 400)
        found = FewShotResult.from_samples(SCORE, draws.mean(), draws, 1 / 6, 30)
        results[0, fold, 0] = replace(found, per_draw=draws)
    row = Row({}, "student", "alignet", {SCORE: results}, {SCORE: mean_over_replicates(results)})
    assert row.spread(SCORE) == pytest.approx(0.05, rel=0.15)
    if n_folds == 1:
        assert row.spread(SCORE) == pytest.approx(results[0, 0, 0].to_dict()["spread_over_draws"], abs=1e-12)


def test_too_few_images_of_a_class_are_refused_before_anything_runs():
    sweep = load_sweep(RECIPE, ["split.fold=0,1"], SMALL, shots=[9])
    with pytest.raises(InputError, match=r"few-shot accuracy of demo: class .* has 6 training images.*--shots 0"):
        few_shot_tasks(sweep, print)


def test_names_tell_classes_and_single_images_of_wordnet_s_are_of_superordinates(monkeypatch):
    assert classes_by_name(["dog/1.png", "cat/1.png"]) == {"dog/1.png": "dog", "cat/1.png": "cat"}
    two_of_each = ["n02084071_1.jpg", "n02084071_2.jpg", "n03001627_1.jpg", "n03001627_2.jpg"]
    assert set(classes_by_name(two_of_each).values()) == {"n02084071", "n03001627"}
    from alignet_hf.evaluation.representation.wordnet import Hierarchy

    parents = {"n00001740": (), "n02084071": ("n00001740",), "n02110341": ("n02084071",), "n03000134": ("n00001740",)}
    monkeypatch.setattr(Hierarchy, "open", classmethod(lambda cls, source: cls(parents)))
    assert classes_by_name(["n02110341_dalmatian.jpg", "n03000134_fence.jpg"]) == {"n02110341_dalmatian.jpg": "animals"}


def test_findings_without_their_shots_are_named_or_left_out(tmp_path):
    section = {
        "grids": {"a": {"split.fold": [0, 1]}},
        "findings": [{"claim": "A", "better": {}, "than": {"setting": "original"}, "score": SCORE}],
    }
    with pytest.raises(InputError, match=r"finding 'A': give the number of few_shot_accuracy/1-shot in sweep\.shots"):
        load_sweep(RECIPE, overrides=SMALL, section=section)
    assert load_sweep(RECIPE, overrides=SMALL, section={**section, "shots": [1]}).findings
    assert not load_sweep(RECIPE, overrides=SMALL, section={**section, "shots": [1]}, shots=[0]).findings
    with pytest.raises(InputError, match=r"findings\.score"):
        load_sweep(RECIPE, overrides=SMALL, section={**section, "findings": [{**section["findings"][0], "score": "x"}]})


def test_an_image_that_the_embeddings_lack_has_no_part():
    """One that could not be decoded, say."""
    task = FewShotTask({"a": "x", "b": "y", "c": "x", "d": "y"}, frozenset(["c", "d"]), 0)
    training, test = task.parts(np.arange(3.0)[:, None], ["b", "a", "d"])
    assert (training.names, test.names) == (["b", "a"], ["d"])
    assert training.embeddings[:, 0].tolist() == [0, 1]
    assert [test.classes[label] for label in test.labels] == ["y"]
