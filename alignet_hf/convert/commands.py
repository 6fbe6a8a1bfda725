"""The commands of the authors' release: download, convert."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.console import IMAGES, Json, done, quiet
from alignet_hf.convert.released import MODELS, VARIANTS
from alignet_hf.errors import InputError
from alignet_hf.output_folder import working_in

BaseUrl = Annotated[
    str | None,
    typer.Option(help="Where NAME.tar.gz is; also ALIGNET_HF_RELEASED_URL. The authors' by default."),
]
CacheDir = Annotated[Path | None, typer.Option(help="A folder to keep checkpoints in, in place of the Hub's cache.")]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="READING",
        help="What the variables mean, where a name and their shapes leave that open: siglip, siglip2, vit, scratch, "
        "cappa, dinov1, dinov2 or clip; with the number of attention heads, dinov2:heads=12.",
    ),
]


# How Python calls what an option is for; "split=train" of a path is another thing.
_OPTIONS = {
    "base_url=": "--base-url",
    "force=True": "--force",
    "image_size=": "--image-size",
    "images=": "--verify",
    "reading=": "--as",
    "split=": "--split",
    "to=": "--to",
}
_IN_PYTHON = re.compile(rf"(?<![\w/.-])({'|'.join(_OPTIONS)})(?!\w)")


def _in_options(text: str) -> str:
    return _IN_PYTHON.sub(lambda match: _OPTIONS[match[1]], text)


@contextmanager
def _naming_options() -> Iterator[None]:
    """Call what can be asked for as the command line does."""
    try:
        yield
    except InputError as error:
        error.args = (_in_options(str(error)),)
        raise


class Format(StrEnum):
    """What a checkpoint is converted to."""

    alignet = "alignet"
    native = "native"
    timm = "timm"
    onnx = "onnx"


@_naming_options()
def download(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(MODELS)}, with one of -{', -'.join(VARIANTS)}.")],
    base_url: BaseUrl = None,
    cache_dir: CacheDir = None,
    reading: As = None,
    force: Annotated[bool, typer.Option("--force", help="Download and convert again.")] = False,
    as_json: Json = False,
) -> None:
    """Get one of the authors' checkpoints, converted.

    It goes into the Hub's cache; its folder is printed. For example:

    \b
    alignet-hf download SigLIP2-B-alignet
    """
    from alignet_hf.convert.converting import download_released
    from alignet_hf.hub.alignment import Alignment

    quiet()
    folder = download_released(name, base_url=base_url, cache_dir=cache_dir, reading=reading, force=force, say=_say)
    print(json.dumps({"output": str(folder), "source": Alignment.read(folder).source}) if as_json else folder)


@_naming_options()
def convert(
    source: Annotated[
        str, typer.Argument(help="A released name or address, a SavedModel, .npz, .safetensors, an AligNet model.")
    ],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    reading: As = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="The images' side in pixels, where the variables leave it open.")
    ] = None,
    to: Annotated[Format, typer.Option(help="An AligNet model, or an export without our code.")] = Format.alignet,
    push: Annotated[str | None, typer.Option(metavar="REPO", help="Push it to the Hub as well.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make the repository private, where --push makes one.")
    ] = False,
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="PHOTOGRAPHS",
            help=f"Compare with the SavedModel, which TensorFlow runs (the extra [tf]), on {IMAGES}.",
        ),
    ] = None,
    base_url: BaseUrl = None,
    cache_dir: CacheDir = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace an earlier conversion of a checkpoint. --triplets needs none: a split of the same "
            "archive goes on or stays, one of another archive is refused.",
        ),
    ] = False,
    triplets: Annotated[
        bool, typer.Option("--triplets", help="SOURCE is alignet_train.npz or its like: make a data set of it.")
    ] = False,
    split: Annotated[
        str | None, typer.Option(help="The split that --triplets makes, where the file's name tells none.")
    ] = None,
    activations: Annotated[
        bool, typer.Option("--activations", help="SOURCE is the teacher's, .npy or .npz: make OUT/teacher of it.")
    ] = False,
    clusters: Annotated[
        Path | None, typer.Option(help="With --activations: the cluster labels, .npy or .npz, for OUT/clusters.")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(help="With --activations: the images' names, a text file of one a line, where SOURCE has none."),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="With --activations: float32 or float16 to write; SOURCE's own by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert others' checkpoints, triplets, activations.

    The authors' SavedModels (without TensorFlow), big_vision's .npz, timm's names in .safetensors; with --triplets the
    authors' triplets, with --activations the teacher's activations. For example:

    \b
    alignet-hf convert SigLIP2-B-alignet aligned --verify objects92
    alignet-hf convert model.tar.gz aligned --as dinov2:heads=12
    alignet-hf convert vit_b16.npz vit --to timm
    alignet-hf convert --triplets alignet_train.npz triplets
    """
    quiet()
    _check_push(push, private)
    if triplets and activations:
        raise InputError("--triplets and --activations: SOURCE is one of them; run the command once for each")
    if triplets or activations:
        others = {"--as": reading, "--image-size": image_size, "--verify": verify, "--base-url": base_url}
        others |= {"--cache-dir": cache_dir, "--force": force or None, "--to": None if to is Format.alignet else to}
        if wrong := [option for option, given in others.items() if given is not None]:
            kind = "--triplets" if triplets else "--activations"
            raise InputError(f"{wrong[0]} is of checkpoints; leave it out, or {kind}")
    of_activations = {"--clusters": clusters, "--names": names, "--dtype": dtype}
    if not activations and (wrong := [option for option, given in of_activations.items() if given is not None]):
        raise InputError(f"{wrong[0]} is of --activations; leave it out")
    if triplets:
        _convert_triplets(source, out, split, push, private, as_json)
        return
    if split is not None:
        raise InputError("--split is of --triplets, nothing else has one; leave it out")
    if activations:
        if push is not None:
            raise InputError("--push: push the folders one by one: alignet-hf push OUT/teacher REPO")
        _convert_teacher(source, out, clusters, names, dtype, as_json)
        return

    from alignet_hf.convert.converting import convert_checkpoint
    from alignet_hf.inputs import open_images

    facts = convert_checkpoint(
        source,
        out,
        reading=reading,
        image_size=image_size,
        to=to.value,
        images=None if verify is None else open_images(verify),
        name=push,
        force=force,
        base_url=base_url,
        cache_dir=cache_dir,
        say=_say,
    )
    address = None if push is None else _push(out, to, push, private)
    if as_json:
        print(json.dumps({"output": str(out), "format": to.value, "source": facts, "pushed": address}))
        return
    print(out)
    for key, value in facts.items():
        print(f"  {key}: {value}")
    if address is not None:
        print(address)


def _convert_triplets(
    source: str, out: Path, split: str | None, push: str | None, private: bool, as_json: bool
) -> None:
    from alignet_hf.convert.triplets import convert_triplets
    from alignet_hf.data.alignet import push_alignet
    from alignet_hf.data.alignet_card import facts_of

    with working_in(out):
        convert_triplets(source, out, split)
        splits = facts_of(out)
        address = None if push is None else push_alignet(out, push, private=True if private else None)
    if as_json:
        print(json.dumps({"output": str(out), "splits": splits, "pushed": address}))
        return
    for name, facts in splits.items():
        print(f"{out}: split {name}, {facts['triplets']:,} triplets")
    if address is not None:
        print(address)


def _convert_teacher(
    source: str, out: Path, clusters: Path | None, names: Path | None, dtype: str | None, as_json: bool
) -> None:
    from alignet_hf.convert.teacher import convert_teacher

    with working_in(out):
        embeddings, found = convert_teacher(source, out, clusters, names=names, dtype=dtype)
    facts = {} if found is None else {"clusters": found.n_clusters}
    done(as_json, out, images=len(embeddings), dimensions=embeddings.shape[1], **facts)


def _say(line: str) -> None:
    """Say how it goes; standard output is the result's."""
    print(f"alignet-hf: {_in_options(line)}", file=sys.stderr, flush=True)


def _check_push(repo: str | None, private: bool) -> None:
    """Check what a push is asked for, before the work that it is for."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    if repo is None:
        if private:
            raise InputError("--private is of --push REPO; name the repository")
        return
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise InputError(f"{repo!r}: not a repository's name; name it as owner/name") from error


def _push(folder: Path, to: Format, repo: str, private: bool) -> str:
    from alignet_hf.hub.models import push_model_folder
    from alignet_hf.hub.push import push_folder

    options = {"private": True if private else None}
    if to is Format.alignet:
        return push_model_folder(folder, repo, **options)
    return push_folder(folder, repo, repo_type="model", **options)
