"""A recipe run by all processes of `accelerate launch`: the first does every stage, the others join the heavy ones.

For the first process it is `alignet_hf.pipeline.run`: what is done it skips, what was stopped goes on; one process may
begin what eight end. Before it embeds, caches or distils it calls the others, which wait until then.
"""

from collections.abc import Callable
from pathlib import Path

from alignet_hf.distill.processes import broadcast_by, patient_group, rows_of_each, this_process
from alignet_hf.encoders import check_encoder
from alignet_hf.pipeline import run_stages
from alignet_hf.pipeline_work import Pipeline
from alignet_hf.recipe import Recipe
from alignet_hf.recipe_file import check_files
from alignet_hf.stages import Stages


def run_together(
    recipe: Recipe, out: str | Path, *, force: bool = False, say: Callable[[str], None] = print
) -> dict | None:
    """Run a recipe in a folder that all processes see; to be called by each of them.

    The recipe means the same whatever their number: `distill.batch_size` is that of all processes together, and dense
    triplets span them. With `distill.gather_negatives: false` they are fewer, as each process has its own.

    Args:
        recipe, out, force, say: `pipeline.run`'s; only the first process speaks.

    Returns:
        The metrics in the first process, None in the others.

    Raises:
        InputError: as `pipeline.run`; a batch size that the processes cannot share equally.
        NonFiniteLossError: from a distillation, in all processes.
    """
    out = Path(out)
    calls = _Calls()
    if not this_process().is_main_process:
        follower = _Follower(recipe, out, None)
        while (called := calls.next()) is not None:
            stage, arguments = called
            getattr(follower, stage)(*arguments)
        return None
    check_files(recipe)
    check_encoder(recipe.teacher)
    if recipe.student is not None:
        check_encoder(recipe.student)
        rows_of_each(recipe.distill.batch_size)
    with Stages(out, say) as stages:
        leader = _Leader(recipe, out, stages)
        leader.call = calls.call
        metrics = run_stages(leader, force)
    calls.call(None)
    return metrics


class _Leader(Pipeline):
    call: Callable[[tuple | None], None]

    def embed_teacher(self) -> None:
        self.call(("embed_teacher", ()))
        super().embed_teacher()

    def embed_original(self) -> None:
        self.call(("embed_original", ()))
        super().embed_original()

    def cache_images(self) -> None:
        self.call(("cache_images", ()))
        super().cache_images()

    def distill(self, setting: str) -> None:
        self.call(("distill", (setting,)))
        super().distill(setting)


class _Follower(Pipeline):
    @property
    def with_training(self) -> bool:
        """What is held out is enough, as the surrogate, which learns from the rest, is the first's; but for a student
        that learns from people's own choices."""
        return "human" in self.recipe.settings


class _Calls:
    """What the first process calls to the others: the stage to join, with its arguments, and None at the end."""

    def __init__(self):
        self.group = patient_group() if this_process().num_processes > 1 else None

    def call(self, stage: tuple[str, tuple] | None) -> None:
        if self.group is not None:
            broadcast_by(self.group, stage)

    def next(self) -> tuple[str, tuple] | None:
        try:
            return broadcast_by(self.group, None)
        except RuntimeError:  # the first process is gone; it has said why
            return None
