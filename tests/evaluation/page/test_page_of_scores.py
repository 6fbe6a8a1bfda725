"""The page of what `evaluate --out` wrote."""

import json

import numpy as np
import pytest
from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import adjust_comparisons, compare_results
from alignet_hf.evaluation.page import figure_files
from alignet_hf.evaluation.page.explorer import Explorer
from alignet_hf.evaluation.page.folder import write_report_of
from alignet_hf.evaluation.page.of_scores import page_of_scores
from alignet_hf.evaluation.photograph_files import save_photographs
from alignet_hf.evaluation.score_files import save_scores
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.triplet_files import save_triplets


def result(name: str, estimate: float, seed: int, **further) -> Result:
    samples = estimate + 0.02 * np.random.default_rng(seed).normal(size=200)
    return Result.from_samples(name, estimate, samples, further.pop("chance", 0.1), 500, **further)


@pytest.fixture
def folder(tmp_path):
    scores = {
        "choices_odd_one_out_accuracy": result("accuracy", 0.6, 0, ceiling=0.7, p_value=0.01),
        "few_shot_accuracy/1-shot": result("one shot", 0.3, 1),
        "few_shot_accuracy/10-shot": result("ten shots", 0.5, 2),
        "effective_rank": result("effective rank", 84.0, 3, chance=0.0),
        "undrawn": Result("no draws", 0.4, np.nan, np.nan, 0.1, 5, np.array([])),
    }
    comparisons = adjust_comparisons(
        {
            "choices_odd_one_out_accuracy": compare_results(result("a", 0.6, 4), result("a", 0.5, 5)),
            "few_shot_accuracy/1-shot": compare_results(result("b", 0.3, 6), result("b", 0.299, 7)),
            "few_shot_accuracy/10-shot": compare_results(result("c", 0.5, 8), result("c", 0.6, 9)),
        }
    )
    about = {"model": "me/<my>-model", "against": "me/base", "command": "alignet-hf evaluate me/<my>-model", "seed": 7}
    save_scores(scores, tmp_path, comparisons, about)
    Image.new("RGB", (3000, 900), "white").save(tmp_path / "few_shot_accuracy-1-shot.png")
    (tmp_path / "representation").mkdir()
    Image.new("RGB", (300, 900), "white").save(tmp_path / "representation" / "neighbours.png")
    return tmp_path


def rows_of(page) -> dict[str, list]:
    return {name: row for table in page.tables for name, row in table.rows.items()}


def test_every_score_is_in_a_table_with_its_interval(folder):
    shown = rows_of(page_of_scores(folder))
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    assert set(shown) == set(scores)
    for name, (score, *_) in shown.items():
        kept = scores[name]
        assert (score.estimate, score.low, score.high) == (kept["estimate"], kept["low"], kept["high"])
    accuracy = shown["choices_odd_one_out_accuracy"][0]
    assert accuracy.ceiling == 0.7
    assert accuracy.further["people"] == "0.7"


def test_every_kind_of_score_has_a_table_of_its_own(folder):
    tables = {table.title: list(table.rows) for table in page_of_scores(folder).tables}
    assert tables == {
        "Accuracies": ["choices_odd_one_out_accuracy", "few_shot_accuracy/1-shot", "few_shot_accuracy/10-shot"],
        "Dimensions that are used": ["effective_rank"],
        "Other scores": ["undrawn"],
    }


def test_the_summary_counts_what_intervals_tell(folder):
    said = page_of_scores(folder).summary[0]
    assert said == (
        "Of 3 scores on which me/<my>-model is compared with me/base, it is better on 1 and worse on 1, with a 95 % "
        "interval of the difference that does not hold 0; on the other 1 the data do not tell."
    )


@pytest.mark.parametrize(
    ("p", "n_draws", "said"),
    [
        ({"few_shot_accuracy/10-shot": 0.3}, 200, "better on 1 and worse on 0."),
        (
            dict.fromkeys(["few_shot_accuracy/10-shot", "choices_odd_one_out_accuracy"], 0.3),
            200,
            "on 0 and worse on 0.",
        ),
        ({"few_shot_accuracy/10-shot": 0.06}, 99, "worse on 0: with so few draws none can (see the tables)."),
    ],
)
def test_the_summary_counts_what_the_correction_leaves(folder, p, n_draws, said):
    content = json.loads((folder / "scores.json").read_text())
    for name, value in p.items():
        content["comparisons"][name]["p_adjusted"] = value
    content["smallest_p"] = {"n_comparisons": 3, "n_draws": n_draws}
    (folder / "scores.json").write_text(json.dumps(content))
    first, second, *_ = page_of_scores(folder).summary
    assert "it is better on 1 and worse on 1" in first
    assert second.startswith("Corrected for the number of comparisons, with a p-value of 0.05 at most, it is better on")
    assert second.endswith(said)


def test_the_summary_counts_no_test_twice(folder):
    content = json.loads((folder / "scores.json").read_text())
    content["comparisons"]["few_shot_accuracy/10-shot"]["set_apart"] = "the same as few_shot_accuracy/1-shot"
    (folder / "scores.json").write_text(json.dumps(content))
    said = page_of_scores(folder).summary[0]
    assert said.startswith(
        "Of 2 scores on which me/<my>-model is compared with me/base, it is better on 1 and worse on 0"
    )
    assert said.endswith(" 1 more are the same as another of them, or the same in every draw.")


def test_the_summary_names_the_farthest_differences_by_which_way_is_better(folder):
    content = json.loads((folder / "scores.json").read_text())
    differences = {
        "knn_accuracy/20": (0.4, 0.1, 0.7),
        "knn_accuracy/10": (0.2, 0.19, 0.21),
        "calibration_error/scaled": (0.3, 0.2, 0.4),
        "retrieval_map": (0.5, 0.05, 0.95),
        "ood_fpr95/knn": (-0.1, -0.15, -0.05),
        "readout_accuracy": (0.1, -0.1, 0.3),
        "effective_rank": (-12.0, -13.0, -11.0),
    }
    one = content["comparisons"]["few_shot_accuracy/1-shot"]
    content["comparisons"] = {
        name: one | dict(zip(("estimate", "low", "high"), numbers, strict=True))
        for name, numbers in differences.items()
    }
    (folder / "scores.json").write_text(json.dumps(content))
    said = page_of_scores(folder).summary
    assert "better on 4 and worse on 1, and higher or lower on 1 of which neither side is better" in said[0]
    assert said[2:5] == [
        "Most clearly better: Accuracy of 10 nearest neighbours, by 0.2 (95 % interval 0.19 to 0.21); Images of other "
        "classes that pass, by distance of neighbours, by \N{MINUS SIGN}0.1 (95 % interval \N{MINUS SIGN}0.15 to "
        "\N{MINUS SIGN}0.05); Accuracy of 20 nearest neighbours, by 0.4 (95 % interval 0.1 to 0.7).",
        "Most clearly worse: Calibration error of the read-out, with its temperature, by 0.3 (95 % interval 0.2 to "
        "0.4).",
        "Of those of which neither side is better, most clearly other: Effective rank, by \N{MINUS SIGN}12 (95 % "
        "interval \N{MINUS SIGN}13 to \N{MINUS SIGN}11).",
    ]


def test_what_was_noted_stands_with_the_limits(folder):
    assert len(page_of_scores(folder).limits) == 1
    content = json.loads((folder / "scores.json").read_text())
    content["about"]["notes"] = "3 of 9 images have no category"
    (folder / "scores.json").write_text(json.dumps(content))
    page = page_of_scores(folder)
    assert page.limits[1] == "Noted when they were made: 3 of 9 images have no category."
    assert "notes" not in page.facts


def test_the_command_writes_a_small_escaped_page(call, folder):
    code, out, err = call("report", folder)
    assert (code, err) == (0, "")
    assert out == f"report: {folder / 'report.html'}\n"
    text = (folder / "report.html").read_text()
    assert "In representation/neighbours.png" in text
    assert "me/&lt;my&gt;-model" in text
    assert "<my>" not in text
    assert "the better calibrated. 1-shot accuracy: 0.300." in text
    assert "<code>few_shot_accuracy/1-shot</code>" in text
    assert len(text) < 200_000
    assert text.count("data:image/webp") == 2
    code, *_ = call("report", folder, "--no-photographs")
    assert code == 0
    text = (folder / "report.html").read_text()
    assert text.count("data:image/webp") == 1  # the diagram shows none
    assert "In representation/neighbours.png" not in text


def test_figures_of_two_encoders_say_which_is_where_and_wide_ones_that_a_phone_scrolls(folder):
    for name, size in (("pca-points", (900, 400)), ("distance-changes-matrix", (400, 400))):
        Image.new("RGB", size, "white").save(folder / "representation" / f"{name}.png")
    figures = {figure.title: figure for figure in page_of_scores(folder).figures}
    points, matrix = figures["All images by principal components"], figures["Changes of distances between categories"]
    assert "Left: base (before); right: <my>-model (after)." in points.caption
    assert "Left: base (before); right: &lt;my&gt;-model (after)." in points.panels[0][1]  # the text alternative
    assert "From base (before) to <my>-model (after)." in matrix.caption
    assert ["scroll it sideways" in one.panels[0][1] for one in (points, matrix)] == [True, False]


def test_figures_without_room_are_named_and_smaller_ones_shown(folder, monkeypatch):
    monkeypatch.setattr(figure_files, "BUDGET", 60_000)
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "representation" / "pca-points.png")
    Image.new("RGB", (300, 200), "white").save(folder / "representation" / "spectrum.png")
    page = page_of_scores(folder)
    assert page.left_out == ["representation/pca-points.png"]
    assert "Spectrum" in [figure.title for figure in page.figures]
    text = write_report_of(folder).read_text()
    assert "are in its folder alone: <code>representation/pca-points.png</code>." in text
    assert len(text) < 150_000


def test_photographs_and_figures_that_compress_badly_make_no_large_page(folder):
    rng = np.random.default_rng(0)
    noise = {row: Image.fromarray(rng.integers(0, 256, (192, 192, 3), np.uint8)) for row in range(90)}
    triplets = np.arange(90).reshape(-1, 3)
    odd = np.zeros(30, np.int64)
    explored = Explorer(triplets, odd, None, None, {"before": odd, "after": odd}, 30)
    save_triplets(explored, noise, {row: f"noise {row}" for row in noise}, folder)
    for name in ("pca-points", "trimap-points", "spectrum"):
        pixels = rng.integers(0, 256, (1000, 1000, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "representation" / f"{name}.png")
    page = page_of_scores(folder)
    assert len(page.explorer.triplets) == 30
    assert page.left_out  # there is more than a small page holds
    assert page.photographs.n_bytes > 1_000_000
    assert write_report_of(folder).stat().st_size < 5_000_000


def test_triplets_and_neighbours_keep_their_own_photographs(folder):
    content = json.loads((folder / "scores.json").read_text())
    content["scores"]["neighbours_kept"] = content["scores"]["undrawn"]
    (folder / "scores.json").write_text(json.dumps(content))
    queries = [{"query": 0, "before": [1], "after": [2], "chosen": "at random"}]
    near = {
        "queries": queries,
        "k": 1,
        "n_images": 3,
        "same_category": {},
        "names": {str(n): f"near {n}" for n in range(3)},
    }
    (folder / "representation" / "neighbours.json").write_text(json.dumps(near))
    save_photographs([Image.new("RGB", (9, 9), "red")] * 3, range(3), folder / "representation" / "neighbours")
    chosen = {"before": np.array([0]), "after": np.array([1])}
    explored = Explorer(np.array([[0, 1, 2]]), np.array([2]), None, None, chosen, 1)
    blue = dict.fromkeys(range(3), Image.new("RGB", (9, 9), "blue"))
    save_triplets(explored, blue, {row: f"judged {row}" for row in range(3)}, folder)
    page = page_of_scores(folder)
    assert page.photographs.labels == ["near 0", "near 1", "near 2", "judged 0", "judged 1", "judged 2"]
    assert page.explorer.to_json(page.photographs)["rows"] == [[[3, 4, 5], 2, None, None, [0, 1], None]]
    assert len({data for *_, data in page.photographs.pictures}) == 2
    assert page.before_and_after == "Before is me/base, after is me/<my>-model."
    for path in (folder / "triplets").iterdir():
        path.unlink()
    assert page_of_scores(folder, photographs=False).explorer is not None  # no photograph is opened


@pytest.mark.parametrize("content", ["{", "[]", '{"names": {}, "queries": [{"query": 1, "before": [], "after": []}]}'])
def test_damaged_neighbours_are_one_line(folder, content):
    scores = json.loads((folder / "scores.json").read_text())
    scores["scores"]["neighbours_kept"] = scores["scores"]["undrawn"]
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "representation" / "neighbours.json").write_text(content)
    with pytest.raises(InputError, match=r"neighbours\.json: not the neighbours that evaluate --out writes"):
        page_of_scores(folder)


def test_a_folder_of_neither_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"not the folder of a finished run .* nor one that evaluate --out wrote"):
        write_report_of(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"scores": {"a": {}}, "comparisons": {}, "about": {}}',
        '{"scores": {}}',
        '{"scores": {}, "comparisons": {}, "about": {}, "against": {"a": 0.5}}',
        '{"scores": {}, "comparisons": {}, "about": {}, "smallest_p": {"n": 2}}',
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, content):
    (tmp_path / "scores.json").write_text(content)
    with pytest.raises(InputError, match=r"scores\.json: not the scores that evaluate --out writes"):
        page_of_scores(tmp_path)
