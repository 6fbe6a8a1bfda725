import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from alignet_hf.convert import npz
from alignet_hf.convert.npz import open_npz
from alignet_hf.errors import InputError

TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
SAVERS = [np.savez, np.savez_compressed]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(TYPES).flatmap(
        lambda kind: numpy_strategies.arrays(kind, numpy_strategies.array_shapes(min_dims=0, max_dims=4, max_side=5))
    ),
    st.sampled_from(SAVERS),
    st.sampled_from("CF"),
    st.sampled_from("<>"),
)
def test_what_numpy_saved(tmp_path_factory, array, save, order, endianness):
    path = tmp_path_factory.getbasetemp() / "arrays.npz"
    stored = np.array(array, array.dtype.newbyteorder(endianness), order=order)
    save(path, **{"img/Transformer/scale": stored, "other": np.arange(3)})
    variables = open_npz(path)
    assert variables.named
    assert [variable.name for variable in variables] == ["img/Transformer/scale", "other"]
    read = variables[0].read()
    assert variables[0].shape == tuple(read.shape) == array.shape
    assert str(read.dtype) == f"torch.{variables[0].dtype}"
    np.testing.assert_array_equal(read.numpy(), array)
    assert variables[1].tensor().tolist() == [0, 1, 2]


@pytest.mark.parametrize("save", SAVERS)
def test_bfloat16_as_jax_saves_it(tmp_path, save):
    expected = torch.tensor([[1.5, -2.0, 3.0]]).bfloat16()
    save(tmp_path / "a.npz", a=expected.view(torch.int16).numpy().view("V2"))
    (variable,) = open_npz(tmp_path / "a.npz")
    assert variable.dtype == "bfloat16"
    assert torch.equal(variable.read(), expected)
    assert variable.tensor().tolist() == [[1.5, -2.0, 3.0]]


@pytest.mark.parametrize("save", SAVERS)
def test_a_tensor_is_the_callers_own(tmp_path, save):
    save(tmp_path / "a.npz", a=np.ones(3))
    (variable,) = open_npz(tmp_path / "a.npz")
    variable.read().zero_()
    assert variable.read().tolist() == [1, 1, 1]


@pytest.mark.parametrize("save", SAVERS)
def test_memory_is_that_of_the_array_that_is_read(tmp_path, save):
    n = 2**20
    rng = np.random.default_rng(0)
    save(tmp_path / "a.npz", **{f"a{i}": rng.standard_normal(n // 2) for i in range(4)})
    tracemalloc.start()
    variables = open_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < n
    for variable in variables:
        variable.read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (4.5 if save is np.savez else 10) * n


def read_all(path) -> list[torch.Tensor]:
    return [variable.tensor() for variable in open_npz(path)]


def refused(path, said):
    with pytest.raises(InputError, match=said) as caught:
        read_all(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")


def test_objects_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    np.savez(tmp_path / "a.npz", a=np.array([Trap()], object))
    refused(
        tmp_path / "a.npz",
        "a.npz: a is an array of Python objects, which would have to be unpickled; save it as numbers or strings$",
    )
    np.savez(tmp_path / "b.npz", a={"params": 3})
    refused(tmp_path / "b.npz", "an array of Python objects")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array(["text"]), "a is of the type <U4; save floats, integers and booleans alone$"),
        (np.array([1j]), "a is of the type complex128"),
        (np.zeros(2, [("x", "u1"), ("y", "u1")]), "a is of the type"),
        (np.zeros(2, "V4"), "a is of the type"),
        (np.zeros(2, "datetime64[s]"), "a is of the type"),
        (np.zeros((0, 3)), r"variable a has the shape \(0, 3\), which holds no values"),
        (np.zeros((1,) * 33), "variable a has 33 dimensions"),
    ],
)
def test_what_is_no_array_of_numbers(tmp_path, array, said):
    np.savez(tmp_path / "a.npz", a=array)
    refused(tmp_path / "a.npz", said)


def npy(array=None, header: bytes | None = None) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(3.0) if array is None else array)
    data = stream.getvalue()
    return data if header is None else data[:10] + header.ljust(len(data) - 35) + b"\n" + data[-24:]


def zipped(path, *members: tuple[str, bytes], method=zipfile.ZIP_STORED, encrypted=False):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
        if encrypted:
            archive.infolist()[0].flag_bits |= 1
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "options", "said"),
    [
        ([("a.txt", b"text")], {}, r"it holds a.txt, which is no array \(.npy\)"),
        ([("a.npy", npy()), ("a.npy", npy())], {}, "it holds two arrays called a"),
        ([("a.npy", npy())], {"method": zipfile.ZIP_BZIP2}, r"a is compressed in a way \(12\)"),
        ([("a.npy", npy())], {"encrypted": True}, "a is encrypted"),
        ([("a.npy", b"")], {}, "EOF: reading magic string"),
        ([("a.npy", npy()[:50])], {}, "EOF"),
        ([("a.npy", npy()[:-1])], {}, r"variable a, float64 \(3,\), takes 24 bytes; there are 23 for it"),
        ([("a.npy", npy() + b"x")], {}, "takes 24 bytes; there are 25 for it"),
        ([("a\nb.npy", npy())], {}, "cannot be printed"),
        ([("a" * 600 + ".npy", npy())], {}, "is too long"),
        ([], {}, "it holds no array"),
    ],
)
def test_odd_archives(tmp_path, members, options, said):
    refused(zipped(tmp_path / "a.npz", *members, **options), said)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (3.0,)}",
        b"{'descr': '<U4000000000', 'fortran_order': False, 'shape': (3,)}",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
        b"{'descr': (('<f2', (4,))), 'fortran_order': False, 'shape': (3,)}",
        b"{[]: 3}",
        b"(" * 60,
        b"'",
        b"\xff",
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_odd_headers(tmp_path, header, method):
    path = zipped(tmp_path / "a.npz", ("a.npy", npy(header=header)), method=method)
    tracemalloc.start()
    refused(path, r"get it anew|save")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def in_the_directory(path, at: int, value: int, n_bytes: int = 4):
    """Change a field of the first member's entry in the directory."""
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\1\2") + at
    data[start : start + n_bytes] = value.to_bytes(n_bytes, "little")
    path.write_bytes(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (20, 2**31, "should be 2147483648 bytes from|is said to take"),  # the compressed size
        (24, 2**31, "a is said to take 2147483648 bytes, but holds"),  # the size
        (24, 100, "there are|does not inflate"),
        (42, 2**31, "should be 30 bytes from"),  # the place
        (42, 7, "should be|overlap|magic|get it anew"),
        (16, 12345, "the checksum of a is wrong"),
    ],
)
def test_absurd_directories(tmp_path, method, at, value, said):
    path = zipped(tmp_path / "a.npz", ("a.npy", npy()), method=method)
    in_the_directory(path, at, value)
    tracemalloc.start()
    refused(path, said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_bomb(tmp_path, monkeypatch):
    zipped(tmp_path / "a.npz", ("a.npy", npy(np.zeros(10**6))), method=zipfile.ZIP_DEFLATED)
    assert open_npz(tmp_path / "a.npz")[0].shape == (10**6,)  # as small as zeros are
    monkeypatch.setattr(npz, "MOST_BYTES", 10**6)
    refused(tmp_path / "a.npz", "its arrays are said to take 8000128 bytes; save at most 1000000 in a file")


def test_a_name_that_only_the_directory_has(tmp_path):
    path = zipped(tmp_path / "a.npz", ("a.npy", npy()), ("b.npy", npy()))
    in_the_directory(path, 46, ord("c"), n_bytes=1)
    refused(path, "the header of c is not where its directory says; it is damaged")


def test_names_beyond_ascii(tmp_path):
    np.savez(tmp_path / "a.npz", größe=np.ones(1))
    assert open_npz(tmp_path / "a.npz")[0].name == "größe"


def test_members_that_share_bytes(tmp_path):
    path = zipped(tmp_path / "a.npz", ("a.npy", npy()), ("b.npy", npy()))
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2")
    data[entry + 42 : entry + 47] = bytes(4) + b"a"  # b is a
    path.write_bytes(data)
    refused(path, "a and a share bytes")


@pytest.mark.parametrize("save", SAVERS)
def test_every_changed_byte_is_refused_or_does_not_matter(tmp_path, save):
    path = tmp_path / "a.npz"
    save(path, a=np.arange(3.0), b=np.arange(4.0))
    data = path.read_bytes()
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        try:
            values = [tensor.tolist() for tensor in read_all(path)]
        except InputError:
            continue
        assert values == [[0, 1, 2], [0, 1, 2, 3]]


@pytest.mark.parametrize("data", [b"PK\3\4", b"text", b"PK\5\6" + bytes(18)])
def test_what_is_no_archive(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    refused(tmp_path / "a.npz", "it is damaged, or not an .npz archive of numbers: get it anew")


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"a.npz: cannot be opened \(No such file"):
        open_npz(tmp_path / "a.npz")
