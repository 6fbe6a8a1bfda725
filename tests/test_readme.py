"""The README's Python runs as it stands, and its commands exist."""

import re
import shutil
from pathlib import Path

import pytest
from backbones import tiny_backbone
from transformers import BitImageProcessorPil

import alignet_hf
from alignet_hf import AligNetVisionModel, cli
from alignet_hf.recipe_file import load_recipe, missing_files

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippets_run_after_the_demo(snippet, tmp_path, monkeypatch):
    """A tiny student stands where the demo leaves its own."""
    shutil.copytree(Path(alignet_hf.__file__).parent / "demo", tmp_path / "alignet_hf" / "demo")
    AligNetVisionModel.from_backbone(tiny_backbone("dinov2")).save_pretrained(tmp_path / "alignet-demo" / "student")
    processor = BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False)
    processor.save_pretrained(tmp_path / "alignet-demo" / "student")
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {})


def test_its_recipe_can_be_run(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "my-images.yaml").write_text(text)
    recipe = load_recipe(tmp_path / "my-images.yaml", [f"images.extra={ROOT / 'alignet_hf/demo/objects92/images'}"])
    assert missing_files(recipe) == {}


def test_commands_exist():
    commands = {command.callback.__name__.replace("_", "-") for command in cli.app.registered_commands}
    named = set(re.findall(r"alignet-hf ([a-z]+(?:-[a-z]+)?)", README))
    assert named
    assert named <= commands
    assert all(f"`{command}`" in README or f"alignet-hf {command}" in README for command in commands)
