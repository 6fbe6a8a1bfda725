"""The variables of a TensorFlow SavedModel that jax2tf exported: anonymous, in the order of the flattened tree."""

import re
from dataclasses import replace
from pathlib import Path

from alignet_hf.convert.tensor_bundle import open_bundle
from alignet_hf.convert.variables import Variables
from alignet_hf.errors import InputError

INDEX = Path("variables", "variables.index")
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_SAVE_COUNTER = f"save_counter{_VALUE}"  # that tf.train.Checkpoint, which jax2tf's examples export by, puts beside them
_ANONYMOUS = re.compile(r"variables/(0|[1-9][0-9]*)" + re.escape(_VALUE))
_KERAS = "keras_metadata.pb"
_OF_KERAS = re.compile(r"(layer_with_weights-\d+|keras_api|_all_variables|_layers|_operations)(/|$)")


def open_saved_model(folder: str | Path) -> Variables:
    """The variables of a SavedModel, which is read without TensorFlow.

    Args:
        folder: with variables/variables.index and its shards.

    Returns:
        Variables "0", "1", ...: the checkpoint's `variables/0`, `variables/1`, ... by their number.

    Raises:
        InputError: as `open_bundle`; or it is no SavedModel, or one with other variables than these.
    """
    folder = Path(folder)
    if not (folder / INDEX).exists():
        raise InputError(f"{folder}: no SavedModel, as it has no {INDEX.as_posix()}; name the folder that has it")
    if (folder / _KERAS).exists():
        raise InputError(f"{folder}: a SavedModel of something else (a Keras model): it has {_KERAS}; {_EXPECTED}")
    numbered, others = {}, []
    for variable in open_bundle(folder / INDEX):
        if variable.name == _SAVE_COUNTER:
            continue
        match = _ANONYMOUS.fullmatch(variable.name)
        if match is None:
            others.append(variable.name.removesuffix(_VALUE))
        else:
            numbered[int(match[1])] = variable
    if others or not numbered:
        raise InputError(f"{folder}: a SavedModel of something else{_holding(others)}; {_EXPECTED}")
    missing = next((number for number in range(len(numbered)) if number not in numbered), None)
    if missing is not None:
        raise InputError(f"{folder}: variables/{missing} is missing, of {max(numbered) + 1} variables; get it anew")
    items = tuple(replace(numbered[number], name=str(number)) for number in range(len(numbered)))
    return Variables(str(folder), items, named=False)


_EXPECTED = "the variables of a released model are called variables/0, variables/1, ... and no other"


def _holding(names: list[str]) -> str:
    if not names:
        return ", without variables"
    kind = " (a Keras model)" if any(_OF_KERAS.match(name) for name in names) else ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{kind}: it holds {', '.join(names[:3])}{more}"
