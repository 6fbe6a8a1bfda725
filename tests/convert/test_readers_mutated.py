"""A few hundred of the files of which `benchmarks/fuzz_readers.py` reads ten thousand."""

import random
import shutil

import pytest
from mutations import MAY_DIFFER, READERS, is_as_written

from alignet_hf.errors import InputError


@pytest.fixture(scope="module", params=list(READERS))
def files(request):
    return READERS[request.param]()


def test_a_good_one_is_read(tmp_path, files):
    files.write(tmp_path, None)
    variables = files.open(tmp_path)
    assert {variable.name for variable in variables} == set(files.arrays)
    assert is_as_written(variables, files.arrays)


def test_spoiled_ones_are_refused_or_read_as_they_were(tmp_path, files):
    refusals = []
    for seed in range(100):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kind = files.write(folder, random.Random(seed))
        try:
            assert is_as_written(files.open(folder), files.arrays) or kind in MAY_DIFFER
        except InputError as error:
            refusals.append((folder, str(error)))
        shutil.rmtree(folder)
    assert len(refusals) > 50
    assert all(said.startswith(str(folder)) and "\n" not in said for folder, said in refusals)
