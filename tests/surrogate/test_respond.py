import numpy as np
import pytest

from alignet_hf.data.alignet import load_alignet, save_alignet
from alignet_hf.errors import InputError
from alignet_hf.surrogate import respond as module
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.respond import respond

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(12, 5)).astype(np.float32)
TRIPLETS = np.stack([RNG.permutation(12)[:3] for _ in range(40)])
NAMES = [f"{row}.jpg" for row in range(12)]


def test_each_row_against_the_definition():
    answers = respond(EMBEDDINGS, TRIPLETS, NAMES)
    for asked, (i, j, k), found, names in zip(
        TRIPLETS, answers["indices"], answers["similarities"], answers["filenames"], strict=True
    ):
        assert {i, j, k} == set(asked.tolist())
        expected = [EMBEDDINGS[a] @ EMBEDDINGS[b] for a, b in ((i, j), (i, k), (j, k))]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert found[0] == max(found)  # so k, the last, is the odd one out
        assert names == [f"{i}.jpg", f"{j}.jpg", f"{k}.jpg"]


def test_blocks_make_no_difference(monkeypatch):
    whole = respond(EMBEDDINGS, TRIPLETS)
    monkeypatch.setattr(module, "_NUMBERS_PER_BLOCK", 35)  # 7 triplets
    assert respond(EMBEDDINGS, TRIPLETS).to_list() == whole.to_list()


def test_memory_mapped_and_half_precision_embeddings(tmp_path):
    half = Embeddings(EMBEDDINGS.astype(np.float16))
    mapped = Embeddings.from_pretrained(half.save_pretrained(tmp_path))
    expected = respond(EMBEDDINGS.astype(np.float16).astype(np.float32), TRIPLETS)
    assert respond(mapped, TRIPLETS).to_list() == expected.to_list()


def test_answers_are_a_data_set_that_can_be_saved(tmp_path):
    answers = respond(EMBEDDINGS, TRIPLETS, NAMES)
    assert load_alignet(save_alignet(answers, tmp_path)).to_list() == answers.to_list()


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"row 2 is out of range: \[0, 1, 12\]; there are 12 items"):
        respond(EMBEDDINGS, [[0, 1, 2], [3, 4, 5], [0, 1, 12]])
    with pytest.raises(InputError, match=r"row 1 names an item twice"):
        respond(EMBEDDINGS, [[0, 1, 2], [3, 4, 3]])
    with pytest.raises(InputError, match="11 names for 12 embeddings"):
        respond(EMBEDDINGS, TRIPLETS, NAMES[1:])
    bad = EMBEDDINGS.copy()
    bad[4, 0] = np.inf
    with pytest.raises(InputError, match="row 4 holds inf"):
        respond(bad, TRIPLETS)
