"""Fig. 13: accuracy on six test sets other than those that models learnt from, before and after AligNet.

    python training/reproduce/figure_13.py --embedded --out OUT
    python training/reproduce/figure_13.py --models models.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET,split=train --test imagenet:IMAGENET,split=val \
        --robustness real=REAL.json --robustness v2=V2 --robustness a=A --robustness r=R --robustness c=C"

The data of `--evaluate` are embedded once for each model, and kept: `--embeddings FOLDER` says where.
"""

from common import main
from vision import vision_table

WANTED = r"robustness_accuracy/|.*corruption"

if __name__ == "__main__":
    main(lambda: vision_table(__doc__, "Fig. 13", WANTED))
