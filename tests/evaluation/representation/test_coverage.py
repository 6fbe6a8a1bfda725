import re

import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.coverage import left_out, require_classes, save_left_out
from alignet_hf.evaluation.representation.scores import Kinds
from alignet_hf.evaluation.representation.wordnet import Hierarchy

TABLE = {"ant": ("insect", "animal"), "bee": ("insect", "animal"), "cat": ("mammal", "animal"), "car": ("car", "thing")}
CATEGORIES = Categories.from_table(TABLE)
TREE = Hierarchy({"all": ()} | dict.fromkeys((*TABLE, "oak", "elm", "fir", "yew"), ("all",)))


def test_images_without_a_category_are_counted_and_the_scores_that_lack_them_named():
    labels = ["ant", "cat", "oak", "elm", "elm", "fir", "elm", "fir", "yew", "car"]
    in_table, in_tree = left_out(labels, Kinds(CATEGORIES, CATEGORIES)), left_out(labels, Kinds(TREE, CATEGORIES))
    for said in (in_table, in_tree):
        assert said.startswith(
            "7 of the 10 images have no category, those of 4 of the 7 classes (elm, fir, oak and 1 more; --out lists"
        )
    assert "agreement with the hierarchy" in in_table
    assert "agreement with the hierarchy" not in in_tree  # of which the trees are a part
    assert "dendrogram purity by category" in in_tree
    assert "--hierarchy does not have them" in in_table
    assert "basic categories, of animals, clothes, food, furniture, musical instruments, sports equipment, " in in_tree
    assert left_out(["ant", "car"], Kinds(CATEGORIES, CATEGORIES)) is None


def test_classes_without_a_category_are_listed_with_their_words(tmp_path):
    kinds = Kinds(CATEGORIES, CATEGORIES)
    labels = ["n02877765", "ant", "oak", "n02877765", "n15075141"]
    assert "(n02877765 bottlecap, n15075141 toilet tissue, oak; --out" in left_out(labels, kinds)
    save_left_out(labels, kinds, tmp_path / "all")
    listed = (tmp_path / "all" / "without_category.csv").read_text()
    assert listed == "class,name,images\nn02877765,bottlecap,2\nn15075141,toilet tissue,1\noak,,1\n"
    save_left_out(["ant", "car"], kinds, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_hierarchy_needs_four_of_the_classes():
    require_classes(Kinds(CATEGORIES, CATEGORIES), list(TABLE), "kinds.tsv")
    require_classes(Kinds(TREE, CATEGORIES), ["ant", "oak", "elm", "yew"], "wn")
    said = "kinds.tsv: 1 of the images' 3 classes are in it; oak is not; agreement with a hierarchy needs 4 at least"
    with pytest.raises(InputError, match=re.escape(said)):
        require_classes(Kinds(CATEGORIES, CATEGORIES), ["ant", "oak", "elm"], "kinds.tsv")
    with pytest.raises(InputError, match="3 of the images' 3 classes are in it; agreement"):
        require_classes(Kinds(TREE, CATEGORIES), ["ant", "oak", "elm"], "wn")
