import copy
import os
import signal

import numpy as np
import pytest
import torch
from students import (
    arguments,
    dense_collator,
    listed_collator,
    listed_rows,
    photographs,
    processor,
    student,
    teacher_embeds,
)
from transformers import SiglipImageProcessorPil, TrainerCallback

from alignet_hf.data.collator import DenseCollator, TripletCollator, image_rows
from alignet_hf.data.images import ArrayImages, cache_images
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.trainer import AligNetTrainer, NonFiniteLossError
from alignet_hf.errors import InputError
from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.triplets import all_triplets, is_correct, triplet_similarities


class KeepGradients(TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def listed_trainer(folder, rows=None, model=None, **kwargs):
    rows = listed_rows() if rows is None else rows
    model = student() if model is None else model
    return AligNetTrainer(model, arguments(folder, **kwargs), listed_collator(), rows)


def dense_trainer(folder, **kwargs):
    return AligNetTrainer(student(), arguments(folder, **kwargs), dense_collator(), image_rows(24))


def gradients_of_a_step(folder, trainer=listed_trainer, **kwargs):
    keep = KeepGradients()
    trainer = trainer(folder, max_steps=1, **kwargs)
    trainer.add_callback(keep)
    loss = trainer.train().training_loss
    return loss, keep.gradients


def assert_same_gradients(first, second):
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-5, rtol=1e-5, msg=name)


def losses(trainer):
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize("loss", ["kl", "jsd", "hard"])
def test_listed_triplets_are_learnt(tmp_path, loss):
    temperature = {"jsd": 1.0}.get(loss)
    trainer = listed_trainer(tmp_path, loss=loss, student_temperature=temperature, max_steps=20, learning_rate=3e-3)
    trainer.train()
    assert np.mean(losses(trainer)[-5:]) < 0.8 * np.mean(losses(trainer)[:5])


def test_dense_triplets_are_learnt(tmp_path):
    trainer = dense_trainer(tmp_path, max_steps=15, per_device_train_batch_size=12, learning_rate=3e-3)
    trainer.train()
    assert np.mean(losses(trainer)[-5:]) < 0.8 * np.mean(losses(trainer)[:5])


def test_the_listed_loss_is_the_mean_over_triplets(tmp_path):
    rows = listed_rows(10)
    loss, _ = gradients_of_a_step(tmp_path, rows=rows, per_device_train_batch_size=10)
    pixel_values = processor(photographs(), "pt")["pixel_values"]
    with torch.no_grad():
        embeds = student()(pixel_values=pixel_values).triplet_embeds
    logits = triplet_similarities(embeds, np.array(rows["indices"])).log_softmax(-1)
    targets = torch.tensor(rows["similarities"]).softmax(-1)
    expected = torch.nn.functional.kl_div(logits, targets, reduction="batchmean")
    assert loss == pytest.approx(expected.item(), rel=1e-4)


def test_gradient_accumulation_is_one_big_batch_also_of_unequal_parts(tmp_path):
    rows = listed_rows(10)
    whole = gradients_of_a_step(tmp_path, rows=rows, per_device_train_batch_size=10)
    parts = gradients_of_a_step(tmp_path, rows=rows, per_device_train_batch_size=4, gradient_accumulation_steps=3)
    assert whole[0] == pytest.approx(parts[0], rel=1e-5)
    assert_same_gradients(whole[1], parts[1])


def test_dense_micro_batches_weigh_as_their_triplets(tmp_path):
    """24 images as 14 + 10: 364 and 120 triplets."""
    keep = KeepGradients()
    args = arguments(tmp_path, max_steps=1, per_device_train_batch_size=14, gradient_accumulation_steps=2,
                     train_sampling_strategy="sequential")  # fmt: skip
    AligNetTrainer(student(), args, dense_collator(), image_rows(24), callbacks=[keep]).train()
    model = student()
    embeds = model(pixel_values=processor(photographs(), "pt")["pixel_values"]).triplet_embeds
    triplets = np.concatenate([all_triplets(14), all_triplets(10) + 14])
    p = triplet_similarities(torch.from_numpy(teacher_embeds()), triplets).softmax(-1)
    logits = triplet_similarities(embeds, triplets).log_softmax(-1)
    torch.nn.functional.kl_div(logits, p, reduction="batchmean").backward()
    assert_same_gradients(keep.gradients, {n: p.grad for n, p in model.named_parameters() if p.grad is not None})


@pytest.mark.parametrize("trainer", [listed_trainer, dense_trainer])
def test_activation_checkpointing_changes_no_gradient(tmp_path, trainer):
    plain = gradients_of_a_step(tmp_path, trainer)
    checkpointed = gradients_of_a_step(tmp_path, trainer, activation_checkpointing=True)
    assert_same_gradients(plain[1], checkpointed[1])


def test_bf16_trains_with_the_loss_in_float32(tmp_path):
    exact, _ = gradients_of_a_step(tmp_path, dense_trainer)
    trainer = dense_trainer(tmp_path, max_steps=1, bf16=True)
    seen = []
    loss = trainer.triplet_loss
    trainer.triplet_loss = lambda *similarities: seen.append(similarities[0].dtype) or loss(*similarities)
    assert trainer.train().training_loss == pytest.approx(exact, rel=0.05)
    assert set(seen) == {torch.float32}


@pytest.mark.slow
def test_torch_compile(tmp_path):
    plain = gradients_of_a_step(tmp_path)
    compiled = gradients_of_a_step(tmp_path, torch_compile=True)
    assert plain[0] == pytest.approx(compiled[0], rel=1e-4)


@pytest.mark.parametrize("strategy", ["cluster-boundary", "within-class"])
def test_dense_sampling_uses_the_labels(tmp_path, strategy):
    collator = DenseCollator(photographs(), processor, teacher_embeds(), labels=np.arange(24) % 4)
    args = arguments(tmp_path, max_steps=1, per_device_train_batch_size=24, sampling=strategy)
    loss = AligNetTrainer(student(), args, collator, image_rows(24)).train().training_loss
    triplets = all_triplets(24)
    n_labels = np.array([len(set(triplet % 4)) for triplet in triplets])
    triplets = triplets[n_labels == {"cluster-boundary": 2, "within-class": 1}[strategy]]
    with torch.no_grad():
        embeds = student()(pixel_values=processor(photographs(), "pt")["pixel_values"]).triplet_embeds
    p = triplet_similarities(torch.from_numpy(teacher_embeds()), triplets).softmax(-1)
    expected = torch.nn.functional.kl_div(
        triplet_similarities(embeds, triplets).log_softmax(-1), p, reduction="batchmean"
    )
    assert loss == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("bad", ["similarities", "weights"])
def test_a_loss_that_is_not_finite_stops_the_run_at_its_step(tmp_path, bad):
    rows = listed_rows(12)
    if bad == "similarities":
        similarities = np.array(rows["similarities"])
        similarities[8:] = np.nan
        rows = rows.remove_columns("similarities").add_column("similarities", similarities.tolist())
    trainer = listed_trainer(tmp_path, rows=rows, train_sampling_strategy="sequential")
    kept = []

    class AfterTwoSteps(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step == 2:
                if bad == "weights":
                    model.backbone.layernorm.weight.data.fill_(torch.inf)
                kept.append(copy.deepcopy(model.state_dict()))

    trainer.add_callback(AfterTwoSteps())
    blame = "the batch's similarities" if bad == "similarities" else "the student's embeddings"
    with pytest.raises(NonFiniteLossError, match=f"loss of step 3 is nan: {blame} are not finite"):
        trainer.train()
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, kept[0][name])


def test_held_out_sets_are_evaluated_while_training(tmp_path):
    rng = np.random.default_rng(5)
    sets = {
        name: HeldOutTriplets(photographs(seed=seed), rng.permuted(all_triplets(8), axis=1))
        for name, seed in (("people", 10), ("others", 11))
    }
    args = arguments(tmp_path, eval_strategy="steps", eval_steps=4, per_device_eval_batch_size=3)
    trainer = AligNetTrainer(student(), args, listed_collator(), listed_rows(), sets)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "eval_people_odd_one_out_accuracy" in entry]
    assert [entry["step"] for entry in logged] == [4, 8]
    for name, held_out in sets.items():
        with torch.no_grad():
            embeds = trainer.model.eval()(**processor(held_out.images, "pt")).triplet_embeds
        expected = is_correct(triplet_similarities(embeds, held_out.triplets)).mean()
        assert trainer.evaluate()[f"eval_{name}_odd_one_out_accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("fast", [False, True])
def test_held_out_images_are_read_from_a_cache_as_it_was_made(tmp_path, fast):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 47, 60, 3), np.uint8)
    sized = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    cached = cache_images(ArrayImages(pixels), tmp_path / "cache", processor=sized, fast=fast)
    held_out = HeldOutTriplets(cached, np.random.default_rng(1).permuted(all_triplets(6), axis=1))
    collator = TripletCollator(cached, sized, pixels="fast" if fast else "exact")
    trainer = AligNetTrainer(student(), arguments(tmp_path), collator, listed_rows(), held_out)
    with torch.no_grad():
        embeds = trainer.model.eval()(
            torch.from_numpy(cached.array / 127.5 - 1).permute(0, 3, 1, 2).float()
        ).triplet_embeds
    expected = is_correct(triplet_similarities(embeds, held_out.triplets)).mean()
    assert trainer.evaluate()["eval_odd_one_out_accuracy"] == pytest.approx(expected)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("held_out", [True, False])
def test_a_worker_that_is_killed_in_an_evaluation_is_named(tmp_path, held_out):
    images = Killing(photographs())
    collator = TripletCollator(images, processor)
    data = HeldOutTriplets(images, all_triplets(6)) if held_out else listed_rows()
    trainer = AligNetTrainer(student(), arguments(tmp_path, dataloader_num_workers=1), collator, eval_dataset=data)
    with pytest.raises(InputError, match="a worker process was killed, by the system perhaps as memory ran out"):
        trainer.evaluate()


class Killing(list):
    """Images of which the third kills the worker process that opens it."""

    def __getitem__(self, index):
        if index == 2 and torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def test_evaluation_changes_nothing_in_the_training(tmp_path):
    held_out = HeldOutTriplets(photographs(), all_triplets(6))
    args = arguments(tmp_path, eval_strategy="steps", eval_steps=1)
    evaluated = AligNetTrainer(student(), args, listed_collator(), listed_rows(), held_out)
    plain = listed_trainer(tmp_path)
    evaluated.train()
    plain.train()
    for p, q in zip(plain.model.parameters(), evaluated.model.parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_collapsed_student_scores_zero(tmp_path):
    model = student()
    model.backbone.layernorm.weight.data.zero_()
    trainer = listed_trainer(tmp_path, model=model)
    held_out = HeldOutTriplets(photographs(), all_triplets(6))
    assert trainer.evaluate(held_out)["eval_odd_one_out_accuracy"] == 0


def test_a_data_set_is_evaluated_by_its_loss(tmp_path):
    rows = listed_rows(10)
    trainer = listed_trainer(tmp_path, per_device_eval_batch_size=4)
    loss, _ = gradients_of_a_step(tmp_path, rows=rows, per_device_train_batch_size=10)
    assert trainer.evaluate(rows)["eval_loss"] == pytest.approx(loss, rel=1e-5)


def test_loss_learning_rate_and_penalty_are_logged_to_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = listed_trainer(tmp_path, report_to=["tensorboard"], decay_to_init_mode="loss", decay_to_init=0.5)
    start = copy.deepcopy(trainer.model.state_dict())
    trainer.train()
    (events,) = tmp_path.rglob("events.out.tfevents.*")
    scalars = EventAccumulator(str(events)).Reload()
    for tag in ("train/loss", "train/learning_rate", "train/decay_penalty"):
        assert [event.step for event in scalars.Scalars(tag)] == list(range(1, 9))
    moved = sum((value - start[name]).square().sum() for name, value in trainer.model.state_dict().items())
    assert scalars.Scalars("train/decay_penalty")[-1].value == pytest.approx(0.5 * moved.item(), rel=1e-4)


def test_the_processor_is_saved_with_the_student(tmp_path):
    collator = listed_collator()
    collator.processor = AligNetImageProcessor(size={"height": 32, "width": 32})
    trainer = AligNetTrainer(student(), arguments(tmp_path), collator, listed_rows())
    trainer.save_model()
    assert AligNetImageProcessor.from_pretrained(tmp_path).size == {"height": 32, "width": 32}
    assert torch.equal(
        AligNetVisionModel.from_pretrained(tmp_path).backbone.layernorm.weight, trainer.model.backbone.layernorm.weight
    )


def test_what_does_not_go_together_is_refused_with_the_fix(tmp_path):
    args, rows = arguments(tmp_path), listed_rows()
    with pytest.raises(InputError, match=r"data_collator is missing; give TripletCollator\(images, processor\)"):
        AligNetTrainer(student(), args, train_dataset=rows)
    with pytest.raises(InputError, match="AligNetTrainingArguments"):
        AligNetTrainer(student(), data_collator=listed_collator(), train_dataset=rows)
    with pytest.raises(InputError, match="DenseCollator labels"):
        AligNetTrainer(student(), arguments(tmp_path, sampling="within-class"), dense_collator(), image_rows(24))
    with pytest.raises(InputError, match="fewer than three images"):
        AligNetTrainer(student(), arguments(tmp_path, per_device_train_batch_size=2), dense_collator(), image_rows(24))
    with pytest.raises(InputError, match="from_backbone"):
        AligNetTrainer(student().backbone, args, listed_collator(), rows).train()
    sgd = torch.optim.SGD(student().parameters(), lr=1.0)
    with pytest.raises(InputError, match="set it to 0 to give another"):
        AligNetTrainer(student(), args, listed_collator(), rows, optimizers=(sgd, None))
    with pytest.raises(InputError, match="held-out triplets: row 0 is out of range"):
        HeldOutTriplets(photographs(2), np.array([[0, 1, 2]]))
