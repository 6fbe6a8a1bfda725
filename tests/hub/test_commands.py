"""card, export and push as a user calls them: what they print, and one line where something is wrong."""

import numpy as np
import pytest
from aligned_folders import aligned_folder, record
from huggingface_hub import ModelCard
from transformers import AutoImageProcessor, AutoModel

from alignet_hf.data.alignet import load_alignet, save_alignet, triplet_dataset
from alignet_hf.hub.push import files_to_push
from alignet_hf.output_folder import working_in
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.vice import Vice

REPO = "alignet/thing"


@pytest.fixture
def folder(tmp_path):
    return aligned_folder(tmp_path / "student", alignment=record())


@pytest.fixture
def logged_in(small_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", small_hub.token)
    return small_hub


def test_card_writes_one_and_says_what_is_missing(call, folder):
    (folder / "README.md").unlink()
    code, out, _ = call("card", folder, "--name", "alignet/mine")
    assert (code, out) == (0, f"{folder / 'README.md'}\n")
    assert "# alignet/mine" in ModelCard.load(folder / "README.md").content
    (folder / "alignment.json").unlink()
    code, out, _ = call("card", folder)
    assert code == 0
    assert "left out: the licence" in out


def test_card_keeps_what_somebody_wrote(call, folder):
    (folder / "README.md").write_text("# Mine\n")
    code, _, error = call("card", folder)
    assert code == 2
    assert "was not written by alignet-hf; --force replaces it" in error
    assert (folder / "README.md").read_text() == "# Mine\n"
    assert call("card", folder, "--force")[0] == 0
    assert "# student" in (folder / "README.md").read_text()


def test_card_of_no_model_is_one_line(call, tmp_path):
    code, _, error = call("card", tmp_path)
    assert code == 2
    assert "no model here" in error
    assert not list(tmp_path.iterdir())  # nothing half written


def test_export_is_native_by_default_and_one_format_at_a_time(call, folder, tmp_path):
    code, out, _ = call("export", folder, tmp_path / "plain")
    assert (code, out.strip()) == (0, str(tmp_path / "plain"))
    assert type(AutoModel.from_pretrained(tmp_path / "plain")).__name__ == "Dinov2Model"
    AutoImageProcessor.from_pretrained(tmp_path / "plain")
    code, _, error = call("export", folder, tmp_path / "both", "--timm", "--onnx")
    assert code == 2
    assert "--timm and --onnx: one format a folder" in error
    assert not (tmp_path / "both").exists()


def test_push_of_a_model(call, folder, logged_in):
    code, out, _ = call("push", folder, REPO, "--private", "--message", "First")
    assert code == 0
    assert out.strip().startswith(logged_in.url)
    assert logged_in.commits(REPO)[0] == "First"
    assert f'"{REPO}"' in logged_in.files(REPO)["README.md"].decode()
    code, out, _ = call("push", folder, REPO, "--revision", "next")
    assert code == 0
    assert set(logged_in.files(REPO, revision="next")) == set(logged_in.files(REPO))


def test_push_of_triplets_and_of_a_transform(call, logged_in, tmp_path):
    rows = triplet_dataset(np.array([[0, 1, 2]]), np.array([[3.0, 2.0, 1.0]]))
    save_alignet(rows, tmp_path / "triplets")
    assert call("push", tmp_path / "triplets", "alignet/triplets")[0] == 0
    assert load_alignet("alignet/triplets")[0]["indices"] == [0, 1, 2]
    transform = UncertaintyDistillation(*_identity(3))
    transform.save_pretrained(tmp_path / "surrogate")
    assert call("push", tmp_path / "surrogate", "alignet/ud")[0] == 0
    assert UncertaintyDistillation.from_pretrained("alignet/ud").weight.tolist() == transform.weight.tolist()


def test_push_of_a_vice_posterior(call, logged_in, tmp_path):
    scale = np.full((5, 2), 0.5, np.float32)
    posterior = Vice(np.arange(10, dtype=np.float32).reshape(5, 2), scale, k=1, fdr=0.05)
    posterior.save_pretrained(tmp_path / "vice")
    assert call("push", tmp_path / "vice", "alignet/vice")[0] == 0
    assert Vice.from_pretrained("alignet/vice").mean.tolist() == posterior.mean.tolist()
    posterior.push_to_hub("alignet/vice-2")
    assert logged_in.commits("alignet/vice-2")[0] == "Upload vice"


def test_push_of_a_run_s_folder_says_what_to_name(call, tmp_path, logged_in):
    (tmp_path / "metrics.json").write_text("{}")
    code, _, error = call("push", tmp_path, REPO)
    assert code == 2
    assert "neither a model (config.json) nor a data set (*.parquet)" in error


def test_push_metrics_prints_their_addresses(call, logged_in):
    code, out, _ = call("push-metrics", "alignet")
    assert code == 0
    assert len(out.split()) == 5
    assert "triplet_kl.py" in logged_in.files("alignet/triplet_kl", "space")


def _identity(n: int):
    return np.eye(n, dtype=np.float32), np.zeros(n, np.float32), 0.0, 1.0


def test_card_and_export_keep_out_of_a_folder_at_work(call, folder, tmp_path):
    plain, card = tmp_path / "plain", (folder / "README.md").read_bytes()
    with working_in(folder), working_in(plain):
        for command in (("card", folder, "--name", "another"), ("export", folder, plain)):
            code, out, error = call(*command)
            assert (code, out) == (2, "")
            assert "another process works in this folder" in error
    assert (folder / "README.md").read_bytes() == card
    assert [path.name for path in plain.iterdir()] == [".lock"]
    for _ in range(2):
        assert call("export", folder, plain)[0] == 0
    assert call("card", folder)[0] == 0
    assert (folder / ".lock").exists()
    assert ".lock" not in map(str, files_to_push(folder))
