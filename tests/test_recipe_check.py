"""--check: everything that is missing is said, and the estimates are what a run then takes."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from backbones import tiny_backbone
from transformers import BitImageProcessorPil

from alignet_hf import AligNetVisionModel, pipeline
from alignet_hf.architecture import architecture_of
from alignet_hf.data.alignet import save_alignet, triplet_dataset
from alignet_hf.data.images import ImageFolder
from alignet_hf.demo.run import RECIPE
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.pipeline import open_images
from alignet_hf.recipe import Encoder
from alignet_hf.recipe_check import RecipeCheck, check_recipe
from alignet_hf.recipe_estimates import Sizes, _activations, estimate_stages, total
from alignet_hf.recipe_file import load_recipe

RECIPES = Path(__file__).parents[1] / "training" / "recipes"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("encoder")
    # As wide as it must be for its weights to be the most of what is written.
    tiny_backbone("vit", hidden_size=96, intermediate_size=192).save_pretrained(folder)
    BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder)
    return str(folder)


def small(encoder: str, *more: str) -> list[str]:
    return [
        *(f"teacher.model={encoder}", f"student.model={encoder}", "student.image_size=null", "surrogate.epochs=2"),
        *("distill.batch_size=12", "distill.warmup_steps=1", "distill.steps=5", "distill.save_steps=2"),
        *("distill.evaluate_steps=2", "distill.student_temperature=auto", "distill.triplets=listed"),
        *("triplets.n=3000", "clusters.n_clusters=5", "evaluate.n_bootstrap=10", "distill.min_crop_area=null"),
        *more,
    ]


@pytest.fixture(scope="module")
def counted(encoder, tmp_path_factory):
    """A run in which images decoded, forwards and the checkpoints' bytes are counted, by stage; and its check."""
    out, stage = tmp_path_factory.mktemp("run"), ["before"]
    recipe = load_recipe(RECIPE, small(encoder, f"images.cache={tmp_path_factory.mktemp('cache')}"))
    decoded, forwards, scratch = Counter(), Counter(), Counter()
    plain = ImageFolder.encoded, AligNetVisionModel.forward, AligNetTrainer.save_model

    def encoded(self, index):
        decoded[stage[0]] += 1
        return plain[0](self, index)

    def forward(self, pixel_values, *args, **kwargs):
        forwards[stage[0]] += len(pixel_values)
        return plain[1](self, pixel_values, *args, **kwargs)

    def say(line: str):
        if line.endswith(" ..."):
            stage[0] = line.removesuffix(" ...")

    class Watch(AligNetTrainer):
        def _save_checkpoint(self, *args, **kwargs):
            super()._save_checkpoint(*args, **kwargs)
            folders = list(Path(self.args.output_dir).glob("checkpoint-*"))
            size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
            scratch[stage[0]] = max(scratch[stage[0]], size / len(folders))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFolder, "encoded", encoded)
        patch.setattr(AligNetVisionModel, "forward", forward)
        patch.setattr("alignet_hf.distill.run.AligNetTrainer", Watch)
        pipeline.run(recipe, out, say=say)
    return recipe, out, (decoded, forwards, scratch), check_recipe(recipe)


def test_images_and_forwards_are_those_that_a_run_counts(counted):
    _, _, (decoded, forwards, _), check = counted
    stages = {stage.stage: stage for stage in check.stages}
    assert not check.problems
    assert list(stages) == [
        *("teacher", "surrogate", "clusters", "triplets", "original", "cache", "alignet", "unalignet", "evaluate"),
        "report",
    ]
    for name in ("teacher", "original", "cache"):
        assert (decoded[name], forwards[name]) == (stages[name].decoded, stages[name].forwards)
    for name in ("surrogate", "clusters", "triplets", "evaluate"):
        assert decoded[name] == forwards[name] == stages[name].decoded == stages[name].forwards == 0
    for name in ("alignet", "unalignet"):  # draws of triplets, and a card that tries the model on an image
        assert forwards[name] == pytest.approx(stages[name].forwards, rel=0.15)
        assert decoded[name] == stages[name].decoded
    assert decoded["report"] == pytest.approx(stages["report"].decoded, abs=3)
    assert forwards["report"] == stages["report"].forwards


def test_a_training_decodes_what_is_not_cached(encoder):
    with_cache, without = (
        estimate_stages(
            load_recipe(RECIPE, small(encoder, *more)), Sizes(judged=92, extra=0, held_out=31, held_out_images=31)
        )
        for more in (["images.cache=somewhere"], [])
    )
    decoded = [{stage.stage: stage.decoded for stage in stages} for stages in (with_cache, without)]
    assert decoded[0]["cache"] == decoded[0]["alignet"] == 92  # of the training's end: the judged images embedded
    assert "cache" not in decoded[1]
    assert decoded[1]["alignet"] > 92 + 5 * 20  # 36 draws of 61 images meet 27 in each of 5 steps


def test_what_shared_images_take_is_called_the_most_of_it(encoder):
    overrides = small(encoder, "distill.triplets=listed", "distill.triplet_order=shared-images")
    found = RecipeCheck("small", 1)
    sizes = Sizes(judged=92, extra=0, held_out=31, held_out_images=31)
    found.stages = estimate_stages(load_recipe(RECIPE, overrides), sizes)
    bounded = {stage["stage"] for stage in found.to_dict()["stages"] if stage["at_most"]}
    assert bounded == {"alignet", "unalignet"}
    costs = found.tables()[-1]
    forwards = dict(zip(costs.columns[0].cells, costs.columns[2].cells, strict=True))
    assert {name for name, count in forwards.items() if count.startswith("<= ")} == {*bounded, "all"}


def _bytes(*paths: Path) -> int:
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files if file.suffix in (".safetensors", ".parquet", ".npy"))


def test_disk_is_what_a_run_leaves(counted):
    recipe, out, (_, _, scratch), check = counted
    disk = {stage.stage: stage.disk for stage in check.stages}
    assert _bytes(out / "teacher") == pytest.approx(disk["teacher"], rel=0.05)
    assert _bytes(out / "surrogate") == pytest.approx(disk["surrogate"], rel=0.2)  # its header, beside 4 kB
    assert _bytes(out / "embeddings" / "original") == pytest.approx(disk["original"], rel=0.05)
    assert _bytes(Path(recipe.images.cache)) == pytest.approx(disk["cache"], rel=0.02)
    student = _bytes(out / "student", out / "embeddings" / "alignet")
    assert student == pytest.approx(disk["alignet"], rel=0.1)
    assert _bytes(out / "triplets", out / "unalignet" / "triplets") < disk["triplets"]  # few names compress well
    n_saved = {stage.stage: stage.scratch / 2 for stage in check.stages if stage.stage in scratch}
    assert set(n_saved) == {"alignet", "unalignet"}
    for name, each in n_saved.items():
        assert scratch[name] == pytest.approx(each, rel=0.15)


def test_triplets_of_many_images_take_a_large_part_of_what_is_estimated(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"n{rng.integers(10**8):08d}_{row}.JPEG" for row in range(200_000)]
    apart = rng.integers([0, 1, 100_000], [1, 100_000, 200_000], (200_000, 3))
    indices = (rng.integers(200_000, size=(200_000, 1)) + apart) % 200_000
    similarities = -np.sort(-rng.normal(size=indices.shape), 1)
    save_alignet(triplet_dataset(indices, similarities, names), tmp_path)
    sizes = Sizes(judged=0, extra=200_000, held_out=0, name_bytes=np.mean([len(name) for name in names]))
    recipe = load_recipe(RECIPE, ["triplets.n=200000", "evaluate.settings=[alignet]"])
    estimate = next(stage.disk for stage in estimate_stages(recipe, sizes) if stage.stage == "triplets")
    assert 0.6 * estimate < _bytes(tmp_path) < estimate


@pytest.mark.parametrize("family", ["vit", "dinov2", "siglip"])
def test_activations_are_what_autograd_keeps(family, tmp_path):
    """Counted tensor by tensor, each storage once, in float32; tokens enough that the layers are the most of it."""
    backbone = tiny_backbone(family, image_size=128, hidden_size=64, num_hidden_layers=4)
    backbone.config.save_pretrained(tmp_path)
    model = AligNetVisionModel.from_backbone(backbone).train()
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    kept = {}

    def pack(tensor: torch.Tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(torch.rand(2, 3, 128, 128)).pooler_output.sum()
    estimate = 2 * _activations(architecture_of(Encoder(model=str(tmp_path), image_size=128)), 4)
    assert sum(kept.values()) == pytest.approx(estimate, rel=0.35)
    loss.backward()


def test_more_processes_share_the_memory_and_not_the_work(encoder):
    recipe = load_recipe(RECIPE, small(encoder, "distill.bf16=false"))
    known = architecture_of(Encoder(model=encoder))
    sizes = {"judged": 92, "extra": 10**6, "name_bytes": 20, "held_out": 31, "held_out_images": 31}
    sizes |= {"held_out_triplets": 99, "training_triplets": 99, "training_objects": 61}
    one, four = (
        next(
            stage
            for stage in estimate_stages(recipe, Sizes(**sizes, teacher=known, student=known, processes=n))
            if stage.stage == "alignet"
        )
        for n in (1, 4)
    )
    assert four.forwards == pytest.approx(one.forwards, rel=1e-3)
    weights = known.parameters
    assert four.accelerator - 24 * weights == pytest.approx((one.accelerator - 20 * weights) / 4, rel=1e-3)
    assert total([one, four]).accelerator == one.accelerator


def test_the_command_prints_and_succeeds(call, encoder):
    more = [word for override in small(encoder) for word in ("--set", override)]
    code, out, err = call("run", RECIPE, "--check", "--json", *more)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["problems"] == found["notes"] == []
    assert found["encoders"]["student"]["family"] == "vit"
    assert (found["counts"]["photographs"], found["counts"]["objects held out"]) == (92, 31)
    assert {stage["stage"] for stage in found["stages"]} >= {"teacher", "alignet"}
    assert all(value is not None for stage in found["stages"] for value in stage.values())
    code, out, _ = call("run", RECIPE, "--check", "--processes", 4, *more)
    assert code == 0
    assert "4 processes" in out
    assert "vit, 2 layers, 96 wide, 4 heads" in out


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_all_that_is_missing_is_named_a_line_each(call, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call("run", path, "--check")
    assert code == 2
    lines = err.splitlines()
    missing = ["images.source", "human.triplets", "human.embedding", "human.concepts"]
    if path.stem != "things_photos":
        missing.append("images.extra")
        assert "teacher: google/siglip-so400m-patch14-384: no such folder, and the Hub cannot be reached" in err
    for key in missing:
        assert sum(f"{key}: no such" in line for line in lines) == 1
    assert any("checkpoints/cappa-b: no such folder" in line for line in lines) == (path.stem == "cappa-b")
    assert "?" in out


def test_what_the_recipe_says_is_computed_whatever_is_missing(call, tmp_path, monkeypatch):
    """Without a file, a configuration or the Hub: 100,000 steps of 512 triplets, of three images each."""
    monkeypatch.chdir(tmp_path)
    code, out, err = call("run", RECIPES / "vit-b.yaml", "--check", "--json")
    assert code == 2
    found = json.loads(out)
    assert found["counts"] == {
        "triplets that the teacher answers": 10_000_000,
        "steps of a training": 100_000,
        "triplets a step": 512,
        "epochs of a training": 5.12,
    }
    stages, known = ({stage["stage"]: stage for stage in found[name]} for name in ("stages", "known"))
    for name in ("alignet", "unalignet"):
        assert stages[name]["forwards"] is None  # with the judged photographs'
        assert known[name]["forwards"] == known[name]["decoded"] == 100_000 * 512 * 3
        assert known[name]["at_most"]
    assert known["triplets"]["disk"] == 2 * 10_000_000 * (12 + 12 + 12)  # without names, for AligNet and its twin
    config = "hf download google/siglip-so400m-patch14-384 config.json preprocessor_config.json"
    assert sum(config in line for line in err.splitlines()) == 1
    _, out, _ = call("run", RECIPES / "vit-b.yaml", "--check")
    row = next(line for line in out.splitlines() if re.search(r"\balignet\b.*\d", line))
    assert "<= 153,600,000 + ?" in row


def test_what_is_known_is_all_where_nothing_is_missing(encoder):
    check = check_recipe(load_recipe(RECIPE, small(encoder)))
    assert check.known == check.stages


def test_people_s_choices_are_counted_without_labelling_them(encoder, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "dimensions.npy", rng.random((95, 8)))
    np.savetxt(tmp_path / "triplets.txt", rng.permuted(np.tile(np.arange(95), (600, 1)), axis=1)[:, :3], "%d")
    rows = "".join(f"{concept}\t{name}\n" for concept, name in enumerate(open_images("objects92").names))
    (tmp_path / "concepts.tsv").write_text(f"concept_index\tphoto\n{rows}")
    files = {"triplets": "triplets.txt", "embedding": "dimensions.npy", "concepts": "concepts.tsv"}
    human = ", ".join(f"{key}: {tmp_path / name}" for key, name in files.items())
    recipe = load_recipe(RECIPE, small(encoder, f"human={{{human}}}"))
    check = check_recipe(recipe)
    assert (check.counts["concepts"], check.counts["concepts shown"]) == (95, 92)
    assert check.counts["people's triplets"] == 600
    judgments = pipeline.Pipeline(recipe, tmp_path, None).judgments
    assert check.counts["people's triplets held out"] == len(judgments.held_out)
    assert check.counts["objects held out"] == len(judgments.held_out_rows) == 31


@pytest.mark.parametrize(
    ("change", "processes", "problem"),
    [
        (
            "distill.batch_size=13",
            2,
            "distill.batch_size is 13, which 2 processes cannot share equally; set it to a multiple of 2",
        ),
        ("triplets.n=5", 1, "distill.batch_size is 12, but there are 5 triplets"),
        ("student.image_size=48", 1, "student.model: .*: takes no images of 48 pixels .*; leave image_size out"),
        ("student.model=nowhere/at/all", 1, "student.model: nowhere/at/all: no such folder"),
        ("human.dissimilarities=nowhere.npz", 1, "human.dissimilarities: no such file: nowhere.npz"),
        ("images.source=TMP", 1, "images.source: .*no image"),
    ],
)
def test_what_a_run_would_stop_at_is_a_problem(encoder, tmp_path, change, processes, problem):
    recipe = load_recipe(RECIPE, small(encoder, change.replace("TMP", str(tmp_path))))
    found = check_recipe(recipe, processes).problems
    assert len(found) == 1
    assert re.search(problem, found[0])


def test_a_run_needs_a_folder(call):
    code, _, err = call("run", RECIPE)
    assert code == 2
    assert "--out FOLDER is missing" in err
