"""A distillation as a recipe asks for it: one trainer, resumed if it was stopped, one folder that AutoModel loads."""

import json
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from alignet_hf.data.augment import RandomCropFlip
from alignet_hf.data.collator import DenseCollator, TripletCollator
from alignet_hf.data.images import ImageSource, SomeImages, UndecodableImageError
from alignet_hf.data.images.undecodable import OnBad, offering_skip
from alignet_hf.data.triplet_images import triplets_on
from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.distill.checkpoints import last_complete_checkpoint
from alignet_hf.distill.finished import is_finished, made_from, mark_finished, remove_checkpoints, unmark_finished
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.processes import as_the_first, rows_of_each, this_process
from alignet_hf.distill.progress import TrainingProgress
from alignet_hf.distill.record import curve_of
from alignet_hf.distill.temperature import student_temperature
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.encoders import open_student
from alignet_hf.errors import InputError
from alignet_hf.hardware import computes_in_bf16
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.artifacts import replacing, replacing_folder
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.recipe import Distill, Encoder
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.sample import sample_triplets
from alignet_hf.surrogate.views import EmbeddingsView
from alignet_hf.triplets import triplet_similarities

CURVE = "curve.json"


def distill_student(
    encoder: Encoder,
    options: Distill,
    images,
    *,
    output: Path,
    work: Path,
    seed: int,
    teacher_embeddings: np.ndarray | Embeddings | EmbeddingsView | None = None,
    triplets: Dataset | None = None,
    rows: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    held_out: np.ndarray | None = None,
    teacher_temperature: float | None = None,
    on_bad: OnBad = "raise",
    alignment: Alignment | None = None,
    what: str = "distill",
):
    """Train a student on dense or listed triplets; in several processes, to be called by each of them.

    `options.batch_size` is that of all processes together, and dense triplets span them but for
    `options.gather_negatives`. Called again when it has ended, with the same numbers, it opens the student that is
    there.

    Args:
        encoder: the student, as a recipe names it.
        options: a recipe's section `distill`.
        images: the image source.
        output: where the student goes; it appears there whole, or not at all.
        work: where checkpoints go while it trains; the training curve stays there, and that the training has ended.
        seed: of the order of the data.
        teacher_embeddings: (len(images), p), for dense triplets; of a view, rows are computed as they are needed.
        triplets: the triplet data set, for listed ones; where it has file names, the images are found by them.
        rows: the images that dense triplets are made of; all by default.
        clusters: (len(rows),) their cluster labels, for a sampling that needs them.
        held_out: (n, 3) people's choices to score while training.
        teacher_temperature: in place of that of `options`.
        on_bad: what an image that cannot be decoded is, see ImageCollator.
        alignment: what the student's card says that the training cannot know.
        what: the lines that say how far the training is are of.

    Returns:
        The trained student and its image processor.
    """
    state = this_process()
    if options.triplets == "listed":
        triplets = triplets_on(triplets, images)
    set_seed(seed)  # of a head's initial weights: the same in every process, and in every run
    model, processor = open_student(encoder, options.projection_dim)
    rows = np.arange(len(images)) if rows is None else rows
    teacher_temperature = teacher_temperature or options.teacher_temperature
    # Four digits: a temperature that was computed differs in the last ones from machine to machine.
    numbers = made_from(encoder, options, seed, f"{teacher_temperature:.4g}", on_bad)
    if as_the_first(is_finished(output, work, numbers)):
        if state.is_main_process:
            remove_checkpoints(work)
        return AligNetVisionModel.from_pretrained(output), processor
    temperature = options.student_temperature
    if temperature == "auto":
        with offering_skip():
            sample, opened = _opened(images, np.random.default_rng(seed).permutation(rows)[:256], on_bad)
        drawn = sample_triplets(len(sample), 10_000, "random", seed=seed)
        student = model if model.triplet_head is None else lambda pixels: model(pixels).triplet_embeds
        untrained = embed_images(
            student, opened, processor=processor, batch_size=encoder.batch_size, pixels=options.pixels
        )
        if options.triplets == "dense":
            taught = triplet_similarities(teacher_embeddings[sample], drawn)
        else:
            taught = np.asarray(triplets[:10_000]["similarities"])
        untrained = triplet_similarities(np.asarray(untrained), drawn)
        temperature = as_the_first(student_temperature(untrained, taught / teacher_temperature))

    reading = {"pixels": options.pixels, "on_bad": on_bad}
    transform = None if options.min_crop_area is None else RandomCropFlip(options.min_crop_area)
    if options.triplets == "dense":
        labels = None
        if clusters is not None:
            labels = np.full(len(images), -1)
            labels[rows] = clusters
        collator = DenseCollator(images, processor, teacher_embeddings, labels, transform, seed, **reading)
        train_dataset = Dataset.from_dict({"index": rows})
    else:
        collator, train_dataset = TripletCollator(images, processor, transform, seed, **reading), triplets
    if len(train_dataset) < options.batch_size:
        what = "images" if options.triplets == "dense" else "triplets"
        raise InputError(
            f"distill.batch_size is {options.batch_size}, but there are {len(train_dataset)} {what}; lower it"
        )
    evaluates = options.evaluate_steps is not None and held_out is not None
    args = _arguments(options, work, seed, encoder.batch_size, teacher_temperature, temperature, evaluates)
    checkpoint = as_the_first(last_complete_checkpoint(work))
    args.eval_on_start = evaluates and checkpoint is None
    trainer = AligNetTrainer(
        model=model,
        args=args,
        data_collator=collator,
        train_dataset=train_dataset,
        eval_dataset={"people": HeldOutTriplets(images, held_out)} if evaluates else None,
        alignment=alignment,
    )
    trainer.remove_callback(PrinterCallback)  # both of which write every logged step as it is
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(TrainingProgress(what))
    with offering_skip():
        trainer.train(resume_from_checkpoint=checkpoint)
    if state.is_main_process:
        unmark_finished(work)
        with replacing_folder(output) as folder:
            processor.save_pretrained(folder)  # first: the card of save_model tries it
            trainer.save_model(folder)
        with replacing(work / CURVE) as path:
            path.write_text(json.dumps(curve_of(trainer)), encoding="utf-8")
        mark_finished(work, numbers)
        remove_checkpoints(work)
    else:
        trainer.save_model(output)  # writes nothing: a sharded model is put together by all processes
    state.wait_for_everyone()
    return AligNetVisionModel.from_pretrained(output), processor


def _opened(images, rows: np.ndarray, on_bad: OnBad) -> tuple[np.ndarray, list | SomeImages]:
    """The images of some rows, and these rows; with "skip", without those that cannot be decoded."""
    kept, opened = [], []
    for row in rows:
        try:
            opened.append(images[int(row)])
            kept.append(row)
        except UndecodableImageError:
            if on_bad == "raise":
                raise
    kept = np.array(kept, np.int64)
    is_sized = isinstance(images, ImageSource) and images.geometry is not None
    return kept, SomeImages(images, kept) if is_sized else opened  # a list does not say that no resizing is due


def _arguments(
    options: Distill,
    work: Path,
    seed: int,
    eval_batch_size: int,
    teacher_temperature: float,
    student_temperature: float,
    evaluates: bool,
) -> AligNetTrainingArguments:
    return AligNetTrainingArguments(
        output_dir=str(work),
        use_cpu=not torch.accelerator.is_available(),
        disable_tqdm=True,  # TrainingProgress has a bar of its own
        seed=seed,
        loss=options.loss,
        teacher_temperature=teacher_temperature,
        student_temperature=student_temperature,
        sampling=options.sampling,
        triplet_weights=options.triplet_weights,
        triplet_order=options.triplet_order,
        clusters_a_step=options.clusters_a_step,
        decay_to_init=options.decay_to_init,
        decay_to_init_mode=options.decay_to_init_mode,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup_steps,
        max_steps=options.steps,
        per_device_train_batch_size=rows_of_each(options.batch_size),
        gather_negatives=options.triplets == "dense" and options.gather_negatives,
        per_device_eval_batch_size=eval_batch_size,
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        dataloader_drop_last=True,
        dataloader_num_workers=options.num_workers,
        dataloader_pin_memory=torch.accelerator.is_available(),
        bf16=computes_in_bf16() if options.bf16 == "auto" else options.bf16,
        torch_compile=options.torch_compile,
        logging_steps=1 if options.steps <= 1000 else 50,
        save_steps=options.save_steps,
        save_total_limit=1,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=options.evaluate_steps,
    )
