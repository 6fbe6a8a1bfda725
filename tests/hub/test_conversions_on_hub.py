"""A converted checkpoint goes to the Hub with its card, in each format."""

from pathlib import Path

import pytest
from transformers import AutoModel

ARCHIVE = Path(__file__).parents[1] / "convert" / "fixtures" / "siglip2-b-alignet" / "SigLIP2-B-alignet.tar.gz"


@pytest.fixture
def logged_in(small_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", small_hub.token)
    return small_hub


def test_a_conversion_is_pushed_with_its_card_under_the_repository_s_name(call, logged_in, tmp_path):
    code, out, error = call("convert", ARCHIVE, tmp_path / "out", "--push", "alignet/siglip2-b", "--private")
    assert (code, error) == (0, "")
    assert out.splitlines()[-1].startswith(logged_in.url)
    files = logged_in.files("alignet/siglip2-b")
    assert {"model.safetensors", "config.json", "alignment.json", "modeling_alignet.py", "README.md"} <= set(files)
    assert 'from_pretrained("alignet/siglip2-b")' in files["README.md"].decode()
    assert "SigLIP2-B-alignet.tar.gz" in files["README.md"].decode()
    assert AutoModel.from_pretrained("alignet/siglip2-b").config.projection_dim == 11


def test_an_export_is_pushed_as_it_is(call, logged_in, tmp_path):
    code, _, _ = call("convert", ARCHIVE, tmp_path / "timm", "--to", "native", "--push", "alignet/siglip2-b-native")
    assert code == 0
    assert "config.json" in logged_in.files("alignet/siglip2-b-native")
    assert type(AutoModel.from_pretrained("alignet/siglip2-b-native")).__name__ == "SiglipVisionModel"
