"""An encoder of the Hub is known by its small files: no weights are fetched, and a Hub that is gone is said."""

import pytest
from backbones import tiny_backbone
from transformers import BitImageProcessorPil

from alignet_hf.architecture import UnreachableError, architecture_of
from alignet_hf.errors import InputError
from alignet_hf.hub.push import push_folder
from alignet_hf.recipe import Encoder


def test_weights_stay_where_they_are(small_hub, tmp_path):
    tiny_backbone("dinov2").save_pretrained(tmp_path / "model")
    BitImageProcessorPil(size={"height": 48, "width": 48}, do_center_crop=False).save_pretrained(tmp_path / "model")
    here = architecture_of(Encoder(model=str(tmp_path / "model")))
    push_folder(tmp_path / "model", "alignet/tiny", repo_type="model", token=small_hub.token)
    del small_hub.requests[:]
    assert architecture_of(Encoder(model="alignet/tiny")) == here
    assert here.image_size == 48
    fetched = {path for method, path in small_hub.requests if method == "GET" and "/resolve/" in path}
    assert {path.split("/")[-1] for path in fetched} == {"config.json", "preprocessor_config.json"}

    with pytest.raises(InputError, match="alignet/none: cannot be loaded as a vision model") as error:
        architecture_of(Encoder(model="alignet/none"))
    assert not isinstance(error.value, UnreachableError)  # the Hub has said that there is none

    small_hub.stop()
    assert architecture_of(Encoder(model="alignet/tiny")) == here  # from the cache
    with pytest.raises(UnreachableError, match="alignet/other: no such folder, and the Hub cannot be reached"):
        architecture_of(Encoder(model="alignet/other"))
