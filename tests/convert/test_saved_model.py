import os
import shutil
from pathlib import Path

import pytest
import torch
from bundle_writer import anonymous, key, write_bundle

from alignet_hf.convert.npz import open_npz
from alignet_hf.convert.saved_model import open_saved_model
from alignet_hf.errors import InputError

# A SavedModel that TensorFlow 2.21 wrote, and what it holds (but saved_model.pb, which is not read):
#     class Exported(tf.Module):
#         variables = None  # not those that tf.Module finds
#     model, rng = Exported(), np.random.default_rng(0)
#     shapes = [(), (3,), (2, 5), (1, 4, 2)]
#     model.variables = [tf.Variable(np.float32(rng.standard_normal(shapes[i % 4]))) for i in range(120)]
#     tf.saved_model.save(model, "of_tensorflow")
#     np.savez_compressed("of_tensorflow/expected.npz", **{str(i): v.numpy() for i, v in enumerate(model.variables)})
OF_TENSORFLOW = Path(__file__).parent / "fixtures" / "of_tensorflow"


def test_what_tensorflow_wrote():
    variables, expected = open_saved_model(OF_TENSORFLOW), open_npz(OF_TENSORFLOW / "expected.npz")
    assert not variables.named
    assert [variable.name for variable in variables] == [str(number) for number in range(120)]
    for variable, written in zip(variables, expected, strict=True):
        assert variable.name == written.name
        assert variable.shape == written.shape
        assert torch.equal(variable.tensor(), written.tensor())


def test_the_order_is_that_of_the_numbers(tmp_path):
    expected = anonymous(112)
    write_bundle(tmp_path, expected, n_shards=3, strings={"_CHECKPOINTABLE_OBJECT_GRAPH": b"graph"})
    for number, variable in enumerate(open_saved_model(tmp_path)):
        assert variable.name == str(number)
        assert torch.equal(variable.tensor(), expected[key(number)])


def test_the_counter_of_a_checkpoint_s_saves_is_none_of_them(tmp_path):
    expected = anonymous(3)
    write_bundle(tmp_path, {**expected, "save_counter/.ATTRIBUTES/VARIABLE_VALUE": torch.tensor(1)})
    assert [variable.name for variable in open_saved_model(tmp_path)] == ["0", "1", "2"]


def refused(folder, said):
    with pytest.raises(InputError, match=said) as caught:
        open_saved_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            {"dense/kernel", "dense/bias", key(0)},
            "a SavedModel of something else: it holds dense/bias, dense/kernel; the",
        ),
        (
            {f"layer_with_weights-{n}/kernel/.ATTRIBUTES/VARIABLE_VALUE" for n in range(5)},
            r"\(a Keras model\): it holds lay.* and 2 more;",
        ),
        # As Keras 3 exports a model: every variable is there twice.
        ({"_all_variables/0/.ATTRIBUTES/VARIABLE_VALUE", key(0)}, r"\(a Keras model\): it holds _all_variables/0;"),
        ({"save_counter/.ATTRIBUTES/VARIABLE_VALUE"}, "a SavedModel of something else, without variables"),
        ({"counter/.ATTRIBUTES/VARIABLE_VALUE", key(0)}, "it holds counter;"),
        ({key("00"), key(1)}, "it holds variables/00;"),
        ({key(0) + "/", key(1)}, "something else"),
        ({key("1" * 400)}, r"variables/0 is missing"),
        ({key(0), key(1), key(3)}, "variables/2 is missing, of 4 variables"),
        (set(), "a SavedModel of something else, without variables"),
    ],
)
def test_something_else(tmp_path, names, said):
    write_bundle(tmp_path, dict.fromkeys(names, torch.zeros(2)), strings={"_GRAPH": b"x"})
    refused(tmp_path, said)


def test_no_saved_model(tmp_path):
    refused(tmp_path, "no SavedModel, as it has no variables/variables.index; name the folder that has it")
    refused(tmp_path / "none", "no SavedModel")
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "no SavedModel")


def test_a_shard_of_tensorflow_is_missing(tmp_path):
    shutil.copytree(OF_TENSORFLOW, tmp_path / "model")
    os.unlink(tmp_path / "model/variables/variables.data-00000-of-00001")
    refused(tmp_path / "model", "variables.data-00000-of-00001: the shard is missing")
