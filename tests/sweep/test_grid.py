"""A sweep's points are every combination of its grids, each once; what is wrong is named before anything runs."""

import itertools

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.recipe_file import load_recipe
from alignet_hf.sweep.grid import as_key, load_sweep, matching, written

LISTED = ["distill.triplets=listed"]  # the recipe's are dense, which know no triplets.n


def sweep_file(folder, section: dict):
    content = yaml.safe_load(RECIPE.read_text())
    content["distill"]["triplets"] = "listed"
    (folder / "sweep.yaml").write_text(yaml.safe_dump({**content, "sweep": section}, sort_keys=False))
    return folder / "sweep.yaml"


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["triplets.n", "distill.steps", "surrogate.epochs"]),
        st.lists(st.integers(50, 60), min_size=1, max_size=3, unique=True),
        min_size=1,
    )
)
def test_points_are_the_product_and_nothing_else_changes(axes):
    sweep = load_sweep(RECIPE, [f"{key}={','.join(map(str, values))}" for key, values in axes.items()], LISTED)
    expected = {tuple(one) for one in itertools.product(*axes.values())}
    assert {tuple(point.values[key] for key in axes) for point in sweep.points} == expected
    assert len(sweep.points) == len(expected) == len({point.name for point in sweep.points})
    for point in sweep.points:
        alike = load_recipe(RECIPE, [*LISTED, *(f"{key}={value}" for key, value in point.values.items())])
        assert point.recipe == alike


def test_a_point_of_several_grids_is_one_point(tmp_path):
    grids = {
        "sampling": {"split.fold": [0, 1], "triplets.strategy": ["cluster-boundary", "random"]},
        "number": {"split.fold": [0, 1], "triplets.n": [20000, 300]},
    }
    sweep = load_sweep(sweep_file(tmp_path, {"grids": grids}))
    assert len(sweep.points) == 6
    both = [point for point in sweep.points if point.grids == ("sampling", "number")]
    assert [point.values["split.fold"] for point in both] == [0, 1]
    assert sweep.baseline == {"triplets.strategy": "cluster-boundary", "triplets.n": 20000}  # the recipe's own
    assert len(matching(sweep.points, sweep.baseline)) == 2
    assert sweep.points[0].condition == {"triplets.strategy": "cluster-boundary", "triplets.n": 20000}


def test_values_may_be_lists_and_names_are_of_folders():
    sweep = load_sweep(RECIPE, ["evaluate.settings=[alignet],[original, human]", "student.model=demo-student,a/b"])
    assert [point.recipe.settings for point in sweep.points][::2] == [["alignet"], ["original", "human"]]
    assert all("/" not in point.name and len(point.name.encode()) < 200 for point in sweep.points)
    assert written(["original", "human"]) == "original+human"
    assert as_key({"b": 1, "a": 2}) == as_key({"a": 2, "b": 1})


def test_the_command_line_s_grid_takes_the_place_of_the_file_s(tmp_path):
    path = sweep_file(tmp_path, {"grids": {"a": {"triplets.n": [100, 200]}}, "baseline": {"triplets.n": 100}})
    assert len(load_sweep(path).points) == 2
    assert load_sweep(path).baseline == {"triplets.n": 100}
    assert [point.values for point in load_sweep(path, ["distill.steps=3"]).points] == [{"distill.steps": 3}]
    assert load_sweep(path, ["distill.steps=3,4"], baseline=["distill.steps=4"]).baseline == {"distill.steps": 4}
    assert load_sweep(path, ["distill.steps=3,4"]).baseline == {"distill.steps": 3}  # 40 is no point: the first


def test_what_is_written_down_of_a_sweep_is_the_same_sweep(tmp_path):
    section = {
        "grids": {
            "settings": {"split.fold": [0, 1], "evaluate.settings": [["original", "alignet"]]},
            "sampling": {"triplets.strategy": ["cluster-boundary", "random"], "triplets.n": [50, 60]},
            "left out": {"seed": [0, 1]},
        },
        "baseline": {"triplets.n": 50},
        "shots": [1],
        "findings": [
            {"claim": "a", "better": {}, "than": {"triplets.strategy": "random"}, "score": "few_shot_accuracy/1-shot"}
        ],
    }
    sweep = load_sweep(sweep_file(tmp_path, section), overrides=["distill.steps=3"], only=["settings", "sampling"])
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(sweep.to_dict(), sort_keys=False))
    assert load_sweep(tmp_path / "recipe.yaml") == sweep


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ((), "what varies is not said"),
        (("triplets.nn=1",), "grid key triplets.nn: no such key in the recipe; there: n, strategy"),
        (("triplets.n",), "--grid triplets.n: expected section.key=value,value"),
        (("triplets.n=ten",), r"point triplets.n=ten: triplets.n: 'ten' is wrong"),
        (
            ("distill.loss=kl,hard", "distill.teacher_temperature=1.0,2.0"),
            r"point distill.loss=hard,distill.teacher_temperature=2.0: distill: teacher_temperature is 2.0, but the",
        ),
        (("split.fold=0,3",), "point split.fold=3: split: fold must be below folds, which is 3"),
    ],
)
def test_wrong_grids_are_refused(grid, message):
    with pytest.raises(InputError, match=message):
        load_sweep(RECIPE, grid)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"grids": {}}, "sweep.grids"),
        ({"grid": {}}, "sweep.grid"),
        ({"grids": {"a": {"triplets.n": []}}}, "sweep.grids"),
        ({"grids": {"a": {"triplets.n": [9]}}, "baseline": {"triplets.n": 8}}, "no point has the baseline's values"),
        ({"grids": {"a": {"triplets.n": [9]}}, "baseline": {"seed": 8}}, "baseline key seed is in no grid"),
        (
            {
                "grids": {"a": {"triplets.n": [9]}},
                "findings": [{"claim": "c", "better": {"triplets.n": 7}, "than": {"setting": "original"}}],
            },
            "finding 'c': no point has triplets.n=7 and setting alignet",
        ),
    ],
)
def test_wrong_sections_are_refused(tmp_path, section, message):
    with pytest.raises(InputError, match=message):
        load_sweep(sweep_file(tmp_path, section))


def test_some_of_the_grids_and_what_they_find(tmp_path):
    section = {
        "grids": {
            "settings": {"split.fold": [0]},
            "number": {"split.fold": [0], "triplets.n": [20000, 9]},
            "sampling": {"split.fold": [0], "triplets.strategy": ["random"]},
        },
        "baseline": {"triplets.strategy": "cluster-boundary"},
        "findings": [
            {"claim": "a", "better": {"setting": "alignet"}, "than": {"setting": "original"}},
            {"claim": "b", "better": {"triplets.n": 20000}, "than": {"triplets.n": 9}},
        ],
    }
    path = sweep_file(tmp_path, section)
    assert [finding.claim for finding in load_sweep(path).findings] == ["a", "b"]
    sweep = load_sweep(path, only=["settings"])
    assert [finding.claim for finding in sweep.findings] == ["a"]
    assert (len(sweep.points), sweep.baseline) == (1, {})
    with pytest.raises(InputError, match="no grid numbers; there: settings, number, sampling"):
        load_sweep(path, only=["numbers"])


def test_run_says_what_runs_a_sweep(tmp_path):
    path = sweep_file(tmp_path, {"grids": {"a": {"triplets.n": [9]}}})
    with pytest.raises(InputError, match="has a section sweep, of many runs: alignet-hf sweep"):
        load_recipe(path)
