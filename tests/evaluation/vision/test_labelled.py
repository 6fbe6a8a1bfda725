import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings


def labelled(embeddings, labels=(0, 1, 1)):
    return LabelledEmbeddings(np.asarray(embeddings), np.array(labels), ("cat", "dog"), ["a", "b", "c"])


def test_rows_keep_their_labels_and_names():
    some = labelled(np.eye(3)).of_rows(np.array([2, 0]))
    assert some.names == ["c", "a"]
    assert some.labels.tolist() == [1, 0]
    assert some.embeddings.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert len(some) == 2


@pytest.mark.parametrize(
    ("embeddings", "labels", "said"),
    [
        (np.eye(3)[:2], (0, 1, 1), "2 embeddings, 3 labels"),
        (np.eye(3), (0, 2, 1), "b: class 2, where there are 2"),
        (np.diag([1, 1, np.nan]), (0, 1, 1), "c: its embedding is not finite"),
        (np.zeros((3, 1, 1)), (0, 1, 1), "a row an image"),
    ],
)
def test_what_does_not_fit_is_named(embeddings, labels, said):
    with pytest.raises(InputError, match=said):
        labelled(embeddings, labels)
