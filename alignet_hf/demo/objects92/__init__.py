"""The embedded data: 92 photographs and how 16 people judged them (see NOTICE.txt)."""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
N_OBJECTS = 92
# Kind of object, as the photographs' names tell it -> basic category, superordinate one (Kriegeskorte et al. 2008).
CATEGORIES = {
    "human_bodypart": ("human body part", "animate"),
    "human_face": ("human face", "animate"),
    "nonhuman_bodypart": ("animal body", "animate"),
    "nonhuman_face": ("animal face", "animate"),
    "natural_inanimate": ("natural object or scene", "inanimate"),
    "artificial_inanimate": ("artificial object or scene", "inanimate"),
}


def people() -> np.ndarray:
    """(16, 92, 92) float32 dissimilarities, one matrix a person, in the order of the photographs' names."""
    with np.load(FOLDER / "people.npz", allow_pickle=False) as archive:
        rows = archive["dissimilarities"]
    matrices = np.zeros((len(rows), N_OBJECTS, N_OBJECTS), rows.dtype)
    first, second = np.triu_indices(N_OBJECTS, 1)
    matrices[:, first, second] = rows
    matrices[:, second, first] = rows
    return matrices
