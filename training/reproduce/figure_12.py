"""Fig. 12: 1-shot and 10-shot accuracy on many data sets, before and after AligNet.

    python training/reproduce/figure_12.py --embedded --out OUT
    python training/reproduce/figure_12.py --photographs DATA --out OUT
    python training/reproduce/figure_12.py --models models.yaml --out OUT \
        --evaluate "--few-shot pets --few-shot cars --few-shot birds --shots 1,10"

The first two are of one student and of photographs that people judged, whose smallest class has no ten to learn from:
they show 1-shot and 5-shot accuracy. The data of `--evaluate` are embedded once for each model, and kept:
`--embeddings FOLDER` says where. The first two draw shots 100 times, with one l2 for all students; `evaluate`, and so
the last, draws 10 times and chooses the l2: the numbers of one are not to be compared with those of the other.
"""

from common import main
from vision import vision_table

WANTED = r"few_shot_accuracy/"
NOT_HERE = "the paper's data sets; 10-shot accuracy, for which some classes have too few photographs"

if __name__ == "__main__":
    main(lambda: vision_table(__doc__, "Fig. 12", WANTED, NOT_HERE, shots=[1, 5]))
