"""Fig. 4: 1-shot accuracy (A), BREEDS (B) and ImageNet-A (C), before and after AligNet.

    python training/reproduce/figure_4.py --embedded --out OUT
    python training/reproduce/figure_4.py --photographs DATA --out OUT
    python training/reproduce/figure_4.py --models models.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET,split=train --test imagenet:IMAGENET,split=val --few-shot pets \
        --few-shot cars --breeds BREEDS/modified --robustness a=IMAGENET-A"

The first two show A alone, of one student, on photographs that people judged: B and C need ImageNet's images and
ImageNet-A's, which do not come with the package. The data of `--evaluate` are embedded once for each model, and kept:
`--embeddings FOLDER` says where. The first two draw shots 100 times, with one l2 for all students; `evaluate`, and so
the last, draws 10 times and chooses the l2: the numbers of one are not to be compared with those of the other.
"""

from common import main
from vision import vision_table

WANTED = r"few_shot_accuracy/(.*/)?1-shot|breeds_target_accuracy/|robustness_accuracy/imagenet-a$"
NOT_HERE = "the paper's data sets of A; BREEDS (B); ImageNet-A (C)"

if __name__ == "__main__":
    main(lambda: vision_table(__doc__, "Fig. 4", WANTED, NOT_HERE, shots=[1]))
