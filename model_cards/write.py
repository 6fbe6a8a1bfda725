"""Write every card here, from its recipe or from what a data set's authors say: python model_cards/write.py"""

import sys
from pathlib import Path

from alignet_hf.hub.suite import dataset_card, recipe_card
from alignet_hf.recipe_file import load_recipe

HERE = Path(__file__).parent
RECIPES = HERE.parent / "training" / "recipes"
STUDENTS = ["vit-s", "vit-b", "vit-l", "cappa-b", "dinov1-b", "dinov2-b", "siglip-b", "siglip2-b", "clip-b"]
SUITE = [*STUDENTS, "siglip-so400m"]
COMMAND = "`python model_cards/write.py`"


def cards() -> dict[Path, str]:
    """Every card's path and text."""
    models = {HERE / f"{name}.md": recipe_card(load_recipe(RECIPES / f"{name}.yaml"), COMMAND) for name in SUITE}
    data = {path.with_suffix(".md"): dataset_card(path, COMMAND) for path in sorted((HERE / "datasets").glob("*.yaml"))}
    return models | data


if __name__ == "__main__":
    for path, text in cards().items():
        path.write_text(text, encoding="utf-8")
        print(path, file=sys.stderr)
