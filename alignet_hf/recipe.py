"""A recipe: one YAML file that names images, human judgments, teacher, student and every number of a run.

Each section below is a section of the file; a field without a default must be given. Relative paths are taken from the
folder in which the command runs. `alignet_hf.recipe_file` reads one.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from alignet_hf.errors import InputError

EMBEDDED = "objects92"  # the source and the judgments that come with the package
DEMO_TEACHER, DEMO_STUDENT = "demo-teacher", "demo-student"  # the encoders of the `demo` extra

Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Setting = Literal["original", "unalignet", "ud", "alignet", "human"]  # the paper's four; and from people's own choices
TRAINED_SETTINGS = ("alignet", "human", "unalignet")  # those of which a student is trained, in that order


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Images(Section):
    """`source` and `extra` are "objects92", or what `load_images` opens: a folder, tar files, imagenet:FOLDER ..."""

    source: str  # photographs that people judged, among others perhaps
    extra: str | None = None  # more photographs, for clusters, triplets and distillation
    distill_on: Literal["all", "extra"] = "all"  # extra: of the source none (the paper: ImageNet's, not THINGS')
    n_distill: Annotated[int, Field(ge=3)] | None = None  # of those to distil on, so many, drawn by `seed`; None: all
    on_bad: Literal["raise", "skip"] = "raise"  # skip: go on without photographs that cannot be decoded
    cache: str | None = None  # a folder for all of them, resized for the student; runs of one geometry can share it

    @model_validator(mode="after")
    def _extra_is_given(self):
        if self.extra is None and self.distill_on == "extra":
            raise ValueError("distill_on is extra, but no extra photographs are given")
        return self


class Human(Section):
    """Either `dissimilarities` or `triplets`."""

    # "objects92", or matrices of shape (people, N, N): .npz, .mat, .csv with names that find the images, or .npy.
    dissimilarities: str | None = None
    in_order: bool = False  # objects without names are the images, in their order; else such matrices are refused
    triplets: str | None = None  # a text file, a row "i j k" each, k the odd one, 0-based rows of `concepts`
    # People's dimensions: a folder that `vice` wrote, whose posterior gives people's own choices soft labels (as in the
    # paper), or .npy (concepts, D), whose dot products give `n_soft_triplets` random triplets theirs.
    embedding: str | None = None
    concepts: str | None = None  # .tsv with columns concept_index and photo: which image shows which concept
    people: str | None = None  # whose judgments these are, in words, for the student's card
    n_soft_triplets: Positive = 100_000  # triplets of training concepts that get soft labels from an .npy

    @property
    def measured_on(self) -> str:
        """What the odd ones of held-out triplets are, in words: nobody was asked about a triplet of matrices."""
        return "triplets of people's mean dissimilarities" if self.triplets is None else "human choices"

    @model_validator(mode="after")
    def _one_kind(self):
        if (self.dissimilarities is None) == (self.triplets is None):
            raise ValueError("give either dissimilarities or triplets")
        if self.triplets is not None and (self.embedding is None or self.concepts is None):
            raise ValueError("triplets also need embedding and concepts")
        if self.in_order and self.triplets is not None:
            raise ValueError("in_order is of dissimilarities; concepts says which image shows what triplets are about")
        return self


class Split(Section):
    folds: Annotated[int, Field(ge=2)] = 3
    fold: Annotated[int, Field(ge=0)] = 0  # the one held out
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fold_exists(self):
        if self.fold >= self.folds:
            raise ValueError(f"fold must be below folds, which is {self.folds}")
        return self


class Encoder(Section):
    model: str  # "demo-teacher", "demo-student", a Hub id, or a folder
    revision: str | None = None
    image_size: Positive | None = None  # pixels; None for the processor's own
    pooling: Literal["auto", "cls", "mean", "patch-mean", "cls+patch-mean", "pooler"] = "auto"
    batch_size: Positive = 32
    num_workers: Annotated[int, Field(ge=0)] = 0  # processes that decode images while it embeds
    dtype: Literal["float32", "float16"] = "float32"  # of its embeddings on disk
    bf16: bool | Literal["auto"] = False  # embeds in bfloat16; auto: where the machine has it
    license: str | None = None  # of the weights, for the student's card; by default what its card on the Hub says


class Surrogate(Section):
    """Uncertainty distillation, eqs. 1-3."""

    alignment: Literal["soft", "hard"] = "soft"
    regularization: NonNegative = 1.0
    learning_rate: PositiveFloat = 1e-4
    batch_size: Positive | None = None  # None: all triplets in each step
    epochs: Positive = 100
    init_scale: PositiveFloat = 1e-2


class Clusters(Section):
    n_clusters: Positive | Literal["elbow"] = 500
    n_init: Positive = 1  # starts of k-means; the best is kept


class Triplets(Section):
    n: Positive = 10_000_000
    # class-boundary: of classes as the photographs' names tell them, see data/images/classes.py; the others but random:
    # of clusters.
    strategy: Literal["cluster-boundary", "class-boundary", "random", "within-class", "between-class"] = (
        "cluster-boundary"
    )


class Distill(Section):
    """The student's training, eqs. 5 and 6."""

    triplets: Literal["dense", "listed"] = "listed"
    loss: Literal["kl", "jsd", "hard"] = "kl"
    teacher_temperature: PositiveFloat = 1.0
    # Of UnAligNet, whose similarities have another scale; auto: as uncertain as the aligned teacher.
    unaligned_teacher_temperature: PositiveFloat | Literal["auto"] = "auto"
    student_temperature: PositiveFloat | Literal["auto"] = "auto"  # auto: see distill/temperature.py
    sampling: Literal["random", "cluster-boundary", "within-class", "between-class"] = "random"  # of dense triplets
    triplet_weights: Literal["equal", "entropy"] = "equal"  # entropy: by how uncertain the teacher is of a triplet
    clusters_a_step: Positive | None = (
        None  # of dense triplets: a step's images are as many of each of so many clusters
    )
    triplet_order: Literal["random", "shared-images"] = "random"  # of listed ones: those that share images share a step
    gather_negatives: bool = True  # dense triplets of all processes' images together, not of each one's own
    projection_dim: Positive | None = None
    steps: Positive
    batch_size: Positive  # dense: images; listed: triplets
    gradient_accumulation_steps: Positive = 1
    learning_rate: PositiveFloat = 3e-5
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    decay_to_init: NonNegative = 1.0
    decay_to_init_mode: Literal["decoupled", "loss"] = "decoupled"
    bf16: Literal[True, False, "auto"] = "auto"  # auto: where the processor or accelerator computes in it
    torch_compile: bool = False  # compiles the student: slow to begin, then faster on an accelerator
    pixels: Literal["exact", "uint8", "fast"] = "exact"  # how images become pixels, see ImageCollator
    min_crop_area: Annotated[float, Field(gt=0, le=1)] | None = None  # augment: random crops of at least it, and flips
    num_workers: Annotated[int, Field(ge=0)] = 0
    save_steps: Positive = 500
    evaluate_steps: Positive | None = None  # held-out odd-one-out accuracy while training

    @model_validator(mode="after")
    def _loss_meets_the_teacher_s_temperature(self):
        check_teacher_temperature(self.loss, self.teacher_temperature)
        return self


class Evaluate(Section):
    settings: Annotated[list[Setting], Field(min_length=1)] = ["original", "unalignet", "ud", "alignet"]
    n_bootstrap: Positive = 1000


class Recipe(Section):
    name: str
    seed: Annotated[int, Field(ge=0)] = 0
    images: Images
    human: Human
    split: Split = Split()
    teacher: Encoder
    surrogate: Surrogate = Surrogate()
    clusters: Clusters = Clusters()
    triplets: Triplets = Triplets()
    student: Encoder | None = None  # without one, the run ends with the teacher's triplets
    distill: Distill | None = None
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _student_is_distilled(self):
        if (self.student is None) != (self.distill is None):
            raise ValueError("give both student and distill, or neither")
        return self

    @model_validator(mode="after")
    def _cache_is_of_the_student_s_pixels(self):
        if self.images.cache is not None and self.distill is None:
            raise ValueError("images.cache is for a student, and there is none; leave it out")
        if self.images.cache is not None and self.distill.min_crop_area is not None:
            raise ValueError("images.cache keeps whole images resized, which min_crop_area would crop and resize again")
        return self

    @property
    def settings(self) -> list[Setting]:
        """The student's settings to make and score: those of `evaluate`, none without a student."""
        return [] if self.student is None else self.evaluate.settings

    @property
    def trained(self) -> list[Setting]:
        """The settings of which a student is trained."""
        return [name for name in TRAINED_SETTINGS if name in self.settings]


def check_teacher_temperature(loss: str, teacher_temperature: float) -> None:
    """Raise InputError if the loss does not know the teacher's temperature, and it is not 1."""
    if loss == "hard" and teacher_temperature != 1:
        raise InputError(
            f"teacher_temperature is {teacher_temperature}, but the hard loss takes the teacher's choice, which no "
            "temperature changes; leave it out"
        )
