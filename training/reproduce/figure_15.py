"""Fig. 15: an aligned teacher (AligNet) against an unaligned one (UnAligNet), in odd-one-out and 1-shot accuracy.

    python training/reproduce/figure_15.py --embedded --out OUT
    python training/reproduce/figure_15.py --photographs DATA --out OUT
    python training/reproduce/figure_15.py --recipe training/recipes/vit-b.yaml --out OUT \\
        --evaluate "--training imagenet:IMAGENET,split=train --test imagenet:IMAGENET,split=val"
    python training/reproduce/figure_15.py --models models.yaml --out OUT \\
        --evaluate "--few-shot pets --few-shot cars --few-shot birds"

Odd-one-out accuracy (A) is on people's held-out choices; 1-shot accuracy (B) of the first two on the photographs that
people judged, of the third on ImageNet. All three are of one student: the paper's analysis of variance, over models and
data sets, is in the last.
"""

import argparse
import shlex

import pandas
from ablation import ablation
from common import evaluated, main, print_tables, read_models, settings_table
from rich.table import Table

from alignet_hf.errors import InputError
from alignet_hf.evaluation.anova import repeated_measures_anova

GRIDS = ("settings",)
PAPER_GRIDS = {"settings": {"evaluate.settings": [["original", "unalignet", "alignet"]]}}
METHODS = ("unalignet", "alignet")
NOT_HERE = "1-shot accuracy on the paper's data sets, and the analysis of variance over them and over models"


def of_models(given: argparse.Namespace) -> None:
    """Print 1-shot accuracy of several models on several data sets, and its analysis of variance."""
    if not given.evaluate:
        raise InputError("give --evaluate '--few-shot pets --few-shot cars ...', as alignet-hf evaluate takes it")
    models = {name: {one: of[one] for one in METHODS if one in of} for name, of in read_models(given.models).items()}
    scores = evaluated(models, ["--suite", "vision", "--shots", "1", *shlex.split(given.evaluate)], given.out)
    names = {name: name for of in scores.values() for found in of.values() for name in found if name.endswith("1-shot")}
    print_tables(settings_table("Fig. 15B: 1-shot accuracy", scores, names, settings=METHODS))
    measured = pandas.DataFrame(
        [
            {"model": model, "method": method, "dataset": name, "score": found[name]["estimate"]}
            for model, of in scores.items()
            for method, found in of.items()
            for name in names
            if name in found
        ]
    )
    print_tables(anova_table(measured))


def anova_table(measured: pandas.DataFrame) -> Table:
    """Does fine-tuning matter, over models and data sets? A row an effect.

    Args:
        measured: columns model, method, dataset, score.
    """
    table = Table(title="Repeated-measures ANOVA of 1-shot accuracy")
    for name in ("effect", "F", "df", "p"):
        table.add_column(name)
    for effect, row in repeated_measures_anova(measured).iterrows():
        table.add_row(
            str(effect), f"{row['F']:.2f}", f"{row['df']:.0f}, {row['df_error']:.0f}", f"{row['p_value']:.3g}"
        )
    return table


if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 15", GRIDS, PAPER_GRIDS, NOT_HERE, of_models))
