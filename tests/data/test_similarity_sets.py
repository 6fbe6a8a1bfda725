"""The paper's sets of similarity judgments; of those that cannot be passed on, matrices of their size stand in."""

import numpy as np
import pytest
from scipy.io import savemat

from alignet_hf.data.similarity_sets import (
    PETERSON_COARSE,
    PETERSON_FINE,
    load_multi_arrangement_set,
    load_objects92,
    load_peterson,
)
from alignet_hf.demo import objects92
from alignet_hf.errors import InputError


def stand_in(n: int, seed: int = 0) -> np.ndarray:
    matrix = np.random.default_rng(seed).random((n, n))
    return (matrix + matrix.T) * (1 - np.eye(n))


def test_the_embedded_objects_are_named_after_their_photographs():
    people = load_objects92()
    assert people.matrices.shape == (16, 92, 92)
    assert list(people.names) == [path.name for path in sorted((objects92.FOLDER / "images").glob("*.jpg"))]


@pytest.mark.parametrize(("name", "n"), [("cichy2019", 118), ("king2019", 144)])
def test_a_multi_arrangement_set_needs_its_size_and_its_names(tmp_path, name, n):
    path, names = tmp_path / "rdm.mat", [f"{number}.jpg" for number in range(n)]
    savemat(path, {"rdm": stand_in(n)})
    with pytest.raises(InputError, match=r"rdm\.mat: does not name its stimuli; .* into rdm\.txt"):
        load_multi_arrangement_set(name, path)
    people = load_multi_arrangement_set(name, path, names=names)
    (tmp_path / "rdm.txt").write_text("\n".join(names))
    from_text = load_multi_arrangement_set(name, path)
    assert people.names == from_text.names == tuple(names)
    np.testing.assert_array_equal(people.matrices[0], stand_in(n))
    savemat(path, {"rdm": stand_in(n - 1)})
    with pytest.raises(InputError, match=f"holds {n - 1} stimuli; {name} has {n}"):
        load_multi_arrangement_set(name, path, names=names[1:])


def test_peterson_has_six_categories_of_similarities(tmp_path):
    categories = (PETERSON_COARSE, *PETERSON_FINE)
    for seed, category in enumerate(categories):
        names = [f"{category}{number}.png" for number in range(120)]
        np.savez(tmp_path / f"{category}.npz", simMatrix=10 * np.eye(120) + stand_in(120, seed), names=names)
    sets = load_peterson(tmp_path)
    assert tuple(sets) == categories
    for seed, (category, people) in enumerate(sets.items()):
        assert people.names[7] == f"{category}7.png"
        similarities = stand_in(120, seed)
        np.testing.assert_allclose(people.matrices[0, 0, 1:], similarities.max() - similarities[0, 1:])
    (tmp_path / "fruits.npz").rename(tmp_path / "fruit.npz")
    with pytest.raises(InputError, match=r"one file fruits \(.*\) is needed; found none"):
        load_peterson(tmp_path)


def test_peterson_s_files_may_hold_several_arrays_or_upper_triangles(tmp_path):
    rng = np.random.default_rng(0)
    for category in ("various", "animals", "automobiles", "fruits", "furniture", "vegetables"):
        pairs = rng.uniform(0, 10, 120 * 119 // 2)
        names = [f"{category} {n}" for n in range(120)]
        np.savez(tmp_path / f"{category}.npz", judged=pairs, count=np.arange(3), names=names)
    sets = load_peterson(tmp_path, key="judged", condensed=True)
    assert sets["fruits"].n_objects == 120
    with pytest.raises(InputError, match=r"holds judged, count; name the one to read \(key=, or --key\)"):
        load_peterson(tmp_path)
