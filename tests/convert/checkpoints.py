"""Checkpoints in the formats that are converted, from the fixtures, and the outputs that they must give."""

import tarfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

FIXTURES = Path(__file__).with_name("fixtures")
NAME = "SigLIP2-B-alignet"
ARCHIVE = FIXTURES / "siglip2-b-alignet" / f"{NAME}.tar.gz"


def archive_of(fixture: str, path: Path, leave_out: str = "") -> Path:
    """A .tar.gz of a fixture's SavedModel, less its graph.

    Args:
        leave_out: a part of the names of files that it shall not have.
    """
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted((FIXTURES / fixture / "variables").iterdir()):
            if not leave_out or leave_out not in file.name:
                archive.add(file, f"model/variables/{file.name}")
    return path


def assert_answers_like(folder: Path, fixture: str, atol: float = 1e-5) -> None:
    """Both models of a converted folder give the fixture's outputs."""
    expected = load_file(FIXTURES / fixture / "expected.safetensors")
    images = expected["images"].permute(0, 3, 1, 2)  # (B, S, S, 3) -> (B, 3, S, S)
    model = AligNetVisionModel.from_pretrained(folder).eval()
    classifier = AligNetForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        outputs, logits = model(images), classifier(images).logits
    torch.testing.assert_close(outputs.pooler_output, expected["pre_logits"], rtol=0, atol=atol)
    torch.testing.assert_close(outputs.triplet_embeds, expected["triplet_logits"], rtol=0, atol=atol)
    torch.testing.assert_close(logits, expected["i1k_logits"], rtol=0, atol=atol)
