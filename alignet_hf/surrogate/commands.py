"""The commands of the surrogate teacher: embed, align, cluster, triplets."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.console import ImageSize, Json, Pooling, Seed, done, print_tables, quiet
from alignet_hf.errors import InputError


def embed(
    images: Annotated[str, typer.Argument(help="A folder of images, .npy, .npz, Parquet, or a Hub data set.")],
    out: Annotated[Path, typer.Argument(help="The folder for the embeddings.")],
    model: Annotated[str, typer.Option(help="Hub id or folder, or demo-teacher, demo-student.")],
    image_size: ImageSize = None,
    pooling: Pooling = "auto",
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    num_workers: Annotated[int, typer.Option(min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Embed images with a frozen encoder; killed and started again, it goes on."""
    from alignet_hf.data.images import load_images
    from alignet_hf.encoders import encoder_named, open_teacher
    from alignet_hf.surrogate.embed import embed_images

    quiet()
    source = load_images(images)
    encoder, processor = open_teacher(encoder_named(model, image_size=image_size, pooling=pooling))
    rows = embed_images(
        encoder, source, processor=processor, batch_size=batch_size, num_workers=num_workers, output=out
    )
    done(as_json, out, images=rows.shape[0], dimensions=rows.shape[1])


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
    regularization: Annotated[float, typer.Option(min=0)] = 1e-2,
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
    folds: Annotated[int, typer.Option(min=2, help="Of the cross-validation, over objects.")] = 5,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Of the cross-validation, several with commas between: hard, vice, people (shares of repeated "
            "triplets), given (--probabilities). By default given with --probabilities, else hard,vice."
        ),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=1, help="Whose preservation the cross-validation measures.")] = 10,
    least_preservation: Annotated[
        float, typer.Option(min=0, max=1, help="Choose among settings that keep this share of neighbours.")
    ] = 0.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit uncertainty distillation: the transform that makes a teacher answer like people."""
    from dataclasses import replace

    import numpy as np

    from alignet_hf.data.things import read_triplets
    from alignet_hf.surrogate.embeddings import Embeddings
    from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation

    if labels is not None and not cross_validate:
        raise InputError(f"--labels {labels} goes with --cross-validate, which compares kinds of labels")
    rows = Embeddings.from_pretrained(embeddings)
    choices = read_triplets(triplets, len(rows), odd_column=odd_column)
    soft = None if probabilities is None else _soft_labels(probabilities, len(choices), odd_column)
    if cross_validate and validation is None:
        if len(np.unique(choices)) >= 100:
            validation = 0.2
        else:  # a fifth of a fold's few objects makes no triplets
            print("fewer than 100 objects: no early stopping (--validation SHARE turns it on)", file=sys.stderr)
    options, facts = {"seed": seed, "max_epochs": epochs, "validation": validation}, {}
    if cross_validate:
        from alignet_hf.surrogate.labels import label
        from alignet_hf.surrogate.ud_experiment import ud_experiment

        kinds = None if labels is None else [kind.strip() for kind in labels.split(",")]
        experiment = ud_experiment(rows, choices, soft, labels=kinds, n_folds=folds, n_neighbours=neighbours, **options)
        experiment.save(out / "cross-validation")  # before a choice that there may not be: hours are in it
        if not as_json:
            print_tables(experiment.table())
        experiment = replace(experiment, least_preservation=least_preservation)
        chosen = experiment.chosen
        regularization, facts["labels"] = chosen.regularization, chosen.labels
        experiment.save(out / "cross-validation")
        if as_json:
            facts["cross_validation"] = experiment.to_dict()
        choices, soft = label(choices, chosen.labels, seed=seed, probabilities=soft)
    fitted = UncertaintyDistillation.fit(rows, choices, soft, regularization=regularization, **options)
    fitted.save_pretrained(out)
    done(as_json, out, regularization=regularization, **facts)


def _soft_labels(path: Path, n_choices: int, odd_column: int):
    """Probabilities of the pairs of a file's columns -> of the triplets' pairs as `read_triplets` orders them."""
    from alignet_hf.data.things import read_embedding
    from alignet_hf.triplets import PAIRS, validate_probabilities

    probabilities = validate_probabilities(read_embedding(path), n_choices, str(path))
    columns = [*(column for column in range(3) if column != odd_column), odd_column]
    return probabilities[:, [PAIRS.index(tuple(sorted((columns[a], columns[b])))) for a, b in PAIRS]]


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
    as_json: Json = False,
) -> None:
    """Cluster embeddings by k-means; killed and started again, it goes on. With elbow, the curve is drawn too."""
    from alignet_hf.hub.artifacts import replacing
    from alignet_hf.surrogate.cluster import cluster_embeddings

    if n_clusters != "elbow" and not n_clusters.isdigit():
        raise InputError(f"--n-clusters: {n_clusters!r} is neither a number nor elbow")
    k = n_clusters if n_clusters == "elbow" else int(n_clusters)
    options = {"n_init": n_init, "n_iter": n_iter, "sample": sample}
    clusters = cluster_embeddings(aligned(embeddings, transform), k, seed, output=out, **options)
    if clusters.elbow_curve is not None:
        with replacing(out / "elbow.png") as path:
            clusters.draw_elbow().savefig(path, format="png", dpi=150)
    done(as_json, out, clusters=clusters.n_clusters, inertia=clusters.inertia)


def triplets(
    embeddings: Annotated[Path, typer.Argument(help="The folder that `embed` wrote.")],
    out: Annotated[Path, typer.Argument(help="The folder for the data set.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")],
    clusters: Annotated[Path | None, typer.Option(help="The folder that `cluster` wrote; not for random.")] = None,
    transform: Annotated[Path | None, typer.Option(help="The folder that `align` wrote; none for UnAligNet.")] = None,
    strategy: Annotated[str, typer.Option(help="cluster-boundary, random, within-class or between-class.")] = (
        "cluster-boundary"
    ),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Sample triplets and let the (surrogate) teacher answer them: an AligNet data set."""
    from alignet_hf.surrogate.cluster import Clusters
    from alignet_hf.surrogate.embeddings import Embeddings
    from alignet_hf.surrogate.respond import save_responses
    from alignet_hf.surrogate.sample import sample_triplets

    rows = aligned(embeddings, transform)
    if clusters is None and strategy != "random":
        raise InputError(f"--strategy {strategy} needs --clusters FOLDER; only random does without")
    labels = len(rows) if clusters is None else Clusters.from_pretrained(clusters).labels
    sampled = sample_triplets(labels, n, strategy, seed=seed)
    names = Embeddings.from_pretrained(embeddings).names
    facts = {"sampling": strategy, "seed": seed, "aligned": transform is not None}
    save_responses(rows, sampled, out, filenames=names, **facts)
    done(as_json, out, triplets=n)


def aligned(embeddings: Path, transform: Path | None):
    """Embeddings, memory-mapped; with a transform, a view that applies it to the rows that are read."""
    from alignet_hf.surrogate.embeddings import Embeddings
    from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation

    rows = Embeddings.from_pretrained(embeddings)
    return rows if transform is None else UncertaintyDistillation.from_pretrained(transform).view(rows)
