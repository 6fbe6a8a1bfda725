"""Fig. 14: accuracy against the number of images (A) and of triplets (B).

    python training/reproduce/figure_14.py --embedded --out OUT
    python training/reproduce/figure_14.py --photographs DATA --out OUT
    python training/reproduce/figure_14.py --recipe training/recipes/vit-b.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET --test imagenet:VALIDATION"

The first two score people's choices, the third 1-shot accuracy too, which is what the figure shows.
"""

from common import ablation, main

GRIDS = ("triplets", "images")
PAPER_GRIDS = {
    "triplets": {"evaluate.settings": [["alignet"]], "triplets.n": [1000, 10_000, 100_000, 1_000_000, 10_000_000]},
    "images": {"evaluate.settings": [["alignet"]], "images.n_distill": [1000, 10_000, 100_000, 1_000_000]},
}

if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 14", GRIDS, PAPER_GRIDS))
