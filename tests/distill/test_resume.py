"""Runs that are stopped, or killed while they write a checkpoint, end as undisturbed ones: to the bit."""

from pathlib import Path

import peft
import pytest
import torch
from students import arguments, dense_collator, listed_collator, listed_rows, student
from transformers.trainer_callback import TrainerState

from alignet_hf.data.collator import image_rows
from alignet_hf.distill.checkpoints import last_complete_checkpoint
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.errors import InputError
from alignet_hf.modeling_alignet import AligNetVisionModel


class Killed(BaseException):
    """Stands for kill -9: no handler of an ordinary exception runs."""


def brighter_or_darker(image):
    factor = torch.rand(()).item()
    return image.point(lambda value: value * factor)


def trainer(folder, data="listed", model=None, seed=0, **kwargs):
    """8 steps in several epochs of random order, a checkpoint every second one, a falling learning rate."""
    kwargs = {"save_strategy": "steps", "save_steps": 2, "lr_scheduler_type": "cosine", **kwargs}
    args = arguments(folder, **kwargs)
    model = student(seed) if model is None else model
    if data == "listed":
        return AligNetTrainer(model, args, listed_collator(transform=brighter_or_darker), listed_rows(18))
    return AligNetTrainer(model, args, dense_collator(transform=brighter_or_darker), image_rows(24))


def assert_same_weights(first, second):
    for (name, p), q in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(p, q), name


@pytest.mark.parametrize("data", ["listed", "dense"])
@pytest.mark.parametrize("mode", ["decoupled", "loss"])
def test_a_resumed_run_ends_as_the_undisturbed_one(tmp_path, data, mode):
    options = {"data": data, "decay_to_init": 2.0, "decay_to_init_mode": mode, "gradient_accumulation_steps": 2}
    undisturbed = trainer(tmp_path, **options)
    undisturbed.train()
    for step in (2, 6, 8):  # within an epoch, between two, and at the end
        resumed = trainer(tmp_path / "resumed", seed=1, **options)  # other weights: they must come from the checkpoint
        resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))
        assert_same_weights(undisturbed.model, resumed.model)
        assert undisturbed.state.log_history[:-1] == resumed.state.log_history[:-1]  # the last one holds the runtime


@pytest.mark.parametrize("moment", ["model", "optimizer", "rng", "state"])
def test_a_run_killed_while_it_writes_a_checkpoint_goes_on_from_the_one_before(tmp_path, monkeypatch, moment):
    undisturbed = trainer(tmp_path / "undisturbed", save_total_limit=1)
    undisturbed.train()
    killed = trainer(tmp_path / "killed", save_total_limit=1)

    def kill(output_dir, *args, **kwargs):
        if killed.state.global_step == 6:
            file = Path(output_dir) if moment == "state" else Path(output_dir, "half-written")
            file.parent.mkdir(exist_ok=True)
            file.write_text('{\n "global_step": 6, "log_hist')
            raise Killed
        return original(output_dir, *args, **kwargs)

    if moment == "state":
        original = TrainerState.save_to_json
        monkeypatch.setattr(
            TrainerState, "save_to_json", lambda self, path: kill(path) if path_is(path, 6) else original(self, path)
        )
    else:
        method = {"model": "_save", "optimizer": "_save_optimizer_and_scheduler", "rng": "_save_rng_state"}[moment]
        original = getattr(killed, method)
        monkeypatch.setattr(killed, method, kill)
    with pytest.raises(Killed):
        killed.train()
    monkeypatch.undo()
    assert Path(tmp_path, "killed", "checkpoint-6").is_dir()
    assert last_complete_checkpoint(tmp_path / "killed").endswith("checkpoint-4")
    resumed = trainer(tmp_path / "killed", seed=1, save_total_limit=1)
    resumed.train(resume_from_checkpoint=True)
    assert_same_weights(undisturbed.model, resumed.model)


def path_is(path, step):
    return Path(path).parent.name == f"checkpoint-{step}"


def test_a_checkpoint_that_is_written_anew_is_not_complete_meanwhile(tmp_path, monkeypatch):
    trainer(tmp_path, max_steps=2).train()
    assert last_complete_checkpoint(tmp_path) is not None
    again = trainer(tmp_path, max_steps=2)

    def kill(output_dir):
        raise Killed

    monkeypatch.setattr(again, "_save_rng_state", kill)
    with pytest.raises(Killed):
        again.train()
    assert last_complete_checkpoint(tmp_path) is None
    with pytest.raises(InputError, match="no complete checkpoint"):
        trainer(tmp_path, max_steps=2).train(resume_from_checkpoint=True)


def test_weights_alone_do_not_resume_a_decay_to_initialization(tmp_path):
    trainer(tmp_path, max_steps=2, save_only_model=True).train()
    with pytest.raises(InputError, match=r"checkpoint-2: holds no optimizer state.*no initial parameters"):
        trainer(tmp_path, max_steps=4, save_only_model=True).train(resume_from_checkpoint=True)
    trainer(tmp_path, max_steps=4, save_only_model=True, decay_to_init=0).train(resume_from_checkpoint=True)


def test_the_best_student_is_loaded_at_the_end(tmp_path):
    args = arguments(
        tmp_path,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        per_device_eval_batch_size=8,
    )
    best = AligNetTrainer(student(), args, listed_collator(), listed_rows(), eval_dataset=listed_rows(8))
    losses = iter([3.0, 1.0, 2.0, 4.0])  # the second checkpoint is the best
    best.prediction_step = lambda *args, **kwargs: (torch.tensor(next(losses)), None, None)
    best.train()
    assert best.state.best_model_checkpoint.endswith("checkpoint-4")
    assert_same_weights(best.model, AligNetVisionModel.from_pretrained(tmp_path / "checkpoint-4"))


def lora(seed=0):
    torch.manual_seed(seed)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], modules_to_save=["triplet_head"])
    return peft.get_peft_model(student(projection_dim=5), config)


def test_lora_checkpoints_hold_adapters_resume_and_load(tmp_path):
    undisturbed = trainer(tmp_path, model=lora())
    base = {name: p.detach().clone() for name, p in undisturbed.model.named_parameters() if not p.requires_grad}
    undisturbed.train()
    last = tmp_path / "checkpoint-8"
    assert (last / "adapter_model.safetensors").exists()
    assert not (last / "model.safetensors").exists()
    for name, p in base.items():
        assert torch.equal(undisturbed.model.get_parameter(name), p)
    resumed = trainer(tmp_path, model=lora(seed=1))
    resumed.model.base_model.model.triplet_head.original_module.load_state_dict(
        undisturbed.model.base_model.model.triplet_head.original_module.state_dict()
    )
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert_same_weights(undisturbed.model, resumed.model)
    loaded = peft.PeftModel.from_pretrained(student(projection_dim=5), last).eval()
    pixel_values = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(pixel_values=pixel_values).triplet_embeds,
            undisturbed.model.eval()(pixel_values=pixel_values).triplet_embeds,
        )


def test_adapters_of_a_sharded_training_do_not_go_on_without(tmp_path):
    trainer(tmp_path, model=lora(), max_steps=2).train()
    checkpoint = tmp_path / "checkpoint-2"
    (checkpoint / "optimizer.pt").rename(checkpoint / "optimizer.bin")  # as FSDP leaves it
    with pytest.raises(InputError, match=r"of adapters, .* goes on only as it began: with FSDP"):
        trainer(tmp_path, model=lora()).train(resume_from_checkpoint=str(checkpoint))


@pytest.mark.parametrize(
    ("data", "first", "second", "says"),
    [
        ("listed", {}, {"triplet_order": "shared-images"}, "triplet_order='random', this one has 'shared-images'"),
        ("listed", {"triplet_order": "shared-images"}, {}, "triplet_order='shared-images', this one has 'random'"),
        ("listed", {"data_seed": 5}, {"data_seed": 6}, "data_seed=5, this one has 6"),
        ("dense", {}, {"train_sampling_strategy": "sequential"}, "train_sampling_strategy='random', this one has 'seq"),
    ],
)
def test_a_checkpoint_of_another_order_is_refused(tmp_path, data, first, second, says):
    trainer(tmp_path / "first", data, **{"max_steps": 2, **first}).train()
    checkpoint = str(tmp_path / "first" / "checkpoint-2")
    with pytest.raises(InputError, match=f"checkpoint-2: its run had {says}.* or ignore_data_skip=True"):
        trainer(tmp_path / "second", data, **second).train(resume_from_checkpoint=checkpoint)
    anew = trainer(tmp_path / "anew", data, **{"max_steps": 3, "ignore_data_skip": True, **second})
    anew.train(resume_from_checkpoint=checkpoint)
    assert anew.state.global_step == 3
