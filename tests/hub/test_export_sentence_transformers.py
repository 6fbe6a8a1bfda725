import numpy as np
import pytest
from backbones import FAMILIES, run
from exports import IMAGES, run_readme, saved_model, tiny_processor
from transformers import AutoModel, ResNetConfig

from alignet_hf.errors import InputError
from alignet_hf.hub.export import export_sentence_transformers
from alignet_hf.modeling_alignet import AligNetVisionModel

sentence_transformers = pytest.importorskip("sentence_transformers", minversion="6.2")

CASES = [(family, "auto") for family in FAMILIES] + [("dinov2", "mean"), ("convnext", "mean"), ("siglip", "patch-mean")]


@pytest.mark.parametrize(("family", "pooling"), CASES)
def test_encode_gives_the_representation(family, pooling, tmp_path):
    model = saved_model(tmp_path / "model", family, pooling, projection_dim=5)
    inputs = tiny_processor(family)(images=IMAGES, return_tensors="pt")
    expected = run(model, inputs).pooler_output.numpy()
    opened = sentence_transformers.SentenceTransformer(
        str(export_sentence_transformers(tmp_path / "model", tmp_path / "out"))
    )
    encoded = opened.encode(IMAGES)
    np.testing.assert_allclose(encoded, expected, rtol=0, atol=1e-6)
    assert opened.get_embedding_dimension() == 32
    np.testing.assert_allclose(opened.similarity(encoded, encoded), expected @ expected.T, rtol=1e-5, atol=1e-5)


def test_what_it_saves_itself_opens_again(tmp_path):
    saved_model(tmp_path / "model", "vit", "mean")
    out = export_sentence_transformers(tmp_path / "model", tmp_path / "out")
    opened = sentence_transformers.SentenceTransformer(str(out))
    opened.save_pretrained(str(tmp_path / "again"), create_model_card=False)
    again = sentence_transformers.SentenceTransformer(str(tmp_path / "again"))
    np.testing.assert_array_equal(again.encode(IMAGES), opened.encode(IMAGES))
    for name in ("modules.json", "1_Pooling/config.json"):  # what it writes of the same modules itself
        for line in (out / name).read_text().splitlines():
            assert line.strip(" ,") in (tmp_path / "again" / name).read_text()


def test_half_precision_weights_take_float32_pixels(tmp_path):
    model = saved_model(tmp_path / "model", "swin").bfloat16()
    model.save_pretrained(tmp_path / "model")
    expected = run(model.float(), tiny_processor("swin")(images=IMAGES, return_tensors="pt")).pooler_output.numpy()
    out = export_sentence_transformers(tmp_path / "model", tmp_path / "out")
    encoded = sentence_transformers.SentenceTransformer(str(out)).encode(IMAGES)
    np.testing.assert_allclose(encoded, expected, rtol=0, atol=1e-6)


def test_the_readme_runs(tmp_path, monkeypatch):
    saved_model(tmp_path / "model", "clip", projection_dim=5)
    out = export_sentence_transformers(tmp_path / "model", tmp_path / "out")
    assert "triplet head" in (out / "README.md").read_text()
    assert run_readme(out, monkeypatch)["representation"].shape == (1, 32)


def test_a_pooled_map_is_refused(tmp_path):
    resnet = AutoModel.from_config(ResNetConfig(embedding_size=8, hidden_sizes=[8, 32], depths=[1, 1]))
    AligNetVisionModel.from_backbone(resnet).save_pretrained(tmp_path / "model")
    tiny_processor("resnet").save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match="pooled output of a resnet is a vector or a map is not known"):
        export_sentence_transformers(tmp_path / "model", tmp_path / "out")


@pytest.mark.parametrize(
    ("family", "pooling", "processor", "message"),
    [
        ("vit", "patch-mean", "native", "cannot leave tokens of images out of a mean"),
        ("vit", "cls+patch-mean", "native", "has no equal of pooling 'cls.patch-mean'"),
        ("siglip2", "mean", "native", "cannot leave tokens of images out of a mean"),
        ("vit", "auto", "alignet", "and the model has AligNetImageProcessor"),
        ("vit", "auto", None, "and the model has none"),
    ],
)
def test_what_its_modules_cannot_do(family, pooling, processor, message, tmp_path):
    saved_model(tmp_path / "model", family, pooling, processor=processor)
    with pytest.raises(InputError, match=message):
        export_sentence_transformers(tmp_path / "model", tmp_path / "out")
    assert not (tmp_path / "out").exists()
