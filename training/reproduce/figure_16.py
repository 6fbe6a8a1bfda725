"""Fig. 16: cluster-boundary triplets against random ones and, where classes have images enough, class-boundary ones.

    python training/reproduce/figure_16.py --embedded --out OUT
    python training/reproduce/figure_16.py --photographs DATA --out OUT
    python training/reproduce/figure_16.py --recipe training/recipes/vit-b.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET --test imagenet:VALIDATION"

The first two score people's choices, the third 1-shot accuracy too, which is what the figure shows. Classes of the
first are the six categories of its photographs; of the second there are none, as its photographs are one of each class.
"""

from common import ablation, main

GRIDS = ("settings", "sampling")
PAPER_GRIDS = {
    "settings": {"evaluate.settings": [["original", "alignet"]]},
    "sampling": {
        "evaluate.settings": [["alignet"]],
        "triplets.strategy": ["cluster-boundary", "random", "class-boundary"],
    },
}

if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 16", GRIDS, PAPER_GRIDS))
