"""Fig. 13: accuracy on six test sets other than those that models learnt from, before and after AligNet.

    python training/reproduce/figure_13.py --embedded --out OUT
    python training/reproduce/figure_13.py --models models.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET,split=train --test imagenet:IMAGENET,split=val \
        --robustness real=REAL.json --robustness v2=V2 --robustness a=A --robustness r=R --robustness c=C"

On what is embedded it is the accuracy on photographs that were held out, as they are and corrupted as ImageNet-C's are,
75 sets, which take minutes for each model: of the other test sets nothing comes with the package. The data of
`--evaluate` are embedded once for each model, and kept: `--embeddings FOLDER` says where.
"""

from common import main
from vision import vision_table

WANTED = r"readout_accuracy$|robustness_accuracy/|.*corruption"
EMBEDDED = ("--robustness", "c=made")
NOT_HERE = "ImageNet and its test sets ReaL, V2, A and R; of ImageNet-C the corruptions alone are shown"

if __name__ == "__main__":
    main(lambda: vision_table(__doc__, "Fig. 13", WANTED, NOT_HERE, embedded=EMBEDDED))
