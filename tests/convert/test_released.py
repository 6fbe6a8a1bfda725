"""The names of the released checkpoints."""

import pytest

from alignet_hf.convert.released import RELEASED, URL_VARIABLE, find_released, is_released, named_by
from alignet_hf.errors import InputError


def test_eight_models_in_three_variants():
    assert len(RELEASED) == 24
    assert len({released.model for released in RELEASED.values()}) == 8
    assert {released.setting for released in RELEASED.values()} == {"original", "alignet", "unalignet"}
    assert all(name == released.name for name, released in RELEASED.items())


def test_a_name_is_found_in_capitals_or_not():
    assert find_released("siglip2-b-ALIGNET").name == "SigLIP2-B-alignet"
    assert is_released("scratch-b-untransformed")
    assert not is_released("SigLIP2-B")


@pytest.mark.parametrize("wrong", ["SigLIP2-B-aligned", "SigLIP2-B", "nothing"])
def test_a_wrong_name_is_told_the_right_ones(wrong):
    with pytest.raises(InputError, match=f"^{wrong}: no released checkpoint; .*there are SigLIP-B, .*Scratch-B, each"):
        find_released(wrong)


def test_a_near_name_is_guessed():
    with pytest.raises(InputError, match="did you mean SigLIP2-B-alignet"):
        find_released("SigLIP2-B-aligned")


def test_the_address_is_the_authors_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    released = find_released("SigLIP2-B-alignet")
    assert released.urls() == ["https://storage.googleapis.com/alignet/models/SigLIP2-B-alignet.tar.gz"]
    monkeypatch.setenv(URL_VARIABLE, "http://mirror/models/")
    assert released.urls() == ["http://mirror/models/SigLIP2-B-alignet.tar.gz"]
    assert released.urls("http://here") == ["http://here/SigLIP2-B-alignet.tar.gz"]


def test_both_spellings_of_clip_are_asked_for():
    urls = find_released("CLIP-ViT-B-alignet").urls("http://here")
    assert urls == ["http://here/CLIP-ViT-B-alignet.tar.gz", "http://here/CLIP-Vit-B-alignet.tar.gz"]
    assert named_by("CLIP-Vit-B-alignet") is find_released("CLIP-ViT-B-alignet")
    assert named_by("model") is None
