"""The work of every stage of a run: what it reads of earlier ones, and what it writes."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np

from alignet_hf.data.alignet import load_alignet
from alignet_hf.data.images import cache_images, find_undecodable
from alignet_hf.data.images.classes import class_labels
from alignet_hf.data.images.undecodable import undecodable_message
from alignet_hf.data.people_triplets import people_triplets
from alignet_hf.distill.processes import this_process
from alignet_hf.distill.temperature import matching_temperature
from alignet_hf.encoders import open_student, open_teacher
from alignet_hf.evaluation.human.scores import CHANCE, score_on_judgments
from alignet_hf.evaluation.report import write_report
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import replacing
from alignet_hf.hub.from_run import describe_student, known_of
from alignet_hf.pipeline_inputs import UNDECODABLE, RunInputs
from alignet_hf.recipe import Distill, Encoder, Recipe
from alignet_hf.stages import Stages
from alignet_hf.surrogate.cluster import Clusters, cluster_embeddings
from alignet_hf.surrogate.elbow import save_elbow
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.respond import save_responses
from alignet_hf.surrogate.sample import sample_triplets
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.views import EmbeddingsView
from alignet_hf.triplets import triplet_similarities

METRICS = "metrics.json"
TEACHER = {"original": "original", "ud": "alignet"}  # the teacher's two settings, as `teacher_embeddings` names them


def student_folder(setting: str) -> str:
    """Where in a run's folder the student of a setting is."""
    return "student" if setting == "alignet" else f"{setting}/student"


class Pipeline(RunInputs):
    """A recipe at work in a folder. Every method named after a stage writes what `alignet_hf.pipeline` lists."""

    with_report = True  # whether it ends with a report, and the scores on the students' cards

    def __init__(self, recipe: Recipe, out: Path, stages: Stages):
        super().__init__(recipe, out)
        self.stages = stages

    @cached_property
    def results(self) -> dict[tuple[str, str], dict[str, Result]]:
        """(who, setting) -> every score with its draws, which are common to all: the report compares them in pairs."""
        teacher = {("teacher", name): self.score(self.teacher_view(key)) for name, key in TEACHER.items()}
        return teacher | {("student", name): self.score(self.student_embeddings(name)) for name in self.recipe.settings}

    def score(self, embeddings: np.ndarray | EmbeddingsView) -> dict[str, Result]:
        """Every score of a representation of the run's images."""
        options = {"n_bootstrap": self.recipe.evaluate.n_bootstrap, "seed": self.recipe.seed}
        return score_on_judgments(embeddings, self.judgments, **options)

    # The stages

    def check_images(self) -> None:
        """Find the photographs to go on without, and without what people said of them."""
        undecodable = find_undecodable(self.sources, num_workers=self.recipe.teacher.num_workers)
        if undecodable:
            n_judged = sum(row < len(self.source) for row in undecodable)
            theirs = f" ({n_judged} of the source, and all judgments of them)" if n_judged else ""
            self.stages.say(f"going on without what follows{theirs}: {undecodable_message(undecodable)}")
        with replacing(self.out / UNDECODABLE) as path:
            path.write_text(json.dumps(undecodable, indent=2) + "\n", encoding="utf-8")

    def embed_teacher(self) -> None:
        model, processor = open_teacher(self.recipe.teacher)
        self._embed(self.recipe.teacher, model, processor, self.images, self.out / "teacher")

    def fit_surrogate(self) -> None:
        self._fit_ud(self.teacher_embeddings("original")).save_pretrained(self.out / "surrogate")

    def cluster(self) -> None:
        """Superordinate clusters of the surrogate teacher's space; UnAligNet has its own, of the teacher's."""
        for setting, folder in self.data_folders("clusters").items():
            embeddings, options = EmbeddingsView(self.teacher_view(setting), self.distill_rows), self.recipe.clusters
            made = {"n_init": options.n_init, "output": folder}
            clusters = cluster_embeddings(embeddings, options.n_clusters, self.recipe.seed, **made)
            if clusters.elbow_curve is not None:
                save_elbow(clusters.elbow_curve, folder)

    def make_triplets(self) -> None:
        options = self.recipe.triplets
        kind = "classes" if options.strategy == "class-boundary" else "clusters"
        for setting, folder in self.data_folders("triplets").items():
            labels = self._labels(setting)
            sampled = self.distill_rows[sample_triplets(labels, options.n, options.strategy, seed=self.recipe.seed)]
            save_responses(
                self.teacher_view(setting),
                sampled,
                folder,
                filenames=self.images.names,
                teacher=self.recipe.teacher.model,
                uncertainty_distillation=setting == "alignet",
                sampling=options.strategy,
                seed=self.recipe.seed,
                **{kind: len(np.unique(labels))},
            )

    def cache_images(self) -> None:
        """Bring all images to the student's size, once for its trainings and for those of runs that share the cache."""
        options = self.recipe.distill
        cache_images(
            self.images,
            self.recipe.images.cache,
            processor=open_student(self.recipe.student)[1],
            fast=options.pixels == "fast",
            num_workers=options.num_workers,
            on_bad=self.recipe.images.on_bad,
        )

    def embed_original(self) -> None:
        model, processor = open_student(self.recipe.student)
        self._embed_student(model, processor, "original")

    def distill(self, setting: str) -> None:
        """Train the student on the surrogate's similarities ("alignet"), the teacher's own ("unalignet") or people's
        choices ("human")."""
        from alignet_hf.distill.run import distill_student

        options, learns_from = self._from_people() if setting == "human" else self._from_teacher(setting)
        model, processor = distill_student(
            self.recipe.student,
            options,
            self.student_images,
            output=self.student_folder(setting),
            work=self.out / "training" / setting,
            seed=self.recipe.seed,
            held_out=self.judgments.held_out,
            on_bad=self.recipe.images.on_bad,
            alignment=known_of(self.recipe, setting),
            what=setting,
            **learns_from,
        )
        self._embed_student(model, processor, setting)

    def _from_teacher(self, setting: str) -> tuple[Distill, dict]:
        """How a student learns from the teacher, and from what."""
        options = self.recipe.distill
        dense = options.triplets == "dense"
        return options, {
            "teacher_embeddings": self.teacher_view(setting) if dense else None,
            "triplets": None if dense else load_alignet(self.data_folders("triplets")[setting]),
            "rows": self.distill_rows,
            "clusters": Clusters.from_pretrained(self.data_folders("clusters")[setting]).labels,
            "teacher_temperature": options.teacher_temperature
            if setting == "alignet"
            else self._unaligned_temperature(),
        }

    def _from_people(self) -> tuple[Distill, dict]:
        """How a student learns from people's training triplets without a teacher (B.2.3), and from which.

        They are listed ones, of images that people judged; what concerns dense triplets alone means nothing here.
        """
        listed = {"triplets": "listed", "sampling": "random", "clusters_a_step": None}
        options = self.recipe.distill.model_copy(update=listed)
        triplets = people_triplets(self.judgments, hard=options.loss == "hard")
        return options, {"triplets": triplets, "teacher_temperature": 1.0}

    def evaluate(self) -> None:
        """Score teacher and student on the held-out judgments, and write metrics.json."""
        judgments = self.judgments
        scores: dict[str, dict[str, dict]] = {"teacher": {}, "student": {}}
        for (who, setting), results in self.results.items():
            scores[who][setting] = {name: result.to_dict() for name, result in results.items()}
        metrics = {
            "recipe": self.recipe.name,
            **scores,
            "noise_ceiling": judgments.noise_ceiling,
            "chance": CHANCE,
            "held_out": {"objects": len(judgments.held_out_rows), "triplets": len(judgments.held_out)},
        }
        self.write_metrics(metrics)

    def report(self, *, photographs: bool = True) -> None:
        """Write report.html, report.md and figures/, and the students' cards.

        Args:
            photographs: False to show none: names in their place on the page, and no figure that is made of them.
        """
        from alignet_hf.evaluation.page.of_run import page_of_run
        from alignet_hf.evaluation.page.writing import write_page

        write_report(self, photographs=photographs)
        metrics = json.loads((self.out / METRICS).read_text(encoding="utf-8"))
        shown = metrics | {"seconds": self.stages.seconds()}
        write_page(page_of_run(self, shown, photographs=photographs), self.out)
        for setting in self.recipe.trained:
            folder = self.student_folder(setting)
            try:
                describe_student(folder, self.recipe, setting, metrics)
            except Exception as error:  # whatever it is: the run is done, and its card can be written later
                self.stages.say(f"{folder}: its card was not written ({error}); alignet-hf card writes it later")

    # What later stages, and the report, read of earlier ones

    def teacher_embeddings(self, setting: str) -> np.ndarray:
        """(N, p) of all images: aligned by the surrogate for "alignet", else as the teacher gives them."""
        return np.asarray(self.teacher_view(setting))

    def teacher_view(self, setting: str) -> np.ndarray | EmbeddingsView:
        """As `teacher_embeddings`, on disk: what is aligned is computed for the rows that are read."""
        embeddings = np.asarray(Embeddings.from_pretrained(self.out / "teacher"))
        if setting != "alignet":
            return embeddings
        return UncertaintyDistillation.from_pretrained(self.out / "surrogate").view(embeddings)

    def student_embeddings(self, setting: str) -> np.ndarray:
        """(judged images, D) of the student in one of the paper's four settings."""
        if setting == "ud":  # a linear transform of the frozen student
            original = self.student_embeddings("original")
            return self._fit_ud(original).transform(original)
        return np.asarray(Embeddings.from_pretrained(self.out / "embeddings" / setting))

    def student_folder(self, setting: str) -> Path:
        return self.out / student_folder(setting)

    def data_folders(self, kind: str) -> dict[str, Path]:
        """Where the clusters or triplets of each teacher are: of the aligned one, of UnAligNet's, as the run needs."""
        settings = self.recipe.settings
        folders = {"alignet": self.out / kind} if "alignet" in settings or "unalignet" not in settings else {}
        if "unalignet" in settings:
            folders["unalignet"] = self.out / "unalignet" / kind
        return folders

    def _unaligned_temperature(self) -> float:
        options, rows = self.recipe.distill, self.distill_rows
        if options.loss == "hard":  # takes the teacher's choice, which no temperature changes
            return 1.0
        if options.unaligned_teacher_temperature != "auto":
            return options.unaligned_teacher_temperature
        drawn = rows[sample_triplets(len(rows), 10_000, "random", seed=self.recipe.seed)]
        distinct, drawn = np.unique(drawn, return_inverse=True)
        drawn = drawn.reshape(-1, 3)
        aligned, own = (
            triplet_similarities(self.teacher_view(name)[distinct], drawn) for name in ("alignet", "unalignet")
        )
        return matching_temperature(own, aligned / options.teacher_temperature)

    def write_metrics(self, metrics: dict) -> None:
        with replacing(self.out / METRICS) as path:
            path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")

    def _labels(self, setting: str) -> np.ndarray:
        """What triplets are sampled by: (distill_rows,) their clusters, or their classes."""
        if self.recipe.triplets.strategy == "class-boundary":
            return class_labels([self.images.names[int(row)] for row in self.distill_rows])
        return Clusters.from_pretrained(self.data_folders("clusters")[setting]).labels

    def _embed_student(self, model, processor, setting: str) -> None:
        self._embed(self.recipe.student, model, processor, self.judged_images, self.out / "embeddings" / setting)

    def _embed(self, encoder: Encoder, model, processor, images, output: Path) -> None:
        given = self.recipe.images
        judged_alone = images is self.judged_images or given.extra is None
        known_as = {
            "model": encoder.model,
            "images": given.source if judged_alone else f"{given.source}, {given.extra}",
        }
        if encoder.revision is not None:
            known_as["revision"] = encoder.revision
        embed_images(
            model,
            images,
            processor=processor,
            batch_size=encoder.batch_size,
            num_workers=encoder.num_workers,
            dtype=encoder.dtype,
            bf16=encoder.bf16,
            output=output,
            device=this_process().device,
            force=True,  # what a stage finds is its own; another machine's rows may differ a little more than they may
            known_as=known_as,
        )

    def _fit_ud(self, embeddings: np.ndarray) -> UncertaintyDistillation:
        options = self.recipe.surrogate
        return UncertaintyDistillation.fit(
            embeddings,
            self.judgments.training,
            self.judgments.probabilities if options.alignment == "soft" else None,
            regularization=options.regularization,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            max_epochs=options.epochs,
            init_scale=options.init_scale,
            seed=self.recipe.seed,
        )
