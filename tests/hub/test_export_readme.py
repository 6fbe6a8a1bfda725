"""An export's README says what the model is, and where it is from, as its record has it; the record goes with it."""

import pytest
from exports import saved_model
from huggingface_hub import ModelCard

from alignet_hf.hub.alignment import FILE, Alignment
from alignet_hf.hub.base_model import base_of
from alignet_hf.hub.export import export_native, export_onnx, export_sentence_transformers, export_timm
from alignet_hf.modeling_alignet import AligNetVisionModel

PRAISE = "aligned with human similarity judgments"
SOURCE = {"checkpoint": "ViT-B-x", "file": "ViT-B-x.tar.gz", "size": 49278, "sha256": "c0ffee", "read as": "vit: a|b"}
LICENSE = {"license": "other", "license_name": "theirs", "license_link": "https://example.org/license"}


def model_with(folder, family="vit", processor="native", **known):
    saved_model(folder, family, processor=processor)
    if known:
        Alignment(base="ViT-B of the authors' release", source=SOURCE, **LICENSE, **known).write(folder)
    return folder


@pytest.mark.parametrize(
    ("setting", "says", "never"),
    [
        ("alignet", [f"# Vision encoder {PRAISE}", "16 people who", "@article{muttenthaler2025"], ["control"]),
        ("unalignet", ["a control, not a better encoder", "not aligned with people"], [PRAISE, "human-alignment"]),
        ("original", ["as it was before any alignment: not aligned with people"], [PRAISE, "human-alignment"]),
        (None, ["whether it was aligned with people is not recorded"], [PRAISE, "human-alignment", "muttenthaler2025"]),
    ],
)
@pytest.mark.parametrize("write", [export_native, export_timm, export_onnx, export_sentence_transformers])
def test_every_export_says_which_variant_it_is_and_of_which_file(tmp_path, write, setting, says, never):
    people = "16 people who arranged objects" if setting == "alignet" else None
    out = write(model_with(tmp_path / "model", setting=setting, people=people), tmp_path / "out")
    card = ModelCard.load(out / "README.md")
    assert {key: card.data.get(key) for key in LICENSE} == LICENSE
    for text in (*says, "| checkpoint | ViT-B-x |", "| its size | 49,278 bytes |", "| its sha256 | c0ffee |", "a\\|b"):
        assert text in card.content
    for text in never:
        assert text not in card.content
    assert Alignment.read(out) == Alignment.read(tmp_path / "model")


def test_a_model_without_a_record_is_not_called_aligned(tmp_path):
    out = export_native(model_with(tmp_path / "model"), tmp_path / "out")
    text = (out / "README.md").read_text()
    assert "# Vision encoder\n" in text
    assert PRAISE not in text
    assert "## How it was made" not in text
    assert not (out / FILE).exists()


@pytest.mark.parametrize("processor", ["native", "alignet", None])
def test_timm_s_card_does_not_contradict_itself(tmp_path, processor):
    text = (
        export_timm(model_with(tmp_path / "model", processor=processor), tmp_path / "out") / "README.md"
    ).read_text()
    assert ("are configured too" in text) == (processor == "native")
    assert ("none of timm's transforms does" in text) == (processor == "alignet")


def test_a_model_that_begins_as_an_export_keeps_its_record(tmp_path):
    out = export_native(model_with(tmp_path / "model", setting="alignet", people="16 people"), tmp_path / "out")
    base = base_of(AligNetVisionModel.from_backbone(str(out)))
    assert base.base == "ViT-B-x (already aligned with people)"
    assert base.base_made["sha256"] == "c0ffee"
    assert base.license_name == "theirs"
