"""A run's figures: similarity matrices, photographs in two dimensions, spectra, training curves."""

import json

import numpy as np
from scipy.stats import spearmanr

from alignet_hf.evaluation.figures import people_order
from alignet_hf.evaluation.page import drawing
from alignet_hf.evaluation.page.content import Drawn
from alignet_hf.evaluation.page.run_parts import RunParts
from alignet_hf.evaluation.page.sentences import correlation, per_cent
from alignet_hf.evaluation.representation.photograph_grid import snap_to_grid
from alignet_hf.evaluation.representation.projection import project_models
from alignet_hf.evaluation.representation.spectrum import spectrum

MOST_COMPONENTS = 30


def figures(parts: RunParts) -> list[Drawn]:
    """All of them, in their order."""
    drawn = [_matrices(parts), _maps(parts), _spectra(parts), _curves(parts)]
    return [figure for figure in drawn if figure is not None]


def _matrices(parts: RunParts) -> Drawn:
    people = parts.judgments.similarities
    order = people_order(people)
    some = order[np.linspace(0, len(order) - 1, min(len(order), drawing.MOST_OBJECTS)).round().astype(int)]
    upper = np.triu_indices(len(people), 1)
    says = f"Matrix of similarities among {len(some)} held-out objects, to {{}}."
    panels = [("people", drawing.matrix_picture(people, some, says.format("people")))]
    for name, rows in parts.before_and_after.items():
        matrix = np.corrcoef(rows)
        agreement = correlation(spearmanr(matrix[upper], people[upper]).statistic)
        alike = f"{says.format(f'the {name}')} Its ranks correlate with those of people's matrix at {agreement}."
        panels.append((name, drawing.matrix_picture(matrix, some, alike)))
    fewer = f" Shown: {len(some)} of {len(order)} objects." if len(some) < len(order) else ""
    return Drawn(
        "How alike the objects are",
        panels,
        "Every held-out object against every other, in one order that puts together what people find alike. Dark blue: "
        f"least alike; yellow: most. Colours are ranks, which is what RSA compares.{fewer}",
    )


def _maps(parts: RunParts) -> Drawn:
    projections = project_models(parts.before_and_after)
    rows = parts.held_out[parts.mapped]
    classes = None if parts.classes is None else [parts.classes[row] for row in rows.tolist()]
    names = sorted(set(classes or ()))
    numbers = None
    if 1 < len(names) <= drawing.MOST_CLASSES:
        numbers = np.array([names.index(name) for name in classes])
    fewer = f" Shown: {len(rows)} of {len(parts.held_out)}, drawn at random." if len(rows) < len(parts.held_out) else ""
    panels = []
    for name, places in projections.places.items():
        places, explained = places[parts.mapped], projections.explained[name]
        says = (
            f"{len(rows)} photographs by the first two principal components of the {name}, which hold "
            f"{per_cent(explained, 0)} of the variance."
        )
        if numbers is not None:
            says += _separation(places, numbers)
        picture = drawing.photograph_map(*snap_to_grid(places), rows, parts.photographs, says, numbers)
        panels.append((f"{name} ({per_cent(explained, 0)} of variance)", picture))
    return Drawn(
        "The photographs in two dimensions",
        panels,
        "Held-out photographs by the first two principal components of each representation, turned so that the two can "
        "be compared, each at the free place of a grid nearest to its own. Two dimensions show a part of the variance "
        f"alone: what lies together here can be apart in the others.{fewer}",
        legend=drawing.class_legend(names) if numbers is not None else "",
    )


def _spectra(parts: RunParts) -> Drawn:
    options = {"n_bootstrap": parts.recipe.evaluate.n_bootstrap, "seed": parts.recipe.seed}
    found = {name: spectrum(embeddings, **options) for name, embeddings in parts.before_and_after.items()}
    n_shown = min(MOST_COMPONENTS, *(len(one.eigenvalues) for one in found.values()))
    series, said = {}, []
    for name, one in found.items():
        rank = one.effective_rank
        series[name] = list(range(1, n_shown + 1)), one.cumulative[:n_shown].tolist()
        interval = "" if np.isnan(rank.low) else f" [{rank.low:.1f}, {rank.high:.1f}]"
        said.append(f"{name} {rank.estimate:.1f}{interval}")
    ranks = f"Effective rank (95 % interval over photographs): {'; '.join(said)}."
    chart = drawing.line_chart(series, x="principal components", y="share of variance", says=f"{_ends(series)} {ranks}")
    return Drawn(
        "How many dimensions are used",
        [("Variance that the first components hold together", chart)],
        f"{ranks} Of {len(parts.held_out)} photographs there are at most {len(parts.held_out) - 1} components.",
    )


def _separation(places: np.ndarray, classes: np.ndarray) -> str:
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    alike = classes[:, None] == classes[None]
    within, between = distances[alike & ~np.eye(len(places), dtype=bool)], distances[~alike]
    if not len(within) or not between.mean() > 0:
        return ""
    return (
        f" Here photographs of one category lie {within.mean() / between.mean():.2f} times as far from each other as "
        "those of different categories."
    )


def _curves(parts: RunParts) -> Drawn | None:
    histories = {}
    for setting, name in (("alignet", "AligNet"), ("unalignet", "UnAligNet"), ("human", "people's choices")):
        if setting in parts.metrics["student"]:
            path = parts.pipeline.out / "training" / setting / "curve.json"
            histories[name] = json.loads(path.read_text(encoding="utf-8"))
    losses = _series(histories, "loss")
    if not losses:
        return None
    values = [value for _, of in losses.values() for value in of]
    options = {"x": "step", "y": "triplet loss", "log": max(values) > 10 * min(values) > 0}
    panels = [("Loss on the teacher's triplets", drawing.line_chart(losses, says=_ends(losses), **options))]
    keys = {key for history in histories.values() for entry in history for key in entry}
    chance = "chance", parts.metrics["chance"]["odd_one_out_accuracy"]
    for key in sorted(key for key in keys if key.endswith("_odd_one_out_accuracy")):
        accuracies = _series(histories, key)
        of = key.removeprefix("eval_").removesuffix("odd_one_out_accuracy").strip("_").replace("_", " ")
        options = {"x": "step", "y": "odd-one-out accuracy", "reference": chance}
        chart = drawing.line_chart(accuracies, says=_ends(accuracies), **options)
        panels.append((f"Accuracy on held-out choices{f' ({of})' if of else ''}", chart))
    return Drawn("Training", panels, "By step: the loss that students learn by, and what they were never shown.")


def _series(histories: dict[str, list[dict]], key: str) -> dict[str, tuple[list[float], list[float]]]:
    """Of each history that has the key, the steps and the values."""
    points = {name: [(one["step"], one[key]) for one in history if key in one] for name, history in histories.items()}
    return {name: tuple(map(list, zip(*found, strict=True))) for name, found in points.items() if found}


def _ends(series: dict[str, tuple[list[float], list[float]]]) -> str:
    return " ".join(
        f"{name}: {values[0]:.3f} at {steps[0]}, {values[-1]:.3f} at {steps[-1]}."
        for name, (steps, values) in series.items()
    )
