"""Which choices a fit of VICE does not see, and is measured on."""

import numpy as np

from alignet_hf.data.triplet_splits import draw_triplets
from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_triplets


def hold_out(triplets: np.ndarray, validation, n_objects: int, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Divide choices into those to fit to and those held out.

    Args:
        triplets: (n, 3) int, valid choices.
        validation: (m, 3) choices held out beside `triplets`, the share of `triplets` to hold out, or None. Of a share
            the choices of one triplet stay together: what one person says of it tells much of what the next will.
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
    held_out = draw_triplets(triplets, validation, seed)
    if held_out.all() or not held_out.any():
        raise InputError(f"validation: a share of {validation:g} of {len(triplets)} choices; both parts need some")
    return triplets[~held_out], triplets[held_out]
