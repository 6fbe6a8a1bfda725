"""The distillation of a student: transformers' Trainer for triplets, listed and dense."""

from itertools import islice

import torch
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn
from transformers.image_processing_base import ImageProcessingMixin
from transformers.training_args import OptimizerNames

from alignet_hf.data.collator import DenseCollator, ImageCollator, TripletCollator
from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.distill.dense import check_strategy, count_dense_triplets, dense_triplet_loss
from alignet_hf.distill.evaluating import EvaluatingTrainer
from alignet_hf.distill.gathering import gather_rows
from alignet_hf.distill.left_out import LeftOut
from alignet_hf.distill.losses import at_least_float32
from alignet_hf.distill.optim import AdamDecayToInit
from alignet_hf.distill.record import is_adapted
from alignet_hf.distill.row_order import check_row_order
from alignet_hf.distill.sharding import blocks_to_shard, fill_gradients
from alignet_hf.errors import InputError, NonFiniteLossError
from alignet_hf.hub.alignment import Alignment
from alignet_hf.triplets import triplet_similarities

# What of a batch is for the loss; everything else is the model's.
TARGETS = ("triplets", "similarities", "teacher_embeds", "labels", "undecodable")


class AligNetTrainer(EvaluatingTrainer):
    """transformers' Trainer, with the distillation from triplets as its loss.

        trainer = AligNetTrainer(
            model=AligNetVisionModel.from_backbone("facebook/dinov2-small"),
            args=AligNetTrainingArguments(output_dir="student", max_steps=1000),
            train_dataset=load_alignet("triplets"),
            data_collator=TripletCollator(images, processor),
            eval_dataset={"people": HeldOutTriplets(images, triplets)},
        )
        trainer.train()

    data set and collator                       a batch's loss
    triplet data set, TripletCollator           mean over its listed triplets
    image_rows(len(images)), DenseCollator      mean over all its triplets that count under `args.sampling`

    Under gradient accumulation and in several processes every triplet counts alike, wherever it is: listed triplets
    give the gradient of one big batch. A dense triplet never spans micro-batches, and processes only under
    `args.gather_negatives`, which then gives the gradient of one big batch too: twice 24 images hold 4,048 triplets,
    once 48 hold 17,296.

    A held-out set called NAME in `eval_dataset` is measured as `eval_NAME_odd_one_out_accuracy`; a data set of the
    collator's rows as `eval_NAME_loss`. Logged are the loss (without the decay), the learning rate, the gradient's norm
    and `decay_penalty`, the lambda * ||theta - theta_0||^2 of eq. 6. With a Peft model, checkpoints hold its adapters.
    Every save has a card (see PublishingTrainer), and `push_to_hub` pushes the last in one commit.

    Images that a collator with `on_bad="skip"` leaves out are warned of, at the first and at the end of `train`;
    `left_out.rows` are their rows of the collator's images, of all processes once `train` has ended. A training that
    was resumed knows of those that it met since.

    Args:
        model: anything whose output has `triplet_embeds` (B, D): an AligNetVisionModel, or a PeftModel of one.
        args: AligNetTrainingArguments.
        data_collator: TripletCollator, DenseCollator, or one that gives such batches. The images' processor is saved
            with the model.
        eval_dataset: HeldOutTriplets, a data set of the collator's rows, or a dictionary of them.
        alignment: what the cards of its saves say that a training cannot know: whose judgments aligned the teacher
            (`people`), the paper's `setting`, the base model and its `license` where the Hub does not tell.
        train_dataset, processing_class, optimizers, kwargs: as for transformers' Trainer.

    Raises:
        InputError: arguments that do not go together, with what to change.
        NonFiniteLossError: from `train`, naming the step.
    """

    loss_is_scaled_for_ga = False  # compute_loss gives means, which the Trainer averages over micro-batches

    def __init__(
        self,
        model: nn.Module | None = None,
        args: AligNetTrainingArguments | None = None,
        data_collator=None,
        train_dataset=None,
        eval_dataset=None,
        processing_class=None,
        optimizers=(None, None),
        alignment: Alignment | None = None,
        **kwargs,
    ):
        if not isinstance(args, AligNetTrainingArguments):
            raise InputError(f"args must be AligNetTrainingArguments, got {type(args).__name__}")
        _check_collator(data_collator, args)
        check_row_order(args, data_collator, train_dataset)
        if processing_class is None and isinstance(data_collator, ImageCollator):
            processor = data_collator.processor
            processing_class = processor if isinstance(processor, ImageProcessingMixin) else None
        if args.decay_to_init > 0:
            if optimizers[0] is not None:
                raise InputError("decay_to_init works in the trainer's own optimizer; set it to 0 to give another")
            if args.deepspeed:
                raise InputError("decay_to_init does not know DeepSpeed's sharding; set it to 0, or use FSDP")
            kwargs["optimizer_cls_and_kwargs"] = (AdamDecayToInit, _adam_options(args))
        _check_adapter(model)
        self.alignment = alignment or Alignment()
        super().__init__(
            model,
            args,
            data_collator,
            train_dataset,
            eval_dataset,
            processing_class,
            optimizers=optimizers,
            **kwargs,
        )
        self.triplet_loss = args.triplet_loss()
        self.left_out = LeftOut(getattr(data_collator, "images", ()))
        if self.is_fsdp_enabled:
            if "FULL" not in str(self.accelerator.state.fsdp_plugin.state_dict_type):
                raise InputError("FSDP must save whole students: set fsdp_state_dict_type to FULL_STATE_DICT")
            self.model._no_split_modules = blocks_to_shard(self.model)

    def train(self, resume_from_checkpoint=None, trial=None, ignore_keys_for_eval=None):
        """Train; see ResumingTrainer. At the end, say how many images were left out."""
        output = super().train(resume_from_checkpoint, trial, ignore_keys_for_eval)
        self.left_out.tell()
        return output

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The mean loss of a batch's triplets.

        Args:
            inputs: a listed or a dense batch (see the collators).
            num_items_in_batch: triplets of all micro-batches and processes of this step, as `get_batch_samples` counts
                them. With it the mean is weighted by the batch's part in them, so that the mean over micro-batches is
                the mean over all triplets; and under `args.gather_negatives` the targets are those of all processes.
        """
        pixels = {name: value for name, value in inputs.items() if name not in TARGETS}
        if self.args.torch_compile and "triplets" in inputs:
            for value in pixels.values():  # every batch has its own number of distinct images: compile once for all
                torch._dynamo.maybe_mark_dynamic(value, 0)
        outputs = model(**pixels)
        if "triplet_embeds" not in outputs:
            raise InputError(
                "the model's output has no triplet_embeds; wrap the model: AligNetVisionModel.from_backbone(model)"
            )
        embeds = outputs["triplet_embeds"]
        if num_items_in_batch is None:
            loss = self._mean_loss(embeds, inputs)
        else:
            gathers = self._gathers(inputs)
            loss = self._mean_loss(gather_rows(embeds) if gathers else embeds, inputs)
            n_batches = self.current_gradient_accumulation_steps * (1 if gathers else self.accelerator.num_processes)
            loss = loss * (self._n_triplets(inputs) * n_batches / max(int(num_items_in_batch), 1))
        return (loss, outputs) if return_outputs else loss

    def _mean_loss(self, embeds: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        if "triplets" in inputs:
            with torch.autocast(embeds.device.type, enabled=False):
                similarities = triplet_similarities(at_least_float32(embeds), inputs["triplets"])
            return self.triplet_loss(similarities, inputs["similarities"]).mean()
        return dense_triplet_loss(
            self.triplet_loss, embeds, inputs["teacher_embeds"], inputs.get("labels"), self.args.sampling
        )

    def _n_triplets(self, inputs: dict[str, Tensor]) -> int:
        if "triplets" in inputs:
            return len(inputs["triplets"])
        return count_dense_triplets(len(inputs["teacher_embeds"]), inputs.get("labels"), self.args.sampling)

    def _gathers(self, inputs: dict[str, Tensor]) -> bool:
        return self.args.gather_negatives and "triplets" not in inputs

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """The micro-batches of a step, and how many triplets they hold in all processes.

        Under `args.gather_negatives` a dense batch comes with the teacher's embeddings and the labels of all processes.
        """
        batches = list(islice(epoch_iterator, num_batches))
        n_triplets = torch.zeros(1, dtype=torch.int64, device=device)
        for batch in batches:
            if self._gathers(batch):
                batch.update({name: gather_rows(batch[name]) for name in ("teacher_embeds", "labels") if name in batch})
                n_triplets += self._n_triplets(batch) * self.accelerator.is_main_process  # once, not in every process
            else:
                n_triplets += self._n_triplets(batch)
        return batches, int(self.accelerator.reduce(n_triplets, "sum"))

    def _prepare_inputs(self, inputs):
        """The batch on the device, its pixels rescaled and normalised where the collator left that to the device."""
        inputs = super()._prepare_inputs(inputs)
        return self.data_collator.finish(inputs) if isinstance(self.data_collator, ImageCollator) else inputs

    def training_step(self, model, inputs, num_items_in_batch=None):
        """Forward and backward of a micro-batch; stops the run, in every process, where a loss is not finite."""
        if "undecodable" in inputs:
            self.left_out.add(inputs["undecodable"])
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self.is_fsdp_enabled and self.accelerator.sync_gradients:
            fill_gradients(model)
        losses = self.accelerator.gather(loss.reshape(1))
        if not losses.isfinite().all():
            self._stop(inputs, losses)
        return loss

    def _stop(self, inputs, losses: Tensor):
        """Raise NonFiniteLossError, the same in all processes, of whose `losses` one is not finite."""
        process = int(losses.isfinite().logical_not().nonzero()[0])
        targets = [name for name in ("similarities", "teacher_embeds") if name in inputs]
        good = torch.tensor([[bool(torch.isfinite(inputs[name]).all()) for name in targets]], device=self.args.device)
        bad = [name for name, fine in zip(targets, self.accelerator.gather(good).all(0), strict=True) if not fine]
        cause = f"the batch's {bad[0]} are not finite" if bad else "the student's embeddings are not finite"
        where = "" if self.accelerator.num_processes == 1 else f" in process {process}"
        done, value = self.state.global_step, losses[process].item()
        raise NonFiniteLossError(
            f"the loss of step {done + 1} is {value}{where}: {cause}; the parameters are those of step {done}. "
            + ("Correct the data." if bad else "Try a lower learning_rate, a longer warm-up, or bf16 for fp16.")
        )

    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        """Loss of a batch of an evaluation data set; there are no predictions."""
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)), None, None

    def log(self, logs, start_time=None):
        """Log, with the decay's penalty beside the training loss."""
        if "loss" in logs and self.args.decay_to_init > 0:
            wrapped = isinstance(self.optimizer, AcceleratedOptimizer)
            optimizer = self.optimizer.optimizer if wrapped else self.optimizer
            logs["decay_penalty"] = optimizer.penalty().item()
        super().log(logs, start_time)


def _check_collator(data_collator, args: AligNetTrainingArguments):
    if data_collator is None:
        raise InputError(
            "data_collator is missing; give TripletCollator(images, processor) for a triplet data set, or "
            "DenseCollator(images, processor, teacher_embeds) for image_rows(len(images))"
        )
    if isinstance(data_collator, DenseCollator):
        check_strategy(args.sampling, has_labels=data_collator.labels is not None)
        n_images = args.per_device_train_batch_size * (args.world_size if args.gather_negatives else 1)
        if n_images < 3:
            raise InputError(
                f"per_device_train_batch_size is {args.per_device_train_batch_size}: fewer than three images make no "
                "triplet, and dense triplets do not span micro-batches; raise it"
            )
    elif isinstance(data_collator, TripletCollator) and args.gather_negatives:
        raise InputError("gather_negatives is for dense triplets; listed ones name their images: leave it out")


def _check_adapter(model):
    if not is_adapted(model):
        return
    config, of = model.active_peft_config, model.get_base_model()
    if getattr(of, "triplet_head", None) is not None and "triplet_head" not in (config.modules_to_save or ()):
        raise InputError(
            "the adapter leaves out the triplet head, which is new and would be lost: "
            "LoraConfig(modules_to_save=['triplet_head'], ...), or projection_dim=None"
        )


def _adam_options(args: AligNetTrainingArguments) -> dict:
    return {
        "lr": args.learning_rate,
        "betas": (args.adam_beta1, args.adam_beta2),
        "eps": args.adam_epsilon,
        "decay_to_init": args.decay_to_init,
        "mode": args.decay_to_init_mode,
        "fused": args.optim == OptimizerNames.ADAMW_TORCH_FUSED,  # transformers' default
    }
