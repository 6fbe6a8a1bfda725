"""training/README.md: every command parses as the real ones do, its Python runs, its numbers are those of --check."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from transformers import DeiTConfig, SiglipConfig

from alignet_hf import cli
from alignet_hf.architecture import architecture_of
from alignet_hf.recipe import Encoder
from alignet_hf.recipe_estimates import Sizes, estimate_stages
from alignet_hf.recipe_file import load_recipe

ROOT = Path(__file__).parents[2]
README = (ROOT / "training" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ {4}(\S.*)$", re.sub(r"```.*?```", "", README, flags=re.DOTALL), re.MULTILINE)


def parse(command: str) -> dict:
    """The options that the real parser reads out of a command; it exits where it does not know one."""
    program, *words = shlex.split(command)
    if program == "alignet-hf":
        group = typer.main.get_command(cli.app)
        context = group.make_context("alignet-hf", list(words))
        name, of_name, rest = group.resolve_command(context, list(words))
        return of_name.make_context(name, rest, parent=context).params
    assert (program, words[0]) == ("accelerate", "launch")
    launch = launch_command_parser().parse_args(words[1:])
    assert load_config_from_file(str(ROOT / launch.config_file)).num_processes
    spec = importlib.util.spec_from_file_location("training_distill", ROOT / launch.training_script)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return vars(script.arguments().parse_args(launch.training_script_args))


def test_the_way_is_whole():
    said = "\n".join(COMMANDS)
    for step in ("pip install", "alignet-hf vice", "--check", "accelerate launch", "evaluate", "card", "push"):
        assert step in said
    assert "alignet/vit-b" in said


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith(("alignet-hf", "accelerate"))])
def test_a_command_parses(command):
    given = parse(command)
    if "recipe" in given:
        overrides = given.get("set_") or given.get("set") or []
        load_recipe(ROOT / given["recipe"], [word for word in overrides if not word.endswith("...")])


@pytest.mark.parametrize("command", ["alignet-hf run x.yaml --chekc", "alignet-hf vice a b --name c"])
def test_a_wrong_option_does_not_parse(command):
    with pytest.raises(Exception, match="No such option"):
        parse(command)


def test_the_other_commands_are_those_of_any_system():
    rest = {one.split()[0] for one in COMMANDS if not one.startswith(("alignet-hf", "accelerate"))}
    assert rest == {"pip", "cp"}


def test_files_and_overrides_that_the_text_names_exist():
    for name in re.findall(r"`(accelerate/\w+\.yaml)`", README):
        assert (ROOT / "training" / name).is_file()
    for override in re.findall(r"--set ([a-z.]+_?[a-z_]*=[^\s`)]+)", README):
        if not override.endswith(("...", "`")):
            load_recipe(ROOT / "training" / "recipes" / "vit-b.yaml", [override])


def test_the_python_writes_which_photograph_shows_which_concept(tmp_path, monkeypatch):
    things = tmp_path / "data" / "things"
    things.mkdir(parents=True)
    (things / "things_concepts.tsv").write_text("Word\tuniqueID\naardvark\taardvark\nbat\tbat1\n")
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(snippet, "README.md", "exec"), {})
    assert (things / "photos.tsv").read_text() == "concept_index\tphoto\n0\taardvark_01b.jpg\n1\tbat1_01b.jpg\n"


def test_what_it_says_a_run_takes_is_what_check_estimates(tmp_path):
    vision = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
    SiglipConfig(vision_config={**vision, "image_size": 384, "patch_size": 14}).save_pretrained(tmp_path / "teacher")
    DeiTConfig().save_pretrained(tmp_path / "student")
    teacher, student = (architecture_of(Encoder(model=str(tmp_path / name)), 1024) for name in ("teacher", "student"))
    # The names are ImageNet's: n01440764_10026.JPEG, 20.6 characters on average.
    sizes = Sizes(judged=1854, extra=1281167, name_bytes=20.6, teacher=teacher, student=student, processes=8)
    recipe = load_recipe(ROOT / "training" / "recipes" / "vit-b.yaml", ["images.cache=somewhere"])
    stages = {stage.stage: stage for stage in estimate_stages(recipe, sizes)}
    gigabytes = {
        "embeddings 3 GB": stages["teacher"].disk,
        "triplets 2.1 GB": stages["triplets"].disk,
        "two students 0.7 GB": stages["alignet"].disk + stages["unalignet"].disk,
        "a cache 193 GB": stages["cache"].disk,
        "checkpoints 2.8 GB": stages["alignet"].scratch,
        "13 GB for 192 images": stages["alignet"].accelerator,
        "aligned embeddings 5.9 GB": stages["triplets"].scratch,
        "0.7 GB for clusters": stages["clusters"].memory,
        "0.4 GB for triplets": stages["triplets"].memory,
        "1 GB in each process": stages["alignet"].memory,
    }
    for words, size in gigabytes.items():
        assert words in README
        said = float(re.search(r"[\d.]+(?= GB)", words)[0])
        assert said == pytest.approx(size / 1e9, rel=0.08), words
    assert stages["alignet"].forwards == pytest.approx(153e6, rel=0.01)


def test_the_operations_of_a_forward():
    """The formula that the text gives, for the sizes that it names."""

    def teraflop(n, depth, w, m):
        return (2 * n * depth * (4 * w**2 + 2 * w * m) + 4 * depth * n**2 * w) / 1e12

    said = {"0.67": teraflop(729, 27, 1152, 4304), "0.027": 3 * teraflop(197, 12, 384, 1536)}
    said |= {"0.105": 3 * teraflop(197, 12, 768, 3072), "0.37": 3 * teraflop(197, 24, 1024, 4096)}
    for number, computed in said.items():
        assert number in README
        assert float(number) == pytest.approx(computed, rel=0.02)
    hours = {"1.15": 0.027, "4.5": 0.105, "16": 0.37}
    for number, each in hours.items():  # 1,536 images a step
        assert float(number) == pytest.approx(153.6e6 * each / 1000 / 3600, rel=0.04)
