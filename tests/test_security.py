"""What a file from elsewhere, or a look over the shoulder, must never get; read off the package's own text."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
from backbones import tiny_backbone

import alignet_hf
from alignet_hf import cli
from alignet_hf.hub.models import CODE_FILES
from alignet_hf.modeling_alignet import AligNetVisionModel

PACKAGE = Path(alignet_hf.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
FILE_OR_NETWORK_MODULES = {
    "builtins", "ftplib", "glob", "http", "httpx", "httpx2", "huggingface_hub", "importlib", "io", "os", "pathlib",
    "pickle", "requests", "runpy", "shutil", "socket", "ssl", "subprocess", "sys", "tempfile", "urllib", "ctypes",
}  # fmt: skip
FILE_OR_CODE_CALLS = {"open", "exec", "eval", "compile", "__import__", "input", "breakpoint"}


def calls(path: Path):
    """Every call of a file: its dotted name and its node."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imports(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports, relative ones left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def keywords(call: ast.Call) -> dict[str, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg}


@pytest.mark.parametrize("name", CODE_FILES)
def test_code_that_goes_into_a_repository_touches_no_file_and_no_network(name):
    path = PACKAGE / name
    modules = imports(path)
    assert not modules & FILE_OR_NETWORK_MODULES - {"huggingface_hub"}
    if "huggingface_hub" in modules:  # its decorator that makes a dataclass strict, and nothing that downloads
        tree = ast.parse(path.read_text())
        taken = [
            node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "huggingface" in str(node.module)
        ]
        assert {(node.module, alias.name) for node in taken for alias in node.names} == {
            ("huggingface_hub.dataclasses", "strict")
        }
    assert modules - {"alignet_hf"} <= {"dataclasses", "functools", "huggingface_hub", "numpy", "torch", "transformers"}
    # What downloads is asked of the package, where that is installed and one method is called.
    of_us = {"from_released": "alignet_hf.convert.converting"} if name == "modeling_alignet.py" else {}
    assert {
        function.name: node.module
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.startswith("alignet_hf")
    } == of_us
    assert sum(line.strip().startswith(("import alignet_hf", "from alignet_hf")) for line in path.open()) == len(of_us)
    names = {call.split(".")[-1] for call, _ in calls(path)}
    assert not names & (FILE_OR_CODE_CALLS | {"load", "read_text", "write_text", "load_state_dict_from_url", "save"})


def test_nothing_is_pickled_and_nothing_pickled_is_run():
    for path in FILES:
        assert not imports(path) & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}, path
        for name, call in calls(path):
            given = keywords(call)
            if name == "torch.load":
                assert given.get("weights_only") == "True", path
            assert name != "torch.save", path
            assert given.get("allow_pickle", "False") == "False", path


def test_arrays_are_never_loaded_with_numpy_s_pickles():
    loads = [call for path in FILES for name, call in calls(path) if name == "np.load"]
    assert loads
    assert all(keywords(call).get("allow_pickle") == "False" for call in loads)


def test_yaml_is_read_safely():
    for path in FILES:
        for name, _ in calls(path):
            assert name not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"), path


def test_remote_code_is_never_run_by_itself():
    for path in FILES:
        for _, call in calls(path):
            assert keywords(call).get("trust_remote_code", "False") == "False", path


def test_no_command_takes_a_token_that_a_process_list_would_show():
    commands = typer.main.get_command(cli.app).commands
    assert {"push", "card", "export", "push-metrics"} <= set(commands)
    for command in commands.values():
        for parameter in command.params:
            assert "token" not in parameter.name


def test_a_token_is_no_part_of_what_a_command_prints(tmp_path):
    """The Hub is not there: the message of that, with the token in the environment, on both streams."""
    secret = "hf_ThisMustNotBeSeenAnywhere0123"
    (tmp_path / "config.json").write_text("{}")
    result = subprocess.run(
        [sys.executable, "-m", "alignet_hf", "push", str(tmp_path), "owner/name"],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": "/usr/bin",
            "HF_TOKEN": secret,
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HOME": str(tmp_path / "home"),
        },
    )
    assert result.returncode == 2
    assert "not pushed" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert secret not in result.stdout + result.stderr


@pytest.mark.parametrize("load", [AligNetVisionModel.from_pretrained, AligNetVisionModel.from_backbone])
def test_weights_that_are_a_pickle_are_not_loaded(tmp_path, load):
    model = AligNetVisionModel.from_backbone(tiny_backbone("vit"))
    saved = model if load == AligNetVisionModel.from_pretrained else model.backbone
    saved.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(saved.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load(tmp_path)
