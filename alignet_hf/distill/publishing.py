"""What a training leaves for others at every save: record, card and code beside the weights, and pushes to the Hub."""

import json
import shutil
import tempfile
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path

from huggingface_hub.hf_api import api as hub_api
from transformers import Trainer
from transformers.trainer_utils import HubStrategy, SaveStrategy
from transformers.utils import logging
from transformers.utils.hub import PushInProgress

from alignet_hf.distill.record import base_model, record_of, training_data
from alignet_hf.errors import FullDiskError
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.hub.alignment import FILE as ALIGNMENT
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.artifacts import replacing
from alignet_hf.hub.card import CURVE
from alignet_hf.hub.faults import hub_faults
from alignet_hf.hub.models import CODE_FILES, complete_folder
from alignet_hf.hub.push import push_folder

logger = logging.get_logger(__name__)

# What a save holds for others. Its other files are to resume from: pickles, and a state that names folders.
PUBLISHED = {
    *CODE_FILES,
    "README.md",
    "adapter_config.json",
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    ALIGNMENT,
    CURVE,
}
WEIGHTS = (".safetensors", ".safetensors.index.json")


class PublishingTrainer(Trainer):
    """transformers' Trainer, whose saves can be shown and pushed as they are.

    Neither a card nor a push in the middle of a training stops it: what fails is a warning. Pickles (the optimizer's
    state, `training_args.bin`) are never pushed.
    """

    alignment: Alignment  # what the user knows and the training does not

    @cached_property
    def base(self) -> Alignment:
        """What the student stands on; its card is asked for once."""
        return base_model(self.accelerator.unwrap_model(self.model))

    @cached_property
    def training_data(self) -> dict:
        """What is learnt from, with its fingerprint."""
        return training_data(self.data_collator, self.train_dataset)

    def _save(self, output_dir=None, state_dict=None):
        super()._save(output_dir, state_dict)
        folder = Path(output_dir or self.args.output_dir)
        (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle
        if self.args.should_save:
            self._describe(folder)

    def _describe(self, folder: Path) -> None:
        # Whatever fails here: hours of training are worth more than their description.
        record = self.alignment
        try:
            record = record_of(self).with_known(self.alignment)
        except Exception as error:
            logger.warning(f"{folder}: its record is incomplete: {type(error).__name__}: {error}")
        try:
            with naming_full_disk(folder):
                complete_folder(folder, self.hub_model_id or self.args.hub_model_id or folder.resolve().name, record)
                _forget_this_machine(folder)
        except FullDiskError:  # all but this: a save is whole, or it is none
            raise
        except Exception as error:
            logger.warning(f"{folder}: its card was not written: {error}; `alignet-hf card {folder}` writes it later")

    def init_hf_repo(self, token=None, private=None):
        with hub_faults("push", self.args.hub_model_id or self.args.output_dir, token or self.args.hub_token):
            super().init_hf_repo(token, private)

    def create_model_card(
        self,
        language=None,
        license: str | None = None,
        tags: str | list[str] | None = None,
        model_name=None,
        finetuned_from: str | None = None,
        tasks=None,
        dataset_tags: str | list[str] | None = None,
        dataset=None,
        dataset_args=None,
    ):
        """The card that every save writes, with what is given here; see `alignet_hf.hub.card`.

        Args:
            license, tags, finetuned_from (the base model's Hub id), dataset_tags (Hub ids of the training data): put
                into the card, and kept for the saves that follow.
            language, model_name, tasks, dataset, dataset_args: of transformers' Trainer; an AligNet card has no place
                for them.
        """
        given = Alignment(
            license=license,
            tags=[tags] if isinstance(tags, str) else tags or [],
            base_model=finetuned_from,
            datasets=[dataset_tags] if isinstance(dataset_tags, str) else dataset_tags or [],
        )
        self.alignment = self.alignment.with_known(given)
        if self.is_world_process_zero():
            self._describe(Path(self.args.output_dir))

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        create_pr: bool = False,
        **card,
    ) -> str | Future | None:
        """Save the model and push it with processor, code and card, in one commit.

        The repository is `args.hub_model_id`, or named as `args.output_dir`, and made if need be. Nothing else that
        lies in `args.output_dir` is pushed.

        Args:
            card: for `create_model_card`.

        Returns:
            The commit's address, or a Future of it with blocking=False; None in processes other than the first.

        Raises:
            HubError: what the Hub refuses, and what to do. The saved model stays where it is.
        """
        self.callback_handler.on_push_begin(self.args, self.state, self.control)
        self.save_model(_internal_call=True)  # in every process
        if not self.is_world_process_zero():
            return None
        if card:
            self.create_model_card(**card)
        self._finish_current_push()
        private = self.args.hub_private_repo if private is None else private
        options = {"private": private, "revision": revision or self.args.hub_revision, "create_pr": create_pr}
        job = self._push_copy(self.args.output_dir, commit_message, token=token or self.args.hub_token, **options)
        return job.result() if blocking else job

    def _push_from_checkpoint(self, checkpoint_folder):
        if not self.is_world_process_zero() or self.args.hub_strategy == HubStrategy.END:
            return
        busy = self.push_in_progress is not None and not self.push_in_progress.is_done()
        if busy and not self.args.hub_always_push:
            return
        self.callback_handler.on_push_begin(self.args, self.state, self.control)
        by_step = self.args.save_strategy == SaveStrategy.STEPS
        when = f"step {self.state.global_step}" if by_step else f"epoch {int(self.state.epoch)}"
        options = {"token": self.args.hub_token, "revision": self.args.hub_revision}
        try:
            job = self._push_copy(checkpoint_folder, f"Training in progress, {when}", **options)
        except OSError as error:
            logger.warning(f"{checkpoint_folder}: not pushed: {error}")
            return
        job.add_done_callback(_warn_of_failure)
        self.push_in_progress = PushInProgress([*(self.push_in_progress.jobs if busy else []), job])

    def _push_copy(self, folder: str, commit_message: str | None, **options) -> Future:
        """Push, in the background, what others need of a save.

        A copy, as the save may be deleted (save_total_limit) or written over while it is on its way.
        """
        copy = Path(tempfile.mkdtemp(prefix="alignet-push-"))
        try:
            for path in sorted(Path(folder).iterdir()):
                if path.name in PUBLISHED or path.name.endswith(WEIGHTS):
                    shutil.copyfile(path, copy / path.name)
        except OSError:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        job = hub_api.run_as_future(
            push_folder, copy, self._repo_id(), repo_type="model", commit_message=commit_message, **options
        )
        job.add_done_callback(lambda _: shutil.rmtree(copy, ignore_errors=True))
        return job

    def _repo_id(self) -> str:
        return self.hub_model_id or self.args.hub_model_id or Path(self.args.output_dir).absolute().name


def _warn_of_failure(job: Future) -> None:
    if error := job.exception():
        logger.warning(f"a push in the middle of the training failed: {error}")


def _forget_this_machine(folder: Path) -> None:
    """Take the folder of this machine that peft names as the base model out of an adapter's configuration."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    if Path(content["base_model_name_or_path"] or "").is_absolute():
        content["base_model_name_or_path"] = Path(content["base_model_name_or_path"]).name
        with replacing(path) as new:
            new.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
