"""What the suite notes of the data before anything is embedded."""

import numpy as np
import pytest
from PIL import Image

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.evaluation.labelled_data import LabelledData
from alignet_hf.evaluation.vision.options import VisionOptions
from alignet_hf.evaluation.vision.suite import VisionSuite
from alignet_hf.evaluation.vision.superclass_tasks import LIVING17
from alignet_hf.evaluation.vision.wanted import Wanted


@pytest.fixture
def photos(tmp_path):
    """Three images to learn from and one to test on, of four classes of ImageNet for each superclass of living17."""
    rng, wnids = np.random.default_rng(0), list(imagenet_classes())[: 4 * len(LIVING17)]
    for split, n in (("train", 3), ("test", 1)):
        for wnid in wnids:
            folder = tmp_path / "photos" / split / wnid
            folder.mkdir(parents=True)
            for number in range(n):
                Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{number}.png")
    edges = [(node, wnid) for row, node in enumerate(LIVING17) for wnid in wnids[4 * row : 4 * row + 4]]
    (tmp_path / "like_wordnet").mkdir()
    (tmp_path / "like_wordnet" / "class_hierarchy.txt").write_text("".join(f"{a} {b}\n" for a, b in edges))
    return tmp_path


def test_tasks_of_breeds_that_a_hierarchy_does_not_give_are_noted(photos):
    data = LabelledData(f"{photos / 'photos'},split=train", f"{photos / 'photos'},split=test")
    for breeds, notes in (
        (None, []),
        (
            str(photos / "like_wordnet"),
            [
                f"--breeds {photos / 'like_wordnet'}: living17 alone; entity13, entity30, nonliving26 are levels of "
                "the hierarchy of BREEDS' authors, which their class_hierarchy.txt holds"
            ],
        ),
    ):
        noted = []
        VisionSuite(data, Wanted(breeds=breeds), VisionOptions(shots=(1,)), print).read(noted.append)
        assert noted == notes
