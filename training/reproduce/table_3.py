"""Tab. 3: odd-one-out accuracy on the levels of Levels, in the four settings, beside the paper's numbers.

python training/reproduce/table_3.py --embedded --out OUT
python training/reproduce/table_3.py --models models.yaml --levels FOLDER --images imagenet:FOLDER --out OUT
"""

from common import main
from people import people_table

from alignet_hf.evaluation import paper

SETS = ("levels",)
WANTED = {
    "levels_odd_one_out_accuracy/coarse-grained": "coarse-grained",
    "levels_odd_one_out_accuracy/fine-grained": "fine-grained",
    "levels_odd_one_out_accuracy/class-boundary": "class-boundary",
}
PAPER = paper.LEVELS
NOT_HERE = "Levels, and so its three levels apart; the paper's models"

if __name__ == "__main__":
    main(lambda: people_table(__doc__, "Tab. 3", SETS, WANTED, NOT_HERE, PAPER))
