"""Fig. 14: accuracy against the number of images (A) and of triplets (B).

    python training/reproduce/figure_14.py --embedded --out OUT
    python training/reproduce/figure_14.py --photographs DATA --out OUT
    python training/reproduce/figure_14.py --recipe training/recipes/vit-b.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET --test imagenet:VALIDATION"

The figure is in 1-shot accuracy on ImageNet, as the third has it. The first two show 1-shot accuracy on the judged
photographs, in categories of theirs, beside odd-one-out accuracy: over one order of magnitude of images and three of
triplets, where the paper has three and four.
"""

from ablation import ablation
from common import main

GRIDS = ("triplets", "images")
PAPER_GRIDS = {
    "triplets": {"evaluate.settings": [["alignet"]], "triplets.n": [1000, 10_000, 100_000, 1_000_000, 10_000_000]},
    "images": {"evaluate.settings": [["alignet"]], "images.n_distill": [1000, 10_000, 100_000, 1_000_000]},
}
NOT_HERE = "1-shot accuracy on ImageNet; the paper's numbers of images and triplets"

if __name__ == "__main__":
    main(lambda: ablation(__doc__, "Fig. 14", GRIDS, PAPER_GRIDS, NOT_HERE))
