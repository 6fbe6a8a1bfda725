"""The command from end to end: what it refuses, what it lists, and a sweep that is run, goes on, and is read."""

import json
import re

import pytest
from backbones import save_tiny_encoder

from alignet_hf.demo.run import RECIPE

GRID = ("--grid", "split.fold=0,1", "--grid", "evaluate.settings=[original, alignet],[human]")


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> list[str]:
    """`--set` options that make the demo's recipe small enough for a test."""
    teacher, student = (
        save_tiny_encoder(tmp_path_factory.mktemp(name), seed) for seed, name in enumerate(("teacher", "student"))
    )
    values = [
        f"teacher.model={teacher}",
        f"student.model={student}",
        "student.image_size=null",
        "surrogate.epochs=5",
        "distill.triplets=listed",
        "distill.steps=2",
        "distill.batch_size=12",
        "distill.warmup_steps=1",
        "distill.evaluate_steps=null",
        "distill.student_temperature=auto",
        "triplets.n=200",
        "evaluate.n_bootstrap=20",
    ]
    return [word for value in values for word in ("--set", value)]


def test_check_lists_the_points_and_counts_shared_stages_once(call, small, tmp_path):
    code, out, _ = call("sweep", RECIPE, *GRID, *small, "--check", "--json")
    found = json.loads(out)
    assert code == 0
    assert [point["values"]["split.fold"] for point in found["points"]] == [0, 0, 1, 1]
    counts = {name: (stage["points"], stage["different"]) for name, stage in found["stages"].items()}
    assert counts["teacher"] == (4, 1)
    assert counts["surrogate"] == counts["triplets"] == counts["clusters"] == (4, 2)
    assert counts["original"] == (2, 1)
    assert counts["alignet"] == counts["human"] == (2, 2)
    assert found["stages"]["teacher"]["decoded"] == 92
    assert (found["points_done"], found["seconds_left"]) == (0, None)
    assert found["processes"] >= 1


def test_help_says_what_is_scored_and_where_the_rest_is(call):
    code, said, _ = call("sweep", "--help")
    said = " ".join(re.sub("[│|]", " ", said).split())
    assert code == 0
    assert "odd-one-out accuracy and RSA, and with --shots few-shot accuracy" in said
    assert "training/reproduce with --evaluate" in said


def test_wrong_sweeps_are_one_line_and_code_2(call, small, tmp_path):
    for arguments, message in (
        (("--out", tmp_path), "what varies is not said"),
        (GRID, "--out FOLDER is missing"),
        ((*GRID, "--set", "images.source=/nowhere", "--out", tmp_path / "out"), "no such folder: /nowhere"),
        ((*GRID, "--set", "images.source=/nowhere", "--check"), "no such folder: /nowhere"),
        ((*GRID, "--shots", 20, "--check"), "few-shot accuracy of demo: class"),
        ((*GRID, "--shots", 20, "--out", tmp_path / "out"), "few-shot accuracy of demo: class"),
    ):
        code, _, error = call("sweep", RECIPE, *small, *arguments)
        assert code == 2
        assert error.startswith("alignet-hf: ")
        assert error.count("\n") == 1
        assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_sweep_runs_goes_on_and_reports_what_failed(call, small, tmp_path):
    """A point whose folder is somebody else's fails; made free, the same command goes on with it alone."""
    out = tmp_path / "sweep"
    names = ["split.fold=0,evaluate.settings=original+alignet", "split.fold=1,evaluate.settings=human"]
    theirs = out / "points" / names[1] / "mine.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    code, said, error = call("sweep", RECIPE, *GRID, *small, "--out", out, "--processes", 2)
    assert code == 1
    assert "to go, about " in said
    assert "is there already, and not of this run" in error
    assert "3 to go" in said
    theirs.unlink()
    code, said, _ = call("sweep", RECIPE, *GRID, *small, "--out", out, "--check")
    assert code == 0
    assert re.search(r"3 of 4 points are finished; about \d+ s to go", " ".join(said.split()))
    again = (*GRID, *small, "--shots", 1, "--out", out, "--processes", 1)
    code, said, error = call("sweep", RECIPE, *again, "--json")
    assert code == 0, error
    assert "; 1 to go, about " in error
    metrics = json.loads((out / "points" / names[0] / "metrics.json").read_text())
    rows = {row["setting"]: row for row in json.loads(said)["rows"] if row["who"] == "student"}
    assert set(rows) == {"original", "alignet", "human"}
    assert all(row["n_points"] == 2 for row in rows.values())
    assert all(row["scores"]["few_shot_accuracy/1-shot"]["n_objects"] > 50 for row in rows.values())
    assert "alignet ..." not in (out / "logs" / f"{names[0]}.txt").read_text().split("finished before")[-1]
    log = (out / "logs" / f"{names[1]}.txt").read_text()
    assert log.count("another point of the sweep has done it") >= 3  # teacher, surrogate, clusters
    both = [
        json.loads(
            (out / "points" / f"split.fold={fold},evaluate.settings=original+alignet" / "metrics.json").read_text()
        )
        for fold in (0, 1)
    ]
    mean = sum(one["student"]["alignet"]["odd_one_out_accuracy"]["estimate"] for one in both) / 2
    assert rows["alignet"]["scores"]["odd_one_out_accuracy"]["estimate"] == pytest.approx(mean)
    code, said, _ = call("sweep", RECIPE, *again)
    assert code == 0
    assert "all are finished, none is run again" in said
    assert metrics["student"].keys() == {"original", "alignet"}
    assert (out / "figures" / "grid.png").is_file()
    code, said, _ = call("sweep", out / "recipe.yaml", "--out", out, "--check")  # what it kept is the same sweep
    assert code == 0
    assert "4 of 4 points are finished" in " ".join(said.split())
    code, _, error = call("report", out)
    assert code == 0, error
    page = (out / "report.html").read_text()
    assert "alignet-hf sweep recipe.yaml --out again" in page
    assert "evaluate.settings" in page[page.index("The recipe") :]
