"""Fig. 17: a student of people's own choices, without a teacher, against AligNet and against no training.

    python training/reproduce/figure_17.py --embedded --out OUT
    python training/reproduce/figure_17.py --photographs DATA --out OUT
    python training/reproduce/figure_17.py --recipe training/recipes/vit-b.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET --test imagenet:VALIDATION"

The paper's student learns from THINGS, as that of the last two does; the first one's learns from 16 people's judgments
of the 92 photographs. Odd-one-out accuracy is on what people judged, of which a third is held out; 1-shot accuracy on
the same photographs, and on ImageNet in the last.
"""

from ablation import ablation
from common import main

GRIDS = ("settings", "direct")
PAPER_GRIDS = {
    "settings": {"evaluate.settings": [["original", "alignet"]]},
    "direct": {"evaluate.settings": [["human"]], "distill.loss": ["kl", "hard"]},
}
NOT_HERE = "1-shot accuracy on the paper's data sets"

if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 17", GRIDS, PAPER_GRIDS, NOT_HERE))
