"""The converted model beside TensorFlow's run of the SavedModel; where there is no TensorFlow, beside a stand-in."""

import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from checkpoints import ARCHIVE

from alignet_hf.convert import verify as module
from alignet_hf.convert.converting import convert_checkpoint
from alignet_hf.convert.verify import OUTPUTS, verify
from alignet_hf.data.images import ImageFolder
from alignet_hf.demo import objects92
from alignet_hf.errors import InputError


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted") / "model"
    convert_checkpoint(ARCHIVE, folder)
    return folder


@pytest.fixture(scope="module")
def photographs():
    images = ImageFolder(objects92.FOLDER / "images")
    return [images[i].resize((60, 40)) for i in range(20)]  # more than one batch


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs TensorFlow: pip install 'alignet-hf[tf]'")
def test_the_saved_model_agrees(photographs, tmp_path):
    convert_checkpoint(ARCHIVE, tmp_path / "out", images=photographs)
    shutil.unpack_archive(ARCHIVE, tmp_path)
    found = verify(next(tmp_path.glob("SigLIP2*")), tmp_path / "out", photographs)
    assert set(found) == set(OUTPUTS)
    assert all(difference.largest < 1e-5 for difference in found.values()), found
    assert "largest difference from the SavedModel" in (tmp_path / "out" / "README.md").read_text()


@pytest.fixture
def stand_in(converted, monkeypatch):
    """A function in the SavedModel's place: what the converted model answers, and then some."""

    def stand_in(change):
        _, outputs_of = module._converted(converted)

        def signature(images):
            assert images.dtype == np.float32
            assert images.shape[1:] == (32, 32, 3)
            assert 0 <= images.min() < images.max() <= 1
            pixels = module.torch.from_numpy(images).permute(0, 3, 1, 2)
            return change({name: value.numpy().copy() for name, value in outputs_of(pixels).items()})

        monkeypatch.setattr(module, "_signature", lambda folder: signature)

    return stand_in


def test_the_largest_difference_of_every_output_is_reported(stand_in, converted, photographs):
    def change(outputs):
        outputs["triplet_logits"][-1, 2] += 1e-5
        return outputs

    stand_in(change)
    found = verify("saved", converted, photographs)
    assert set(found) == set(OUTPUTS)
    assert found["pre_logits"].largest == 0
    assert found["triplet_logits"].largest == pytest.approx(1e-5, rel=0.05)


def test_a_wrong_reading_is_refused(stand_in, converted, photographs):
    def change(outputs):
        outputs["pre_logits"] = outputs["pre_logits"][:, ::-1]
        return outputs

    stand_in(change)
    with pytest.raises(InputError, match=r"gives other pre_logits .* reading= states another"):
        verify("saved", converted, photographs)


def test_outputs_of_other_shapes_and_names(stand_in, converted, photographs):
    stand_in(lambda outputs: {"pre_logits": outputs["pre_logits"][:, :-1]})
    with pytest.raises(InputError, match=r"its pre_logits are \(16, \d+\), ours \(16, \d+\)"):
        verify("saved", converted, photographs)
    stand_in(lambda outputs: {"logits": outputs["pre_logits"]})
    with pytest.raises(InputError, match="gives none of pre_logits"):
        verify("saved", converted, photographs)


def test_without_the_graph_there_is_nothing_to_run(converted, photographs, tmp_path):
    with pytest.raises(InputError, match=r"the graph is not there \(saved_model\.pb\)"):
        verify(tmp_path, converted, photographs)
