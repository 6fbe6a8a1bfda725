"""Which choices a fit of VICE does not see, and is measured on."""

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_triplets


def hold_out(triplets: np.ndarray, validation, n_objects: int, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Divide choices into those to fit to and those held out.

    Args:
        triplets: (n, 3) int, valid choices.
        validation: (m, 3) choices held out beside `triplets`, the share of `triplets` to hold out, or None.
        n_objects: N, for which `validation` is checked.
        seed: of the draw of a share.

    Returns:
        (n', 3) and (m, 3); None for the second without validation.

    Raises:
        InputError: a choice held out that is none, or a share that leaves one of the parts empty.
    """
    if validation is None:
        return triplets, None
    if not isinstance(validation, float):
        held_out = validate_triplets(validation, n_objects, "validation")
        if not len(held_out):
            raise InputError("validation: there are no choices in it; None for no validation")
        return triplets, held_out
    count = round(validation * len(triplets))
    if not 0 < count < len(triplets):
        raise InputError(f"validation: a share of {validation:g} of {len(triplets)} choices; both parts need some")
    rows = np.random.default_rng(seed).permutation(len(triplets))
    return triplets[rows[count:]], triplets[rows[:count]]
