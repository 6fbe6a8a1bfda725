"""What libraries raise on a full disk is known for what it is, and nothing else is."""

import errno
import json
import os
import subprocess
import sys

import pytest

from alignet_hf.errors import FullDiskError
from alignet_hf.full_disk import naming_full_disk, no_room

WRITE = """
import json, resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, safetensors.numpy, safetensors.torch, torch
from alignet_hf.full_disk import no_room

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
path = Path(sys.argv[1])
rows = np.random.default_rng(0).random((100, 1000))
ways = {
    "python": lambda: path.write_bytes(rows.tobytes()),
    "numpy": lambda: np.save(path, rows),
    "memory map": lambda: np.lib.format.open_memmap(path, mode="w+", shape=rows.shape),
    "safetensors of numpy": lambda: safetensors.numpy.save_file({"rows": rows}, path),
    "safetensors of torch": lambda: safetensors.torch.save_file({"rows": torch.tensor(rows)}, path),
    "torch": lambda: torch.save({"rows": torch.tensor(rows)}, path),
    "parquet": lambda: pq.write_table(pa.table({"rows": rows.ravel()}), path),
}
said = {}
for name, way in ways.items():
    try:
        way()
    except Exception as error:
        said[name] = no_room(error)
print(json.dumps(said))
"""


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE")
def test_every_library_that_writes_is_understood(tmp_path):
    done = subprocess.run([sys.executable, "-c", WRITE, tmp_path / "file"], capture_output=True, text=True, check=True)
    too_large, cut_short = os.strerror(errno.EFBIG), "a file was cut short, as on a full disk"
    names = ("python", "numpy", "memory map", "safetensors of numpy", "safetensors of torch", "torch", "parquet")
    expected = dict.fromkeys(names, too_large) | {"numpy": cut_short, "torch": cut_short}
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize(
    "error",
    [ValueError("3 triplets requested and 2 written"), OSError(errno.EACCES, "denied"), RuntimeError("(os error 2)")],
)
def test_other_errors_are_not(error, tmp_path):
    assert no_room(error) is None
    with pytest.raises(type(error)) as raised, naming_full_disk(tmp_path):
        raise error
    assert raised.value is error


def test_the_path_is_named_once():
    with (
        pytest.raises(FullDiskError, match=r"^inner: cannot be written \(No space left on device\); make room and"),
        naming_full_disk("outer"),
        naming_full_disk("inner"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
