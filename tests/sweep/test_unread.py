"""A sweep over keys that no student meets is refused, and one over keys that some student meets is run."""

import re

import numpy as np
import pytest
from backbones import save_tiny_encoder

from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.recipe_file import load_recipe, value_of
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.sweep.cost import stage_fingerprints
from alignet_hf.sweep.grid import Point, load_sweep
from alignet_hf.sweep.point import run_point
from alignet_hf.sweep.unread import unread_keys

LISTED = ["distill.triplets=listed"]  # the recipe's are dense, which know no triplets.n
HUMAN = "evaluate.settings=[human]"
UNALIGNED = "evaluate.settings=[original, unalignet]"


@pytest.mark.parametrize(
    ("grid", "overrides", "message"),
    [
        (
            ["triplets.n=100,200"],
            [],
            "grid key triplets.n has no effect: points triplets.n=100 and triplets.n=200 would train the same student, "
            "as distill.triplets is dense; add --set distill.triplets=listed",
        ),
        (["triplets.strategy=random,cluster-boundary"], [], "grid key triplets.strategy has no effect"),
        (["distill.triplets=listed,dense", "triplets.n=100,200"], [], "points distill.triplets=dense,triplets.n=100 "),
        (["distill.triplet_order=random,shared-images"], [], "grid key distill.triplet_order has no effect"),
        (["distill.sampling=random,within-class"], LISTED, "add --set distill.triplets=dense"),
        (["triplets.n=100,200"], [*LISTED, HUMAN], "learns from the teacher's triplets"),
        (["surrogate.regularization=0.1,1"], [*LISTED, HUMAN], "key surrogate.regularization has no effect: points "),
        (["surrogate.regularization=0.1,1"], [UNALIGNED], "meets the surrogate; add alignet or ud to them"),
        (["teacher.model=a,b"], [HUMAN], "grid key teacher.model has no effect: points teacher.model=a and "),
        (["distill.triplets=dense,listed"], [HUMAN], "grid key distill.triplets has no effect"),
        (["clusters.n_clusters=4,8"], [*LISTED, "triplets.strategy=random"], "triplets.strategy is random, which asks"),
        (["clusters.n_clusters=4,8"], [], "distill.sampling is random and distill.clusters_a_step none, which ask"),
        (["distill.steps=1,2"], ["evaluate.settings=[original, ud]"], "no student of evaluate.settings is trained"),
        (["distill.teacher_temperature=1.0,2.0"], [UNALIGNED], "alignet alone learns at it"),
        (["distill.unaligned_teacher_temperature=1.0,2.0"], ["evaluate.settings=[alignet]"], "unalignet alone learns"),
        (["evaluate.n_bootstrap=100,200"], [], "evaluate.n_bootstrap=200 would train the same student, as the interv"),
        (["evaluate.settings=[alignet, ud],[ud, alignet]"], [], "as their order alone differs"),
        (["teacher.num_workers=0,1", "distill.steps=1,2"], [], "grid key teacher.num_workers has no effect"),
        (["surrogate={},{epochs: 5}"], [HUMAN], "grid key surrogate has no effect"),
    ],
)
def test_a_grid_whose_students_would_be_the_same_is_refused(grid, overrides, message):
    with pytest.raises(InputError, match=re.escape(message)):
        load_sweep(RECIPE, grid, overrides)


@pytest.mark.parametrize(
    ("grid", "overrides"),
    [
        (["triplets.n=100,200"], LISTED),
        (["triplets.n=100", "distill.triplets=listed,dense"], []),
        (["distill.sampling=random,within-class"], []),
        (["distill.triplet_order=random,shared-images"], [HUMAN]),
        (["surrogate.regularization=0.1,1"], ["evaluate.settings=[original, ud]"]),
        (["surrogate.regularization=0.1,1"], [UNALIGNED, "distill.unaligned_teacher_temperature=auto"]),
        (["distill.teacher_temperature=1.0,2.0"], [UNALIGNED, "distill.unaligned_teacher_temperature=auto"]),
        (["distill.teacher_temperature=1.0,2.0"], []),
        (["teacher.model=a,b"], [UNALIGNED]),
        (["clusters.n_clusters=4,8"], LISTED),
        (["clusters.n_clusters=4,8"], ["distill.clusters_a_step=4"]),
        (["evaluate.settings=[original, alignet],[original]"], []),
        (["split.fold=0,1"], ["evaluate.settings=[original]"]),
    ],
)
def test_a_grid_that_some_student_meets_is_run(grid, overrides):
    assert len(load_sweep(RECIPE, grid, overrides).points) == 2


@pytest.mark.parametrize("dense", [True, False])
def test_unread_keys_are_of_the_other_kind_of_triplets(dense):
    recipe = load_recipe(RECIPE, [f"distill.triplets={'dense' if dense else 'listed'}"])
    unread = unread_keys(recipe)
    assert ("triplets.n" in unread) == dense
    assert ("distill.sampling" in unread) == (not dense)
    for key in unread:
        value_of(recipe.model_dump(), key)  # each is a key that there is


OTHER = {
    "teacher.pooling": "mean",
    "surrogate.regularization": 0.5,
    "clusters.n_clusters": 5,
    "triplets.n": 300,
    "student.pooling": "mean",
    "distill.steps": 3,
    "distill.teacher_temperature": 3.0,
    "evaluate.n_bootstrap": 5,
}
MADE_OF = {"original": ["original"], "ud": ["original", "surrogate"]}  # stages; a student that is trained is its own


@pytest.mark.parametrize("settings", [["original"], ["ud"], ["human"], ["unalignet"], ["original", "human", "ud"]])
def test_points_whose_students_have_the_same_fingerprints_are_refused(tmp_path, settings):
    """A key that a run does not repeat a student for is a key that no student meets."""
    chosen = [*LISTED, f"evaluate.settings=[{', '.join(settings)}]"]
    stages = [stage for setting in settings for stage in MADE_OF.get(setting, [setting])]

    def made_from(*overrides: str) -> list[str]:
        recipe = load_recipe(RECIPE, [*chosen, *overrides])
        prints = stage_fingerprints(Point("point", recipe, {}, ()), tmp_path)
        return [prints[stage] for stage in stages]

    own = load_recipe(RECIPE, chosen).model_dump()
    same = [key for key, value in OTHER.items() if made_from(f"{key}={value}") == made_from()]
    assert "evaluate.n_bootstrap" in same
    assert "student.pooling" not in same
    for key in same:
        with pytest.raises(InputError, match=f"grid key {key} has no effect"):
            load_sweep(RECIPE, [f"{key}={value_of(own, key)},{OTHER[key]}"], chosen)


@pytest.mark.slow
def test_students_that_differ_in_a_key_that_none_meets_are_the_same_to_the_bit(tmp_path):
    teacher, student = (save_tiny_encoder(tmp_path / name, seed) for seed, name in enumerate(("teacher", "student")))
    small = [
        *(f"teacher.model={teacher}", f"student.model={student}", "student.image_size=null", "surrogate.epochs=5"),
        *("distill.steps=3", "distill.batch_size=12", "distill.warmup_steps=1", "distill.student_temperature=auto"),
        *("triplets.n=200", "evaluate.n_bootstrap=20"),
    ]

    def embedded(folder: str, *overrides: str) -> np.ndarray:
        recipe = load_recipe(RECIPE, [*small, *overrides])
        run_point(recipe, tmp_path / folder, tmp_path / "shared")
        return np.asarray(Embeddings.from_pretrained(tmp_path / folder / "embeddings" / recipe.settings[0]))

    unaligned, aligned = "evaluate.settings=[unalignet]", "evaluate.settings=[alignet]"
    pairs = [
        ([*LISTED, unaligned], "surrogate.regularization=5.0", True),
        ([*LISTED, aligned], "surrogate.regularization=5.0", False),
        ([unaligned], "distill.teacher_temperature=3.0", True),
        ([aligned], "clusters.n_clusters=4", True),
        ([HUMAN], "distill.triplets=listed", True),
        ([HUMAN], "teacher.pooling=mean", True),
        ([*LISTED, aligned], "distill.evaluate_steps=null", True),
        ([*LISTED, aligned], "distill.save_steps=1", True),
    ]
    for row, (chosen, changed, is_same) in enumerate(pairs):
        first, second = embedded(f"{row}-first", *chosen), embedded(f"{row}-second", *chosen, changed)
        assert np.array_equal(first, second) == is_same, changed
