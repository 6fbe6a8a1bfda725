"""Tab. 1: RSA on Cichy et al. and King et al., odd-one-out accuracy on THINGS, in the four settings.

    python training/reproduce/table_1.py --embedded --out OUT
    python training/reproduce/table_1.py --models models.yaml --things THINGS \
        --concepts PHOTOS.tsv --cichy C.mat --king K.mat \
        --images-of things=DIR --images-of cichy=DIR --images-of king=DIR --out OUT
"""

from common import main
from people import people_table

SETS = ("things", "cichy", "king")
WANTED = {
    "cichy_rsa_spearman": "Cichy et al. (2019), RSA",
    "king_rsa_spearman": "King et al. (2019), RSA",
    "things_odd_one_out_accuracy": "Hebart et al. (2020), odd-one-out",
}
NOT_HERE = "the objects of Cichy et al. and of King et al.; all of THINGS' choices; the paper's models"

if __name__ == "__main__":
    main(lambda: people_table(__doc__, "Tab. 1", SETS, WANTED, NOT_HERE))
