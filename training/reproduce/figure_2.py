"""Fig. 2: how near models are to people before and after AligNet, on every kind of judgment, RTs among them.

    python training/reproduce/figure_2.py --embedded --out OUT
    python training/reproduce/figure_2.py --models models.yaml --things THINGS \
        --concepts PHOTOS.tsv --cichy C.mat --king K.mat --peterson FOLDER --levels FOLDER \
        --images-of DATA=DIR ... --out OUT
"""

from common import main
from people import people_table

SETS = ("things", "cichy", "king", "peterson", "levels")
WANTED = {
    "things_odd_one_out_accuracy": "A: THINGS, odd-one-out",
    "peterson_rsa_spearman/coarse": "B: Peterson et al., coarse-grained",
    "cichy_rsa_spearman": "B: Cichy et al.",
    "king_rsa_spearman": "B: King et al.",
    "peterson_rsa_spearman/fine": "C: Peterson et al., fine-grained",
    "levels_odd_one_out_accuracy/coarse-grained": "D: Levels, coarse-grained",
    "levels_odd_one_out_accuracy/fine-grained": "D: Levels, fine-grained",
    "levels_odd_one_out_accuracy/class-boundary": "D: Levels, class-boundary",
    "levels_uncertainty_rt_correlation/coarse-grained": "E: uncertainty and RT, coarse-grained",
    "levels_uncertainty_rt_correlation/fine-grained": "E: uncertainty and RT, fine-grained",
    "levels_uncertainty_rt_correlation/class-boundary": "E: uncertainty and RT, class-boundary",
}
NOT_HERE = (
    "all of THINGS' choices (A); the objects of Cichy et al. and of King et al., and the coarse-grained ratings of "
    "Peterson et al. (B); their fine-grained ratings (C); Levels (D); response times (E); the paper's models"
)

if __name__ == "__main__":
    main(lambda: people_table(__doc__, "Fig. 2", SETS, WANTED, NOT_HERE))
