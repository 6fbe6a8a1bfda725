"""A run's scores: the few to see first, the summary in sentences, and the tables."""

from alignet_hf.evaluation.page import sentences
from alignet_hf.evaluation.page.content import Score, ScoreTable
from alignet_hf.evaluation.page.neighbours import Neighbours
from alignet_hf.evaluation.page.run_parts import (
    AFTER,
    BEFORE,
    DIRECT,
    NAMES,
    TEACHER_AFTER,
    TEACHER_BEFORE,
    UD,
    UNALIGNED,
    Key,
    RunParts,
)
from alignet_hf.evaluation.page.sentences import per_cent
from alignet_hf.evaluation.report import SCORES, SETTINGS

ACCURACY, RSA = "odd_one_out_accuracy", "rsa_spearman"
_IN_A_SENTENCE = {
    AFTER: "The aligned student",
    BEFORE: "the student as it came",
    UNALIGNED: "the student distilled without human alignment (UnAligNet)",
    UD: "the student with UD, a linear transform fitted to people",
    DIRECT: "the student trained on people's own choices",
    TEACHER_AFTER: "The aligned teacher",
    TEACHER_BEFORE: "the teacher as it came",
}


def score_of(parts: RunParts, key: Key, measure: str) -> Score:
    """A representation's score, with what people score on the same judgments."""
    who, setting = key
    return Score.of(parts.metrics[who][setting][measure], (parts.metrics["noise_ceiling"] or {}).get(measure))


def headline(parts: RunParts) -> list[tuple[str, str, str]]:
    """(who, accuracy, its interval or what it is) of the student before and after, of a person, and chance."""
    said = []
    for key, name in ((BEFORE, "student as it came"), (AFTER, "aligned student")):
        if key in parts.representations:
            score = score_of(parts, key, ACCURACY)
            interval = "" if score.low is None else f"95 %: {per_cent(score.low)} to {per_cent(score.high)}"
            said.append((name, per_cent(score.estimate), interval))
    if said and parts.metrics["noise_ceiling"]:
        said.append(("one person", per_cent(parts.metrics["noise_ceiling"][ACCURACY]), "from the mean of the others"))
    if said:
        said.append(("chance", per_cent(parts.metrics["chance"][ACCURACY]), "one of three"))
    return said


def summary(parts: RunParts) -> list[str]:
    """What the scores say, in sentences."""
    metrics, said = parts.metrics, []
    if {BEFORE, AFTER} <= set(parts.representations):
        held_out, keys = metrics["held_out"], (BEFORE, AFTER)
        accuracies = [score_of(parts, key, ACCURACY) for key in keys]
        said.append(sentences.before_and_after(*accuracies, held_out["objects"], held_out["triplets"]))
        said.append(sentences.correlations(*(score_of(parts, key, RSA) for key in keys)))
    else:
        said.append("Scores on human judgments that no model learnt from; the tables have all of them.")
    for (first, second, measure), comparison in parts.comparisons.items():
        if measure == ACCURACY:
            said.append(sentences.difference(comparison, _IN_A_SENTENCE[first], _IN_A_SENTENCE[second]))
    if metrics["noise_ceiling"] and AFTER in parts.representations:
        said.append(sentences.against_people(score_of(parts, AFTER, ACCURACY), metrics["noise_ceiling"][ACCURACY]))
    return said


def limits(parts: RunParts) -> list[str]:
    """What the scores do not say."""
    split = parts.recipe.split
    said = [
        f"One split of the objects (part {split.fold + 1} of {split.folds}) and one seed of training. The intervals "
        "are drawn over objects: they tell how far other objects like these could move a score, and nothing of other "
        "seeds, other kinds of photographs, or other people."
    ]
    if parts.recipe.human.dissimilarities is None:
        said.append(
            "RSA compares with people's dimensions (human.embedding), which were fitted to all choices; the accuracies "
            "compare with the choices themselves."
        )
    if not parts.shown:
        said.append("Photographs may not be shown here: their names stand in their place.")
    return said


def tables(parts: RunParts) -> list[ScoreTable]:
    """The four settings, and where there are two of them their differences; where people are unsure; neighbours."""
    differences = [_differences(parts)] if parts.comparisons else []
    doubt = [_by_agreement(parts)] if parts.by_agreement else []
    return [_settings(parts), *differences, *doubt, _neighbours(parts.neighbours)]


def _settings(parts: RunParts) -> ScoreTable:
    metrics = parts.metrics
    rows = {
        f"{who}, {SETTINGS[setting]}": [score_of(parts, (who, setting), measure) for measure in SCORES]
        for who in ("teacher", "student")
        for setting in metrics[who]
    }
    if ceiling := metrics["noise_ceiling"]:
        rows["people: one person from the mean of the others"] = [
            Score(ceiling[measure], ceiling=ceiling[measure], is_reference=True) for measure in SCORES
        ]
    chance = metrics["chance"]
    rows["chance"] = [Score(chance[measure], chance=chance[measure], is_reference=True) for measure in SCORES]
    return ScoreTable(
        "The settings",
        "Scores on held-out human judgments. Intervals: 95 %, bootstrap over objects, "
        f"{parts.recipe.evaluate.n_bootstrap:,} draws. A tie counts as wrong.",
        "who",
        list(SCORES.values()),
        rows,
        emphasised=(f"student, {SETTINGS['alignet']}",),
    )


def _differences(parts: RunParts) -> ScoreTable:
    n_compared, n_draws = len(parts.comparisons), parts.recipe.evaluate.n_bootstrap
    rows: dict[str, list[Score]] = {}
    for (first, second, _), comparison in parts.comparisons.items():
        score = Score.of(comparison.to_dict(), p=f"{comparison.p_adjusted:.3g}")
        rows.setdefault(f"{NAMES[first]} less {NAMES[second]}", []).append(score)
    return ScoreTable(
        "Differences",
        "One representation less another, on the same judgments and under the same draws; 95 % intervals. An interval "
        "that holds 0 does not tell the two apart. p: two-sided, from the bootstrap, corrected by Holm for "
        f"{n_compared} comparisons; so many draws tell none below {min(1, 2 * n_compared / (n_draws + 1)):.2g}.",
        "difference",
        list(SCORES.values()),
        rows,
    )


def _by_agreement(parts: RunParts) -> ScoreTable:
    models = list(next(iter(parts.by_agreement.values())).accuracies)
    rows = {
        f"{group}; {one.n_triplets:,} triplets, {one.share:.0%} of people on average": [
            Score.of(one.accuracies[model].to_dict()) for model in models
        ]
        for group, one in parts.by_agreement.items()
    }
    chance = parts.metrics["chance"][ACCURACY]
    rows["chance"] = [Score(chance, chance=chance, is_reference=True)] * len(models)
    return ScoreTable(
        "Where people are unsure",
        "Held-out triplets by how many single people choose the odd one of all their judgments together, and how often "
        "the student does. Intervals: 95 %, over objects.",
        "people",
        models,
        rows,
        on_one_axis=tuple(models),
    )


def _neighbours(near: Neighbours) -> ScoreTable:
    k = next(iter(near.found.values())).shape[1]
    rows = {
        name: [Score.of(of[name].to_dict()) if name in of else None for of in near.scores.values()]
        for name in near.found
    }
    chances = [next(iter(of.values())).chance for of in near.scores.values()]
    rows["chance"] = [Score(chance, chance=chance, is_reference=True) for chance in chances]
    return ScoreTable(
        "Neighbours",
        f"Of each held-out photograph's {k} nearest among the others: the share that is among people's own {k}, and "
        "the share of its category where categories are known. Intervals: 95 %, over photographs.",
        "who",
        list(near.scores),
        rows,
    )
