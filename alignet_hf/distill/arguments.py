"""Every number of a distillation, on top of transformers' TrainingArguments."""

from dataclasses import dataclass, field

import torch
from transformers import TrainingArguments
from transformers.trainer_utils import HubStrategy, SchedulerType
from transformers.training_args import OptimizerNames

from alignet_hf.distill.dense import PAIRS_SHARING_A_LABEL, check_strategy
from alignet_hf.distill.losses import EntropyWeightedLoss, TripletHardLoss, TripletJSDLoss, TripletKLLoss, TripletLoss
from alignet_hf.distill.optim import MODES, check_decay
from alignet_hf.errors import InputError
from alignet_hf.recipe import check_teacher_temperature

LOSSES = ("kl", "jsd", "hard")
TRIPLET_WEIGHTS = ("equal", "entropy")
TRIPLET_ORDERS = ("random", "shared-images")


@dataclass
class AligNetTrainingArguments(TrainingArguments):
    """TrainingArguments with the loss and the decay of AligNet, and the released recipe's numbers as defaults.

    The released recipe: Adam(.9, .999, 1e-8), learning rate 0 -> 3e-5 in the first 5 % of the steps and by a cosine
    back to 0, no gradient clipping, decoupled weight decay 1.0 to initialization, seed 42. Its loss is "jsd" on a
    linear head of 1,024; the default here is "kl", the paper's eq. 5. Batch size and steps (512 triplets, 100,000
    steps) are left to the run.

    Raises:
        InputError: a value that cannot be used, by its name.
    """

    loss: str = field(
        default="kl",
        metadata={"help": "'kl' (paper, eq. 5), 'jsd' (released code) or 'hard' (teacher's choice as label)."},
    )
    teacher_temperature: float = field(
        default=1.0, metadata={"help": "The teacher's similarities are divided by it; the hard loss has none."}
    )
    student_temperature: float | None = field(
        default=None,
        metadata={"help": "The student's similarities are divided by it. Default: 100 for 'jsd', otherwise 1."},
    )
    triplet_weights: str = field(
        default="equal",
        metadata={
            "help": "What each triplet is weighted by: nothing ('equal', the paper) or the teacher's uncertainty "
            "('entropy'), with which a student learns from fewer images; slow in large dense batches."
        },
    )
    sampling: str = field(
        default="random",
        metadata={
            "help": "Which triplets of a dense batch count: "
            f"{', '.join(PAIRS_SHARING_A_LABEL)}; all but 'random' need labels. Listed triplets all count."
        },
    )
    gather_negatives: bool = field(
        default=False,
        metadata={
            "help": "Dense triplets of the images of all processes together, not of each process's own. Every process "
            "computes the loss of all of them; the gradient is that of one process with all images."
        },
    )
    triplet_order: str = field(
        default="random",
        metadata={
            "help": "Which listed triplets share a step: any ('random'), or those that share images "
            "('shared-images'): as many triplets from fewer images, other ones together in every epoch."
        },
    )
    clusters_a_step: int | None = field(
        default=None,
        metadata={
            "help": "Which images share a dense step: as many of each of so many clusters (by the collator's labels), "
            "every image once an epoch. It divides the images of a step. Default: any images."
        },
    )
    decay_to_init: float = field(
        default=1.0, metadata={"help": "Strength lambda of the weight decay to initialization; 0 turns it off."}
    )
    decay_to_init_mode: str = field(
        default="decoupled",
        metadata={"help": f"{' or '.join(MODES)}: inside the step (released code) or as a term of the loss (eq. 6)."},
    )

    learning_rate: float = field(default=3e-5, metadata={"help": "Peak learning rate."})
    lr_scheduler_type: SchedulerType | str = field(
        default="cosine", metadata={"help": "Shape of the learning rate after the warm-up."}
    )
    warmup_steps: float = field(default=0.05, metadata={"help": "Warm-up: a number of steps, or a share below 1."})
    max_grad_norm: float = field(default=0.0, metadata={"help": "Gradient clipping; 0 turns it off."})
    logging_steps: float = field(default=10, metadata={"help": "Log every so many steps (or this share of them)."})
    dataloader_pin_memory: bool = field(
        default_factory=torch.accelerator.is_available, metadata={"help": "Where there is an accelerator to copy to."}
    )
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Must stay False: the collators need columns that no model's forward names."}
    )
    ddp_find_unused_parameters: bool | None = field(
        default=True,
        metadata={"help": "True, as backbones have parameters that the representation does not need (a mask token)."},
    )

    def __post_init__(self):
        super().__post_init__()
        self.triplet_loss()
        check_strategy(self.sampling, has_labels=True)
        check_decay(self.decay_to_init, self.decay_to_init_mode)
        if self.decay_to_init > 0 and self.optim not in (OptimizerNames.ADAMW_TORCH, OptimizerNames.ADAMW_TORCH_FUSED):
            raise InputError(
                f"optim is {self.optim.value!r}, but decay_to_init needs Adam: "
                "set optim='adamw_torch', or decay_to_init=0"
            )
        if self.push_to_hub and self.hub_strategy in (HubStrategy.CHECKPOINT, HubStrategy.ALL_CHECKPOINTS):
            raise InputError(
                f"hub_strategy is {self.hub_strategy.value!r}, but an optimizer's state is a pickle, which is never "
                "pushed; choose 'every_save' or 'end'"
            )
        if self.train_sampling_strategy not in ("random", "sequential"):
            raise InputError(
                f"train_sampling_strategy is {self.train_sampling_strategy!r}, which goes by the length of texts; "
                "choose 'random' or 'sequential'"
            )
        if self.triplet_weights not in TRIPLET_WEIGHTS:
            raise InputError(f"triplet_weights is {self.triplet_weights!r}; choose one of {', '.join(TRIPLET_WEIGHTS)}")
        if self.triplet_order not in TRIPLET_ORDERS:
            raise InputError(f"triplet_order is {self.triplet_order!r}; choose one of {', '.join(TRIPLET_ORDERS)}")
        if self.clusters_a_step is not None and self.clusters_a_step < 1:
            raise InputError(f"clusters_a_step is {self.clusters_a_step}; it must be a positive number, or left out")
        if self.train_sampling_strategy == "sequential" and (self.triplet_order != "random" or self.clusters_a_step):
            raise InputError(
                "train_sampling_strategy='sequential' takes the rows as they come; leave out triplet_order and "
                "clusters_a_step"
            )
        if self.remove_unused_columns:
            raise InputError("remove_unused_columns must be False: the collators need the columns it would remove")
        if self.accelerator_config.dispatch_batches is None:
            # A dispatched batch is cut along its first axis, but a listed batch has fewer images than rows.
            self.accelerator_config.dispatch_batches = False

    def triplet_loss(self) -> TripletLoss:
        """The loss that `loss`, the temperatures and `triplet_weights` name."""
        loss = self._unweighted_loss()
        if self.triplet_weights == "entropy":
            return EntropyWeightedLoss(loss=loss, teacher_temperature=self.teacher_temperature)
        return loss

    def _unweighted_loss(self) -> TripletLoss:
        student = {} if self.student_temperature is None else {"student_temperature": self.student_temperature}
        match self.loss:
            case "kl":
                return TripletKLLoss(teacher_temperature=self.teacher_temperature, **student)
            case "jsd":
                return TripletJSDLoss(teacher_temperature=self.teacher_temperature, **student)
            case "hard":
                check_teacher_temperature(self.loss, self.teacher_temperature)
                return TripletHardLoss(**student)
            case _:
                raise InputError(f"loss is {self.loss!r}; choose one of {', '.join(LOSSES)}")
