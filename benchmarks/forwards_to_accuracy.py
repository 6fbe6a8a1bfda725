"""Image forwards until the demo's student answers as people do on objects it has not met: listed and dense triplets.

    python benchmarks/forwards_to_accuracy.py [FOLDER] [SEEDS]

The demo's teacher, student (ViT-S at 112 px), first split and augmentation, at a constant learning rate after four
steps. FOLDER keeps the runs, each by itself, and the curves (curves.png); started again, the command goes on.

    listed           16 random triplets of 48 distinct images a step
    shared images    1,024 of 20,000 random triplets a step, in the order that shares images: of about 45
    dense            all 17,296 triplets of the same 48 images
    weighted dense   the same, weighted by the teacher's uncertainty (triplet_weights)
    small dense      all 560 triplets of 16 images

A way's curve is the mean over seeds, each point with its two neighbours, as single seeds jump by 0.1 from step to step.
The levels to reach are START + 0.5 and 0.9 * (BEST - START), BEST the highest point of the listed curves at any
learning rate. Each way has its own best learning rate: the one at which it needs the fewest forwards to the level.
Small steps have a third as many images as the others, and so are no like for like.
"""

import copy
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from datasets import Dataset
from measure import print_goals
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from alignet_hf import AligNetTrainer, AligNetTrainingArguments
from alignet_hf.data.augment import RandomCropFlip
from alignet_hf.data.collator import DenseCollator, TripletCollator
from alignet_hf.demo.run import RECIPE
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.run import computes_in_bf16
from alignet_hf.encoders import open_student
from alignet_hf.hub.artifacts import replacing
from alignet_hf.pipeline import Pipeline
from alignet_hf.recipe_file import load_recipe
from alignet_hf.stages import Stages
from alignet_hf.surrogate.respond import respond
from alignet_hf.surrogate.sample import sample_triplets

IMAGES_A_STEP = 48
PARTS_OF_GAIN = (0.5, 0.9)
LISTED, SHARED, DENSE, WEIGHTED, SMALL = "listed", "shared images", "dense", "weighted dense", "small dense"
Curve = list[tuple[int, float]]  # image forwards so far, held-out accuracy


@dataclass(frozen=True)
class Way:
    """How a student learns.

    Attributes:
        rows_a_step: images of a dense step, triplets of a listed one.
        n_steps: until the run ends.
        evaluate_steps: steps from one evaluation to the next.
        learning_rates: the grid.
    """

    rows_a_step: int
    n_steps: int
    evaluate_steps: int
    learning_rates: tuple[float, ...] = (3e-5, 1e-4, 3e-4)


WAYS = {
    LISTED: Way(IMAGES_A_STEP // 3, 48, 3),
    SHARED: Way(1024, 16, 2),
    DENSE: Way(IMAGES_A_STEP, 16, 2),
    WEIGHTED: Way(IMAGES_A_STEP, 16, 2),
    SMALL: Way(16, 32, 2),
}


class Counting(AligNetTrainer):
    """A trainer that counts its image forwards."""

    n_forwards = 0

    def training_step(self, model, inputs, num_items_in_batch=None):
        self.n_forwards += len(inputs["pixel_values"])
        return super().training_step(model, inputs, num_items_in_batch)


class Lab:
    """The demo's teacher, split and untrained student, and the runs of a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        recipe = load_recipe(RECIPE)
        with Stages(folder, lambda line: print(line, file=sys.stderr)) as stages:
            pipeline = Pipeline(recipe, folder, stages)
            stages.run("teacher", "", pipeline.embed_teacher, [folder / "teacher"])
            stages.run("surrogate", "", pipeline.fit_surrogate, [folder / "surrogate"])
        self.images, self.rows = pipeline.images, pipeline.distill_rows
        self.teacher = pipeline.teacher_embeddings("alignet")
        self.held_out = HeldOutTriplets(self.images, pipeline.judgments.held_out)
        self.options = recipe.distill
        self.student, self.processor = open_student(recipe.student, None)

    def curve(self, name: str, learning_rate: float, seed: int) -> Curve:
        """The curve of a run, which is done unless it was."""
        path = self.folder / "runs" / f"{name.replace(' ', '-')}-{learning_rate:g}-{seed}.json"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            curve = self._train(name, learning_rate, seed)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(curve))
            print(name, learning_rate, seed, [(n, round(accuracy, 3)) for n, accuracy in curve], file=sys.stderr)
        return json.loads(path.read_text())

    def _train(self, name: str, learning_rate: float, seed: int) -> Curve:
        way, options = WAYS[name], self.options
        with tempfile.TemporaryDirectory() as work:
            args = AligNetTrainingArguments(
                output_dir=work,
                use_cpu=True,
                bf16=computes_in_bf16(),
                seed=seed,
                teacher_temperature=options.teacher_temperature,
                student_temperature=options.student_temperature,
                decay_to_init=options.decay_to_init,
                learning_rate=learning_rate,
                lr_scheduler_type="constant_with_warmup",
                warmup_steps=options.warmup_steps,
                max_steps=way.n_steps,
                per_device_train_batch_size=way.rows_a_step,
                train_sampling_strategy="random" if name == SHARED else "sequential",
                triplet_weights="entropy" if name == WEIGHTED else "equal",
                triplet_order="shared-images" if name == SHARED else "random",
                eval_strategy="steps",
                eval_steps=way.evaluate_steps,
                eval_on_start=True,
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                report_to="none",
            )
            collator, dataset = self._data(name, seed)
            curve: Curve = []
            trainer = Counting(
                model=copy.deepcopy(self.student),
                args=args,
                data_collator=collator,
                train_dataset=dataset,
                eval_dataset={"people": self.held_out},
                callbacks=[_Record(lambda accuracy: curve.append((trainer.n_forwards, accuracy)))],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        return curve

    def _data(self, name: str, seed: int):
        """A way's collator and rows; listed and dense steps are of the same images."""
        transform = RandomCropFlip(self.options.min_crop_area)
        rng = np.random.default_rng(seed)
        if name == SHARED:
            triplets = self.rows[sample_triplets(len(self.rows), 20_000, "random", seed=seed)]
        else:
            n_images = WAYS[name].rows_a_step * (3 if name == LISTED else 1)
            images = np.concatenate([rng.permutation(self.rows)[:n_images] for _ in range(WAYS[name].n_steps)])
            if name != LISTED:
                collator = DenseCollator(self.images, self.processor, self.teacher, None, transform, seed)
                return collator, Dataset.from_dict({"index": images})
            triplets = images.reshape(-1, 3)
        collator = TripletCollator(self.images, self.processor, transform, seed)
        return collator, respond(self.teacher, triplets)


class _Record(TrainerCallback):
    def __init__(self, record: Callable[[float], None]):
        self.record = record

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        self.record(metrics["eval_people_odd_one_out_accuracy"])


def smooth(curves: list[Curve]) -> np.ndarray:
    """(evaluations, 2): forwards and accuracy, the mean over seeds, each accuracy with its neighbours'."""
    forwards, accuracy = np.mean(curves, axis=0).T
    around = np.pad(accuracy, 1, mode="edge")
    return np.column_stack([forwards, (around[:-2] + accuracy + around[2:]) / 3])


def forwards_to(curve: np.ndarray, level: float) -> float:
    """Image forwards at which a curve first crosses the level, between evaluations by a line; inf where it does not."""
    reached = np.flatnonzero(curve[:, 1] >= level)
    if not reached.size or reached[0] == 0:
        return float("inf") if not reached.size else 0.0
    (before, low), (after, high) = curve[reached[0] - 1 : reached[0] + 1]
    return float(before + (after - before) * (level - low) / (high - low))


def fewest_forwards(curves: dict[str, dict[float, list[Curve]]], level: float) -> tuple[dict, dict]:
    """For every way the fewest forwards to the level, and the learning rate that needs them."""
    forwards = {
        name: {rate: forwards_to(smooth(of_seeds), level) for rate, of_seeds in by_rate.items()}
        for name, by_rate in curves.items()
    }
    rates = {name: min(by_rate, key=by_rate.get) for name, by_rate in forwards.items()}
    return {name: forwards[name][rate] for name, rate in rates.items()}, rates


def draw(best: dict[str, tuple[float, list[Curve]]], level: float, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for number, (name, (rate, curves)) in enumerate(best.items()):
        color = f"C{number}"
        for curve in curves:
            axes.plot(*np.transpose(curve), color=color, alpha=0.3, linewidth=0.8)
        axes.plot(*smooth(curves).T, color=color, label=f"{name}, learning rate {rate:g}")
    axes.axhline(
        level, color="0.5", linestyle="--", linewidth=0.8, label=f"{PARTS_OF_GAIN[-1]:.0%} of what listed triplets gain"
    )
    axes.set(xlabel="image forwards", ylabel="held-out odd-one-out accuracy", xscale="symlog")
    axes.legend(fontsize="small")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
    plt.close(figure)


def main(folder: Path, n_seeds: int) -> None:
    lab = Lab(folder)
    curves: dict[str, dict[float, list[Curve]]] = {}
    for seed in range(n_seeds):
        for name, way in WAYS.items():
            for rate in way.learning_rates:
                curves.setdefault(name, {}).setdefault(rate, []).append(lab.curve(name, rate, seed))
    best = max(smooth(of_seeds)[:, 1].max() for of_seeds in curves[LISTED].values())
    start = smooth(curves[LISTED][WAYS[LISTED].learning_rates[0]])[0, 1]
    goals = []
    for part in PARTS_OF_GAIN:
        level = start + part * (best - start)
        forwards, rates = fewest_forwards(curves, level)
        ratios = {name: forwards[LISTED] / forwards[name] for name in WAYS}
        for name in WAYS:
            least = 2.5 if name == DENSE else None
            goals.append(
                (
                    f"{name}: forwards to {level:.3f}, {part:.0%} of the gain (at {rates[name]:g})",
                    "" if least is None else f"listed / this >= {least}",
                    f"{forwards[name]:.0f} (x {ratios[name]:.1f})",
                    least is None or ratios[name] >= least,
                )
            )
        invented = max(ratios[SHARED], ratios[WEIGHTED])
        goals.append((f"the better of {SHARED}, {WEIGHTED}", "listed / this >= 5", f"x {invented:.1f}", invented >= 5))
    draw({name: (rates[name], curves[name][rates[name]]) for name in WAYS}, level, folder / "curves.png")
    print(f"{folder / 'curves.png'}: the curves", file=sys.stderr)
    print_goals(
        f"held-out accuracy over image forwards, {n_seeds} seeds; untrained {start:.3f}, listed {best:.3f}", goals
    )


if __name__ == "__main__":
    n_seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), n_seeds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder), n_seeds)
