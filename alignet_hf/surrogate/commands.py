"""The commands of the surrogate teacher: embed, align, cluster, triplets."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from alignet_hf.console import (
    IMAGES,
    ImageSize,
    Json,
    OnBad,
    PixelsOption,
    Pooling,
    Replace,
    Seed,
    done,
    print_tables,
    quiet,
)
from alignet_hf.errors import InputError
from alignet_hf.output_folder import check_ours, writes_out
from alignet_hf.surrogate.command_inputs import aligned, check_named, check_strategy, left_out, sampled_by


def embed(
    images: Annotated[str, typer.Argument(help=f"{IMAGES[0].upper()}{IMAGES[1:]}.")],
    out: Annotated[Path, typer.Argument(help="The folder for the embeddings.")],
    model: Annotated[str, typer.Option(help="Hub id or folder, or demo-teacher, demo-student.")],
    image_size: ImageSize = None,
    pooling: Pooling = "auto",
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    num_workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode; by default what suits the machine.")
    ] = None,
    pixels: PixelsOption = "exact",
    on_bad: OnBad = "raise",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16 what loses little by it.")] = False,
    dtype: Annotated[Literal["float32", "float16"], typer.Option(help="Of what is written.")] = "float32",
    force: Replace = False,
    as_json: Json = False,
) -> None:
    """Embed images with a frozen encoder.

    Killed and started again, it goes on. Under `accelerate launch -m alignet_hf embed ...` all processes share the
    work.
    """
    from alignet_hf.distill.processes import in_all, this_process
    from alignet_hf.encoders import encoder_named, open_teacher
    from alignet_hf.hardware import suitable_workers
    from alignet_hf.inputs import open_images
    from alignet_hf.surrogate.embed import embed_images
    from alignet_hf.surrogate.embedding_file import OURS

    check_ours(out, OURS)
    quiet()
    process = this_process()
    source = in_all(lambda: open_images(images))
    named = encoder_named(model, image_size=image_size, pooling=pooling)
    encoder, processor = in_all(lambda: open_teacher(named))
    rows = embed_images(
        encoder,
        source,
        processor=processor,
        batch_size=batch_size,
        output=out,
        device=process.device,
        num_workers=suitable_workers(process.device.type) if num_workers is None else num_workers,
        dtype=dtype,
        pixels=pixels,
        on_bad=on_bad,
        bf16=bf16,
        force=force,
        known_as={"model": model, "images": images},
    )
    skipped = {"undecodable": len(rows.undecodable)} if rows.undecodable else {}
    if process.is_main_process:
        done(as_json, out, images=rows.shape[0], dimensions=rows.shape[1], **skipped)
    process.destroy_process_group()


@writes_out
def align(
    embeddings: Annotated[Path, typer.Argument(help="The folder that `embed` wrote.")],
    triplets: Annotated[Path, typer.Argument(help='People\'s choices, a row "i j k" each, k the odd one.')],
    out: Annotated[Path, typer.Argument(help="The folder for the transform.")],
    odd_column: Annotated[int, typer.Option(help="Which column of the triplets, 0, 1 or 2, holds the odd one.")] = 2,
    probabilities: Annotated[
        Path | None,
        typer.Option(
            help=".npy (n, 3): soft labels, how probable it is that people choose the pair of a triplet's columns "
            "0 and 1, 0 and 2, 1 and 2; hard alignment without."
        ),
    ] = None,
    posterior: Annotated[
        Path | None, typer.Option("--vice", help="The folder that `vice` wrote, whose probabilities are soft labels.")
    ] = None,
    regularization: Annotated[
        float | None, typer.Option(min=0, help="Lambda of equation 3; 0.01 by default.", show_default=False)
    ] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 100,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=0.9, help="Share of the objects to stop early on; cross-validating, a fifth of 100 or more."
        ),
    ] = None,
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="First compare labels and regularizations on objects held out.")
    ] = False,
    folds: Annotated[int | None, typer.Option(min=2, help="Of the cross-validation, over objects; 5.")] = None,
    regularizations: Annotated[
        str | None, typer.Option(help="Of the cross-validation: 1,0.1,0.01 say; by default 10, 1, ... to 0.00001.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Of the cross-validation, several with commas between: hard, vice, people (shares of repeated "
            "triplets), given (--probabilities). By default given with --probabilities, else hard,vice."
        ),
    ] = None,
    neighbours: Annotated[
        int | None, typer.Option(min=1, help="Whose preservation the cross-validation measures; 10.")
    ] = None,
    least_preservation: Annotated[
        float | None, typer.Option(min=0, max=1, help="Choose among settings that keep this share of neighbours; 0.")
    ] = None,
    seed: Seed = 0,
    force: Replace = False,
    as_json: Json = False,
) -> None:
    """Fit the transform that makes a teacher answer like people.

    This is uncertainty distillation (UD), equations 1 to 3 of the paper.
    """
    compared = {
        "--labels": labels,
        "--folds": folds,
        "--regularizations": regularizations,
        "--neighbours": neighbours,
        "--least-preservation": least_preservation,
    }
    _check_align(cross_validate, compared, regularization, probabilities, posterior)
    from dataclasses import replace

    import numpy as np

    from alignet_hf.data.things import read_triplets
    from alignet_hf.made_from import MadeFrom, claim, digest_of
    from alignet_hf.surrogate.cross_validation import REGULARIZATIONS
    from alignet_hf.surrogate.embeddings import Embeddings
    from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
    from alignet_hf.triplets import is_correct, triplet_similarities

    grid = REGULARIZATIONS if regularizations is None else _grid(regularizations)
    rows = Embeddings.from_pretrained(embeddings)
    choices = read_triplets(triplets, len(rows), odd_column=odd_column)
    check_named(choices, rows, triplets)
    soft = None if probabilities is None else _soft_labels(probabilities, len(choices), odd_column)
    if posterior is not None:
        soft = _vice_labels(posterior, choices, len(rows), seed)
    skipped = {"undecodable": len(rows.undecodable)} if rows.undecodable else {}
    if skipped:
        rows, kept = rows.decodable()
        choices = np.searchsorted(kept, choices)  # whose images are among those
    given = choices
    if cross_validate and validation is None:
        if len(np.unique(choices)) >= 100:
            validation = 0.2
        else:  # a fifth of a fold's few objects makes no triplets
            print("fewer than 100 objects: no early stopping (--validation SHARE turns it on)", file=sys.stderr)
    options, facts = {"seed": seed, "max_epochs": epochs, "validation": validation}, {}
    read = {"embeddings": embeddings, "triplets": triplets, "probabilities": probabilities, "vice": posterior}
    given_options = {"odd_column": odd_column, "regularization": regularization, "cross_validate": cross_validate}
    made_from = MadeFrom(
        "align", {**options, **given_options, **compared}, {name: digest_of(path) for name, path in read.items()}
    )
    claim(out, made_from, result="uncertainty-distillation.safetensors", force=force)
    if cross_validate:
        from alignet_hf.surrogate.labels import label
        from alignet_hf.surrogate.ud_experiment import ud_experiment

        kinds = None if labels is None else [kind.strip() for kind in labels.split(",")]
        experiment = ud_experiment(
            rows,
            choices,
            soft,
            labels=kinds,
            regularizations=grid,
            n_folds=folds or 5,
            n_neighbours=neighbours or 10,
            **options,
        )
        experiment.save(out / "cross-validation")  # before a choice that there may not be: hours are in it
        if not as_json:
            print_tables(experiment.table())
        experiment = replace(experiment, least_preservation=least_preservation or 0.0)
        chosen = experiment.chosen
        regularization, facts["labels"] = chosen.regularization, chosen.labels
        experiment.save(out / "cross-validation")
        if as_json:
            facts["cross_validation"] = experiment.to_dict()
        choices, soft = label(choices, chosen.labels, seed=seed, probabilities=soft)
    regularization = 1e-2 if regularization is None else regularization
    fitted = UncertaintyDistillation.fit(rows, choices, soft, regularization=regularization, **options)
    fitted.save_pretrained(out)
    named, local = np.unique(given, return_inverse=True)
    for when, embedded in (("before", rows[named]), ("of_choices_fitted_to", fitted.transform(rows[named]))):
        correct = is_correct(triplet_similarities(embedded, local.reshape(-1, 3)))
        facts[f"accuracy_{when}"] = round(float(correct.mean()), 4)
    done(as_json, out, regularization=regularization, **facts, **skipped)


def _check_align(cross_validate: bool, compared: dict, regularization, probabilities, posterior) -> None:
    """Refuse options of `align` that nothing would use."""
    for option, value in compared.items():
        if value is not None and not cross_validate:
            raise InputError(f"{option} {value} goes with --cross-validate")
    if cross_validate and regularization is not None:
        raise InputError("--regularization: the cross-validation chooses it; give --regularizations, or leave it out")
    if posterior is not None and probabilities is not None:
        raise InputError("--vice and --probabilities are both soft labels; give one")
    if posterior is not None and cross_validate:
        raise InputError(
            "--vice: it knows of held-out objects; the cross-validation fits its own in each fold (--labels vice)"
        )


def _grid(regularizations: str) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in regularizations.split(","))
    except ValueError:
        raise InputError(f"--regularizations {regularizations}: give numbers with commas between: 1,0.1,0.01") from None


def _vice_labels(folder: Path, choices, n_objects: int, seed: int):
    """A VICE posterior's probabilities of the choices' pairs."""
    from alignet_hf.surrogate.vice import Vice

    posterior = Vice.from_pretrained(folder)
    if len(posterior.mean) != n_objects:
        raise InputError(
            f"{folder}: a posterior of {len(posterior.mean)} objects, but there are {n_objects} embeddings; "
            "fit it to choices of the same objects (vice --objects)"
        )
    return posterior.triplet_probabilities(choices, seed=seed)


def _soft_labels(path: Path, n_choices: int, odd_column: int):
    """Probabilities of the pairs of a file's columns -> of the triplets' pairs as `read_triplets` orders them."""
    from alignet_hf.data.things import read_embedding
    from alignet_hf.triplets import PAIRS, validate_probabilities

    probabilities = validate_probabilities(read_embedding(path), n_choices, str(path))
    columns = [*(column for column in range(3) if column != odd_column), odd_column]
    return probabilities[:, [PAIRS.index(tuple(sorted((columns[a], columns[b])))) for a, b in PAIRS]]


@writes_out
def cluster(
    embeddings: Annotated[Path, typer.Argument(help="The folder that `embed` wrote.")],
    out: Annotated[Path, typer.Argument(help="The folder for the clusters.")],
    transform: Annotated[Path | None, typer.Option(help="The folder that `align` wrote; none for UnAligNet.")] = None,
    n_clusters: Annotated[str, typer.Option(help="A number, or elbow.")] = "500",
    n_init: Annotated[int, typer.Option(min=1, help="Starts, of which the best is kept.")] = 1,
    n_iter: Annotated[int, typer.Option(min=1, help="Iterations of each.")] = 25,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Of how many images to learn centroids; 256 a cluster by default.")
    ] = None,
    seed: Seed = 0,
    force: Replace = False,
    as_json: Json = False,
) -> None:
    """Cluster embeddings by k-means.

    Killed and started again, it goes on. With --n-clusters elbow, the curve is drawn too.
    """
    if n_clusters != "elbow" and not n_clusters.isdigit():
        raise InputError(f"--n-clusters: {n_clusters!r} is neither a number nor elbow")
    from alignet_hf.made_from import MadeFrom, claim, digest_of
    from alignet_hf.surrogate.cluster import cluster_embeddings
    from alignet_hf.surrogate.elbow import save_elbow

    k = n_clusters if n_clusters == "elbow" else int(n_clusters)
    rows, kept = aligned(embeddings, transform)
    options = {"n_init": n_init, "n_iter": n_iter, "sample": sample}
    inputs = {"embeddings": digest_of(embeddings), "transform": digest_of(transform)}
    made_from = MadeFrom("cluster", {"n_clusters": k, **options, "seed": seed}, inputs)
    claim(out, made_from, result="clusters.safetensors", force=force)
    clusters = cluster_embeddings(rows, k, seed, output=out, rows=kept, **options)
    if clusters.elbow_curve is None:
        (out / "elbow.png").unlink(missing_ok=True)  # of other clusters
    else:
        save_elbow(clusters.elbow_curve, out)
    done(as_json, out, clusters=clusters.n_clusters, inertia=clusters.inertia, **left_out(rows, kept))


@writes_out
def triplets(
    embeddings: Annotated[Path, typer.Argument(help="The folder that `embed` wrote.")],
    out: Annotated[Path, typer.Argument(help="The folder for the data set.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")],
    clusters: Annotated[
        Path | None, typer.Option(help="The folder that `cluster` wrote; not for random and class-boundary.")
    ] = None,
    transform: Annotated[Path | None, typer.Option(help="The folder that `align` wrote; none for UnAligNet.")] = None,
    strategy: Annotated[
        Literal["cluster-boundary", "class-boundary", "random", "within-class", "between-class"],
        typer.Option(
            help="Which triplets: by clusters; class-boundary by the classes that the images' names tell "
            "(n01440764_10026.JPEG, or CLASS/FILE); random by neither."
        ),
    ] = "cluster-boundary",
    seed: Seed = 0,
    force: Replace = False,
    as_json: Json = False,
) -> None:
    """Sample triplets and let the (surrogate) teacher answer.

    What comes out is an AligNet data set.
    """
    check_strategy(strategy, clusters)
    import numpy as np

    from alignet_hf.data.alignet import holds_alignet
    from alignet_hf.made_from import MadeFrom, claim, digest_of
    from alignet_hf.surrogate.embeddings import Embeddings
    from alignet_hf.surrogate.respond import save_responses
    from alignet_hf.surrogate.sample import sample_triplets

    rows, kept = aligned(embeddings, transform)
    names = Embeddings.from_pretrained(embeddings).names
    labels = sampled_by(strategy, clusters, names, kept)
    read = {"embeddings": embeddings, "clusters": clusters, "transform": transform}
    inputs = {name: digest_of(path) for name, path in read.items()}
    made_from = MadeFrom("triplets", {"n": n, "strategy": strategy, "seed": seed}, inputs)
    is_data_set = holds_alignet(out)  # which may have other splits
    claim(out, made_from, result="train.parquet" if is_data_set else None, beside=is_data_set, force=force)
    if kept is None:
        sampled = sample_triplets(labels, n, strategy, seed=seed)
    else:
        sampled = kept.astype(np.int32)[sample_triplets(labels[kept], n, strategy, seed=seed)]
    facts = {"sampling": strategy, "seed": seed, "aligned": transform is not None}
    save_responses(rows, sampled, out, filenames=names, **facts)
    done(as_json, out, triplets=n, **left_out(rows, kept))
