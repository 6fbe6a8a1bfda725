"""The commands of the Hub: card, export, push, push-metrics."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.errors import InputError
from alignet_hf.output_folder import working_in, writes_out

Private = Annotated[
    bool | None, typer.Option("--private/--public", help="Of a new repository; as the owner's default.")
]
CreatePr = Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead of changing the main branch.")]


def card(
    folder: Annotated[Path, typer.Argument(help="A model's folder: a student, a checkpoint.")],
    name: Annotated[str | None, typer.Option(help="Of the repository, for the card; the folder's by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a README.md that alignet-hf did not write.")] = False,
) -> None:
    """Write a model's card from what is in its folder.

    It says what it had to leave out.
    """
    from alignet_hf.hub.alignment import Alignment
    from alignet_hf.hub.models import complete_folder, is_aligned_model, is_written_by_us

    readme = folder / "README.md"
    if not force and not is_written_by_us(readme):
        raise InputError(f"{readme}: was not written by alignet-hf; --force replaces it")
    Alignment.read(folder)  # a damaged record is named, not left out
    with working_in(folder) if is_aligned_model(folder) else nullcontext():  # of no model nothing is written
        left_out = complete_folder(folder, name, overwrite=True)
    print(readme)
    for line in left_out:
        print(f"left out: {line}")


@writes_out
def export(
    folder: Annotated[str, typer.Argument(help="An AligNet model: a folder or a Hub id.")],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    native: Annotated[
        bool, typer.Option("--native", help="The backbone in its own transformers type (default).")
    ] = False,
    timm: Annotated[bool, typer.Option("--timm", help="timm's names, for timm.create_model.")] = False,
    onnx: Annotated[bool, typer.Option("--onnx", help="One ONNX file.")] = False,
    sentence_transformers: Annotated[
        bool, typer.Option("--sentence-transformers", help="A folder that SentenceTransformer opens.")
    ] = False,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id.")] = None,
) -> None:
    """Write a model so that it loads without this package.

    No remote code is needed either.
    """
    from alignet_hf.hub import export as formats

    wanted = {
        "--native": (native, formats.export_native),
        "--timm": (timm, formats.export_timm),
        "--onnx": (onnx, formats.export_onnx),
        "--sentence-transformers": (sentence_transformers, formats.export_sentence_transformers),
    }
    chosen = [option for option, (given, _) in wanted.items() if given] or ["--native"]
    if len(chosen) > 1:
        raise InputError(f"{chosen[0]} and {chosen[1]}: one format a folder; run the command once for each")
    replaced = " (in the place of an earlier export)" if (out / "export.json").is_file() else ""
    print(f"{wanted[chosen[0]][1](folder, out, revision=revision)}{replaced}")


def push(
    folder: Annotated[Path, typer.Argument(help="A model, a triplet data set, or any artefact of a run.")],
    repo: Annotated[str, typer.Argument(help="owner/name, or a name of your own; made if need be.")],
    private: Private = None,
    revision: Annotated[str | None, typer.Option(help="A branch; made if need be.")] = None,
    create_pr: CreatePr = False,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
) -> None:
    """Push a folder to the Hub in one commit.

    The token is that of `hf auth login`, or HF_TOKEN.
    """
    from alignet_hf.data.alignet import holds_alignet, push_alignet
    from alignet_hf.hub.models import is_aligned_model, push_model_folder
    from alignet_hf.hub.push import push_folder, repo_type_of

    options = {"private": private, "revision": revision, "create_pr": create_pr, "commit_message": message}
    repo_type = repo_type_of(folder)
    if repo_type == "dataset" and holds_alignet(folder):
        print(push_alignet(folder, repo, **options))
    elif is_aligned_model(folder):
        print(push_model_folder(folder, repo, **options))
    else:
        print(push_folder(folder, repo, repo_type=repo_type, **options))
        if repo_type == "model" and not _is_artefact(folder):
            print(f"{folder}: not an AligNet model; pushed as it is", file=sys.stderr)


def push_metrics(
    owner: Annotated[str, typer.Argument(help="The user or organisation on the Hub.")],
    private: Private = None,
    create_pr: CreatePr = False,
) -> None:
    """Push the metrics as Spaces of the Hub.

    evaluate.load("owner/name") then finds them.
    """
    from alignet_hf.metrics.push import push_metrics as push

    for address in push(owner, private=private, create_pr=create_pr):
        print(address)


def _is_artefact(folder: Path) -> bool:
    from alignet_hf.hub.push import read_json_object

    return "artifact" in read_json_object(folder / "config.json")
