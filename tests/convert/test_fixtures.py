"""The committed reference models are what make_fixtures.py makes. Where JAX is but torch is not:

pytest --noconftest -m "" tests/convert/test_fixtures.py
"""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

pytest.importorskip("jax")
pytest.importorskip("flax")
pytest.importorskip("tensorflow")

import tensorflow as tf
from fixture_files import write_saved_model, write_timm
from make_fixtures import SAVED_MODELS, SIGLIP2, make_npz

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = {model.name: model for model in SAVED_MODELS}


def assert_same_outputs(made: Path, committed: Path) -> None:
    made, committed = (load_file(folder / "expected.safetensors") for folder in (made, committed))
    assert made.keys() <= committed.keys()
    for name, values in made.items():
        np.testing.assert_allclose(values, committed[name], atol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["siglip2-b-alignet", "vit-b-12-blocks", "dinov2-b-large-table", "clip-vit-b-scenic"])
def test_a_saved_model_is_made_as_it_was(name, tmp_path):
    write_saved_model(MODELS[name], tmp_path / name)
    made, committed = (
        tf.train.load_checkpoint(str(folder / name / "variables" / "variables")) for folder in (tmp_path, FIXTURES)
    )
    facts = json.loads((FIXTURES / name / "config.json").read_text())
    assert json.loads((tmp_path / name / "config.json").read_text()) == facts
    for n in range(facts["num_variables"]):
        key = f"variables/{n}/.ATTRIBUTES/VARIABLE_VALUE"
        np.testing.assert_array_equal(made.get_tensor(key), committed.get_tensor(key), err_msg=facts["variables"][n])
    assert_same_outputs(tmp_path / name, FIXTURES / name)


@pytest.mark.slow
def test_the_npz_files_are_made_as_they_were(tmp_path):
    make_npz(tmp_path)
    committed = sorted(folder.name for folder in FIXTURES.glob("npz-*"))
    assert sorted(folder.name for folder in tmp_path.iterdir()) == committed
    for name in committed:
        made, before = (np.load(folder / name / "checkpoint.npz") for folder in (tmp_path, FIXTURES))
        assert list(made) == list(before), name
        for variable in made:
            np.testing.assert_array_equal(made[variable], before[variable], err_msg=f"{name}: {variable}")
        assert_same_outputs(tmp_path / name, FIXTURES / name)


def test_timms_names_hold_the_same_arrays(tmp_path):
    write_timm(SIGLIP2, tmp_path / "made.safetensors")
    made = load_file(tmp_path / "made.safetensors")
    committed = load_file(FIXTURES / SIGLIP2.name / "alignet_siglip2_b.safetensors")
    assert made.keys() == committed.keys()
    for name, array in made.items():
        np.testing.assert_array_equal(array, committed[name], err_msg=name)
