"""download and convert as a user calls them; whatever is wrong is one line, code 2, and leaves nothing behind."""

import io
import json
import pickle
import shutil
import struct
import sys
import tarfile

import numpy as np
import pytest
from checkpoints import ARCHIVE, FIXTURES, NAME, archive_of, assert_answers_like
from huggingface_hub import ModelCard

from alignet_hf.convert import verify
from alignet_hf.convert.commands import _in_options
from alignet_hf.convert.layouts.published import NAMES
from alignet_hf.convert.released import MODELS, URL_VARIABLE

SAVED_MODEL = FIXTURES / "siglip2-b-alignet"


def everything_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def refused(call, tmp_path, capsys):
    """Convert -> the line of standard error; nothing is left beside what was there."""

    def refused(source, *options):
        before = everything_in(tmp_path)
        code, out, error = call("convert", source, tmp_path / "out", *options)
        assert (code, out) == (2, "")
        assert error.startswith("alignet-hf: ")
        assert error.count("\n") == 1, error
        assert everything_in(tmp_path) == before
        return error

    return refused


def test_download_prints_the_folder(call, released):
    code, out, error = call("download", NAME)
    where = f"{released.url}/{NAME}.tar.gz"
    lines = [f"{NAME}.tar.gz: downloading 49.3 KB from {where}", f"{NAME}: converting"]
    assert (code, error) == (0, "".join(f"alignet-hf: {line}\n" for line in lines))
    assert_answers_like(out.strip(), "siglip2-b-alignet")
    code, out, _ = call("download", NAME, "--json")
    assert json.loads(out)["source"]["checkpoint"] == NAME
    assert len(released.requests) == 1


def test_download_of_a_wrong_name_is_one_line(call, released):
    code, out, error = call("download", "SigLIP2-B-aligned")
    assert (code, out) == (2, "")
    assert error.startswith("alignet-hf: SigLIP2-B-aligned: no released checkpoint; did you mean SigLIP2-B-alignet?")
    assert error.count("\n") == 1
    code, _, error = call("download", "SigLIP-B-alignet")
    assert code == 2
    assert "(404); the name is right, this server does not have it; --base-url names another place\n" in error


def test_convert_says_what_was_read_and_writes_a_card(call, tmp_path):
    code, out, error = call("convert", ARCHIVE, tmp_path / "out")
    assert (code, error) == (0, "")
    assert out.startswith(f"{tmp_path / 'out'}\n  checkpoint: {NAME}\n")
    assert_answers_like(tmp_path / "out", "siglip2-b-alignet")
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.license == "other"
    assert card.data.license_link == "https://github.com/google-deepmind/alignet#license"
    assert "a snippet that uses the model" not in card.content  # it was tried
    assert f"| source file | {NAME}.tar.gz |" in card.content
    assert everything_in(tmp_path)[0] == "out"


def test_the_control_and_the_base_model_say_so(call, tmp_path):
    for variant, said in (("untransformed", "This is UnAligNet, the control of"), ("base_model", "before any")):
        source = archive_of("siglip2-b-alignet", tmp_path / f"SigLIP2-B-{variant}.tar.gz")
        assert call("convert", source, tmp_path / variant)[0] == 0
        text = (tmp_path / variant / "README.md").read_text()
        assert said in text
        assert "No human judgment went into it." in text


@pytest.mark.parametrize("stored", ["float16", "bfloat16"])
def test_halves_are_converted_and_that_is_said(call, tmp_path, stored):
    code, out, error = call("convert", FIXTURES / f"siglip2-b-{stored}", tmp_path / "out", "--json")
    assert code == 0
    assert error.startswith("alignet-hf: ")
    assert f"in {stored}; converted to float32" in error
    assert error.count("\n") == 1
    assert f"in {stored}" in json.loads(out)["source"]["stored as"]


def test_a_push_that_cannot_be_is_known_before_the_work(refused):
    assert "not a repository's name" in refused(ARCHIVE, "--push", "a/b/c")
    assert "--private is of --push" in refused(ARCHIVE, "--private")


def test_out_that_is_not_empty(call, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    for options in ((), ("--force",)):
        code, _, error = call("convert", ARCHIVE, tmp_path / "out", *options)
        assert code == 2
        assert "thesis.tex" in error
        assert error.count("\n") == 1
    assert everything_in(tmp_path) == ["out", "out/thesis.tex"]


def test_no_such_source(refused):
    error = refused("nothing/here")
    assert "nothing/here: no such file; SOURCE is a released name" in error


def test_unknown_reading(refused):
    assert "no reading is called 'swin'" in refused(ARCHIVE, "--as", "swin")


def test_reading_that_contradicts_the_shapes(refused):
    assert "do not read as it was asked for" in refused(ARCHIVE, "--as", "dinov2")


def test_more_than_one_reading_lists_them_and_as_decides(call, refused, tmp_path):
    source = archive_of("dinov1-b-transformers", tmp_path / "model.tar.gz")
    error = refused(source)
    assert "say which with --as" in error
    assert call("convert", source, tmp_path / "out", "--as", "dinov1:heads=2")[0] == 0


def test_truncated_archive(refused, tmp_path):
    source = tmp_path / "model.tar.gz"
    source.write_bytes(ARCHIVE.read_bytes()[:20_000])
    assert str(source) in refused(source)


def test_missing_shard(refused, tmp_path):
    source = archive_of("siglip2-b-alignet", tmp_path / "model.tar.gz", leave_out=".data-")
    error = refused(source)
    assert str(source) in error
    assert "shard" in error


def test_wrong_checksum(refused, tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    for file in (SAVED_MODEL / "variables").iterdir():
        content = bytearray(file.read_bytes())
        if ".data-" in file.name:
            content[1000] ^= 1
        (folder / "variables" / file.name).write_bytes(content)
    assert "checksum" in refused(folder)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(folder, "model")
    error = refused(tmp_path / "model.tar.gz")
    assert str(tmp_path / "model.tar.gz") in error  # not the folder that it was unpacked to
    assert ".out." not in error


def _member(kind, name):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "member",
    [
        _member(tarfile.REGTYPE, "../escaped"),
        _member(tarfile.REGTYPE, "/tmp/escaped"),
        _member(tarfile.SYMTYPE, "model/variables/variables.index"),
        _member(tarfile.LNKTYPE, "model/variables/variables.index"),
        _member(tarfile.CHRTYPE, "model/device"),
        _member(tarfile.FIFOTYPE, "model/pipe"),
    ],
    ids=["dots", "absolute", "symbolic link", "hard link", "device", "pipe"],
)
def test_archives_that_reach_out(refused, tmp_path, member):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.addfile(member, io.BytesIO())
    assert str(tmp_path / "model.tar.gz") in refused(tmp_path / "model.tar.gz")


def test_absurd_index(refused, tmp_path):
    folder = tmp_path / "model" / "variables"
    folder.mkdir(parents=True)
    footer = b"\xff" * 9 + b"\x01" + b"\xff" * 9 + b"\x01"  # two block handles near 2^64
    magic = struct.pack("<Q", 0xDB4775248B80FB57)
    (folder / "variables.index").write_bytes(footer.ljust(40, b"\0") + magic)
    (folder / "variables.data-00000-of-00001").write_bytes(b"")
    refused(tmp_path / "model")


def test_saved_model_of_something_else(refused, tmp_path):
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"")
    assert "no SavedModel, as it has no variables/variables.index" in refused(tmp_path / "model")
    (tmp_path / "empty").mkdir()
    assert "neither a SavedModel" in refused(tmp_path / "empty")


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_a_keras_model_with_variables_of_the_right_shapes(refused, tmp_path):
    shutil.copytree(SAVED_MODEL / "variables", tmp_path / "model" / "variables")
    (tmp_path / "model" / "keras_metadata.pb").write_bytes(b"")
    assert "(a Keras model): it has keras_metadata.pb" in refused(tmp_path / "model")


def test_npz_with_pickles(refused, tmp_path):
    np.savez(tmp_path / "weights.npz", kernel=np.array([{"a": 1}], dtype=object))
    assert "weights.npz" in refused(tmp_path / "weights.npz")
    (tmp_path / "weights.npz").write_bytes(pickle.dumps(Evil()))
    assert "executed" not in refused(tmp_path / "weights.npz")


@pytest.mark.parametrize("name", ["model.tar.gz", "model.npz", "model.safetensors", "model.pt"])
def test_files_of_something_else(refused, tmp_path, name):
    (tmp_path / name).write_bytes(b"something else" * 100)
    assert name in refused(tmp_path / name)


def test_a_triple_of_formats_is_refused_where_it_is_none(call, tmp_path):
    code, _, error = call("convert", ARCHIVE, tmp_path / "out", "--to", "keras")
    assert code == 2
    assert "keras" in error


def test_verify_without_tensorflow_says_what_to_install(refused, monkeypatch):
    monkeypatch.setattr(verify, "find_spec", lambda name: None)
    assert "pip install 'alignet-hf[tf]'" in refused(ARCHIVE, "--verify", "objects92")


def test_verify_of_what_cannot_be_run(refused, monkeypatch):
    for tensorflow in (None, sys):
        monkeypatch.setattr(verify, "find_spec", lambda name, found=tensorflow: found)
        assert "is no SavedModel, so there is nothing to run; leave --verify out" in refused(
            FIXTURES / "npz-siglip" / "checkpoint.npz", "--verify", "objects92"
        )


def test_convert_of_a_name_takes_what_is_in_the_cache(call, released, tmp_path):
    assert call("download", NAME)[0] == 0
    assert call("convert", NAME, tmp_path / "out")[0] == 0
    assert len(released.requests) == 1
    assert_answers_like(tmp_path / "out", "siglip2-b-alignet")


def test_help_names_every_model_and_reading(call):
    said = " ".join(call("download", "--help")[1].split())
    assert all(model in said for model in MODELS)
    assert "alignet-hf download SigLIP2-B-alignet" in said
    said = " ".join(call("convert", "--help")[1].split())
    assert f"{', '.join(NAMES[:-1])} or {NAMES[-1]}; with the number of attention heads" in said
    assert "alignet-hf convert model.tar.gz aligned --as dinov2:heads=12" in said
    assert "(the extra [tf]), on a folder of images, .npy" in said


def test_messages_name_options_and_leave_paths_alone():
    said = "a/split=train/split=x: its name does not tell the split; name it by split= or force=True"
    assert _in_options(said) == "a/split=train/split=x: its name does not tell the split; name it by --split or --force"


def test_an_address_by_option(call, released, monkeypatch, tmp_path):
    monkeypatch.delenv(URL_VARIABLE)
    code, out, _ = call("download", NAME, "--base-url", released.url, "--cache-dir", tmp_path / "cache")
    assert code == 0
    assert out.startswith(str(tmp_path / "cache"))
    code, _, error = call("convert", f"{released.url}/weights.h5", tmp_path / "out")
    assert code == 2
    assert "an address of a .tar.gz is wanted" in error
