"""The command `evaluate`: data sets whose images lie in folders of their own, its files, its JSON, its refusals."""

import csv
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from backbones import tiny_backbone
from PIL import Image
from transformers import BitImageProcessorPil

from alignet_hf.data.images import load_images
from alignet_hf.data.levels import load_levels
from alignet_hf.data.ratings import read_ratings
from alignet_hf.evaluation.human.odd_one_out import odd_one_out_accuracy
from alignet_hf.evaluation.human.rsa import rsa
from alignet_hf.surrogate.embed import embed_images

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
from simulated_levels import simulated_trials, write_simulated, write_simulated_design

PHOTOS = [f"photo{n}.png" for n in range(8)]
RNG = np.random.default_rng(0)


def write_images(folder: Path, names) -> Path:
    folder.mkdir()
    for name in names:
        Image.fromarray(RNG.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / name)
    return folder


def without_name(score: dict) -> dict:
    return {key: value for key, value in score.items() if key != "name"}


def assert_told(found: dict, expected: dict) -> None:
    """The same to the precision of the model: batches of other sizes round otherwise."""
    assert {
        key: value if key in ("name", "unit", "over") else pytest.approx(value, rel=1e-4)
        for key, value in found.items()
    } == (expected)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    """Simulated Levels, THINGS-like choices without a split, ratings, each with its images; two tiny encoders."""
    folder = tmp_path_factory.mktemp("lab")
    design = write_simulated_design(folder / "design.csv")
    write_simulated(folder / "levels", simulated_trials(design))
    with design.open(newline="") as file:
        shown = {Path(row[f"image{n}"]).name for row in csv.DictReader(file) for n in (1, 2, 3)}
    write_images(folder / "levels-images", sorted(shown))
    write_images(folder / "things-images", PHOTOS)
    write_images(folder / "rsa-images", [*PHOTOS, "another.png"])
    (folder / "things").mkdir()
    triplets = np.array(list(itertools.permutations(range(8), 3)))
    np.savetxt(folder / "things" / "triplets.txt", triplets, "%d")
    np.savetxt(folder / "choices.txt", triplets[::5], "%d")
    rows = "".join(f"{number}\t{name}\n" for number, name in enumerate(PHOTOS))
    (folder / "concepts.tsv").write_text(f"concept_index\tphoto\n{rows}")
    ratings = [f"{p},{a},{b},{RNG.integers(1, 8)}\n" for p in "xyz" for a, b in itertools.combinations(PHOTOS, 2)]
    (folder / "ratings.csv").write_text("".join(["participant,first,second,rating\n", *ratings]))
    for seed, name in enumerate(("encoder", "other")):
        tiny_backbone("dinov2", seed=seed).save_pretrained(folder / name)
        BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder / name)
    return folder


def test_one_call_for_three_data_sets_in_three_folders(call, lab, tmp_path):
    arguments = ["evaluate", lab / "encoder", "--on", "levels,things,rsa", "--levels", lab / "levels"]
    arguments += ["--things", lab / "things", "--concepts", lab / "concepts.tsv", "--odd-column", 1]
    arguments += ["--ratings", lab / "ratings.csv", "--scale", "1,7", "--against", lab / "other"]
    for name in ("levels", "things", "rsa"):
        arguments += ["--images-of", f"{name}={lab / f'{name}-images'}"]
    arguments += ["--similarity", "cosine", "--rsa-similarity", "cosine", "--correlation", "pearson", "--seed", 2]
    arguments += ["--over", "people", "--n-bootstrap", 50, "--n-permutations", 9, "--out", tmp_path / "out"]
    code, out, error = call(*arguments, "--json")
    assert code == 2
    assert "over people: no score on things can be drawn so; its scores are drawn over objects, triplets" in error
    code, out, error = call(*(argument for argument in arguments if argument not in ("--over", "people")), "--json")
    assert code == 0, error
    found = json.loads(out)
    scores, differences = found["scores"], found["comparisons"]

    embeddings = np.asarray(embed_images(str(lab / "encoder"), load_images(lab / "rsa-images"), progress=False))[1:]
    human = -read_ratings(lab / "ratings.csv", scale=(1, 7)).dissimilarities(people_apart=True).matrices
    options = {"n_bootstrap": 50, "n_permutations": 9, "seed": 2, "similarity": "cosine"}
    expected = rsa(embeddings, human, correlation="pearson", **options).to_dict()
    assert_told(without_name(scores["ratings_rsa_pearson_by_person"]), expected)
    assert {"upper_ceiling", "normalised", "p_value", "over", "unit", "n_objects"} <= set(expected)

    official = "10 % drawn at random"
    assert official in error
    assert official in found["about"]["notes"]
    assert found["levels_exclusions"]["n_participants"] == 10
    for level in ("coarse-grained", "fine-grained", "class-boundary"):
        assert scores[f"levels_calibration/{level}"]["over"] == ["triplets"]
    difference = differences["ratings_rsa_pearson"]
    assert difference["p_bootstrap"] <= difference["p_adjusted"] <= 1
    assert differences["things_odd_one_out_accuracy"]["p_mcnemar"] <= 1

    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"scores.csv", "scores.png", "comparisons.csv", "comparisons.png"} <= written
    assert {"levels_calibration-fine-grained.png", "levels_calibration-fine-grained-bins.csv"} <= written
    with (tmp_path / "out" / "scores.csv").open(newline="") as file:
        rows = {row["score"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(scores)
    row = rows["ratings_rsa_pearson_by_person"]
    assert float(row["upper_ceiling"]) == scores["ratings_rsa_pearson_by_person"]["upper_ceiling"]
    with (tmp_path / "out" / "comparisons.csv").open(newline="") as file:
        rows = {row["score"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(differences)
    assert (
        float(rows["ratings_odd_one_out_accuracy"]["p_adjusted"])
        == differences["ratings_odd_one_out_accuracy"]["p_adjusted"]
    )
    kept = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert found == kept | {"levels_exclusions": found["levels_exclusions"]}
    # Each of three objects is the odd one once: whatever a model finds, one of three is right, in every draw.
    assert rows["things_odd_one_out_accuracy"]["set_apart"] == "the same in every draw"


def test_choices_over_triplets_by_another_similarity_and_column(call, lab):
    arguments = ["evaluate", lab / "encoder", lab / "things-images", "--triplets", lab / "choices.txt", "--json"]
    arguments += ["--odd-column", 0, "--over", "triplets", "--similarity", "pearson", "--n-bootstrap", 40]
    code, out, error = call(*arguments)
    assert code == 0, error
    embeddings = np.asarray(embed_images(str(lab / "encoder"), load_images(lab / "things-images"), progress=False))
    triplets = np.loadtxt(lab / "choices.txt", int)[:, [1, 2, 0]]
    expected = odd_one_out_accuracy(embeddings, triplets, over="triplets", similarity="pearson", n_bootstrap=40)
    assert_told(without_name(json.loads(out)["scores"]["choices_odd_one_out_accuracy"]), expected.to_dict())


def test_the_temperature_is_that_of_calibration_and_uncertainty(call, lab):
    arguments = ["evaluate", lab / "encoder", lab / "levels-images", "--levels", lab / "levels", "--n-bootstrap", 5]
    one, other = (json.loads(call(*arguments, "--json", "--temperature", value)[1])["scores"] for value in (1, 300))
    for level in ("coarse-grained", "fine-grained", "class-boundary"):
        for name, changes in (("calibration", True), ("agreement_with_responses", False)):
            key = f"levels_{name}/{level}"
            assert (one[key]["estimate"] != other[key]["estimate"]) == changes
    lines = call(*arguments, "--over", "people,triplets")[1].splitlines()
    assert any("interval over" in line for line in lines)
    (row,) = [line for line in lines if line.startswith("levels_agreement_with_responses/fine-grained ")]
    assert "Agreement with single responses, Levels, fine-grained" in row
    assert " people and triplets " in row


def test_triplets_of_every_set_are_kept_for_a_page_of_two_encoders(call, lab, tmp_path):
    arguments = ["evaluate", lab / "encoder", "--triplets", lab / "choices.txt", "--levels", lab / "levels"]
    arguments += ["--ratings", lab / "ratings.csv", "--scale", "1,7", "--n-bootstrap", 9, "--seed", 3]
    for name, folder in (("choices", "things"), ("levels", "levels"), ("rsa", "rsa")):
        arguments += ["--images-of", f"{name}={lab / folder}-images"]
    code, _, error = call(*arguments, "--out", tmp_path / "alone")
    assert code == 0, error
    assert not (tmp_path / "alone" / "triplets.json").exists()
    code, _, error = call(*arguments, "--against", lab / "other", "--out", tmp_path / "out")
    assert code == 0, error
    content = json.loads((tmp_path / "out" / "triplets.json").read_text())
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    by_set = {}
    for one in content["triplets"]:
        by_set.setdefault(one["set"], []).append(one)
    assert set(by_set) == {"choices", "levels", "ratings"}
    for name in ("choices", "ratings"):  # few enough images for all of their triplets to be there
        for encoder, kept in (("after", "scores"), ("before", "against")):
            right = [one["choices"][encoder] == one["odd"] for one in by_set[name]]
            assert np.mean(right) == pytest.approx(scores[kept][f"{name}_odd_one_out_accuracy"]["estimate"])
    levels = load_levels(lab / "levels")
    of_names = {frozenset(map(stem_of, names)): place for place, names in enumerate(levels["filenames"])}
    for one in by_set["levels"]:
        names = [content["names"][str(row)] for row in one["images"]]
        place = of_names[frozenset(names)]
        assert one["level"] == levels.levels[place]
        order = [[stem_of(name) for name in levels["filenames"][place]].index(name) for name in names]
        assert order[one["odd"]] == levels["majority"][place]
        counts = np.array(levels["counts"][place])
        np.testing.assert_allclose(one["shares"], counts[order] / counts.sum())
    images = {row for one in content["triplets"] for row in one["images"]}
    assert {path.stem for path in (tmp_path / "out" / "triplets").iterdir()} == set(map(str, images))
    code, _, error = call("report", tmp_path / "out")
    assert code == 0, error
    text = (tmp_path / "out" / "report.html").read_text()
    assert '<option value="">all</option>' in text
    assert f"Before is {lab / 'other'}, after is {lab / 'encoder'}." in text
    assert text.count("<symbol") == len(images)
    code, _, error = call("report", tmp_path / "out", "--no-photographs")
    assert code == 0, error
    assert "data:image/webp;base64" not in (tmp_path / "out" / "report.html").read_text().split("</header>")[0]


def stem_of(name: str) -> str:
    """A file's name as a page calls its photograph."""
    return Path(name).stem.replace("_", " ")


def test_no_draws_give_no_interval_in_valid_json(call, lab):
    arguments = ["evaluate", lab / "encoder", lab / "things-images", "--triplets", lab / "choices.txt"]
    code, out, error = call(*arguments, "--n-bootstrap", 0, "--json")
    assert code == 0, error
    assert "NaN" not in out
    assert json.loads(out)["scores"]["choices_odd_one_out_accuracy"]["low"] is None


def test_a_source_of_several_data_sets_is_embedded_once(call, lab, monkeypatch):
    from alignet_hf.evaluation.vision import store

    embedded = []
    monkeypatch.setattr(
        store,
        "embed_images",
        lambda encoder, images, **options: (embedded.append(len(images)), embed_images(encoder, images, **options))[1],
    )
    arguments = ["evaluate", lab / "encoder", lab / "rsa-images", "--triplets", lab / "choices.txt", "--n-bootstrap", 5]
    arguments += ["--ratings", lab / "ratings.csv", "--levels", lab / "levels"]
    code, _, error = call(*arguments, "--images-of", f"levels={lab / 'levels-images'}")
    assert code == 0, error
    assert sorted(embedded) == [len(PHOTOS) + 1, len(list((lab / "levels-images").iterdir()))]


def test_judgments_of_images_that_cannot_be_decoded_are_left_out_and_counted(call, lab, tmp_path):
    """The same scores as on the other judgments, of which there are files of their own."""
    lost = PHOTOS[2]
    images = write_images(tmp_path / "images", PHOTOS)
    (images / lost).write_bytes(b"no image")
    triplets = np.loadtxt(lab / "choices.txt", dtype=int)
    np.savetxt(tmp_path / "choices.txt", triplets[~(triplets == 2).any(1)], "%d")
    rows = (lab / "ratings.csv").read_text().splitlines()
    (tmp_path / "ratings.csv").write_text("\n".join(row for row in rows if lost not in row))
    levels = sorted(lab.glob("levels-images/*"))
    levels_images = write_images(tmp_path / "levels-images", [path.name for path in levels])
    (levels_images / levels[0].name).write_bytes(b"no image")
    options = ["--n-bootstrap", 5, "--scale", "1,7", "--json", "--images-of", f"levels={levels_images}"]
    options += ["--levels", lab / "levels", "--against", lab / "other"]
    evaluate = ["evaluate", lab / "encoder", images]
    code, _, error = call(*evaluate, "--triplets", lab / "choices.txt", "--ratings", lab / "ratings.csv", *options)
    assert code == 2
    assert "--on-bad skip" in error
    code, printed, error = call(
        *evaluate, "--triplets", lab / "choices.txt", "--ratings", lab / "ratings.csv", *options, "--on-bad", "skip"
    )
    assert code == 0, error
    found = json.loads(printed)
    n_levels = len(load_levels(lab / "levels"))
    lost_levels = [
        any(name.endswith(levels[0].name) for name in row) for row in load_levels(lab / "levels")["filenames"]
    ]
    n_out = (triplets == 2).any(1).sum() + 1 + sum(lost_levels)
    assert 0 < sum(lost_levels) < n_levels
    assert f"{n_out} judgments" in found["about"]["notes"]
    code, printed, error = call(
        *evaluate, "--triplets", tmp_path / "choices.txt", "--ratings", tmp_path / "ratings.csv", *options,
        "--on-bad", "skip",
    )  # fmt: skip
    assert code == 0, error
    expected = json.loads(printed)
    assert found["scores"].keys() == expected["scores"].keys()
    for name, one in found["scores"].items():
        assert_told(one, expected["scores"][name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--triplets T", "--triplets: where are its images? Give IMAGES, or --images-of choices=PATH"),
        ("I --triplets T --images-of levels=I", "--images-of levels=I: levels is not scored on"),
        ("I --triplets T --images-of photos", "--images-of photos: give DATA=PATH"),
        ("I --triplets T --over people", "over people: no score on choices can be drawn so"),
        ("I --triplets T --over objects,triplets", "over is 'objects,triplets'; give one of objects, triplets, people"),
        ("I --triplets T --over birds", "over is 'birds'; give one of"),
        ("I --triplets T --over triplets --n-bootstrap 0", "--over: --n-bootstrap 0 leaves nothing to draw"),
        ("I --triplets T --against E --n-bootstrap 0", "--against: the comparison is by bootstrap"),
        ("I --triplets T --similarity manhattan", "similarity is 'manhattan'; it must be one of dot, cosine, pearson"),
        ("I --triplets T --correlation kendall", "--correlation is for similarity matrices (RSA)"),
        ("I --triplets T --rsa-similarity dot", "--rsa-similarity is for similarity matrices (RSA)"),
        ("I --triplets T --temperature 2", "--temperature is for calibration and uncertainty"),
        ("I --levels L --temperature -1", "temperature is -1.0; it must be a positive finite number"),
        ("I --ratings R --correlation tau", "correlation is 'tau'; it must be one of spearman, pearson, kendall"),
        ("I --ratings R --rsa-similarity tau", "rsa_similarity is 'tau'"),
        ("I --ratings R --scale 1,5", "ratings.csv: line"),
        ("I --ratings R --scale five", "--scale five: give the lowest and the highest rating there is"),
        ("I --ratings R --odd-column 1", "--odd-column goes with --triplets or --things"),
        ("I --triplets T --odd-column 3", "--odd-column 3: the odd one is in column 0, 1 or 2"),
        ("I --multi-arrangement R", "ratings.csv: has no column trial and object and x and y"),
        ("I --cichy R", "ratings.csv:"),
        ("I --king T", "choices.txt: matrices are read from .npy"),
        ("I --peterson I", "one file various (.npy, .npz, .csv, .tsv, .mat) is needed; found none"),
        ("I --on rsa --triplets T", "--on rsa: give --dissimilarities or --cichy or --king or --peterson or"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(call, lab, arguments, message):
    places = {"I": "things-images", "T": "choices.txt", "R": "ratings.csv", "L": "levels", "E": "other"}
    given = [lab / places[word] if word in places else word for word in arguments.split()]
    code, out, error = call("evaluate", lab / "encoder", *given)
    assert code == 2
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not out
