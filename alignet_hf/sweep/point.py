"""One point of a sweep: a run that takes what other points have done, and keeps the draws of its scores."""

from pathlib import Path

import numpy as np
import torch

from alignet_hf.console import quiet
from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means
from alignet_hf.evaluation.human.odd_one_out import model_similarities
from alignet_hf.evaluation.human.scores import score_on_judgments
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import replacing
from alignet_hf.pipeline import run_stages
from alignet_hf.pipeline_work import Pipeline
from alignet_hf.recipe import Recipe
from alignet_hf.surrogate.views import validated
from alignet_hf.sweep.shared_stages import SharedStages
from alignet_hf.triplets import is_correct

DRAWS = "draws.npz"


class PointPipeline(Pipeline):
    """A run whose scores keep their bootstrap draws, which are the same for all runs that hold out the same objects.

    It writes no report, which takes as long as a small training; `alignet-hf report FOLDER` does.
    """

    with_report = False

    def score(self, embeddings) -> dict[str, Result]:
        """With draws of their own, for points to be compared and averaged by.

        RSA's are one sequence for each fold, whose held-out objects no other fold of its split has. A triplet of
        people's choices may hold an object of another fold beside two of its own: accuracies have draws of all objects,
        common to all folds of a split.
        """
        split, n_bootstrap = self.recipe.split, self.recipe.evaluate.n_bootstrap
        judgments, embeddings = self.judgments, validated(embeddings)
        of_fold = split.seed * split.folds + split.fold
        found = score_on_judgments(embeddings, judgments, n_bootstrap=n_bootstrap, seed=of_fold)
        rows, triplets = np.unique(judgments.held_out, return_inverse=True)
        correct = is_correct(model_similarities(embeddings[rows], triplets.reshape(-1, 3), "dot"))
        objects = Resampled(judgments.held_out, len(self.judged_images))
        samples = resampled_means(correct, [objects], n_bootstrap, split.seed)
        accuracy = found["odd_one_out_accuracy"]
        found["odd_one_out_accuracy"] = Result.from_samples(
            accuracy.name, accuracy.estimate, samples, accuracy.chance, len(judgments.held_out_rows)
        )
        return found

    def evaluate(self) -> None:
        super().evaluate()
        arrays = {}
        for (who, setting), scores in self.results.items():
            for name, result in scores.items():
                arrays[f"{who}/{setting}/{name}"] = result.samples
                arrays[f"{who}/{setting}/{name}/estimate"] = [result.estimate, result.chance, result.n_objects]
        with replacing(self.out / DRAWS) as path, path.open("wb") as file:
            np.savez(file, **arrays)


def run_point(recipe: Recipe, folder: Path, library: Path, *, force: bool = False, threads: int | None = None) -> dict:
    """Run a point in its folder, going on from where an earlier call was stopped -> its metrics.

    Args:
        recipe: the point's, whose files and encoders were checked.
        folder: of the run.
        library: of the stages that the points share.
        force: as for `pipeline.run`.
        threads: that torch computes with; as many as it likes by default.
    """
    quiet()
    if threads is not None:
        torch.set_num_threads(threads)
    with SharedStages(folder, _say, library) as stages:
        return run_stages(PointPipeline(recipe, folder, stages), force)


def _say(line: str) -> None:
    print(line, flush=True)


def read_results(folder: Path) -> dict[tuple[str, str], dict[str, Result]]:
    """The scores of a finished point -> {("student", "alignet"): {"odd_one_out_accuracy": Result}}.

    Raises:
        InputError: the folder holds no finished point.
    """
    try:
        with np.load(folder / DRAWS, allow_pickle=False) as arrays:
            loaded = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / DRAWS}: no draws of a finished point; run it again with --force") from error
    results: dict[tuple[str, str], dict[str, Result]] = {}
    for name, samples in loaded.items():
        if name.endswith("/estimate"):
            continue
        who, setting, score = name.split("/")
        estimate, chance, n_objects = loaded[f"{name}/estimate"]
        found = Result.from_samples(score, estimate, samples, float(chance), int(n_objects))
        results.setdefault((who, setting), {})[score] = found
    return results
