"""From a name, a file or an address to a folder that transformers loads: whole, once, and offline afterwards."""

import hashlib
import multiprocessing
import re
import resource
import shutil
import signal
import sys
from types import SimpleNamespace

import pytest
import torch
from checkpoints import ARCHIVE, FIXTURES, NAME, archive_of, assert_answers_like
from huggingface_hub import close_session, constants, scan_cache_dir
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoModel

from alignet_hf import AligNetForImageClassification, AligNetVisionModel, convert_checkpoint, download_released
from alignet_hf.convert import archive
from alignet_hf.convert import released as released_module
from alignet_hf.convert.cache import OWNER
from alignet_hf.convert.download import NoSuchFileError
from alignet_hf.convert.released import URL_VARIABLE
from alignet_hf.errors import FullDiskError, InputError
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.base_model import base_of
from alignet_hf.image_processing_alignet import AligNetImageProcessor


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_one_line_from_nothing_to_an_aligned_encoder(released, monkeypatch, tmp_path):
    model = AligNetVisionModel.from_released(NAME)
    folder = model.name_or_path
    assert_answers_like(folder, "siglip2-b-alignet")
    assert isinstance(AutoImageProcessor.from_pretrained(folder), AligNetImageProcessor)
    assert not list((tmp_path / "home").rglob("SigLIP2*.tar.gz*"))

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    classifier = AligNetForImageClassification.from_released(NAME.lower())
    assert classifier.name_or_path == folder
    assert len(released.requests) == 1


def test_a_checkpoint_without_a_classifier_is_no_classifier(monkeypatch, tmp_path):
    convert_checkpoint(FIXTURES / "npz-siglip" / "checkpoint.npz", tmp_path / "out")
    monkeypatch.setattr("alignet_hf.convert.converting.download_released", lambda *args, **options: tmp_path / "out")
    AligNetVisionModel.from_released("SigLIP-B-base_model")
    with pytest.raises(ValueError, match=r"the checkpoint has no classifier\.bias, classifier\.weight for AligNetFor"):
        AligNetForImageClassification.from_released("SigLIP-B-base_model")


def test_it_is_a_repository_of_the_hub_s_cache(released, tmp_path):
    folder = download_released(NAME)
    found = scan_cache_dir(tmp_path / "home" / "hub")
    assert not found.warnings
    (repository,) = found.repos
    assert repository.repo_id == f"{OWNER}/{NAME}"
    (revision,) = repository.revisions
    assert revision.snapshot_path == folder.resolve()
    assert len(revision.refs) == 2  # the address and the name
    found.delete_revisions(revision.commit_hash).execute()
    assert download_released(NAME) == folder  # made anew
    assert len(released.requests) == 2


def test_another_cache_another_address_and_force_download_again(released, monkeypatch, tmp_path):
    first = download_released(NAME)
    assert tmp_path / "home" in first.parents
    assert tmp_path / "apart" in download_released(NAME, cache_dir=tmp_path / "apart").parents
    assert download_released(NAME, force=True) == first
    assert len(released.requests) == 3
    monkeypatch.delenv(URL_VARIABLE)
    assert download_released(NAME, base_url=released.url) == first
    with pytest.raises(NoSuchFileError):
        download_released(NAME, base_url=f"{released.url}/elsewhere")


def test_what_came_from_a_mirror_is_found_by_its_name_where_no_network_is(released, monkeypatch):
    folder = download_released(NAME)
    monkeypatch.delenv(URL_VARIABLE)
    monkeypatch.setattr(released_module, "BASE_URL", "http://127.0.0.1:9")  # where nothing listens
    said = []
    assert download_released(NAME, say=said.append) == folder
    assert len(said) == 1  # and one attempt was made
    assert said[0].endswith(f"; taken from the cache, where it came from {released.url}/{NAME}.tar.gz")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert download_released(NAME, say=said.append) == folder
    assert "offline mode is on" in said[1]
    for options in ({"reading": "siglip"}, {"force": True}):
        with pytest.raises(InputError, match="offline mode is on"):
            download_released(NAME, **options)
    assert len(released.requests) == 1


def test_a_file_of_that_name_from_an_address_is_not_taken_for_the_name(released, monkeypatch, tmp_path):
    convert_checkpoint(f"{released.url}/{NAME}.tar.gz", tmp_path / "out")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="offline mode is on"):
        download_released(NAME, base_url="http://127.0.0.1:9")


def test_a_page_in_the_archive_s_place_is_told_by_its_address(released, tmp_path):
    released.content[f"/{NAME}.tar.gz"] = b"<html><body>Please log in</body></html>"
    said = (
        rf"^{released.url}/{NAME}\.tar\.gz: the server sent no \.tar\.gz \(b'<html><body>', a login page\?\); .*removed"
    )
    with pytest.raises(InputError, match=said):
        download_released(NAME)
    assert not list((tmp_path / "home").rglob("*.tar.gz"))


def test_a_file_s_name_states_the_reading_as_it_names_the_card(tmp_path):
    archive = archive_of("dinov1-b-transformers", tmp_path / "DINOv1-B-alignet.tar.gz")
    with pytest.raises(InputError, match="DINOv1-B-alignet says dinov1: reading= states another"):
        convert_checkpoint(archive, tmp_path / "out")  # its heads are of no published size
    wrong = archive_of("siglip2-b-alignet", tmp_path / "DINOv2-B-alignet.tar.gz")
    with pytest.raises(InputError, match="without reading= they read as siglip; the name DINOv2-B-alignet says dinov2"):
        convert_checkpoint(wrong, tmp_path / "out")
    said = []
    convert_checkpoint(wrong, tmp_path / "out", reading="siglip2", say=said.append)
    assert said[0].startswith("DINOv2-B-alignet: only SigLIP2-B's layout is known from a released file")


def test_the_record_says_what_it_was_made_of(released):
    record = Alignment.read(download_released(NAME))
    assert record.setting == "alignet"
    assert "THINGS" in record.people
    assert record.license_link == "https://github.com/google-deepmind/alignet#license"
    assert record.source["file"] == f"{NAME}.tar.gz"
    assert record.source["url"] == f"{released.url}/{NAME}.tar.gz"
    assert record.source["sha256"] == hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
    assert record.source["read as"].startswith("siglip: ")
    assert record.source["variant"].startswith("alignet: ")
    assert record.source["size"] == ARCHIVE.stat().st_size
    assert "apache-2.0 (google/siglip2-base-patch16-224)" in record.source["licence of the original model"]
    assert "layout" not in record.source  # it is known from a released file


def test_what_nobody_has_seen_of_a_released_file_is_said(tmp_path):
    archive = archive_of("siglip2-b-alignet", tmp_path / "SigLIP-B-alignet.tar.gz")
    facts = convert_checkpoint(archive, tmp_path / "out")
    assert "only SigLIP2-B's layout is known from a released file" in facts["layout"]
    assert "| layout | only SigLIP2-B's layout is known" in (tmp_path / "out" / "README.md").read_text()


def test_a_folder_s_sha256_says_what_it_is_of(tmp_path):
    folder = tmp_path / NAME
    shutil.copytree(FIXTURES / "siglip2-b-alignet" / "variables", folder / "variables")
    facts = convert_checkpoint(folder, tmp_path / "out")
    index = (folder / "variables" / "variables.index").read_bytes()
    assert (facts["size"], facts["sha256"]) == (len(index), hashlib.sha256(index).hexdigest())
    assert facts["size and sha256 are"] == "of the index, which holds the checksums of the data"


@pytest.mark.parametrize("to", ["native", "timm", "onnx"])
@pytest.mark.parametrize(("variant", "said"), [("base_model", "not aligned with people"), ("untransformed", "control")])
def test_exports_are_of_the_variant_that_was_converted(tmp_path, to, variant, said):
    source = archive_of("siglip2-b-alignet", tmp_path / f"SigLIP2-B-{variant}.tar.gz")
    facts = convert_checkpoint(source, tmp_path / "out", to=to)
    text = (tmp_path / "out" / "README.md").read_text()
    assert said in text
    assert "aligned with human similarity judgments" not in text
    assert f"| its sha256 | {facts['sha256']} |" in text
    assert Alignment.read(tmp_path / "out").source == facts


def test_a_student_of_a_released_model_says_which_it_was(released, tmp_path):
    base = base_of(AligNetVisionModel.from_released(NAME))
    assert base.base == f"{NAME} (already aligned with people)"
    assert base.base_made["sha256"] == hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
    assert base.base_made["url"] == f"{released.url}/{NAME}.tar.gz"
    assert "THINGS" in base.base_made["people"]
    assert base.license_name == "alignet-checkpoints"


def test_a_missing_checkpoint_is_told_those_there_are(released):
    with pytest.raises(NoSuchFileError, match=r"alignet\.tar\.gz: there is no such file \(404\); the name is right"):
        download_released("SigLIP-B-alignet")
    both = r"CLIP-Vit-B-alignet.*\(404\) and none at .*/CLIP-ViT-B-alignet\.tar\.gz; the name is right"
    with pytest.raises(NoSuchFileError, match=both):
        download_released("CLIP-ViT-B-alignet")


def test_clip_is_found_under_its_other_spelling(released, tmp_path):
    archive = archive_of("clip-vit-b-transformers", tmp_path / "clip.tar.gz")
    released.content["/CLIP-Vit-B-alignet.tar.gz"] = archive.read_bytes()
    folder = download_released("CLIP-ViT-B-alignet", reading="clip:heads=2")
    assert Alignment.read(folder).source["file"] == "CLIP-Vit-B-alignet.tar.gz"
    assert len(released.requests) == 2


def test_a_broken_connection_and_an_interruption_go_on_where_they_were(released, tmp_path):
    size = ARCHIVE.stat().st_size
    released.drop_after = [size // 2, 0, 0, 0, 0]
    with pytest.raises(InputError, match="run the same command again to go on"):
        download_released(NAME)
    download_released(NAME)
    assert released.requests[-1] == (f"/{NAME}.tar.gz", f"bytes={size // 2}-")


def test_a_damaged_archive_is_not_kept(released, tmp_path):
    whole = released.content[f"/{NAME}.tar.gz"]
    released.content[f"/{NAME}.tar.gz"] = whole[: len(whole) // 2]  # cut short on the server itself
    with pytest.raises(InputError, match=rf"{NAME}.*get it anew"):
        download_released(NAME)
    home = tmp_path / "home" / "hub"
    assert not [path for path in files_of(home) if not path.endswith(".lock")]
    released.content[f"/{NAME}.tar.gz"] = whole
    assert_answers_like(download_released(NAME), "siglip2-b-alignet")


def test_an_archive_that_is_not_understood_is_not_downloaded_twice(released, tmp_path):
    released.content["/ViT-B-alignet.tar.gz"] = archive_of("siglip2-b-alignet", tmp_path / "m.tar.gz").read_bytes()
    for _ in range(2):
        with pytest.raises(InputError, match="ViT-B-alignet: its 58 variables"):
            download_released("ViT-B-alignet", reading="dinov2")
    assert len(released.requests) == 1
    download_released("ViT-B-alignet", reading="siglip2")
    assert len(released.requests) == 1


def test_an_archive_that_there_is_no_room_to_unpack_is_not_downloaded_twice(released, monkeypatch):
    with monkeypatch.context() as little_room:
        little_room.setattr(archive.shutil, "disk_usage", lambda path: SimpleNamespace(free=ARCHIVE.stat().st_size))
        with pytest.raises(FullDiskError, match="make room and start the same command again"):
            download_released(NAME)
    download_released(NAME)
    assert len(released.requests) == 1


def _get(cache, told):
    close_session()  # its connections are the parent's
    torch.set_num_threads(1)
    said = []
    told.put((str(download_released(NAME, cache_dir=cache, say=said.append)), said))


def test_of_two_processes_one_downloads_and_converts(released, tmp_path):
    released.slow = 1
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    processes = [context.Process(target=_get, args=(tmp_path / "cache", told)) for _ in range(2)]
    for process in processes:
        process.start()
    (one, _), (other, _) = answers = [told.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert one == other
    assert sorted(said for _, said in answers) == [
        [f"{NAME}.tar.gz: downloading 49.3 KB from {released.url}/{NAME}.tar.gz", f"{NAME}: converting"],
        [f"{NAME}: another process downloads and converts it; waiting"],
    ]
    assert len(released.requests) == 1
    assert_answers_like(one, "siglip2-b-alignet")


def test_archive_folder_and_address_give_the_same_model(released, tmp_path):
    shutil.unpack_archive(ARCHIVE, tmp_path / "unpacked")
    sources = {
        "name": NAME,
        "address": f"{released.url}/{NAME}.tar.gz",
        "archive": ARCHIVE,
        "folder": tmp_path / "unpacked" / NAME,
        "folder's folder": tmp_path / "unpacked",
    }
    weights = {}
    for kind, source in sources.items():
        facts = convert_checkpoint(source, tmp_path / "out" / kind)
        assert facts["checkpoint"] == NAME
        weights[kind] = load_file(tmp_path / "out" / kind / "model.safetensors")
    for kind in sources:
        assert weights[kind].keys() == weights["name"].keys()
        assert all(torch.equal(weights[kind][key], weights["name"][key]) for key in weights["name"]), kind
    assert_answers_like(tmp_path / "out" / "name", "siglip2-b-alignet")


def test_addresses_that_differ_in_their_query_are_two_checkpoints(released, tmp_path):
    address = f"{released.url}/{NAME}.tar.gz"
    for query in ("", "?key=secret-1", "?key=secret-2", "?key=secret-1"):
        facts = convert_checkpoint(address + query, tmp_path / "out", force=True)
        assert (facts["checkpoint"], facts["url"]) == (NAME, address)
    assert len(released.requests) == 3
    kept = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not any(b"secret" in content for content in kept)


@pytest.mark.parametrize("fixture", ["npz-siglip", "npz-cappa"])
def test_npz_of_big_vision(fixture, tmp_path):
    facts = convert_checkpoint(FIXTURES / fixture / "checkpoint.npz", tmp_path / "out")
    expected = load_file(FIXTURES / fixture / "expected.safetensors")
    model = AutoModel.from_pretrained(tmp_path / "out").eval()
    with torch.no_grad():
        found = model(expected["images"].permute(0, 3, 1, 2)).pooler_output
    torch.testing.assert_close(found, expected["pre_logits"], rtol=0, atol=1e-5)
    assert facts["file"] == "checkpoint.npz"
    assert Alignment.read(tmp_path / "out").setting is None


def test_the_published_safetensors_and_what_it_says_of_itself(tmp_path):
    tensors = load_file(FIXTURES / "siglip2-b-alignet" / "alignet_siglip2_b.safetensors")
    said = {"source": f"https://example.org/{NAME}.tar.gz (TensorFlow\nSavedModel)", "license": "CC-BY 4.0"}
    save_file(tensors, tmp_path / "weights.safetensors", metadata=said)
    facts = convert_checkpoint(tmp_path / "weights.safetensors", tmp_path / "out", reading="siglip2:heads=2")
    assert facts["checkpoint"] == NAME
    assert facts["its own words: license"] == "CC-BY 4.0"
    assert_answers_like(tmp_path / "out", "siglip2-b-alignet")


def test_to_other_formats_and_from_our_own(tmp_path):
    convert_checkpoint(ARCHIVE, tmp_path / "ours")
    convert_checkpoint(ARCHIVE, tmp_path / "native", to="native")
    convert_checkpoint(tmp_path / "ours", tmp_path / "again", to="native")
    assert files_of(tmp_path / "native") == files_of(tmp_path / "again")
    loaded = AutoModel.from_pretrained(tmp_path / "native")
    assert type(loaded).__name__ == "SiglipVisionModel"
    with pytest.raises(InputError, match=r"ours: is no SavedModel, .*leave images= out"):
        convert_checkpoint(tmp_path / "ours", tmp_path / "more", to="native", images=[])
    with pytest.raises(InputError, match="is an AligNet model already"):
        convert_checkpoint(tmp_path / "ours", tmp_path / "more")


def test_only_an_earlier_conversion_is_replaced(tmp_path):
    out = tmp_path / "out"
    convert_checkpoint(ARCHIVE, out)
    with pytest.raises(InputError, match=r"name a new folder \(force=True replaces an earlier conversion\)"):
        convert_checkpoint(ARCHIVE, out)
    convert_checkpoint(ARCHIVE, out, force=True)
    convert_checkpoint(ARCHIVE, out, force=True, to="native")
    convert_checkpoint(ARCHIVE, out, force=True)
    (out / "thesis.tex").write_text("mine")
    before = files_of(out)
    with pytest.raises(InputError, match=r"thesis\.tex, which no conversion wrote"):
        convert_checkpoint(ARCHIVE, out, force=True)
    assert files_of(out) == before


def test_what_a_killed_process_left_is_in_nobody_s_way(released, tmp_path):
    work = tmp_path / "home" / "hub" / f"models--{OWNER}--{NAME}" / ".work"
    (work / "unpacked" / "variables").mkdir(parents=True)
    (work / "model").mkdir()
    assert_answers_like(download_released(NAME), "siglip2-b-alignet")
    assert not work.exists()


def test_a_copy_of_the_code_without_this_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "alignet_hf.convert.converting", None)
    with pytest.raises(ImportError, match=r"^AligNetVisionModel\.from_released converts: pip install alignet-hf$"):
        AligNetVisionModel.from_released(NAME)


def test_a_reading_is_given_where_the_name_and_shapes_leave_it_open(released, tmp_path):
    archive = archive_of("dinov1-b-transformers", tmp_path / "dino.tar.gz")
    released.content["/DINOv1-B-alignet.tar.gz"] = archive.read_bytes()
    with pytest.raises(InputError, match=r"dinov1:heads=2, .* say which with reading= \(base models have 12; "):
        AligNetVisionModel.from_released("DINOv1-B-alignet")
    model = AligNetVisionModel.from_released("DINOv1-B-alignet", reading="dinov1:heads=2")
    assert model.config.vision_config.num_attention_heads == 2


def test_options_of_from_pretrained_go_on(released):
    model = AligNetForImageClassification.from_released(NAME, dtype=torch.bfloat16, attn_implementation="eager")
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert model.config._attn_implementation == "eager"


def _convert_with_little_room(out, most_bytes, told):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    try:
        told.put(convert_checkpoint(ARCHIVE, out))
    except InputError as error:
        told.put(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("most_bytes", [4_000, 25_000], ids=["unpacking", "saving"])
def test_a_full_disk_names_the_place_and_leaves_nothing(tmp_path, most_bytes):
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    process = context.Process(target=_convert_with_little_room, args=(tmp_path / "out", most_bytes, told))
    process.start()
    said = told.get(timeout=60)
    process.join()
    assert re.fullmatch(rf"FullDiskError: {tmp_path / 'out'}\S*: cannot be written .*make room .*", said), said
    assert not list(tmp_path.iterdir())
