"""The page of a sweep, from the file that a sweep leaves."""

import json

import pytest
import yaml
from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.evaluation.page.folder import write_report_of
from alignet_hf.evaluation.page.of_sweep import page_of_sweep
from alignet_hf.sweep.report import OF_FEW_SHOT

RESULT = {"estimate": 0.6, "low": 0.5, "high": 0.7, "chance": 0.333, "n_objects": 30, "unit": "objects"}
BASE = {"clusters.n_clusters": 8, "triplets.n": 200, "name": "<b>"}
SCORES = {"odd_one_out_accuracy": RESULT, "rsa_spearman": RESULT | {"chance": 0.0}}


def row(setting: str, **changed) -> dict:
    return {"condition": BASE | changed, "who": "student", "setting": setting, "n_points": 3, "scores": SCORES}


def side(setting: str, **changed) -> dict:
    return {"condition": BASE | changed, "setting": setting}


@pytest.fixture
def folder(tmp_path):
    compared = {name: RESULT | {"chance": 0.0, "p_bootstrap": 0.0123} for name in SCORES}
    content = {
        "name": "numbers",
        "recipe": {
            "name": "numbers",
            "images": {"source": "/home/someone/photos"},
            "sweep": {"grids": {"triplets": {"triplets.n": [200, 400]}, "models": {"student.model": ["/home/a/b"]}}},
        },
        "command": "alignet-hf sweep recipe.yaml --out again",
        "baseline": BASE,
        "points": [
            {"name": "a", "failure": None, "grids": ["triplets"]},
            {"name": "b", "failure": "the loss is not finite <i>"},
        ],
        "rows": [row("alignet"), row("original"), row("alignet", **{"triplets.n": 400})],
        "differences": [
            {"kind": "setting", "first": side("alignet"), "second": side("original"), "scores": compared},
            {
                "kind": "condition",
                "first": side("alignet", **{"triplets.n": 400}),
                "second": side("alignet"),
                "scores": {"odd_one_out_accuracy": compared["odd_one_out_accuracy"]},
            },
        ],
        "findings": [{"sentence": "More triplets: contradicts the paper."}],
    }
    (tmp_path / "sweep.json").write_text(json.dumps(content))
    return tmp_path


def test_every_condition_and_difference_is_named_by_what_differs(folder):
    page = page_of_sweep(folder)
    conditions, *differences = page.tables
    assert list(conditions.rows) == [
        "student, alignet, triplets.n=200",
        "student, original, triplets.n=200",
        "student, alignet, triplets.n=400",
    ]
    assert {table.title: list(table.rows) for table in differences} == {
        "Differences of settings": ["alignet, triplets.n=200 less original, triplets.n=200"],
        "Differences from the baseline": ["alignet, triplets.n=400 less alignet, triplets.n=200"],
    }
    accuracy, correlation = differences[1].rows["alignet, triplets.n=400 less alignet, triplets.n=200"]
    assert (accuracy.low, accuracy.high, accuracy.further) == (0.5, 0.7, {"p": "0.0123"})
    assert correlation is None
    assert page.summary == ["More triplets: contradicts the paper."]
    assert "b: the loss is not finite <i>" in page.limits[-1]
    assert OF_FEW_SHOT not in page.limits


def test_few_shot_accuracies_have_a_column_where_a_row_has_them(folder):
    content = json.loads((folder / "sweep.json").read_text())
    one_shot = RESULT | {"unit": "images", "chance": 0.167, "spread_over_draws": 0.0234}
    content["rows"][0]["scores"] = SCORES | {"few_shot_accuracy/1-shot": one_shot}
    (folder / "sweep.json").write_text(json.dumps(content))
    page = page_of_sweep(folder)
    conditions, *differences = page.tables
    assert page.limits.count(OF_FEW_SHOT) == 1
    assert conditions.columns == ["odd-one-out accuracy", "RSA (Spearman)", "1-shot accuracy"]
    assert [scores[-1] is None for scores in conditions.rows.values()] == [False, True, True]
    first, *_, few_shot = next(iter(conditions.rows.values()))
    assert (first.further, few_shot.further) == ({}, {"spread": "0.0234"})
    assert "from draw to draw" in conditions.caption
    assert all(len(table.columns) == 2 for table in differences)


def test_its_recipe_and_the_command_that_repeats_it_are_shown(folder):
    text = write_report_of(folder).read_text()
    assert "alignet-hf sweep recipe.yaml --out again" in text
    assert "/home" not in text  # folders are cut to their last part
    shown = yaml.safe_load(page_of_sweep(folder).recipe)
    assert shown["images"]["source"] == "photos"
    assert shown["sweep"]["grids"] == {"triplets": {"triplets.n": [200, 400]}, "models": {"student.model": ["b"]}}
    assert "triplets.n" in text[text.index("sweep:") :]


def test_of_a_sweep_that_kept_no_recipe_there_is_a_page_all_the_same(folder):
    content = json.loads((folder / "sweep.json").read_text())
    del content["recipe"], content["command"]
    (folder / "sweep.json").write_text(json.dumps(content))
    page = page_of_sweep(folder)
    assert page.recipe is None
    assert [command for _, command in page.commands] == ["alignet-hf report ."]


def test_it_is_written_escaped(folder):
    text = write_report_of(folder).read_text()
    assert "the loss is not finite &lt;i&gt;" in text
    assert "More triplets: contradicts the paper." in text


def test_figures_are_diagrams_that_stay_without_photographs(folder):
    (folder / "figures").mkdir()
    for name in ("triplets", "models"):
        Image.new("RGB", (300, 200), "white").save(folder / "figures" / f"{name}.png")
    text = write_report_of(folder, photographs=False).read_text()
    assert text.count("data:image/webp") == 2
    assert "Scores of the conditions of triplets, with 95 % intervals" in text
    assert "Diagram models." in text


def test_a_damaged_file_is_one_line(folder):
    (folder / "sweep.json").write_text('{"rows": []}')
    with pytest.raises(InputError, match=r"sweep\.json: not what a sweep writes"):
        page_of_sweep(folder)
