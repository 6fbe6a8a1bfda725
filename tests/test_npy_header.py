import io

import numpy as np
import pytest

from alignet_hf.npy_header import read_npy_header


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_wrote(version, order):
    stream = io.BytesIO()
    array = np.array(np.arange(6, dtype="<i2").reshape(2, 3), order=order)
    np.lib.format.write_array(stream, array, version)
    stream.seek(0)
    assert read_npy_header(stream) == ((2, 3), order == "F", np.dtype("<i2"))
    assert stream.read() == array.tobytes(order)


def test_objects_and_records_are_refused():
    for version, array, said in [
        ((1, 0), np.array([{}]), "an array of Python objects, which would have to be unpickled"),
        ((3, 0), np.zeros(1, [("ü", "f4")]), r"an array of format \(3, 0\), which is for records"),
    ]:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version)
        stream.seek(0)
        with pytest.raises(ValueError, match=said):
            read_npy_header(stream)


def test_a_header_of_python_2_is_read_in_silence(recwarn):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L,)}\n"
    stream = io.BytesIO(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    assert read_npy_header(stream) == ((3,), False, np.dtype("<f4"))
    assert not recwarn


@pytest.mark.parametrize(
    "header", [b"{", b"{[]: 1}", b"(" * 5000, b"-" * 9000 + b"1", b"'\n", b"\xff", b"3", b"{1: 2}"]
)
def test_headers_that_python_cannot_parse(header):
    stream = io.BytesIO(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match=r"."):
        read_npy_header(stream)
