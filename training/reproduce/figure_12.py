"""Fig. 12: 1-shot and 10-shot accuracy on many data sets, before and after AligNet.

    python training/reproduce/figure_12.py --embedded --out OUT
    python training/reproduce/figure_12.py --models models.yaml --out OUT \
        --evaluate "--few-shot pets --few-shot cars --few-shot birds --shots 1,10"

The data of `--evaluate` are embedded once for each model, and kept: `--embeddings FOLDER` says where.
"""

from common import main
from vision import vision_table

WANTED = r"few_shot_accuracy/"

if __name__ == "__main__":
    main(lambda: vision_table(__doc__, "Fig. 12", WANTED))
