"""Fig. 16: cluster-boundary triplets against random ones and, where classes have images enough, class-boundary ones.

    python training/reproduce/figure_16.py --embedded --out OUT
    python training/reproduce/figure_16.py --photographs DATA --out OUT
    python training/reproduce/figure_16.py --recipe training/recipes/vit-b.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET --test imagenet:VALIDATION"

The figure is in 1-shot accuracy on ImageNet, as the third has it; the first two show 1-shot accuracy on the judged
photographs beside odd-one-out accuracy. Class-boundary triplets of the first are of the photographs' six categories;
the second has none, as its photographs are one of each class.
"""

from ablation import ablation
from common import main

GRIDS = ("settings", "sampling")
PAPER_GRIDS = {
    "settings": {"evaluate.settings": [["original", "alignet"]]},
    "sampling": {
        "evaluate.settings": [["alignet"]],
        "triplets.strategy": ["cluster-boundary", "random", "class-boundary"],
    },
}
NOT_HERE = "1-shot accuracy on ImageNet; triplets of ImageNet's classes"

if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 16", GRIDS, PAPER_GRIDS, NOT_HERE))
