"""Reading a recipe's file: YAML, `--set` values over it, and one line for what is wrong or missing there."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from alignet_hf.errors import InputError
from alignet_hf.recipe import EMBEDDED, Recipe


def load_recipe(path: str | Path, overrides: tuple[str, ...] | list[str] = ()) -> Recipe:
    """Read a recipe and put `--set` values over it.

    Args:
        path: a YAML file.
        overrides: "section.key=value", the value read as YAML.

    Raises:
        InputError: naming the key and what is allowed there.
    """
    content = read_recipe(path)
    if "sweep" in content:
        raise InputError(f"{path}: has a section sweep, of many runs: alignet-hf sweep {path} --out FOLDER")
    put_overrides(content, overrides)
    return recipe_of(content, path)


def put_overrides(content: dict, overrides: tuple[str, ...] | list[str]) -> None:
    """Put `--set` values over what a recipe's file says."""
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InputError(f"--set {override}: expected section.key=value")
        put(content, key.strip(), parse_yaml(value, f"--set {override}"), f"--set {override}")


def read_recipe(path: str | Path) -> dict:
    """What a recipe's file says, not yet looked at.

    Raises:
        InputError: not a file with a mapping in YAML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a recipe ({getattr(error, 'strerror', error)})") from error
    content = parse_yaml(text, str(path))
    if not isinstance(content, dict):
        raise InputError(f"{path}: a recipe is a mapping of sections ({', '.join(Recipe.model_fields)})")
    return content


def recipe_of(content: dict, path: str | Path) -> Recipe:
    """The recipe that a file's content is.

    Raises:
        InputError: naming the file, the key and what is allowed there.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {first_complaint(error)}") from error


def check_files(recipe: Recipe) -> None:
    """Check that every file and folder the recipe names is there, before any work.

    Raises:
        InputError: naming the keys and the paths, all of them.
    """
    missing = missing_files(recipe)
    if len(missing) == 1:
        raise InputError(*missing.values())
    if missing:
        given = recipe.model_dump()
        listed = ", ".join(f"{key} ({value_of(given, key)})" for key in missing)
        raise InputError(
            f"{recipe.name}: {len(missing)} files and folders are not there: {listed}; "
            "give each with --set KEY=PATH; --check says more of each"
        )


def missing_files(recipe: Recipe) -> dict[str, str]:
    """What the recipe names and is not there -> {key: a line that says so}."""
    human = recipe.human
    folders = {"images.source": recipe.images.source, "images.extra": recipe.images.extra}
    files = {f"human.{key}": getattr(human, key) for key in ("dissimilarities", "triplets", "embedding", "concepts")}
    missing = {}
    for key, value in (folders | files).items():
        if value is None or value == EMBEDDED:
            continue
        path, kind, form, made = Path(value), "file", "PATH", ""
        if key in folders:
            layout = "imagenet:" if value.startswith("imagenet:") else ""
            path, kind, form = Path(value.removeprefix(layout)), "folder", f"{layout}PATH"
            if "{" in value:  # shards-{000..123}.tar
                path = path.parent
        elif key == "human.embedding" and path.suffix != ".npy":
            kind, made = "folder", f"make it with `alignet-hf vice CHOICES {value}` (training/README.md), or "
        if not (path.is_file() or (path.is_dir() and (key in folders or key == "human.embedding"))):
            missing[key] = f"{recipe.name}: {key}: no such {kind}: {path}; {made}give it with --set {key}={form}"
    return missing


def value_of(content: dict, key: str) -> Any:
    """What stands at "section.key"."""
    for part in key.split("."):
        content = content[part]
    return content


def parse_yaml(text: str, name: str) -> Any:
    """YAML, or an InputError that names what it stands in, and the line."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{name}{where}: not YAML ({getattr(error, 'problem', error)})") from error


def put(content: dict, key: str, value: Any, said: str) -> None:
    """Put a value where "section.key" says; `said` is what messages call the wish."""
    *sections, last = key.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise InputError(f"{said}: {section} is a value, not a section")
    content[last] = value


def first_complaint(error: ValidationError) -> str:
    """One line for the first thing that is wrong: the key, the value, what is allowed."""
    first = error.errors()[0]
    location = [part for part in first["loc"] if isinstance(part, str) and part.isidentifier()]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        section = Recipe
        for part in location[:-1]:
            kind = section.model_fields[part].annotation
            section = next(one for one in (*get_args(kind), kind) if isinstance(one, type))  # of "Encoder | None"
        near = get_close_matches(location[-1], section.model_fields, 1)
        hint = f"did you mean {near[0]}?" if near else f"allowed here: {', '.join(section.model_fields)}"
        return f"{key}: unknown key; {hint}"
    if first["type"] == "missing":
        return f"{key}: missing; it must be given"
    message = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], dict):
        return f"{key}: {message}" if key else message
    return f"{key}: {first['input']!r} is wrong: {message[0].lower()}{message[1:]}"
