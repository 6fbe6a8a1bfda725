"""`evaluate --suite vision,representation`: what is scored, compared and drawn; each image embedded once; refusals."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from backbones import tiny_backbone
from PIL import Image
from transformers import BitImageProcessorPil

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.evaluation.representation import suite as representation
from alignet_hf.evaluation.vision import corruption_errors, imagenet_variants
from alignet_hf.evaluation.vision import store as store_module
from alignet_hf.evaluation.vision.labelled_images import open_labelled
from alignet_hf.evaluation.vision.neighbours import knn_accuracy
from alignet_hf.surrogate.embed import embed_images

CLASSES = {
    "ant": ("insect", "animal"),
    "bee": ("insect", "animal"),
    "cat": ("mammal", "animal"),
    "car": ("vehicle", "thing"),
    "bus": ("vehicle", "thing"),
}


def write_photos(folder, n_of_class: int, rng) -> None:
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for photo in range(n_of_class):
            pixels = rng.integers(0, 120, (16, 16, 3)) + 25 * number
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{photo}.png")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("lab"), np.random.default_rng(0)
    write_photos(folder / "photos" / "train", 12, rng)
    write_photos(folder / "photos" / "test", 6, rng)
    write_photos(folder / "others", 2, rng)
    rows = "".join(f"{name}\t{basic}\t{above}\n" for name, (basic, above) in CLASSES.items())
    (folder / "kinds.tsv").write_text(f"class\tbasic\tsuperordinate\n{rows}")
    for seed, name in enumerate(("encoder", "other")):
        tiny_backbone("dinov2", seed=seed).save_pretrained(folder / name)
        BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder / name)
    return folder


@pytest.fixture
def embedded(monkeypatch) -> Counter:
    """How many images went through an encoder, by the encoder's name."""
    counts = Counter()

    def counting(model, images, **options):
        counts[options["known_as"]["model"].rpartition("/")[2]] += len(images)
        return embed_images(model, images, **options)

    monkeypatch.setattr(store_module, "embed_images", counting)
    return counts


def the_scores(folder, name: str) -> dict[str, dict]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return {row["score"]: row for row in csv.DictReader(file)}


def test_representation_of_two_encoders(call, lab, tmp_path, embedded, monkeypatch):
    monkeypatch.setattr(representation, "METHODS", ("pca",))  # of TriMap and UMAP there are tests of their own
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--test", f"{lab / 'photos'},split=test"]
    arguments += ["--hierarchy", lab / "kinds.tsv", "--against", lab / "other", "--n-bootstrap", 20]
    arguments += ["--embeddings", tmp_path / "kept", "--n-permutations", 19]
    code, out, error = call(*arguments, "--out", tmp_path / "out", "--json")
    assert code == 0, error
    found = json.loads(out)
    scores, differences = found["scores"], found["comparisons"]
    of_twenty = 20 * scores["distance_change/block_structure"]["p_value"]
    assert of_twenty == pytest.approx(round(of_twenty))
    own = {"effective_rank", "tree_correlation/pearson", "cophenetic_correlation", "neighbours_same_category"}
    assert own <= set(scores)
    assert own <= set(differences)
    assert {
        "cka",
        "rsm_correlation",
        "neighbours_kept",
        "distance_change/same_basic",
        "scaled_distance_change/same_basic",
    } <= set(scores)
    assert scores["cka"]["n_objects"] == 30
    apart = {name for name, one in differences.items() if "set_apart" in one}
    assert all(differences[name]["low"] == differences[name]["high"] for name in apart)
    assert all(one["p_bootstrap"] <= one["p_adjusted"] for name, one in differences.items() if name not in apart)
    assert embedded == Counter(encoder=30, other=30)
    for name in ("encoder", "other"):
        assert f"alignet-hf: {lab / name}: embedding 30 images ...\n" in error
        assert f"alignet-hf: {lab / name}: spectrum ...\n" in error

    assert set(the_scores(tmp_path / "out", "scores")) == set(scores)
    assert set(the_scores(tmp_path / "out", "comparisons")) == set(differences)
    about = json.loads((tmp_path / "out" / "scores.json").read_text())["about"]
    assert shlex.split(about["command"]) == [
        "alignet-hf",
        *map(str, arguments),
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    drawn = {path.stem for path in (tmp_path / "out" / "representation").glob("*.png")}
    assert {"scores", "comparisons", "spectrum", "neighbours", "pca-photographs", "pca-points"} <= drawn
    assert {"distance-changes", "distance-changes-matrix", "scaled-distance-changes-matrix"} <= drawn

    code, _, error = call("report", tmp_path / "out")
    assert code == 0, error
    text = (tmp_path / "out" / "report.html").read_text()
    kept = json.loads((tmp_path / "out" / "representation" / "neighbours.json").read_text())
    assert text.count('<article class="card"') == len(kept["queries"]) == 8
    assert text.count("<symbol ") == text.count("<image ") == len(kept["names"])
    assert all(f'aria-label="{name}"' in text for name in kept["names"].values())
    code, _, error = call("report", tmp_path / "out", "--no-photographs")
    assert code == 0, error
    text = (tmp_path / "out" / "report.html").read_text()
    assert text.count('<article class="card"') == 8
    assert "<image " not in text

    code, again, error = call(*arguments, "--json")
    assert code == 0, error
    again = json.loads(again)
    assert again["about"].pop("command") != found["about"].pop("command")
    assert again == found
    assert embedded == Counter(encoder=30, other=30)  # from the folder


def test_without_a_hierarchy_what_needs_none_is_scored(call, lab):
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--test", f"{lab / 'photos'},split=test"]
    code, out, error = call(*arguments, "--n-bootstrap", 5, "--json")
    assert code == 0, error
    assert "effective_rank" in json.loads(out)["scores"]
    assert "tree_correlation/pearson" not in json.loads(out)["scores"]
    notes = json.loads(out)["about"]["notes"]
    assert notes.startswith("left out, as no hierarchy of the classes is known: agreement with the hierarchy")
    assert "; all else is scored: the classes are no WordNet ids (ant is not)" in notes


def test_the_demos_photographs_have_kinds_of_their_own(call, lab):
    arguments = ["evaluate", lab / "encoder", "--suite", "human,representation", "objects92"]
    arguments += ["--dissimilarities", "objects92", "--in-order", "--test", "objects92", "--n-bootstrap", 5]
    code, out, error = call(*arguments)
    assert code == 0, error
    assert "matrices_rsa" in out
    assert "dendrogram_purity/superordinate" in out


def test_images_without_a_category_are_said_and_counted(call, lab, tmp_path):
    rows = "".join(f"{name}\t{basic}\t{above}\n" for name, (basic, above) in CLASSES.items() if name != "bus")
    (tmp_path / "kinds.tsv").write_text(f"class\tbasic\tsuperordinate\n{rows}")
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--test", f"{lab / 'photos'},split=test"]
    arguments += ["--hierarchy", tmp_path / "kinds.tsv", "--n-bootstrap", 5]
    said = "6 of the 30 images have no category, those of 1 of the 5 classes (bus; --out lists all in without_category"
    code, out, error = call(*arguments)
    assert code == 0
    assert f"note: {said}" in out
    assert said in error  # before the images are embedded
    code, out, _ = call(*arguments, "--json", "--out", tmp_path / "out")
    assert (tmp_path / "out" / "representation" / "without_category.csv").read_text().endswith("\nbus,,6\n")
    assert json.loads(out)["about"]["notes"].startswith(said)
    assert json.loads(out)["scores"]["dendrogram_purity/class"]["n_objects"] == 24


def test_a_structure_needs_some_images_and_classes_before_any_is_embedded(call, lab, tmp_path, embedded):
    few = f"{lab / 'photos'},split=test"
    (tmp_path / "kinds.tsv").write_text("class\tbasic\tsuperordinate\nant\tinsect\tanimal\noak\ttree\tplant\n")
    refused = {
        "6 images; a representation's structure needs 7 at least": [
            "--test",
            f"{few},classes=ant",
            "--against",
            lab / "other",
        ],
        "1 image; a representation's structure needs 2": ["--test", f"{few},classes=ant,per-class=1"],
        "1 of the images' 5 classes are in it; bee is not": ["--test", few, "--hierarchy", tmp_path / "kinds.tsv"],
    }
    for said, arguments in refused.items():
        code, out, error = call("evaluate", lab / "encoder", "--suite", "representation", *arguments)
        assert (code, out) == (2, "")
        assert said in error
        assert len(error.strip().splitlines()) == 1
    assert not embedded


def test_of_few_classes_what_needs_no_hierarchy_is_scored(call, lab):
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--n-bootstrap", 5, "--json"]
    code, out, _ = call(*arguments, "--test", "objects92,classes=human_face+human_bodypart")
    assert code == 0
    assert "effective_rank" in json.loads(out)["scores"]
    assert "objects92: 2 of the images' 2 classes are in it" in json.loads(out)["about"]["notes"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "birds"], "--suite birds: choose among human, vision, representation"),
        (["--test", "objects92"], "--test is for --suite vision or representation"),
        (["--suite", "vision", "--triplets", "x.txt"], "--triplets is for --suite human"),
        (["--suite", "representation"], "--suite representation: give the images to look at: --test IMAGES"),
        (["--suite", "representation", "--test", "objects92,lable=x"], "lable= is no option"),
        (["--suite", "vision"], "give --training IMAGES and --test IMAGES, or --few-shot DATA, or both"),
        (["--suite", "vision", "--test", "objects92"], "give --training IMAGES and --test IMAGES, or --few-shot DATA"),
        (
            ["--suite", "vision", "--few-shot", "x=objects92", "--against", "y", "--n-bootstrap", "0"],
            "--n-bootstrap 0 leaves it no draw",
        ),
        (["--suite", "vision", "--training", "objects92"], "give the images to test on too: --test IMAGES"),
        (["--suite", "vision", "--few-shot", "cats"], "--few-shot cats: choose among imagenet, places365"),
        (["--suite", "vision", "--few-shot", "pets", "--ood", "a=b"], "--ood: give the images to learn from"),
        (
            ["--suite", "vision", "--training", "objects92", "--test", "objects92", "--robustness", "b=x"],
            "--robustness b=x: give SET=PLACE, SET one of v2, a, r, c, real",
        ),
        (
            ["--suite", "vision", "--training", "objects92", "--test", "objects92", "--robustness", "c=mad"],
            "--robustness c=mad: no such folder; give that of ImageNet-C, or c=made, which corrupts the images of",
        ),
        (
            ["--suite", "vision", "--training", "objects92", "--test", "objects92", "--ood", "a=x", "--ood", "a=y"],
            "--ood a: given twice",
        ),
        (["objects92", "--against-image-size", "32"], "--against-image-size is for the encoder of --against"),
        (["--shots", "1"], "--shots is for --suite vision; add it, or leave the option out"),
        (["--draws", "10"], "--draws is for --suite vision"),  # the default, but given
        (["--classifiers", "logistic"], "--classifiers is for --suite vision"),
        (["--suite", "vision", "--n-permutations", "9"], "--n-permutations is for --suite human or representation"),
        (
            ["--suite", "representation", "--test", "objects92", "--n-permutations", "9"],
            "--n-permutations: of a representation, it is the changes from another's that are permuted; give --against",
        ),
        (["--suite", "vision", "--over", "people"], "--over is for --suite human"),
        (["--suite", "representation", "--similarity", "cosine"], "--similarity is for --suite human"),
        (["--suite", "representation", "--temperature", "2"], "--temperature is for --suite human"),
        (["--suite", "vision", "--correlation", "kendall"], "--correlation is for --suite human"),
        (["--suite", "vision", "--drop-missing"], "--drop-missing is for --suite human"),
        (["objects92", "--suite", "vision"], "IMAGES is for --suite human"),
        (["--suite", "vision", "--few-shot", "x=objects92", "--l2", "none"], "--l2 none: give a number above 0"),
        (["--suite", "vision", "--few-shot", "x=objects92", "--l2", "-1"], "--l2 -1: give a number above 0"),
        (
            ["--suite", "vision", "--few-shot", "x=objects92", "--l2", "1024", "--classifiers", "ridge,logistic"],
            "--l2 1024: is not the same for ridge and logistic",
        ),
        (["--suite", "vision", "--few-shot", "x=objects92", "--shots", "1,many"], "--shots 1,many: give numbers"),
        (["--suite", "vision", "--few-shot", "=objects92"], "--few-shot =objects92: choose among imagenet"),
        (["--suite", "vision", "--few-shot", "a/b=objects92"], "--few-shot a/b=objects92: the name is part of"),
        (
            ["--suite", "vision", "--training", "x", "--test", "y", "--ood", "z=objects92,classes=human_face"],
            "objects92,classes=human_face: classes= is not for images without classes; it has split=, image=",
        ),
        (["--suite", "vision", "--few-shot", "pets=x,split=test"], "pets has splits of its own, train and test"),
    ],
)
def test_wrong_options_are_one_line(call, arguments, said):
    code, out, error = call("evaluate", "nowhere", *arguments)
    assert code == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--presets"],
        ["nowhere", "--suite", "vision", "--few-shot", "cats"],
        ["nowhere", "--suite", "vision,representation", "--few-shot", "x=y", "--test", "objects92,lable=x"],
        ["nowhere", "--suite", "vision", "--few-shot", "x=y", "--classifiers", "forest"],
        ["nowhere", "--suite", "representation"],
        ["nowhere", "objects92", "--triplets", "x.txt", "--similarity", "likeness"],
        ["nowhere", "objects92", "--triplets", "x.txt", "--temperature", "2"],
        ["nowhere", "--triplets", "x.txt"],
        ["nowhere", "objects92", "--ratings", "x.csv", "--scale", "7,1"],
    ],
)
def test_wrong_options_are_refused_before_what_takes_seconds_is_imported(arguments):
    script = f"import sys; sys.argv = {['alignet-hf', 'evaluate', *arguments]!r}; from alignet_hf.cli import main\n"
    script += "try: main()\nfinally: print('heavy:', sorted({'torch', 'transformers', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if arguments == ["--presets"] else 2)
    assert "Traceback" not in done.stderr
    assert done.stdout.endswith("heavy: []\n")


def test_an_encoder_that_is_not_there_is_refused_before_the_images_are_read(call, lab, tmp_path):
    arguments = ["--suite", "representation", "--test", tmp_path / "not there either"]
    for of_two in (["nowhere/at/all"], [lab / "encoder", "--against", "nowhere/at/all"]):
        code, out, error = call("evaluate", *of_two, *arguments)
        assert (code, out) == (2, "")
        assert error == "alignet-hf: nowhere/at/all: no such folder, and no name on the Hub\n"


def test_each_encoder_has_an_image_size_of_its_own(call, lab):
    """The encoder differs from itself by the size of its images, and from the demo's teacher, which has one."""
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--test", f"{lab / 'photos'},split=test"]
    arguments += ["--n-bootstrap", 5, "--json"]

    def ranks(*options):
        code, out, error = call(*arguments, *options)
        assert code == 0, error
        found = json.loads(out)
        rank, difference = (found[of].get("effective_rank") for of in ("scores", "comparisons"))
        named = {"effective_rank": rank, "difference_on_effective_rank": difference}
        return {name: one["estimate"] for name, one in named.items() if one is not None}

    own, small = ranks(), ranks("--image-size", 16)
    assert own["effective_rank"] != small["effective_rank"]
    own, small = own["effective_rank"], small["effective_rank"]
    name = "difference_on_effective_rank"
    assert ranks("--against", lab / "encoder", "--image-size", 16)[name] == pytest.approx(small - own, abs=1e-6)
    assert ranks("--against", lab / "encoder", "--against-image-size", 16)[name] == pytest.approx(own - small, abs=1e-6)
    both = ranks("--against", lab / "encoder", "--image-size", 16, "--against-image-size", 16)
    assert both[name] == pytest.approx(0, abs=1e-6)
    assert "effective_rank" in ranks("--against", "demo-teacher", "--image-size", 16)


def test_presets_are_listed(call):
    code, out, _ = call("evaluate", "--presets")
    assert code == 0
    assert "uc_merced" in out
    assert "256 x 256" in out


def test_every_vision_test_of_two_encoders_from_images_embedded_once(call, lab, tmp_path, embedded):
    photos = lab / "photos"
    arguments = ["evaluate", lab / "encoder", "--suite", "vision", "--against", lab / "other", "--n-bootstrap", 10]
    arguments += ["--training", f"{photos},split=train", "--test", f"{photos},split=test", "--shots", "1,2"]
    arguments += ["--few-shot", f"own={photos}", "--few-shot", f"half={photos},split=test", "--draws", 3]
    arguments += ["--ood", f"noise={lab / 'others'}", "--embeddings", tmp_path / "kept"]
    code, out, error = call(*arguments, "--json", "--out", tmp_path / "out")
    assert code == 0, error
    found = json.loads(out)["scores"]
    expected = {"few_shot_accuracy/1-shot", "few_shot_accuracy/own/2-shot", "few_shot_accuracy/half/1-shot"}
    expected |= {
        "readout_accuracy",
        "knn_accuracy/20",
        "retrieval_map",
        "calibration_error/scaled",
        "brier_score/scaled",
    }
    expected |= {"ood_auroc/noise/knn", "ood_fpr95/noise/energy"}
    assert expected <= set(found)
    assert expected <= set(json.loads(out)["comparisons"])
    assert found["few_shot_accuracy/1-shot"]["estimate"] == found["few_shot_accuracy/own/1-shot"]["estimate"]
    assert len(found["few_shot_accuracy/1-shot"]["per_draw"]) == 3
    assert found["knn_accuracy/20"]["chance"] == pytest.approx(1 / len(CLASSES))
    for name in ("encoder", "other"):
        assert f"alignet-hf: {lab / name}: accuracy of the read-out ...\n" in error
    assert "robustness" not in error  # of which there is no data
    told = "told by the folders they lie in"
    assert f"training images: 60 images of 5 classes, {told}\nalignet-hf: test images: 30 images of 5 c" in error
    about = json.loads((tmp_path / "out" / "scores.json").read_text())["about"]
    assert about["test images"] == f"30 images of 5 classes, {told}"
    n_images = 5 * (12 + 6 + 2)  # the data sets named `own` and `half` are of the same files
    assert embedded == Counter(encoder=n_images, other=n_images)

    training, test = (store_module.EmbeddingStore.open(str(lab / "encoder")) for _ in range(2))
    first = training.embed_labelled(open_labelled(f"{photos},split=train"))
    second = test.embed_labelled(open_labelled(f"{photos},split=test"))
    expected = knn_accuracy(first, second, n_bootstrap=10)["knn_accuracy/20"]
    assert found["knn_accuracy/20"]["estimate"] == pytest.approx(expected.estimate)

    drawn = {path.name for path in (tmp_path / "out" / "vision").iterdir()}
    assert not any(name.startswith("robustness_accuracy/") for name in found)  # the photographs are not ImageNet's
    assert {"scores.png", "comparisons.png", "calibration_error-scaled.png"} <= drawn
    kept = json.loads((tmp_path / "out" / "scores.json").read_text())
    for readout in (kept["scores"]["readout_accuracy"], kept["against"]["readout_accuracy"]):
        assert readout["l2"] > 0
        assert readout["temperature"] > 0
    rows = the_scores(tmp_path / "out", "scores")
    assert set(rows) == set(found)


def test_of_few_training_images_all_are_neighbours_and_outside_images_that_are_inside_too_are_noted(call, lab):
    photos = lab / "photos"
    arguments = ["evaluate", lab / "encoder", "--suite", "vision", "--shots", 1, "--draws", 2, "--n-bootstrap", 5]
    arguments += ["--training", f"{photos},split=train,per-class=3", "--test", f"{photos},split=test"]
    outside = ["--ood", f"own={photos},split=test", "--ood", f"learnt={photos},split=train"]
    code, out, error = call(*arguments, *outside, "--json")
    assert code == 0, error
    found = json.loads(out)["scores"]
    assert {"knn_accuracy/15", "ood_auroc/own/knn"} <= set(found)
    assert json.loads(out)["about"]["notes"].split("; ") == [
        "images of other classes, own: 30 of the 30 are test images too",
        "images of other classes, learnt: 15 of the 60 are training images too",
    ]


def test_an_option_that_a_place_does_not_read_is_refused(call, lab):
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--test"]
    refused = {
        "objects92,split=test: split= is not for the demo's photographs": "objects92,split=test",
        "label= is not for a folder of images; it has split=, labels=": f"{lab / 'photos'},split=test,label=x",
        "wordnet: no such file or folder; a hierarchy is nltk or wn": f"{lab / 'photos'},split=test",
        "no class 'x'; there are 5: ant, bee, bus, car, cat\n": f"{lab / 'photos'},split=test,classes=x",
    }
    for said, spec in refused.items():
        hierarchy = ["--hierarchy", "wordnet"] if said.startswith("wordnet") else []
        code, out, error = call(*arguments, spec, *hierarchy)
        assert (code, out) == (2, "")
        assert said in error
        assert len(error.strip().splitlines()) == 1


def test_test_images_that_were_learnt_from_are_counted(call, lab):
    photos = lab / "photos"
    arguments = ["evaluate", lab / "encoder", "--suite", "vision", "--shots", 1, "--draws", 2, "--n-bootstrap", 5]
    arguments += ["--training", f"{photos},split=train,per-class=8", "--test", f"{photos},split=train", "--json"]
    code, out, error = call(*arguments)
    assert code == 0, error
    said = "40 of the 60 test images are training images too: what is learnt scores too high"
    assert json.loads(out)["about"]["notes"] == said


def test_few_shot_images_that_are_twice_there_are_counted(call, lab, tmp_path):
    write_photos(tmp_path / "train", 3, np.random.default_rng(0))
    (tmp_path / "test").symlink_to(tmp_path / "train")
    arguments = ["evaluate", lab / "encoder", "--suite", "vision", "--shots", 1, "--draws", 2, "--n-bootstrap", 5]
    code, out, error = call(*arguments, "--few-shot", f"own={tmp_path}", "--json")
    assert code == 0, error
    note = json.loads(out)["about"]["notes"]
    assert note.startswith("few-shot, own: 15 of the 15 test images are training images too")


def test_few_shot_data_alone_beside_test_images_for_the_representation(call, lab):
    arguments = ["evaluate", lab / "encoder", "--suite", "vision,representation", "--few-shot", f"own={lab / 'photos'}"]
    arguments += ["--test", f"{lab / 'photos'},split=test", "--shots", 1, "--draws", 2, "--n-bootstrap", 5]
    code, out, error = call(*arguments, "--classifiers", "ridge,logistic", "--json")
    assert code == 0, error
    found = json.loads(out)["scores"]
    vision = {name for name in found if "few_shot" in name}
    assert vision == {"few_shot_accuracy/own/1-shot", "few_shot_accuracy/own/1-shot-logistic"}
    assert "effective_rank" in found
    assert not any(name.startswith(("retrieval", "knn")) for name in found)


def test_the_strength_of_the_regularization_can_be_big_visions(call, lab):
    arguments = ["evaluate", lab / "encoder", "--suite", "vision", "--few-shot", f"own={lab / 'photos'}"]
    arguments += ["--shots", "1,2", "--draws", 2, "--n-bootstrap", 5, "--l2", 1024, "--json"]
    code, out, error = call(*arguments)
    assert code == 0, error
    assert [one["l2"] for one in json.loads(out)["scores"].values()] == [1024.0, 1024.0]


def test_too_few_images_are_refused_before_any_is_embedded(call, lab, tmp_path, embedded):
    photos, vision = lab / "photos", ["evaluate", lab / "encoder", "--suite", "vision"]
    own = ["--training", f"{photos},split=train", "--test", f"{photos},split=test"]
    shutil.copytree(photos / "train", tmp_path / "single")
    for photo in (tmp_path / "single").glob("*/*.png"):
        if photo.stem != "0":
            photo.unlink()
    (tmp_path / "numbered" / "7").mkdir(parents=True)
    shutil.copy(photos / "test" / "ant" / "0.png", tmp_path / "numbered" / "7" / "0.png")
    (tmp_path / "real.json").write_text(json.dumps([[0]] * 50_000))
    shots = "--shots 13: few-shot: class ant has 12 training images, where 13 shots are asked (so it is with 5 of the 5"
    half = "few-shot, half: class ant has 3 training images, where 10 shots are asked"
    refused = {
        shots: [*own, "--shots", "1,13"],
        half: ["--few-shot", f"half={photos},split=test"],
        "every class has one training image alone": ["--training", tmp_path / "single", *own[2:], "--shots", 1],
        "imagenet-v2 has images of class n01514668": [*own, "--robustness", f"v2={tmp_path / 'numbered'}"],
        "no validation image of ImageNet by its name": [*own, "--robustness", f"real={tmp_path / 'real.json'}"],
    }
    for said, arguments in refused.items():
        code, out, error = call(*vision, *arguments)
        assert (code, out) == (2, "")
        assert said in error
        assert len(error.strip().splitlines()) == 1
    assert not embedded


def test_imagenets_variants_by_their_layouts(call, lab, tmp_path, monkeypatch):
    """V2 in folders of numbers, ReaL's labels, and C made of the test images; R with two classes in place of 200."""
    pytest.importorskip("imagecorruptions", reason="corruptions are made by imagecorruptions-imaug")
    rng, wnids = np.random.default_rng(3), list(imagenet_classes())[:4]

    def photo(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save(path)

    for number, wnid in enumerate(wnids):
        for n in range(6):
            photo(tmp_path / "train" / wnid / f"{wnid}_{n}.JPEG")
        for n in range(3):
            photo(tmp_path / "v2" / str(number) / f"{n}.jpeg")
        photo(tmp_path / "val" / wnid / f"ILSVRC2012_val_{number + 1:08d}.JPEG")
    for wnid in wnids[:2]:
        photo(tmp_path / "r" / wnid / "art_0.jpg")
    (tmp_path / "real.json").write_text(json.dumps([[0], [1, 0], [], [3]] + [[]] * 49_996))
    monkeypatch.setattr(imagenet_variants, "N_OF_A_AND_R", 2)
    monkeypatch.setattr(imagenet_variants, "CORRUPTIONS", ("contrast", "brightness"))
    monkeypatch.setattr(corruption_errors, "CORRUPTIONS", ("contrast", "brightness"))
    arguments = ["evaluate", lab / "encoder", "--suite", "vision", "--shots", 1, "--draws", 2, "--n-bootstrap", 5]
    arguments += ["--training", f"imagenet:{tmp_path}", "--test", f"imagenet:{tmp_path},split=val"]
    for entry in (f"v2={tmp_path / 'v2'}", f"r={tmp_path / 'r'}", "c=made", f"real={tmp_path / 'real.json'}"):
        arguments += ["--robustness", entry]
    code, out, error = call(*arguments, "--json")
    assert code == 0, error
    found = json.loads(out)["scores"]
    one = f"alignet-hf: {lab / 'encoder'}:"
    assert f"{one} robustness ...\n{one} corruption 1 of 10, contrast/1 ...\n" in error  # in a log as well
    assert re.search(r": corruption 2 of 10, contrast/2, \d+ (s|min) left \.\.\.\n", error)
    names = {name for name in found if name.startswith("robustness_accuracy/")}
    assert names == {f"robustness_accuracy/imagenet{variant}" for variant in ("-v2", "-r", "-real")}
    assert found["readout_accuracy"]["n_objects"] == 4
    assert found["robustness_accuracy/imagenet-v2"]["n_objects"] == 12
    assert found["robustness_accuracy/imagenet-real"]["n_objects"] == 3
    assert found["robustness_accuracy/imagenet-r"]["chance"] == 0.5
    assert any("corruption_error" in name for name in found)
