import numpy as np
import pytest
import torch

from alignet_hf.data.alignet import load_alignet, save_alignet
from alignet_hf.errors import InputError
from alignet_hf.surrogate import respond as module
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.respond import respond, save_responses
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.views import EmbeddingsView
from alignet_hf.triplets import odd_one_last, triplet_similarities

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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_many_triplets_against_the_plain_loop(dtype, monkeypatch):
    monkeypatch.setattr(module, "_TRIPLETS_PER_BLOCK", 300)
    embeddings = RNG.normal(size=(200, 37)).astype(dtype)
    asked = np.stack([RNG.permutation(200)[:3] for _ in range(1000)])
    expected = odd_one_last(asked, triplet_similarities(embeddings.astype(np.float64), asked))
    for layout in (embeddings, np.asfortranarray(embeddings)):
        answers = respond(layout, asked).with_format("numpy")[:]
        np.testing.assert_array_equal(answers["indices"], expected[0])
        np.testing.assert_allclose(answers["similarities"], expected[1], rtol=1e-5, atol=1e-5)


def test_the_first_of_equal_similarities_wins():
    embeddings = np.ones((4, 3), np.float16)
    assert respond(embeddings, [[2, 0, 3], [3, 2, 1]])["indices"][:] == [[2, 0, 3], [3, 2, 1]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_blocks_make_no_difference(dtype, monkeypatch):
    whole = respond(EMBEDDINGS.astype(dtype), TRIPLETS)
    monkeypatch.setattr(module, "_TRIPLETS_PER_BLOCK", 9)
    monkeypatch.setattr(module, "_TRIPLETS_GATHERED", 4)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 5)
    assert respond(EMBEDDINGS.astype(dtype), TRIPLETS).to_list() == whole.to_list()


def test_a_view_is_answered_like_the_array_it_stands_for(monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 5)
    transform = UncertaintyDistillation(RNG.normal(size=(5, 5)).astype(np.float32), np.zeros(5, np.float32), 0.1, 2.0)
    some = TRIPLETS[(TRIPLETS != 7).all(1)]  # so that not all rows are named
    answers, expected = (respond(each(EMBEDDINGS), some) for each in (transform.view, transform.transform))
    np.testing.assert_array_equal(answers["indices"], expected["indices"])
    np.testing.assert_allclose(answers["similarities"], expected["similarities"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("names", [None, NAMES])
def test_saved_while_answering(names, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TRIPLETS_PER_BLOCK", 9)
    view = EmbeddingsView(EMBEDDINGS.astype(np.float16))
    folder = save_responses(view, TRIPLETS, tmp_path, "valid", names, sampling="random", progress=False)
    expected = respond(EMBEDDINGS.astype(np.float16), TRIPLETS, names)
    assert load_alignet(folder, "valid").to_list() == expected.to_list()
    assert "| sampling | random |" in (folder / "README.md").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "valid.parquet"]


def test_torch_keeps_its_threads():
    before = torch.get_num_threads()
    respond(EMBEDDINGS, TRIPLETS)
    assert torch.get_num_threads() == before


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
