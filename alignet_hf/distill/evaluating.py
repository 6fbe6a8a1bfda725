"""How a student is measured while it learns: the same numbers on any number of processes."""

import warnings

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers.trainer_utils import EvalLoopOutput

from alignet_hf.data.collator import ImageCollator
from alignet_hf.data.images.undecodable import naming_killed_workers
from alignet_hf.distill.batches import EvaluationBatches
from alignet_hf.distill.held_out import HeldOutTriplets, held_out_accuracy
from alignet_hf.distill.left_out import shown_names
from alignet_hf.distill.resuming import ResumingTrainer
from alignet_hf.errors import InputError


class EvaluatingTrainer(ResumingTrainer):
    """transformers' Trainer that scores held-out choices, and data sets by their loss.

    The processes share the work. What is added to make the shares equal counts for nothing: every triplet counts once.
    Under the collator's `on_bad="skip"` held-out triplets with an image that cannot be decoded are left out, counted in
    `eval_NAME_triplets_left_out`, and named in a warning.
    """

    _told_of: tuple[HeldOutTriplets, ...] = ()

    @naming_killed_workers()
    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval") -> dict[str, float]:
        """Odd-one-out accuracy on held-out sets, loss on data sets; see transformers' Trainer.evaluate."""
        held_out = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(held_out, str):
            held_out = self.eval_dataset[held_out]
        if not isinstance(held_out, HeldOutTriplets):
            return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        on_bad = self.data_collator.on_bad if isinstance(self.data_collator, ImageCollator) else "raise"
        accuracy, undecodable = held_out_accuracy(
            self._embed,
            held_out,
            self._processor(),
            self.accelerator,
            batch_size=self.args.eval_batch_size,
            num_workers=self.args.dataloader_num_workers,
            quiet=self.args.disable_tqdm,
            on_bad=on_bad,
        )
        metrics = {f"{metric_key_prefix}_odd_one_out_accuracy": accuracy}
        if len(undecodable):
            n_lost = int(np.isin(held_out.triplets, undecodable).any(1).sum())
            metrics[f"{metric_key_prefix}_triplets_left_out"] = n_lost
            self._tell_once(held_out, undecodable, n_lost)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _tell_once(self, held_out: HeldOutTriplets, undecodable: np.ndarray, n_lost: int) -> None:
        """Warn, the first time, of held-out images that cannot be decoded."""
        if any(held_out is one for one in self._told_of) or not self.accelerator.is_main_process:
            return
        self._told_of += (held_out,)
        many = "1 held-out image" if len(undecodable) == 1 else f"{len(undecodable)} held-out images"
        warnings.warn(
            f"{many} could not be decoded: {shown_names(held_out.images, undecodable)}; {n_lost} of {len(held_out)} "
            "held-out triplets name them and are not scored",
            stacklevel=3,
        )

    def get_eval_dataloader(self, eval_dataset=None) -> DataLoader:
        """This process's batches of a data set; see transformers' Trainer."""
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        rows = self.eval_dataset[rows] if isinstance(rows, str) else rows
        if not rows:
            raise InputError("there is nothing to evaluate: give the trainer an eval_dataset with rows")
        state = self.accelerator
        return DataLoader(
            rows,
            batch_sampler=EvaluationBatches(
                len(rows), self.args.eval_batch_size, state.num_processes, state.process_index
            ),
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            # A loader without a generator draws from the global one, and the training would depend on its evaluations.
            generator=torch.Generator(),
        )

    @torch.no_grad()
    def evaluation_loop(
        self, dataloader, description, prediction_loss_only=None, ignore_keys=None, metric_key_prefix="eval"
    ) -> EvalLoopOutput:
        """The mean loss over all triplets of a data set's batches; there are no predictions."""
        total = torch.zeros(2, dtype=torch.float64)  # sum of the losses, number of triplets
        was_training = self.model.training
        self.model.eval()
        for inputs, counts in zip(dataloader, dataloader.batch_sampler.counts, strict=True):
            with self.accelerator.autocast():
                loss, _, _ = self.prediction_step(self.model, inputs, prediction_loss_only=True)
            if counts:
                n_triplets = self._n_triplets(inputs)
                total += torch.tensor([n_triplets * loss.item(), n_triplets], dtype=torch.float64)
            self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)
        self.model.train(was_training)
        if self.accelerator.num_processes > 1:
            total = self.accelerator.reduce(total.to(self.args.device), "sum")
        loss, n_triplets = total.tolist()
        metrics = {f"{metric_key_prefix}_loss": loss / max(n_triplets, 1)}
        return EvalLoopOutput(None, None, metrics, num_samples=len(dataloader.dataset))

    @torch.no_grad()
    def _embed(self, batch: dict[str, Tensor]) -> Tensor:
        was_training = self.model.training
        self.model.eval()
        with self.accelerator.autocast():
            embeds = self.model(**self._prepare_inputs(batch))["triplet_embeds"]
        self.model.train(was_training)
        return embeds

    def _processor(self):
        if isinstance(self.data_collator, ImageCollator):
            return self.data_collator.processor  # what the student learns with, be it saved with it or not
        if self.processing_class is None:
            raise InputError("held-out images need a processor; give the trainer processing_class=...")
        return self.processing_class
