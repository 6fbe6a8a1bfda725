"""The command of VICE: vice."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alignet_hf.console import Json, done, say
from alignet_hf.errors import InputError
from alignet_hf.output_folder import check_ours, writes_out


@writes_out
def vice(
    triplets: Annotated[
        Path,
        typer.Argument(help='People\'s choices: a file, a row "i j k" each, k the odd one; or a folder of THINGS.'),
    ],
    out: Annotated[Path, typer.Argument(help="The folder for the posterior and the picture of its dimensions.")],
    objects: Annotated[
        int | None, typer.Option(min=3, help="How many; by default as many as the choices name, or THINGS' concepts.")
    ] = None,
    odd_column: Annotated[int, typer.Option(help="Which column of the choices holds the odd one: 0, 1 or 2.")] = 2,
    seeds: Annotated[str, typer.Option(help="One, or several: 0,1,2. The first one's posterior is kept.")] = "0",
    validation: Annotated[
        float | None,
        typer.Option(min=0, max=0.9, help="Share of the choices to hold out; by default THINGS' own split, or 0.1."),
    ] = None,
    prior: Annotated[Literal["gaussian", "laplace"], typer.Option(help="Of the weights.")] = "gaussian",
    spike: Annotated[float, typer.Option(help="Standard deviation, or scale, of the prior's narrow part.")] = 0.25,
    slab: Annotated[float, typer.Option(help="The same of its wide part.")] = 1.0,
    pi: Annotated[float, typer.Option(min=0, max=1, help="Weight of the narrow part.")] = 0.5,
    k: Annotated[int, typer.Option(min=1, help="Objects above zero that a dimension needs to be kept.")] = 5,
    fdr: Annotated[float, typer.Option(help="False discovery rate at which an object is above zero.")] = 0.05,
    init_dim: Annotated[int | None, typer.Option(min=1, help="Dimensions to start from; by the data's size.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-12, help="By the data's size by default.")] = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 4096,
    max_epochs: Annotated[int | None, typer.Option(min=1, help="By the data's size by default.")] = None,
    n_samples: Annotated[int, typer.Option(min=1, help="Draws from the posterior in a step.")] = 1,
    burn_in: Annotated[int | None, typer.Option(min=0, help="First epochs that cannot be the last.")] = None,
    window: Annotated[
        int | None, typer.Option(min=1, help="Epochs of one number of dimensions that make the fit converged.")
    ] = None,
    cool_down: Annotated[
        int | None, typer.Option(min=0, help="Last epochs, in which the learning rate falls to zero.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(min=1, help="Stop early on the held-out choices, which then have chosen the epoch."),
    ] = None,
    names: Annotated[Path | None, typer.Option(help="Concept table (.tsv) or a name a line, for the picture.")] = None,
    images: Annotated[str | None, typer.Option(help="Images of the objects, in their order, for the picture.")] = None,
    concepts: Annotated[
        Path | None, typer.Option(help="With --images: .tsv that says which image shows which.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit VICE: people's dimensions, and how uncertain they are.

    Killed and started again, it goes on.
    """
    import numpy as np

    from alignet_hf.data.images import load_images
    from alignet_hf.data.things import read_concept_images
    from alignet_hf.evaluation import figures
    from alignet_hf.hub.artifacts import make_folder, replacing
    from alignet_hf.surrogate.vice.choices import read_choices
    from alignet_hf.surrogate.vice.gallery import gallery
    from alignet_hf.surrogate.vice.posterior import Vice
    from alignet_hf.surrogate.vice.seeds import fit_seeds, reproducibility

    if not all(seed.strip().isdecimal() for seed in seeds.split(",")):
        raise InputError(f"--seeds {seeds}: give one whole number, or several with commas between them")
    of_fits = [int(seed) for seed in seeds.split(",")]
    if concepts is not None and images is None:
        raise InputError("--concepts goes with --images")
    choices = read_choices(triplets, n_objects=objects, odd_column=odd_column, share=validation, seed=of_fits[0])
    labels = choices.names if names is None else _names(names, choices.n_objects)
    source = None if images is None else load_images(images)
    shown = None if concepts is None else read_concept_images(concepts, source.names, choices.n_objects)
    check_ours(make_folder(out), {Vice.file_name(), "checkpoints"})  # which know what they were made from
    say(as_json)(choices.how)
    fitted = fit_seeds(
        choices.training,
        choices.n_objects,
        seeds=of_fits,
        checkpoint=out / "checkpoints",
        prior=prior,
        spike=spike,
        slab=slab,
        pi=pi,
        k=k,
        fdr=fdr,
        n_samples=n_samples,
        burn_in=burn_in,
        window=window,
        cool_down=cool_down,
        init_dim=init_dim,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_epochs=max_epochs,
        validation=choices.held_out,
        patience=patience,
    )
    first = fitted[0]
    first.save_pretrained(out)
    facts = {"dimensions": first.embedding.shape[1]}
    if len(fitted) > 1:
        shares = reproducibility(fitted)
        if not np.isnan(shares).all():  # a fit has dimensions
            facts["reproducibility"] = round(float(np.nanmean(shares)), 3)
        if choices.held_out is not None:
            facts["accuracy_by_seed"] = [fit.metadata["validation_accuracy"] for fit in fitted]
    if facts["dimensions"]:
        with replacing(out / "dimensions.png") as path:
            gallery(first, labels, source, shown).savefig(path, dpi=figures.DPI, format="png")
    if patience is not None and choices.held_out is not None:
        say(as_json)("the held-out choices chose when to stop: of choices that nobody saw, expect a little less")
    if choices.held_out is not None:
        result = first.odd_one_out_accuracy(choices.held_out, seed=of_fits[0])
        if as_json:
            facts |= {"held_out": choices.how, "odd_one_out_accuracy": result.to_dict()}
        else:
            print(result)
    done(as_json, out, **facts)


def _names(path: Path, n_objects: int) -> list[str]:
    from alignet_hf.data.text import read_text
    from alignet_hf.data.things import read_concepts

    found = read_concepts(path).names if path.suffix == ".tsv" else read_text(path).split("\n")
    found = [name for name in found if name]
    if len(found) != n_objects:
        raise InputError(f"{path}: {len(found)} names for {n_objects} objects; give one an object")
    return found
