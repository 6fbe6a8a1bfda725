"""The report of a run: the four-settings table and its figures, as Markdown and as a table for the terminal."""

import json
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from alignet_hf.evaluation import figures
from alignet_hf.evaluation.human.agreement import Agreement, accuracy_by_agreement
from alignet_hf.evaluation.representation.projection import project_models
from alignet_hf.evaluation.representation.projection_figures import draw_photographs
from alignet_hf.hub.artifacts import replacing, replacing_folder

if TYPE_CHECKING:
    from alignet_hf.pipeline import Pipeline

SETTINGS = {
    "original": "as it came",
    "unalignet": "UnAligNet: distilled from the teacher without human alignment",
    "ud": "UD: frozen, a linear transform fitted to people",
    "alignet": "AligNet: distilled from the human-aligned teacher",
    "human": "direct: trained on people's own choices, without a teacher",
}
SCORES = {"odd_one_out_accuracy": "odd-one-out accuracy", "rsa_spearman": "RSA (Spearman)"}


def rows(metrics: dict) -> list[tuple[str, ...]]:
    """The table of a run: who, then each score with its 95 % interval."""
    table = [
        (f"{who}, {SETTINGS[setting]}", *(_interval(scores[key]) for key in SCORES))
        for who in ("teacher", "student")
        for setting, scores in metrics[who].items()
    ]
    if metrics["noise_ceiling"]:
        ceiling = metrics["noise_ceiling"]
        table.append(("people: one person from the mean of the others", *(f"{ceiling[key]:.3f}" for key in SCORES)))
    table.append(("chance", *(f"{metrics['chance'][key]:.3f}" for key in SCORES)))
    return table


def terminal_table(metrics: dict) -> Table:
    """The table of a run, for rich to print."""
    held_out = metrics["held_out"]
    table = Table(
        title=f"{metrics['recipe']}: {held_out['objects']} held-out objects, {held_out['triplets']:,} triplets"
    )
    table.add_column("representation")
    for name in SCORES.values():
        table.add_column(f"{name} \\[95 %]", justify="right", no_wrap=True)
    for row in rows(metrics):
        table.add_row(*row, style="bold" if row[0].startswith("student, AligNet") else None)
    return table


def write_report(pipeline: "Pipeline", *, photographs: bool = True) -> None:
    """Write report.md and figures/ into the run's folder, from what its stages left there.

    Args:
        photographs: False to leave out the figures that show photographs.
    """
    out, recipe, judgments = pipeline.out, pipeline.recipe, pipeline.judgments
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    shown = [name for name in ("original", "alignet") if name in metrics["student"]] or list(metrics["student"])[:1]
    titles = {"original": "student before", "alignet": "student after", "ud": "student, UD", "unalignet": "UnAligNet"}
    titles["human"] = "student of people's choices"
    embeddings = {titles[name]: pipeline.student_embeddings(name) for name in shown}
    held_out = judgments.held_out_rows
    matrices = {name: np.corrcoef(rows[held_out]) for name, rows in embeddings.items()}
    histories = {
        name: json.loads((out / "training" / name / "curve.json").read_text(encoding="utf-8"))
        for name in recipe.trained
        if name in metrics["student"]
    }
    sample = np.random.default_rng(recipe.seed).permutation(len(judgments.held_out))[:9]
    sample = sample[: len(sample) // 3 * 3]
    drawn = {
        "similarity_matrices": figures.similarity_matrices(
            {"people": judgments.similarities, **matrices}, figures.people_order(judgments.similarities)
        ),
    }
    if embeddings and photographs:
        held_out_rows = {name: rows[held_out] for name, rows in embeddings.items()}
        pictures = [pipeline.images[int(row)] for row in held_out]
        drawn["photographs"] = draw_photographs(project_models(held_out_rows), pictures)
    if histories:
        drawn["training"] = figures.training_curves(histories)
    if len(sample) and embeddings and photographs:
        short = {name.removeprefix("student "): rows for name, rows in embeddings.items()}
        drawn["triplets"] = figures.triplet_pictures(judgments.held_out[sample], pipeline.images, short)
    with replacing_folder(out / "figures") as folder:
        for name, figure in drawn.items():
            figure.savefig(folder / f"{name}.png", dpi=figures.DPI)
    metrics["seconds"] = pipeline.stages.seconds()
    by_agreement = {}
    if embeddings and judgments.held_out_shares is not None:
        draws = {"n_bootstrap": recipe.evaluate.n_bootstrap, "seed": recipe.seed}
        by_agreement = accuracy_by_agreement(embeddings, judgments.held_out, judgments.held_out_shares, **draws)
    with replacing(out / "report.md") as path:
        path.write_text(_markdown(metrics, recipe, by_agreement, list(drawn)), encoding="utf-8")


CAPTIONS = {
    "similarity_matrices": "How alike the held-out objects are, to people and to the student before and after, in one "
    "order of objects. Colours are ranks.",
    "photographs": "The held-out photographs in the first two principal components of the student, before and after: "
    "each at the free place of a grid nearest to its own.",
    "training": "The loss on the teacher's triplets, and the accuracy on people's held-out choices, while training.",
    "triplets": "Held-out triplets, drawn at random. Framed: people's odd one out. Beneath: the student's, before and "
    "after; green where it chose as people did, orange where not.",
}


def _markdown(metrics: dict, recipe, by_agreement: dict[str, Agreement], drawn: list[str]) -> str:
    held_out = metrics["held_out"]
    header = ["representation", *(f"{name} [95 %]" for name in SCORES.values())]
    lines = [
        f"# {recipe.name}",
        "",
        f"{_summary(metrics)}",
        "",
        "To look through, with triplets, neighbours and differences: [report.html](report.html); it opens from disk.",
        "",
        "| " + " | ".join(header) + " |",
        "|---" * len(header) + "|",
        *("| " + " | ".join(row) + " |" for row in rows(metrics)),
        "",
        f"Measured on {held_out['objects']} held-out objects and {held_out['triplets']:,} {recipe.human.measured_on} "
        "among them; "
        "no training triplet contains one of these objects. Intervals: bootstrap over objects, "
        f"{recipe.evaluate.n_bootstrap:,} draws. A tie counts as wrong.",
        "",
    ]
    if recipe.human.dissimilarities is None:
        lines += [
            "RSA compares with people's dimensions (human.embedding), which were fitted to all choices; the accuracies "
            "compare with the choices themselves.",
            "",
        ]
    if metrics["noise_ceiling"]:
        lines += [
            "A student is compared with the mean of all people, which is steadier than any one person: it can score "
            "above the row of people.",
            "",
        ]
    lines += _doubt(by_agreement)
    for name in drawn:
        lines += [
            f"## {name.replace('_', ' ').capitalize()}",
            "",
            f"![{name.replace('_', ' ')}](figures/{name}.png)",
            "",
            CAPTIONS[name],
            "",
        ]
    lines += [
        "## How it was made",
        "",
        f"Teacher `{recipe.teacher.model}`, student `{recipe.student.model if recipe.student else 'none'}`; "
        "every number is in [recipe.yaml](recipe.yaml), every score in [metrics.json](metrics.json).",
    ]
    lines += ["", "| stage | seconds |", "|---|---|"]
    lines += [f"| {stage} | {seconds:.1f} |" for stage, seconds in metrics["seconds"].items()]
    return "\n".join(lines) + "\n"


def _doubt(by_agreement: dict[str, Agreement]) -> list[str]:
    """How sure people are of the held-out triplets, and the student where they doubt."""
    if not by_agreement:
        return []
    models = list(next(iter(by_agreement.values())).accuracies)
    header = ["people", "triplets", "of people, chose the odd one", *(f"{model} [95 %]" for model in models)]
    rows = [
        (
            group,
            f"{one.n_triplets:,}",
            f"{one.share:.0%}",
            *(_interval(one.accuracies[model].to_dict()) for model in models),
        )
        for group, one in by_agreement.items()
    ]
    return [
        "## Where people are unsure",
        "",
        "Of each held-out triplet, the share of single people who choose the odd one of all their judgments together: "
        "where they are split, no model can agree with many of them.",
        "",
        "| " + " | ".join(header) + " |",
        "|---" * len(header) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def _summary(metrics: dict) -> str:
    student = metrics["student"]
    if not {"original", "alignet"} <= set(student):
        return "Scores on human judgments that no model learnt from."
    before, after = student["original"], student["alignet"]
    return (
        f"The student picks people's odd one out in {after['odd_one_out_accuracy']['estimate']:.0%} of the triplets "
        f"after alignment, {before['odd_one_out_accuracy']['estimate']:.0%} before (chance 33 %); its similarities "
        f"correlate with people's at {after['rsa_spearman']['estimate']:.2f}, before at "
        f"{before['rsa_spearman']['estimate']:.2f}."
    )


def _interval(score: dict[str, float]) -> str:
    return f"{score['estimate']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
