"""A recipe's file: what is wrong or missing there is named in one line before any work."""

from pathlib import Path

import pytest

from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.recipe_file import check_files, load_recipe, missing_files

PAPER_S = Path(__file__).parents[1] / "training" / "recipes" / "vit-b.yaml"


def test_set_replaces_a_value():
    recipe = load_recipe(RECIPE, ["distill.steps=7", "split={folds: 5, fold: 4}", "images.extra=my photos"])
    assert (recipe.distill.steps, recipe.split.fold, recipe.images.extra) == (7, 4, "my photos")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("distill.stepz=3", r"distill.stepz: unknown key; did you mean steps\?$"),
        ("distill.what=3", "distill.what: unknown key; allowed here: triplets, loss, .*steps"),
        ("student=3", "student: 3 is wrong"),
        ("distill.steps=many", "distill.steps: 'many' is wrong: input should be a valid integer"),
        ("distill.steps=0", "distill.steps: 0 is wrong: input should be greater than 0"),
        ("distill.loss=mse", "distill.loss: 'mse' is wrong: input should be 'kl', 'jsd' or 'hard'"),
        (
            "distill={triplets: dense, loss: hard, teacher_temperature: 2.0, steps: 1, batch_size: 3}",
            r"distill: teacher_temperature is 2\.0, but the hard loss .*; leave it out$",
        ),
        ("surrogate.regularization=.nan", "surrogate.regularization: nan is wrong"),
        ("clusters.n_clusters=knee", "clusters.n_clusters: 'knee' is wrong"),
        ("split.fold=3", "split: fold must be below folds, which is 3"),
        ("human={}", "human: give either dissimilarities or triplets"),
        ("human={triplets: a.txt}", "human: triplets also need embedding and concepts"),
        ("teacher={}", "teacher.model: missing"),
        ("images.distill_on=extra", "images: distill_on is extra, but no extra photographs are given"),
        ("images.cache=folder", ": images.cache keeps whole images resized, which min_crop_area would crop"),
        ("more=1", "more: unknown key; allowed here: name, seed, images"),
        ("name.first=1", "name is a value, not a section"),
        ("seed", "expected section.key=value"),
        ("seed=[1", "not YAML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(override, message):
    with pytest.raises(InputError, match=message) as error:
        load_recipe(RECIPE, [override])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["just words", "a: [1", "- 1\n- 2\n", ""])
def test_a_file_that_is_no_recipe(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=str(path)):
        load_recipe(path)


def test_missing_files_are_named_with_their_key():
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read"):
        load_recipe("nowhere.yaml")
    with pytest.raises(InputError, match=r"images\.extra: no such folder: nowhere; give it with --set images\.extra"):
        check_files(load_recipe(RECIPE, ["images.extra=nowhere"]))
    with pytest.raises(InputError, match=r"human\.dissimilarities: no such file"):
        check_files(load_recipe(RECIPE, ["human.dissimilarities=nowhere.npz"]))
    check_files(load_recipe(RECIPE))
    imagenet = ["images.extra=imagenet:nowhere"]
    said = r"images\.extra: no such folder: nowhere; give it with --set images\.extra=imagenet:PATH"
    with pytest.raises(InputError, match=said):
        check_files(load_recipe(RECIPE, imagenet))
    both = r"2 files and folders are not there: images\.extra \(imagenet:nowhere\), human\.dissimilarities \(nowhere\)"
    with pytest.raises(InputError, match=both + "; give each with --set KEY=PATH"):
        check_files(load_recipe(RECIPE, [*imagenet, "human.dissimilarities=nowhere"]))


def test_all_that_is_missing_is_named_at_once(tmp_path):
    recipe = load_recipe(PAPER_S, ["images.extra=imagenet:nowhere", "images.source=no/shards-{00..10}.tar"])
    assert set(missing_files(recipe)) == {
        *("images.source", "images.extra", "human.triplets", "human.embedding", "human.concepts")
    }
    (embedding,) = (line for key, line in missing_files(recipe).items() if key == "human.embedding")
    folder = recipe.human.embedding
    made = f"make it with `alignet-hf vice CHOICES {folder}` (training/README.md), or give it"
    assert f"no such folder: {folder}; {made}" in embedding
    for path in ("images", "vice"):
        (tmp_path / path).mkdir()
    (tmp_path / "triplets.txt").touch()
    there = {"images.source": f"{tmp_path}/images/{{0..1}}.tar", "images.extra": f"imagenet:{tmp_path}/images"}
    there |= {"human.embedding": tmp_path / "vice", "human.triplets": tmp_path / "triplets.txt"}
    recipe = load_recipe(PAPER_S, [f"{key}='{value}'" for key, value in there.items()])
    assert set(missing_files(recipe)) == {"human.concepts"}
