"""The tensors of a .safetensors file, as a published PyTorch conversion is."""

from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from alignet_hf.convert.mapped_file import MappedFile, reading
from alignet_hf.convert.stored_array import check_name
from alignet_hf.convert.variables import Variable, Variables
from alignet_hf.errors import InputError

KIND = "a safetensors file"
# torch's names, by the format's.
_DTYPES = {"BF16": "bfloat16", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
_DTYPES |= {f"F{bits}": f"float{bits}" for bits in (16, 32, 64)}
_DTYPES |= {f"{kind[0].upper()}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}


def open_safetensors(path: str | Path) -> Variables:
    """The tensors of a file, by their names ("encoder.blocks.0.norm1.weight"), memory-mapped.

    Raises:
        InputError: the file is missing or damaged, or holds a tensor of a type that torch has not.
    """
    path = Path(path)
    MappedFile(path)  # which says what is wrong with one that cannot be opened
    with reading(path, KIND):
        try:
            file = safe_open(path, framework="pt")
            names = [check_name(name) for name in file.offset_keys()]
            return Variables(str(path), tuple(_variable(file, name, path) for name in names), named=True)
        except SafetensorError as error:
            raise ValueError(f"its header cannot be read ({error})") from error


def _variable(file: safe_open, name: str, path: Path) -> Variable:
    part = file.get_slice(name)
    if part.get_dtype() not in _DTYPES:
        raise InputError(f"{path}: variable {name} is of the type {part.get_dtype()}, which is not supported")
    return Variable(name, tuple(part.get_shape()), _DTYPES[part.get_dtype()], partial(_read, file, name))


def _read(file: safe_open, name: str) -> torch.Tensor:
    return file.get_tensor(name).clone()
