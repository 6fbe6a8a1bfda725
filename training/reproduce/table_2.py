"""Tab. 2: RSA on the ratings of Peterson et al., coarse- and fine-grained, in the four settings.

python training/reproduce/table_2.py --embedded --out OUT
python training/reproduce/table_2.py --models models.yaml --peterson FOLDER --images DIR --out OUT
"""

from common import main
from people import people_table

SETS = ("peterson",)
WANTED = {
    "peterson_rsa_spearman/coarse": "coarse-grained, RSA",
    "peterson_rsa_spearman/fine": "fine-grained, RSA",
}
NOT_HERE = "the ratings of Peterson et al., and so coarse-grained apart from fine-grained; the paper's models"

if __name__ == "__main__":
    main(lambda: people_table(__doc__, "Tab. 2", SETS, WANTED, NOT_HERE))
