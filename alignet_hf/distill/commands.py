"""The command of the distillation: distill."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alignet_hf.console import IMAGES, ImageSize, Json, OnBad, PixelsOption, Pooling, Replace, Seed, done, quiet, say
from alignet_hf.errors import InputError
from alignet_hf.output_folder import writes_out
from alignet_hf.surrogate.command_inputs import aligned, check_clustered, left_out


@writes_out
def distill(
    images: Annotated[str, typer.Argument(help=f"The images that were embedded: {IMAGES}.")],
    out: Annotated[Path, typer.Argument(help="The folder for the student.")],
    student: Annotated[str, typer.Option(help="Hub id or folder, or demo-student.")],
    data: Annotated[Path | None, typer.Option("--triplets", help="Listed triplets: what `triplets` wrote.")] = None,
    embeddings: Annotated[Path | None, typer.Option(help="Dense triplets: what `embed` wrote.")] = None,
    transform: Annotated[Path | None, typer.Option(help="With --embeddings: what `align` wrote.")] = None,
    clusters: Annotated[Path | None, typer.Option(help="With --embeddings: what `cluster` wrote.")] = None,
    sampling: Annotated[
        Literal["random", "cluster-boundary", "within-class", "between-class"],
        typer.Option(help="Which dense triplets count; all but random need --clusters."),
    ] = "random",
    clusters_a_step: Annotated[
        int | None, typer.Option(min=1, help="Dense steps of as many images of each of so many of --clusters.")
    ] = None,
    triplet_order: Annotated[
        Literal["random", "shared-images"],
        typer.Option(help="Listed triplets: shared-images puts those that share images into one step."),
    ] = "random",
    triplet_weights: Annotated[
        Literal["equal", "entropy"], typer.Option(help="entropy: by how uncertain the teacher is of a triplet.")
    ] = "equal",
    loss: Annotated[
        Literal["kl", "jsd", "hard"], typer.Option(help="kl: the paper's; jsd: the released code's.")
    ] = "kl",
    steps: Annotated[int, typer.Option(min=1)] = 1000,
    batch_size: Annotated[int, typer.Option(min=1, help="Triplets, or images of dense ones.")] = 48,
    gradient_accumulation_steps: Annotated[int, typer.Option(min=1, help="Batches a step.")] = 1,
    image_size: ImageSize = None,
    pooling: Pooling = "auto",
    projection_dim: Annotated[int | None, typer.Option(min=1, help="Of a linear head for the training.")] = None,
    pixels: PixelsOption = "exact",
    min_crop_area: Annotated[
        float | None, typer.Option(min=1e-6, max=1, help="Augment: crops of at least that share, and flips.")
    ] = None,
    learning_rate: Annotated[float, typer.Option(min=1e-12)] = 3e-5,
    warmup_steps: Annotated[int | None, typer.Option(min=0, help="A twentieth of the steps by default.")] = None,
    teacher_temperature: Annotated[float, typer.Option(min=1e-6)] = 1.0,
    student_temperature: Annotated[float | None, typer.Option(min=1e-6, help="From the data by default.")] = None,
    decay_to_init: Annotated[float, typer.Option(min=0)] = 1.0,
    decay_to_init_mode: Annotated[
        Literal["decoupled", "loss"], typer.Option(help="Inside the optimizer's step, or a term of the loss (eq. 6).")
    ] = "decoupled",
    bf16: Annotated[bool | None, typer.Option("--bf16/--no-bf16", help="By default where the machine has it.")] = None,
    torch_compile: Annotated[bool, typer.Option("--torch-compile", help="Compile the student: a slow start.")] = False,
    num_workers: Annotated[int, typer.Option(min=0, help="Processes that open and process images.")] = 0,
    on_bad: OnBad = "raise",
    save_steps: Annotated[int, typer.Option(min=1, help="Steps from one checkpoint to the next.")] = 500,
    seed: Seed = 0,
    force: Replace = False,
    as_json: Json = False,
) -> None:
    """Distil a student from listed or dense triplets.

    Killed and started again, it goes on.
    """
    _check_options(data, embeddings, transform, clusters, sampling, clusters_a_step)
    from alignet_hf.recipe import Distill, check_teacher_temperature

    check_teacher_temperature(loss, teacher_temperature)
    from alignet_hf.data.alignet import load_alignet
    from alignet_hf.data.images import images_fingerprint
    from alignet_hf.inputs import open_images

    source = open_images(images)
    teacher, kept = (None, None) if embeddings is None else aligned(embeddings, transform)
    if teacher is not None and len(teacher) != len(source):
        raise InputError(
            f"{embeddings} holds {len(teacher)} rows, {images} {len(source)} images; give the images that were embedded"
        )
    from alignet_hf.distill.finished import NO_MATTER
    from alignet_hf.distill.run import distill_student
    from alignet_hf.encoders import encoder_named
    from alignet_hf.made_from import MadeFrom, claim, digest_of
    from alignet_hf.stages import Stages, fingerprint

    quiet()
    encoder = encoder_named(student, image_size=image_size, pooling=pooling)
    options = Distill(
        triplets="dense" if data is None else "listed",
        loss=loss,
        sampling=sampling,
        triplet_weights=triplet_weights,
        clusters_a_step=clusters_a_step,
        triplet_order=triplet_order,
        projection_dim=projection_dim,
        steps=steps,
        batch_size=batch_size,
        gradient_accumulation_steps=gradient_accumulation_steps,
        learning_rate=learning_rate,
        decay_to_init_mode=decay_to_init_mode,
        torch_compile=torch_compile,
        pixels=pixels,
        min_crop_area=min_crop_area,
        teacher_temperature=teacher_temperature,
        student_temperature="auto" if student_temperature is None else student_temperature,
        decay_to_init=decay_to_init,
        bf16="auto" if bf16 is None else bf16,
        warmup_steps=steps // 20 if warmup_steps is None else warmup_steps,
        num_workers=num_workers,
        save_steps=save_steps,
    )
    if kept is not None and on_bad == "raise":
        n_lacking = len(teacher) - len(kept)
        raise InputError(
            f"{embeddings}: {n_lacking} of {len(teacher)} images could not be decoded when they were embedded; "
            "--on-bad skip goes on without"
        )
    listed = None if data is None else load_alignet(data)
    labels = None if clusters is None else _labels(clusters, len(teacher), kept)
    # Without on_bad: a training that an image stopped goes on without it.
    asked = {"image_size": image_size, "pooling": pooling, **options.model_dump(exclude=NO_MATTER), "seed": seed}
    read = {"student": student, "triplets": data, "embeddings": embeddings, "transform": transform}
    inputs = {name: digest_of(path) for name, path in {**read, "clusters": clusters}.items()}
    made_from = MadeFrom("distill", asked, {"images": images_fingerprint(source), **inputs})
    if out.name in ("", ".."):  # of "." and the like, beside which nothing could be named
        out = out.resolve()
    work = out.with_name(f"{out.name}-training")
    with Stages(work, say(as_json)) as stages:
        replaces = claim(work, made_from, beside=True, lost=[out, work / "checkpoints"], force=force)
        if force and not replaces and not stages.unfinished():
            stages.forget()
        stages.run(
            "distill",
            fingerprint(made_from.options, made_from.inputs),
            lambda: distill_student(
                encoder,
                options,
                source,
                output=out,
                work=work / "checkpoints",
                seed=seed,
                teacher_embeddings=teacher,
                triplets=listed,
                rows=kept,
                clusters=labels,
                on_bad=on_bad,
            ),
            writes=[out, work / "checkpoints"],
        )
    done(as_json, out, steps=steps, **left_out(teacher, kept))
    if not as_json:
        print(
            f"{out}: the student, which AutoModel loads; next: alignet-hf evaluate {out} IMAGES, or card, export, push"
        )


def _check_options(data, embeddings, transform, clusters, sampling: str, clusters_a_step: int | None) -> None:
    """Refuse options that do not go together."""
    if (data is None) == (embeddings is None):
        raise InputError("give either --triplets FOLDER or --embeddings FOLDER")
    if data is not None and transform is not None:
        raise InputError("--transform goes with --embeddings; listed triplets hold their similarities already")
    if clusters is not None and data is not None:
        raise InputError("--clusters goes with --embeddings; listed triplets were sampled already")
    if clusters is None and (sampling != "random" or clusters_a_step is not None):
        raise InputError("--sampling and --clusters-a-step need --clusters FOLDER, what `cluster` wrote")


def _labels(clusters: Path, n_embeddings: int, kept):
    """The clusters of the images that are learnt from."""
    from alignet_hf.surrogate.cluster import Clusters

    labels = Clusters.from_pretrained(clusters).labels
    check_clustered(labels, n_embeddings, kept, clusters)
    return labels if kept is None else labels[kept]
