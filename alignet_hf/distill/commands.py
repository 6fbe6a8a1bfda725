"""The command of the distillation: distill."""

from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.console import ImageSize, Json, Seed, done, quiet, say
from alignet_hf.errors import InputError
from alignet_hf.output_folder import writes_out
from alignet_hf.surrogate.command_inputs import aligned, left_out


@writes_out
def distill(
    images: Annotated[str, typer.Argument(help="The images that were embedded.")],
    out: Annotated[Path, typer.Argument(help="The folder for the student.")],
    student: Annotated[str, typer.Option(help="Hub id or folder, or demo-student.")],
    data: Annotated[Path | None, typer.Option("--triplets", help="Listed triplets: what `triplets` wrote.")] = None,
    embeddings: Annotated[Path | None, typer.Option(help="Dense triplets: what `embed` wrote.")] = None,
    transform: Annotated[Path | None, typer.Option(help="With --embeddings: what `align` wrote.")] = None,
    steps: Annotated[int, typer.Option(min=1)] = 1000,
    batch_size: Annotated[int, typer.Option(min=1, help="Triplets, or images of dense ones.")] = 48,
    image_size: ImageSize = None,
    learning_rate: Annotated[float, typer.Option(min=1e-12)] = 3e-5,
    teacher_temperature: Annotated[float, typer.Option(min=1e-6)] = 1.0,
    student_temperature: Annotated[float | None, typer.Option(min=1e-6, help="From the data by default.")] = None,
    decay_to_init: Annotated[float, typer.Option(min=0)] = 1.0,
    bf16: Annotated[bool | None, typer.Option("--bf16/--no-bf16", help="By default where the machine has it.")] = None,
    num_workers: Annotated[int, typer.Option(min=0, help="Processes that open and process images.")] = 0,
    on_bad: Annotated[
        str, typer.Option(help="raise or skip: what to do about an image that cannot be decoded.")
    ] = "raise",
    save_steps: Annotated[int, typer.Option(min=1, help="Steps from one checkpoint to the next.")] = 500,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Distil a student from listed or dense triplets; killed and started again, it goes on."""
    from alignet_hf.data.alignet import load_alignet
    from alignet_hf.data.images import images_fingerprint, load_images
    from alignet_hf.data.images.undecodable import check_on_bad
    from alignet_hf.distill.run import distill_student
    from alignet_hf.encoders import encoder_named
    from alignet_hf.recipe import Distill
    from alignet_hf.stages import Stages, files_fingerprint, fingerprint

    if (data is None) == (embeddings is None):
        raise InputError("give either --triplets FOLDER or --embeddings FOLDER")
    if data is not None and transform is not None:
        raise InputError("--transform goes with --embeddings; listed triplets hold their similarities already")
    check_on_bad(on_bad)
    quiet()
    encoder = encoder_named(student, image_size=image_size)
    options = Distill(
        triplets="dense" if data is None else "listed",
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        teacher_temperature=teacher_temperature,
        student_temperature="auto" if student_temperature is None else student_temperature,
        decay_to_init=decay_to_init,
        bf16="auto" if bf16 is None else bf16,
        warmup_steps=steps // 20,
        num_workers=num_workers,
        save_steps=save_steps,
    )
    source = load_images(images)
    teacher, kept = (None, None) if embeddings is None else aligned(embeddings, transform)
    if kept is not None and on_bad == "raise":
        n_lacking = len(teacher) - len(kept)
        raise InputError(
            f"{embeddings}: {n_lacking} of {len(teacher)} images could not be decoded when they were embedded; "
            "--on-bad skip goes on without"
        )
    listed = None if data is None else load_alignet(data)
    # Without on_bad: a training that an image stopped goes on without it.
    asked = (image_size, options.model_dump(), seed, files_fingerprint(student, data, embeddings, transform))
    if out.name in ("", ".."):  # of "." and the like, beside which nothing could be named
        out = out.resolve()
    work = out.with_name(f"{out.name}-training")
    with Stages(work, say(as_json)) as stages:
        stages.run(
            "distill",
            fingerprint(asked, images_fingerprint(source)),
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
                on_bad=on_bad,
            ),
            writes=[out, work / "checkpoints"],
        )
    done(as_json, out, steps=steps, **left_out(teacher, kept))
