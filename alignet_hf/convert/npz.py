"""The arrays of an .npz archive, which is how big_vision saves parameters: a zip file of one .npy file an array.

Stored members are memory-mapped; a deflated one is inflated when its array is read. Nothing is unpickled.
"""

import io
import zlib
from collections import Counter
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import torch

from alignet_hf.convert.mapped_file import MOST_BYTES, MappedFile, UnsupportedError, reading, refuse_overlaps
from alignet_hf.convert.stored_array import check_name, check_size, to_tensor
from alignet_hf.convert.variables import Variable, Variables
from alignet_hf.npy_header import ObjectsError, read_npy_header

KIND = "an .npz archive of numbers"
_LOCAL_HEADER_BYTES = 30  # before a member's name
_LARGEST_RATIO = 1032  # of deflate: two bits for 258 bytes
_MOST_HEADER_BYTES = 2**14
_CHUNK = 2**16
_LOCAL_SIGNATURE = b"PK\3\4"
_ENCRYPTED, _UTF_8 = 0x1, 0x800  # of a member's flags
_RAW = -zlib.MAX_WBITS  # deflate without a header of its own
# torch's names, by numpy's kind and size. JAX's bfloat16 is nothing that numpy has a name for: two bytes of anything.
_DTYPES = {"f2": "float16", "V2": "bfloat16", "b1": "bool"}
_DTYPES |= {f"f{size}": f"float{8 * size}" for size in (4, 8)}
_DTYPES |= {f"{kind[0]}{size}": f"{kind}{8 * size}" for kind in ("int", "uint") for size in (1, 2, 4, 8)}


def open_npz(path: str | Path) -> Variables:
    """The arrays of an archive, by their names ("Transformer/encoderblock_0/LayerNorm_0/scale").

    Returns:
        Variables in the archive's order. Their bytes are read, and held against their checksum, when a variable is.

    Raises:
        InputError: the file is missing, damaged or encrypted; it holds Python objects, text, or anything but arrays; an
            array is said to be larger than its bytes could make it, or two share bytes.
    """
    path = Path(path)
    with reading(path, KIND):
        file = MappedFile(path)
        members = [_Member(file, info) for info in _directory(path)]
        refuse_overlaps((*member.place, member.name) for member in members)
        counts = Counter(member.name for member in members)
        if len(counts) < len(members):
            raise ValueError(f"it holds two arrays called {counts.most_common(1)[0][0]}")
    return Variables(str(path), tuple(member.variable() for member in members), named=True)


def _directory(path: Path) -> list[ZipInfo]:
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
    except (NotImplementedError, OverflowError, OSError) as error:
        raise ValueError(f"its directory cannot be read ({error})") from error
    if not members:
        raise ValueError("it holds no array")
    n_bytes = sum(info.file_size for info in members)
    if n_bytes > MOST_BYTES:
        raise UnsupportedError(f"its arrays are said to take {n_bytes} bytes; save at most {MOST_BYTES} in a file")
    return members


class _Member:
    """One array of the archive, known by its headers.

    Attributes:
        place: offset and size of what it takes of the file, from its header on.
    """

    def __init__(self, file: MappedFile, info: ZipInfo):
        self.file, self.info = file, info
        self.name = check_name(info.filename.removesuffix(".npy"))
        self._check_kind()
        n_before = self._check_local_header()
        self.place = info.header_offset, n_before + info.compress_size
        self.packed = file.part(info.header_offset + n_before, info.compress_size, self.name)
        self.shape, self.is_fortran, self.numpy_dtype, self.n_header = self._header()
        self.dtype = self._dtype()
        check_size(self.name, self.dtype, self.shape, info.file_size - self.n_header)

    def variable(self) -> Variable:
        return Variable(self.name, self.shape, self.dtype, self.read)

    def read(self) -> torch.Tensor:
        with reading(self.file.path, KIND):
            data = self._inflated() if self._is_deflated else self.packed
            if zlib.crc32(data) != self.info.CRC:
                raise ValueError(f"the checksum of {self.name} is wrong")
        values = np.array(data[self.n_header :])
        if self.is_fortran or self.numpy_dtype.byteorder == ">":
            array = values.view(self.numpy_dtype).reshape(self.shape, order="F" if self.is_fortran else "C")
            values = array.astype(self.numpy_dtype.newbyteorder("<"), order="C").reshape(-1).view(np.uint8)
        return to_tensor(values, self.dtype, self.shape)

    @property
    def _is_deflated(self) -> bool:
        return self.info.compress_type == ZIP_DEFLATED

    def _check_kind(self) -> None:
        info = self.info
        if not info.filename.endswith(".npy"):
            raise UnsupportedError(f"it holds {self.name}, which is no array (.npy); save arrays alone")
        if info.flag_bits & _ENCRYPTED:
            raise UnsupportedError(f"{self.name} is encrypted; save it without a password")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise UnsupportedError(
                f"{self.name} is compressed in a way ({info.compress_type}) that numpy does not use; save it by numpy"
            )
        most = info.compress_size * (_LARGEST_RATIO if self._is_deflated else 1)
        if info.file_size > most:
            raise ValueError(f"{self.name} is said to take {info.file_size} bytes, but holds {most} at most")

    def _check_local_header(self) -> int:
        """The bytes of the header that the directory points at; it repeats the name, which no checksum covers."""
        start, what = self.info.header_offset, f"the header of {self.name}"
        head = bytes(self.file.part(start, _LOCAL_HEADER_BYTES, what))
        n_name, n_extra = (int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
        name = bytes(self.file.part(start + _LOCAL_HEADER_BYTES, n_name, what))
        encoding = "utf-8" if self.info.flag_bits & _UTF_8 else "cp437"
        if not head.startswith(_LOCAL_SIGNATURE) or name.decode(encoding) != self.info.orig_filename:
            raise ValueError(f"{what} is not where its directory says")
        return _LOCAL_HEADER_BYTES + n_name + n_extra

    def _header(self) -> tuple[tuple[int, ...], bool, np.dtype, int]:
        """Shape, whether in Fortran's order, numpy's type, and the bytes before the first value."""
        part = bytes(self.packed[:_MOST_HEADER_BYTES])
        if self._is_deflated:
            part = zlib.decompressobj(_RAW).decompress(part, _MOST_HEADER_BYTES)
        stream = io.BytesIO(part)
        try:
            return *read_npy_header(stream), stream.tell()
        except ObjectsError as error:
            raise UnsupportedError(f"{self.name} is {error}") from error
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def _dtype(self) -> str:
        """torch's name of its type."""
        dtype = self.numpy_dtype
        name = _DTYPES.get(f"{dtype.kind}{dtype.itemsize}")
        if name is None or dtype.names or dtype.subdtype:
            raise UnsupportedError(f"{self.name} is of the type {dtype}; save floats, integers and booleans alone")
        return name

    def _inflated(self) -> np.ndarray:
        """(file_size,) uint8. Memory is taken as bytes come out, not for what the archive says of their number."""
        stream, data, size = zlib.decompressobj(_RAW), bytearray(), self.info.file_size
        for start in range(0, len(self.packed), _CHUNK):
            data += stream.decompress(self.packed[start : start + _CHUNK], size + 1 - len(data))
            if len(data) > size:
                break
        if len(data) != size or not stream.eof:
            raise ValueError(f"{self.name} does not inflate to its {size} bytes")
        return np.frombuffer(data, np.uint8)
