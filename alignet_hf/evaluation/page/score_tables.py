"""Scores of `evaluate` as tables: one a kind of score, in plain words, beside another model's where there is one."""

from collections.abc import Collection, Mapping

from alignet_hf.evaluation.comparison_family import ROUNDING, SURE, SmallestP
from alignet_hf.evaluation.model_names import short_names
from alignet_hf.evaluation.page.content import RowHead, Score, ScoreTable
from alignet_hf.evaluation.score_names import ScoreName, by_kind, score_name
from alignet_hf.evaluation.score_words import LESS, MORE, Kind

BETTER, WORSE, HIGHER, LOWER = "better", "worse", "higher", "lower"
UNTOLD, SAME, UNDRAWN = "not told apart", "the same", "no interval drawn"
DIFFERENCE = "difference"


def tables_by_kind(content: dict, model: str, against: str) -> list[ScoreTable]:
    """A table for each kind of score that there is.

    Args:
        content: of scores.json: `scores`, and where two models are compared `comparisons` and `against`.
        model, against: the names of the two.
    """
    titles = short_names(model, against)
    kinds = by_kind(content["scores"] | content["comparisons"])
    return [_table(kind, names, content, titles) for kind, names in kinds.items()]


def way_of(name: str, difference: Mapping) -> str:
    """What the interval of a difference tells of a score: better, worse, higher, lower, or that it does not tell."""
    low, high = difference.get("low"), difference.get("high")
    if low is None or high is None:
        return UNDRAWN
    if low == high == 0:
        return SAME
    if low <= 0 <= high:
        return UNTOLD
    better = score_name(name).better
    if better in (MORE, LESS):
        return BETTER if (low > 0) == (better == MORE) else WORSE
    return HIGHER if low > 0 else LOWER


def about_tables(content: dict, model: str, against: str) -> str:
    """What holds for all of them, in sentences."""
    said = "Estimates with their 95 % intervals, a table for each kind of score, whose drawings have axes of their own."
    if not content["comparisons"]:
        return said
    titles = short_names(model, against)
    return (
        f"{said} A difference is {titles[0]} less {titles[1]}, on the same judgments and images and under the same "
        "draws; where its interval holds 0, the two are not told apart. p: two-sided, from the bootstrap, corrected by "
        f"Holm for the number of comparisons; where it is above {SURE}, a verdict may be chance."
        f"{_smallest_in_words(smallest_p(content))}"
    )


def smallest_p(content: dict) -> SmallestP | None:
    """Of scores.json; None where it does not hold it.

    Raises:
        TypeError: it is not what is written there.
    """
    kept = content.get("smallest_p")
    return None if kept is None else SmallestP(**kept)


def is_sure(difference: Mapping) -> bool:
    """Whether a difference is no chance after the correction, too; where there is none, its interval decides."""
    return difference.get("p_adjusted", 0) <= SURE


def _smallest_in_words(smallest: SmallestP | None) -> str:
    if smallest is None:
        return ""
    said = f" With {smallest.n_comparisons:,} comparisons and {smallest.n_draws:,} draws it is"
    if smallest.adjusted <= SURE:
        return f"{said} {smallest.adjusted:.2g} at the least."
    return (
        f"{said} {smallest.adjusted:.2g} at the least, so that none can be {SURE} or less, whatever the difference; "
        f"with {smallest.n_draws_needed:,} draws (--n-bootstrap {smallest.n_draws_needed}) it could."
    )


def _table(kind: Kind, names: list[str], content: dict, titles: tuple[str, str]) -> ScoreTable:
    scores, comparisons, theirs = content["scores"], content["comparisons"], content["against"]
    compared = [name for name in names if name in comparisons]
    heads = {name: _head(score_name(name), scores.get(name, comparisons.get(name))) for name in names}
    caption = f"Unit: {kind.unit}."
    if not compared:
        rows = {name: [_score(scores[name])] for name in names}
        return ScoreTable(kind.title, caption, "score", ["score"], rows, heads=heads)
    smallest = smallest_p(content)
    rows = {
        name: [
            _score(scores[name]) if name in scores else None,
            _other(scores.get(name), theirs.get(name), comparisons.get(name)),
            _difference(comparisons[name]) if name in compared else None,
        ]
        for name in names
    }
    return ScoreTable(
        kind.title,
        caption,
        "score",
        [*titles, DIFFERENCE],
        rows,
        heads=heads,
        on_one_axis=titles,
        verdicts={name: _verdict(name, comparisons[name], smallest) for name in compared},
    )


def _head(words: ScoreName, one: Mapping) -> RowHead:
    better = words.which_is_better
    if one.get("chance") is not None:
        chance = f"hance is {one['chance']:.3g}."
        better = f"{better.removesuffix('.')}; c{chance}" if better else f"C{chance}"
    facts = [f"{one['n_objects']:,} {one.get('unit', 'objects')}"] if "n_objects" in one else []
    if one.get("low") is not None and one.get("over"):
        facts.append(f"interval over {' and '.join(one['over'])}")
    return RowHead(words.title, " ".join(filter(None, (words.says, better))), ", ".join(facts))


def _score(one: Mapping) -> Score:
    known = {"people": one.get("ceiling"), "normalised": one.get("normalised"), "p": one.get("p_value")}
    known[f"spread over {len(one.get('per_draw', ()))} draws"] = one.get("spread_over_draws")
    further = {name: f"{value:.3g}" for name, value in known.items() if value is not None}
    return Score.of(one, **further, **({"l2": f"{one['l2']:,.4g}"} if "l2" in one else {}))


def _other(ours: Mapping | None, theirs: Mapping | None, difference: Mapping | None) -> Score | None:
    """The other model's score; of a folder that does not hold it, what the difference leaves, without an interval."""
    if theirs is not None:  # people's own score is that of the judgments, whoever is compared with them
        people = {key: ours[key] for key in ("ceiling", "upper_ceiling") if key in (ours or {})}
        return _score({**people, **theirs})
    if ours is None or difference is None:
        return None
    return Score(ours["estimate"] - difference["estimate"], chance=ours.get("chance"), ceiling=ours.get("ceiling"))


def _difference(one: Mapping) -> Score:
    p = one.get("p_adjusted", one.get("p_bootstrap"))
    return Score.of({**one, "chance": 0.0}, **({} if p is None else {"p": f"{p:.3g}"}))


def _verdict(name: str, difference: Mapping, smallest: SmallestP | None) -> str:
    """What the difference tells; and where the correction takes that back, or does not count it, that."""
    way = way_of(name, difference)
    said = [way]
    if way in (BETTER, WORSE, HIGHER, LOWER) and not is_sure(difference):
        least = smallest is not None and difference.get("p_bootstrap", 1.0) <= smallest.bootstrap * (1 + ROUNDING)
        said.append("corrected, p is as small as so many draws allow" if least else "corrected, it may be chance")
    if apart := difference.get("set_apart"):
        said.append(f"not counted: {apart}")
    return "; ".join(said)


def names_by_way(comparisons: Mapping[str, Mapping], ways: Collection[str]) -> list[str]:
    """The compared scores whose difference goes one of some ways."""
    return [name for name, one in comparisons.items() if way_of(name, one) in ways]
