"""The embedded data: 92 photographs and how 16 people judged them (see NOTICE.txt)."""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
N_OBJECTS = 92


def people() -> np.ndarray:
    """(16, 92, 92) float32 dissimilarities, one matrix a person, in the order of the photographs' names."""
    with np.load(FOLDER / "people.npz", allow_pickle=False) as archive:
        rows = archive["dissimilarities"]
    matrices = np.zeros((len(rows), N_OBJECTS, N_OBJECTS), rows.dtype)
    first, second = np.triu_indices(N_OBJECTS, 1)
    matrices[:, first, second] = rows
    matrices[:, second, first] = rows
    return matrices


def categories() -> list[str]:
    """The category of each photograph, "human face" say."""
    return [path.stem.split("_", 1)[1].replace("_", " ") for path in sorted((FOLDER / "images").glob("*.jpg"))]
