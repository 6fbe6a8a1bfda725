"""Fig. 17: a student of people's own choices against AligNet.

    python training/reproduce/figure_17.py --embedded --out OUT
    python training/reproduce/figure_17.py --photographs DATA --out OUT
    python training/reproduce/figure_17.py --recipe training/recipes/vit-b.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET --test imagenet:VALIDATION"

The first two score people's choices, the third 1-shot accuracy too, which is what the figure shows.
"""

from common import ablation, main

GRIDS = ("settings", "direct")
PAPER_GRIDS = {
    "settings": {"evaluate.settings": [["original", "alignet"]]},
    "direct": {"evaluate.settings": [["human"]], "distill.loss": ["kl", "hard"]},
}

if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 17", GRIDS, PAPER_GRIDS))
