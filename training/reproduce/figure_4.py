"""Fig. 4: 1-shot accuracy (A), BREEDS (B) and ImageNet-A (C), before and after AligNet.

    python training/reproduce/figure_4.py --embedded --out OUT
    python training/reproduce/figure_4.py --models models.yaml --out OUT \
        --evaluate "--training imagenet:IMAGENET,split=train --test imagenet:IMAGENET,split=val --few-shot pets \
        --few-shot cars --breeds BREEDS/modified --robustness a=IMAGENET-A"

The data of `--evaluate` are embedded once for each model, and kept: `--embeddings FOLDER` says where.
"""

from common import main
from vision import vision_table

WANTED = r"few_shot_accuracy/(.*/)?1-shot|breeds_target_accuracy/|robustness_accuracy/imagenet-a$"

if __name__ == "__main__":
    main(lambda: vision_table(__doc__, "Fig. 4", WANTED))
