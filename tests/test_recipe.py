"""Recipes: the shipped ones are right, and no section takes what it does not know."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.recipe import Recipe
from alignet_hf.recipe_file import load_recipe

RECIPES = [RECIPE, *sorted((Path(__file__).parents[1] / "training" / "recipes").glob("*.yaml"))]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load_and_survive_a_round_trip(path, tmp_path):
    recipe = load_recipe(path)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    assert load_recipe(tmp_path / "again.yaml") == recipe


@pytest.mark.parametrize(
    "path", [path for path in RECIPES if "released code" in path.read_text()], ids=lambda path: path.stem
)
def test_every_number_and_choice_of_the_paper_s_recipes_says_where_it_comes_from(path):
    chosen = re.compile(r"\s*(?!name|people|license|model)\w+: +(\d\S*|\[.*\]|[a-z][a-z0-9-]*)(\s+#.*)?$")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if chosen.match(line)]
    assert len(lines) >= 15
    for line in lines:
        assert re.search(r"# .*(paper|released|gLocal|ours)", line), line


def test_a_cache_needs_a_student():
    with pytest.raises(InputError, match=r"images\.cache is for a student, and there is none"):
        load_recipe(RECIPE.parents[2] / "training/recipes/siglip-so400m.yaml", ["images.cache=folder"])


def test_no_section_allows_unknown_keys():
    kinds = [kind for field in Recipe.model_fields.values() for kind in (field.annotation, *get_args(field.annotation))]
    sections = [Recipe, *(kind for kind in kinds if hasattr(kind, "model_fields"))]
    assert len(sections) == 11
    assert all(section.model_config["extra"] == "forbid" for section in sections)
