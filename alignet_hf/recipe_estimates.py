"""What a recipe takes, stage by stage, before it runs: images decoded, forwards, disk and memory.

The formulas stand beside what they compute. What is not known (the model's configuration, the data) is NaN, and so is
all that follows from it; see `Sizes.known` for the rest. A float32 takes 4 bytes, and so does a row's index.
"""

import math
from dataclasses import dataclass, replace

from alignet_hf.architecture import Architecture
from alignet_hf.recipe import TRAINED_SETTINGS, Recipe

UNKNOWN = math.nan
_AUTO_SAMPLE = 256  # images that student_temperature: auto looks at
_BLOCK = 16384  # embeddings that clustering reads at a time
_TRIPLETS_ANSWERED = 2**20  # at a time
_TRIPLETS_IN_MEMORY = 2**20  # a larger set is mapped from disk
_PICTURES = 9 * 3  # of the report's triplets
_PAGE = 500  # photographs that report.html holds, about, of many
_NOTHING = Architecture("", 0, 0, 0, 0, 0, 0, 0, "", 0, 0)
_FIGURES = 3e6  # bytes of the report's pictures, about, and of what else is small


@dataclass(frozen=True)
class Sizes:
    """What the estimates go by; UNKNOWN for what is not known.

    Attributes:
        judged, extra: images of the source, and further ones.
        name_bytes: of an image's name, on average.
        held_out: objects held out.
        held_out_images: distinct images of the held-out triplets.
        held_out_triplets, training_triplets: people's, and those that the surrogate is fitted to.
        training_objects: objects that these are of.
        teacher, student: their architectures, None where not known.
        processes: that train together.
    """

    judged: float = UNKNOWN
    extra: float = UNKNOWN
    name_bytes: float = UNKNOWN
    held_out: float = UNKNOWN
    held_out_images: float = UNKNOWN
    held_out_triplets: float = UNKNOWN
    training_triplets: float = UNKNOWN
    training_objects: float = UNKNOWN
    teacher: Architecture | None = None
    student: Architecture | None = None
    processes: int = 1

    @property
    def images(self) -> float:
        return self.judged + self.extra

    def known(self) -> "Sizes":
        """The same with nothing for what is not known, of which estimates are then what is known of them."""
        none = {name: 0 for name, value in vars(self).items() if isinstance(value, float) and math.isnan(value)}
        return replace(self, **none, teacher=self.teacher or _NOTHING, student=self.student or _NOTHING)


@dataclass(frozen=True)
class StageEstimate:
    """Of one stage.

    Attributes:
        stage: its name.
        decoded: images read and decoded, those read twice counted twice.
        forwards: images that go through an encoder; a training's also go back through it.
        disk: bytes that it leaves.
        scratch: bytes more while it runs: checkpoints, aligned embeddings.
        memory: bytes of main memory at its peak, in each process; what the programs themselves take is not in it.
        accelerator: bytes on each accelerator at its peak; where there is none they are main memory's.
        at_most: its triplets share images, or how many there are to draw from is not known: `decoded` and `forwards`,
            and what follows from the images of a step, are the most that there can be.
    """

    stage: str
    decoded: float = 0
    forwards: float = 0
    disk: float = 0
    scratch: float = 0
    memory: float = 0
    accelerator: float = 0
    at_most: bool = False


def estimate_stages(recipe: Recipe, sizes: Sizes) -> list[StageEstimate]:
    """The stages of a recipe's run, in order."""
    settings = recipe.settings
    stages = [_images(sizes)] if recipe.images.on_bad == "skip" else []
    stages += [_teacher(recipe, sizes), _surrogate(sizes), _clusters(recipe, sizes), _triplets(recipe, sizes)]
    if set(settings) & {"original", "ud"}:
        stages.append(_original(recipe, sizes))
    distilled = recipe.trained
    if recipe.images.cache is not None and distilled:
        stages.append(_cache(recipe, sizes))
    stages += [_distill(recipe, sizes, setting) for setting in distilled]
    # Similarities of the held-out objects twice, as float64, and their triplets with three similarities.
    memory = 2 * 8 * sizes.held_out**2 + 36 * sizes.held_out_triplets
    return [*stages, StageEstimate("evaluate", memory=memory), _report(settings, sizes)]


def total(stages: list[StageEstimate]) -> StageEstimate:
    """The sum of what is done and left, and the most of what is needed at a time."""
    sums = {name: sum(getattr(stage, name) for stage in stages) for name in ("decoded", "forwards", "disk")}
    peaks = {name: _most([getattr(stage, name) for stage in stages]) for name in ("scratch", "memory", "accelerator")}
    return StageEstimate("all", **sums, **peaks, at_most=any(stage.at_most for stage in stages))


def _images(sizes: Sizes) -> StageEstimate:
    return StageEstimate("images", decoded=sizes.images)


def _teacher(recipe: Recipe, sizes: Sizes) -> StageEstimate:
    encoder = recipe.teacher
    return StageEstimate(
        "teacher",
        decoded=sizes.images,
        forwards=sizes.images,
        disk=_embeddings(sizes.images, sizes, sizes.teacher, encoder.dtype),
        memory=_pixels(encoder.batch_size, sizes.teacher, 4, encoder.num_workers),
        accelerator=_inference(encoder.batch_size, sizes.teacher),
    )


def _surrogate(sizes: Sizes) -> StageEstimate:
    """W, b, mean and std on disk; in memory the features of the training objects, as they are and standardised; W with
    its gradient, two moments, update and best value; and of every triplet three indices (8 bytes) and three targets."""
    p = _dimensions(sizes.teacher)
    memory = 2 * 4 * sizes.training_objects * p + 6 * 4 * p * p + 36 * sizes.training_triplets
    return StageEstimate("surrogate", disk=4 * (p * p + p + 2), memory=memory)


def _clusters(recipe: Recipe, sizes: Sizes) -> StageEstimate:
    """A label an image and the centroids, once for each teacher; in memory the sample that centroids are learnt from
    (256 points a cluster), a block of all embeddings, the centroids twice, and the labels."""
    p, rows, n = _dimensions(sizes.teacher), distill_rows(recipe, sizes), recipe.clusters.n_clusters
    n = min(1000, rows / 2) if n == "elbow" else n  # the most that it tries
    return StageEstimate(
        "clusters",
        disk=_teachers(recipe) * (4 * rows + 4 * n * p),
        memory=4 * p * (min(256 * n, rows) + min(_BLOCK, rows) + 2 * n) + 12 * rows,
    )


def _triplets(recipe: Recipe, sizes: Sizes) -> StageEstimate:
    """Three indices, three similarities and three names a row, before Parquet's compression, once for each teacher;
    while they are made, the rows that triplets name, after UD, in a file; in memory all triplets twice (sampled, and as
    rows of the images) and a block of them answered."""
    n, row = recipe.triplets.n, _triplet_bytes(sizes)
    memory = 2 * 12 * n + min(_TRIPLETS_ANSWERED, n) * (row + 36)
    scratch = 4 * _dimensions(sizes.teacher) * distill_rows(recipe, sizes)
    return StageEstimate("triplets", disk=_teachers(recipe) * n * row, scratch=scratch, memory=memory)


def _original(recipe: Recipe, sizes: Sizes) -> StageEstimate:
    encoder = recipe.student
    return StageEstimate(
        "original",
        decoded=sizes.judged,
        forwards=sizes.judged,
        disk=_embeddings(sizes.judged, sizes, sizes.student, encoder.dtype),
        memory=_pixels(encoder.batch_size, sizes.student, 4, encoder.num_workers),
        accelerator=_inference(encoder.batch_size, sizes.student),
    )


def _cache(recipe: Recipe, sizes: Sizes) -> StageEstimate:
    """Every image as (height, width, 3) bytes, and its name as JSON."""
    side, workers = _side(sizes.student), recipe.distill.num_workers
    return StageEstimate(
        "cache",
        decoded=sizes.images,
        disk=sizes.images * (3 * side * side + sizes.name_bytes + 4),
        memory=32 * 3 * side * side * (1 + 2 * workers),  # 32 rows at a time, two of a worker's waiting
    )


def _distill(recipe: Recipe, sizes: Sizes, setting: str) -> StageEstimate:
    """A training, and the embedding of the judged images after it.

    Disk: the student. While it runs, two checkpoints (the last one goes when the next is whole), each the weights with
    two moments and the origin of the decay: 16 bytes a parameter.
    Accelerator: weights, gradient, moments, origin: 20 bytes a parameter, 4 more with several processes; and what the
    backward pass needs of every layer, see `_activations`.
    """
    options, student = recipe.distill, sizes.student
    n_parameters = UNKNOWN if student is None else student.parameters
    images = _images_a_step(recipe, sizes)  # of all processes
    learnt_from = options.steps * options.gradient_accumulation_steps * images
    evaluations = 0 if options.evaluate_steps is None else options.steps // options.evaluate_steps + 1
    looked_at = min(_AUTO_SAMPLE, distill_rows(recipe, sizes)) if options.student_temperature == "auto" else 0
    read = learnt_from + (evaluations and evaluations * sizes.held_out_images) + looked_at
    n_saves = -(-options.steps // options.save_steps)
    each = images / sizes.processes
    if options.triplets == "dense":
        p = _dimensions(sizes.teacher)
        data = 4 * p * (p + 2 * each)  # the transform, and a batch's embeddings before and after it
    else:
        n = recipe.triplets.n
        data = 2 * n * _triplet_bytes(sizes) if n <= _TRIPLETS_IN_MEMORY else 0
    return StageEstimate(
        setting,
        decoded=sizes.judged + (read if recipe.images.cache is None else 0),
        forwards=sizes.judged + read,
        disk=4 * n_parameters + _embeddings(sizes.judged, sizes, student, recipe.student.dtype),
        scratch=16 * n_parameters * min(2, n_saves),
        memory=_pixels(each, student, 4 if options.pixels == "exact" else 1, options.num_workers) + data,
        accelerator=(20 if sizes.processes == 1 else 24) * n_parameters
        + _activations(student, 4 if options.bf16 is False else 2) * each,
        at_most=options.triplets == "listed"
        and (options.triplet_order == "shared-images" or not distill_rows(recipe, sizes) > 0),
    )


def _report(settings: list[str], sizes: Sizes) -> StageEstimate:
    """The held-out photographs, for figures and for the page, and those of a few triplets; the cards try each student
    on an image.
    """
    drawn = sizes.held_out + min(_PAGE, sizes.held_out) + min(_PICTURES, 3 * sizes.held_out_triplets)
    students = len(set(settings) & set(TRAINED_SETTINGS))
    return StageEstimate("report", decoded=drawn, forwards=students, disk=_FIGURES)


def _images_a_step(recipe: Recipe, sizes: Sizes) -> float:
    """The distinct images of a micro-batch, those of all processes together.

    Listed triplets name 3 B images. Of n to draw from, N draws meet n (1 - (1 - 1/n)^N) different ones: almost all 3 B
    of ImageNet, fewer of a small set. Each process decodes its own. With `triplet_order: shared-images` a step's
    triplets share images, and this is an upper bound: they are about 2 B of ImageNet, far fewer of a small set; as are
    3 B where it is not known how many there are to draw from.
    """
    options = recipe.distill
    if options.triplets == "dense":
        return options.batch_size
    n, draws = distill_rows(recipe, sizes), 3 * options.batch_size / sizes.processes
    if not n > 0:
        return sizes.processes * draws
    return sizes.processes * n * (1 - (1 - 1 / n) ** draws)


def distill_rows(recipe: Recipe, sizes: Sizes) -> float:
    """How many images the student may learn from."""
    if recipe.images.distill_on == "extra":
        rows = sizes.extra
    else:
        rows = sizes.images if recipe.human.triplets else sizes.images - sizes.held_out
    return rows if recipe.images.n_distill is None else min(recipe.images.n_distill, rows)


def _teachers(recipe: Recipe) -> int:
    """UnAligNet has clusters and triplets of its own."""
    return 2 if {"unalignet", "alignet"} <= set(recipe.settings) else 1


def _triplet_bytes(sizes: Sizes) -> float:
    return 12 + 12 + 3 * (sizes.name_bytes + 4)


def _embeddings(rows: float, sizes: Sizes, encoder: Architecture | None, dtype: str) -> float:
    """The rows, and the images' names with a byte between them."""
    return rows * (_dimensions(encoder) * (4 if dtype == "float32" else 2) + sizes.name_bytes + 1)


def _pixels(images: float, encoder: Architecture | None, number: int, num_workers: int) -> float:
    """A batch of pixel values, and two more that each worker process has ready."""
    return images * 3 * _side(encoder) ** 2 * number * (1 + 2 * num_workers)


def _inference(images: float, encoder: Architecture | None) -> float:
    """The weights; and, of a transformer, what lives at a time in an MLP: its input, what is added to its output, and
    its hidden layer before and after the nonlinearity."""
    if encoder is None or encoder.tokens is None or encoder.intermediate is None:
        return UNKNOWN
    return 4 * (encoder.parameters + images * encoder.tokens * (2 * encoder.width + 2 * encoder.intermediate))


def _activations(encoder: Architecture | None, number: int) -> float:
    """Bytes that the backward pass of an image needs of the forward pass, of a transformer.

    Of each token in each layer: the inputs of two layer norms, of the three projections (one), of attention (q, k, v
    and its output) and of the first matrix of the MLP (one), 8 times the width; and the hidden layer before and after
    the nonlinearity. Attention keeps no matrix of tokens by tokens (after Korthikanti et al., 2022, "Reducing
    activation recomputation in large transformer models", without dropout).
    """
    if encoder is None or encoder.tokens is None or encoder.intermediate is None:
        return UNKNOWN
    return number * encoder.tokens * encoder.depth * (8 * encoder.width + 2 * encoder.intermediate)


def _dimensions(encoder: Architecture | None) -> float:
    return UNKNOWN if encoder is None else encoder.dimensions


def _side(encoder: Architecture | None) -> float:
    return UNKNOWN if encoder is None or encoder.image_size is None else encoder.image_size


def _most(values: list[float]) -> float:
    return UNKNOWN if any(math.isnan(value) for value in values) else max(values)
