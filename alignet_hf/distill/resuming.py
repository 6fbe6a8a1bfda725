"""A training that is stopped and goes on, on as many processes or on others, with the same rows in the same steps."""

from functools import partial
from pathlib import Path

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, set_seed
from transformers.trainer import SCHEDULER_NAME
from transformers.trainer_utils import has_length, seed_worker

from alignet_hf.data.images.undecodable import naming_killed_workers
from alignet_hf.data.step_rows import RowsOfSteps
from alignet_hf.distill.batches import TrainingBatches
from alignet_hf.distill.checkpoints import (
    check_data_order,
    checkpoint_to_resume,
    load_weights,
    mark_incomplete,
    note_data_order,
)
from alignet_hf.distill.other_checkpoints import (
    is_of_the_other_kind,
    load_optimizer_of_the_other_kind,
    load_weights_into_shards,
)
from alignet_hf.distill.publishing import PublishingTrainer
from alignet_hf.distill.row_order import row_order
from alignet_hf.distill.sharding import under_its_own_class
from alignet_hf.errors import InputError
from alignet_hf.full_disk import naming_full_disk


class ResumingTrainer(PublishingTrainer):
    """transformers' Trainer whose data order and checkpoints do not depend on the number of processes.

    Nor do they on FSDP2: a training that was stopped with it goes on without, and the other way round.

    A checkpoint knows how many rows its steps learnt from, and in which order; a run of other steps is refused, as it
    would go on elsewhere in the data.
    """

    @property
    def rows_a_step(self) -> int:
        """Rows that one step of the optimizer learns from, in all processes together."""
        return self.get_total_train_batch_size(self.args)

    @property
    def _data_order(self) -> dict[str, int | str | None]:
        """What decides, beside the data set, which rows a step learns from."""
        named = ("triplet_order", "clusters_a_step", "train_sampling_strategy")
        options = {name: getattr(self.args, name) for name in named}
        return {"rows_a_step": self.rows_a_step, **options, "data_seed": self._data_seed()}

    def get_train_dataloader(self) -> DataLoader:
        """This process's batches (see TrainingBatches); see transformers' Trainer."""
        if self.train_dataset is None or not has_length(self.train_dataset):
            return super().get_train_dataloader()
        args, state = self.args, self.accelerator
        batches = TrainingBatches(
            len(self.train_dataset),
            self._train_batch_size,
            args.gradient_accumulation_steps,
            state.num_processes,
            state.process_index,
            seed=self._data_seed(),
            drop_last=args.dataloader_drop_last,
            order=row_order(args, self.train_dataset, self.data_collator, self.rows_a_step),
        )
        if len(batches) == 0:
            raise InputError(
                f"there are {len(self.train_dataset)} rows, too few for a step of {self.rows_a_step}: lower the batch "
                "size, or set dataloader_drop_last=False"
            )
        loader = DataLoader(
            RowsOfSteps(self.train_dataset),
            batch_sampler=batches,
            collate_fn=self.data_collator,
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory,
            persistent_workers=args.dataloader_persistent_workers,
            multiprocessing_context=args.dataloader_multiprocessing_context,
            prefetch_factor=args.dataloader_prefetch_factor,
            in_order=args.dataloader_in_order,
            worker_init_fn=partial(seed_worker, num_workers=args.dataloader_num_workers, rank=args.process_index),
        )
        # As of a single process: the batches are this process's part already.
        return prepare_data_loader(
            loader,
            state.device,
            num_processes=1,
            process_index=0,
            put_on_device=True,
            non_blocking=args.accelerator_config.non_blocking,
        )

    def _data_seed(self) -> int | None:
        if self.args.train_sampling_strategy == "sequential":
            return None
        return self.args.seed if self.args.data_seed is None else self.args.data_seed

    def train(self, resume_from_checkpoint=None, trial=None, ignore_keys_for_eval=None):
        """Train; `resume_from_checkpoint=True` goes on from the last checkpoint that was written to its end."""
        checkpoint = checkpoint_to_resume(resume_from_checkpoint, self.args.output_dir)
        if checkpoint is not None and not self.args.ignore_data_skip:
            check_data_order(checkpoint, self._data_order)
        with naming_killed_workers():
            return super().train(checkpoint, trial, ignore_keys_for_eval)

    def _run_epoch(self, *args, **kwargs):
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(*args, **kwargs)
        else:  # a run that was killed after its last checkpoint: transformers would make one step more
            self.control.should_training_stop = True

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        if isinstance(self.model, PreTrainedModel) and not self.is_fsdp_enabled:
            load_weights(self.model, resume_from_checkpoint)
        elif is_of_the_other_kind(resume_from_checkpoint, self.is_fsdp_enabled):
            if not isinstance(self.model, PreTrainedModel) or not self.accelerator.is_fsdp2:
                raise InputError(
                    f"{resume_from_checkpoint}: of adapters, and under FSDP1, a training goes on only as it began: "
                    f"{'without' if self.is_fsdp_enabled else 'with'} FSDP"
                )
            load_weights_into_shards(self.model, resume_from_checkpoint)
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_best_model(self):
        if isinstance(self.model, PreTrainedModel) and not self.is_fsdp_enabled:
            load_weights(self.model, self.state.best_model_checkpoint)
        elif is_of_the_other_kind(self.state.best_model_checkpoint, self.is_fsdp_enabled):
            load_weights_into_shards(self.model, self.state.best_model_checkpoint)
        else:
            super()._load_best_model()

    def _load_optimizer_and_scheduler(self, checkpoint):
        if checkpoint is not None and is_of_the_other_kind(checkpoint, self.is_fsdp_enabled):
            load_optimizer_of_the_other_kind(self.optimizer, self.model, checkpoint, self.is_fsdp_enabled)
            self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint, SCHEDULER_NAME), weights_only=True))
        else:
            super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self.args.decay_to_init > 0 and not self.optimizer.state:
            raise InputError(
                f"{checkpoint}: holds no optimizer state (save_only_model), and so no initial parameters to decay to; "
                "start a new run from its weights, or set decay_to_init=0"
            )

    def _load_rng_state(self, checkpoint):
        name = "rng_state.pth" if self.args.world_size <= 1 else f"rng_state_{self.args.process_index}.pth"
        if Path(checkpoint, name).is_file():
            super()._load_rng_state(checkpoint)
        else:  # of a process that was not there: its own random numbers from here on, not those of the run's start
            set_seed(self.args.seed + self.state.global_step + self.args.process_index)

    def _save(self, output_dir=None, state_dict=None):
        with under_its_own_class(self.accelerator.unwrap_model(self.model, keep_torch_compile=False)):
            super()._save(output_dir, state_dict)

    def _save_checkpoint(self, model, trial):
        folder = Path(self._get_output_dir(trial), f"checkpoint-{self.state.global_step}")
        with naming_full_disk(folder):
            if self.args.should_save:
                mark_incomplete(folder)
                note_data_order(folder, self._data_order)
            super()._save_checkpoint(model, trial)
        # The others must not go on, to an end that removes checkpoints perhaps, while the first still writes.
        self.accelerator.wait_for_everyone()

    def _save_rng_state(self, output_dir):
        super()._save_rng_state(output_dir)
        # This comes just before the file that makes a checkpoint complete: nobody's file may come after it.
        self.accelerator.wait_for_everyone()
