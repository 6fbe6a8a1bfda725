"""A large file comes once and whole: over broken connections, changed files, servers without Range, two processes."""

import base64
import hashlib
import json
import multiprocessing
import resource
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from file_server import FileServer
from huggingface_hub import close_session, constants

from alignet_hf.convert import download as module
from alignet_hf.convert.download import NoSuchFileError, UnreachableError, download, remove_download
from alignet_hf.errors import FullDiskError, InputError

BODY = np.random.default_rng(0).bytes(3_000_000)
OTHER = np.random.default_rng(1).bytes(2_000_000)


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "PAUSE", 0.001)


@pytest.fixture
def server():
    with FileServer({"/model.tar.gz": BODY}) as running:
        yield running


def ask(server, folder, **options):
    return download(f"{server.url}/model.tar.gz", folder / "model.tar.gz", **options)


def test_once_with_a_record_and_nothing_else_left(server, tmp_path):
    record = ask(server, tmp_path)
    assert (record.size, record.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY
    assert json.loads((tmp_path / "model.tar.gz.json").read_text())["sha256"] == record.sha256
    assert ask(server, tmp_path) == record
    assert len(server.requests) == 1
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"model.tar.gz", "model.tar.gz.json", ".model.tar.gz.lock"}
    remove_download(tmp_path / "model.tar.gz")
    assert not list(tmp_path.glob("model*"))


def test_a_broken_connection_goes_on_where_it_broke(server, tmp_path):
    said = []
    server.drop_after = [1_000_000, 500_000]
    record = ask(server, tmp_path, say=said.append)
    assert record.sha256 == hashlib.sha256(BODY).hexdigest()
    assert [asked for _, asked in server.requests] == [None, "bytes=1000000-", "bytes=1500000-"]
    assert len(said) == 5
    assert said[0] == f"model.tar.gz: downloading 3 MB from {server.url}/model.tar.gz"
    assert said[1].startswith("model.tar.gz: the connection broke (")
    assert said[2].startswith("model.tar.gz: downloading the last 2 MB of 3 MB from http://")


def test_what_came_is_kept_for_the_next_call_and_never_under_the_final_name(server, tmp_path):
    server.drop_after = [1_000_000, *[0] * (module.ATTEMPTS - 1)]
    with pytest.raises(InputError, match=r"not downloaded: the connection broke .* 5 times in a row; what has come is"):
        ask(server, tmp_path)
    assert not (tmp_path / "model.tar.gz").exists()
    assert (tmp_path / "model.tar.gz.incomplete").read_bytes() == BODY[:1_000_000]
    server.requests.clear()
    ask(server, tmp_path)
    assert server.requests == [("/model.tar.gz", "bytes=1000000-")]
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY


def test_all_of_it_came_but_for_the_renaming(server, tmp_path):
    ask(server, tmp_path)
    (tmp_path / "model.tar.gz").rename(tmp_path / "model.tar.gz.incomplete")
    known = json.loads((tmp_path / "model.tar.gz.json").read_text())
    begun = {"url": known["url"], "validator": known["validator"]}
    (tmp_path / "model.tar.gz.incomplete.json").write_text(json.dumps(begun))
    ask(server, tmp_path)
    assert server.requests[-1] == ("/model.tar.gz", f"bytes={len(BODY)}-")
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY


@pytest.mark.parametrize("obeys", [True, False], ids=["If-Range", "no If-Range"])
def test_a_file_that_changes_between_two_parts_comes_anew(server, tmp_path, obeys):
    server.drop_after, server.obeys_if_range = [1_000_000], obeys

    def changes(line):
        if "the connection broke" in line:
            server.content["/model.tar.gz"] = OTHER

    record = ask(server, tmp_path, say=changes)
    assert record.sha256 == hashlib.sha256(OTHER).hexdigest()
    assert (tmp_path / "model.tar.gz").read_bytes() == OTHER


@pytest.mark.parametrize("lack", ["ranges", "etag"])
def test_a_server_that_cannot_resume_sends_all_of_it_again(server, tmp_path, lack):
    setattr(server, lack, False)
    server.drop_after = [2_000_000]
    ask(server, tmp_path)
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_date_will_do_where_there_is_no_etag(server, tmp_path):
    server.etag, server.headers = False, {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
    server.drop_after = [2_000_000]
    ask(server, tmp_path)
    assert server.requests[-1] == ("/model.tar.gz", "bytes=2000000-")
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY


@pytest.mark.parametrize("statuses", [[503, 429], [416], [206]], ids=str)  # the last two without a Range asked for
def test_trouble_of_the_server_passes(server, tmp_path, statuses):
    server.statuses = [*statuses, 200]
    ask(server, tmp_path)
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY


@pytest.mark.parametrize(("status", "said"), [(404, "no such file"), (403, "the server refuses \\(403 Forbidden\\)")])
def test_a_refusal_is_one_line(server, tmp_path, status, said):
    server.statuses = [status]
    with pytest.raises(NoSuchFileError if status == 404 else InputError, match=said):
        ask(server, tmp_path)
    assert len(server.requests) == 1
    assert not list(tmp_path.glob("model*"))


def test_google_s_md5_is_checked(server, tmp_path):
    right = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    server.headers = {"x-goog-hash": "crc32c=AAAAAA==,md5=" + base64.b64encode(b"0" * 16).decode()}
    with pytest.raises(InputError, match="not what the server has"):
        ask(server, tmp_path)
    assert not list(tmp_path.glob("model.tar.gz*[!n]"))
    server.headers = {"x-goog-hash": f"crc32c=AAAAAA==,md5={right}"}
    ask(server, tmp_path)


def test_a_file_shortened_here_comes_again(server, tmp_path):
    ask(server, tmp_path)
    (tmp_path / "model.tar.gz").write_bytes(BODY[:10])
    ask(server, tmp_path)
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY


def test_offline_takes_what_is_there_and_asks_for_nothing(server, tmp_path, monkeypatch):
    record = ask(server, tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert ask(server, tmp_path) == record
    with pytest.raises(InputError, match="offline mode is on; unset HF_HUB_OFFLINE"):
        ask(server, tmp_path / "elsewhere")
    assert len(server.requests) == 1


def test_no_server_is_one_line(tmp_path):
    with FileServer({}) as gone:
        url = gone.url
    expected = "no answer from the server, or no network{}; run this again later, and behind a proxy set HTTPS_PROXY; "
    for calls, often in ((module.ATTEMPTS, ", 5 times in a row"), (1, "")):
        with pytest.raises(UnreachableError, match=expected.format(often)) as failure:
            download(f"{url}/model.tar.gz", tmp_path / "model.tar.gz", calls=calls)
        assert str(failure.value).endswith("name another place (base_url=)")
        assert "is kept" not in str(failure.value)


def test_a_proxy_that_refuses_is_no_answer(tmp_path, monkeypatch):
    with FileServer({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        close_session()
        with pytest.raises(UnreachableError, match="no answer from the server, or no network; "):
            download("https://example.invalid/model.tar.gz", tmp_path / "model.tar.gz", calls=1)
    close_session()


def test_a_disk_too_small_for_it_is_told_before(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: SimpleNamespace(free=2_000_000))
    said = (
        r"model\.tar\.gz: takes 3 MB, and three times as much where it is converted, and 2 MB are free in .*; make room"
    )
    with pytest.raises(FullDiskError, match=said):
        ask(server, tmp_path)
    assert not list(tmp_path.glob("model*"))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/model.tar.gz", "model.tar.gz", "http://[1/model.tar.gz"])
def test_what_is_no_address_is_one_line(url, tmp_path):
    with pytest.raises(InputError, match="not an address"):
        download(url, tmp_path / "model.tar.gz")


def test_secrets_of_an_address_are_not_told(server, tmp_path):
    url = f"{server.url}/model.tar.gz?signature=abcdef".replace("://", "://me:secret@")
    record = download(url, tmp_path / "model.tar.gz")
    assert record.url == f"{server.url}/model.tar.gz"
    assert "secret" not in (tmp_path / "model.tar.gz.json").read_text()
    server.statuses = [404]
    with pytest.raises(NoSuchFileError) as failure:
        download(url, tmp_path / "again.tar.gz")
    assert "secret" not in str(failure.value)
    assert "abcdef" not in str(failure.value)


def test_a_full_disk_is_one_line_and_room_lets_it_go_on(server, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        with pytest.raises(FullDiskError, match=r"model\.tar\.gz: cannot be written .* make room"):
            ask(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "model.tar.gz").exists()
    came = (tmp_path / "model.tar.gz.incomplete").stat().st_size
    assert 0 < came <= 1_500_000
    ask(server, tmp_path)
    assert server.requests[-1] == ("/model.tar.gz", f"bytes={came}-")
    assert (tmp_path / "model.tar.gz").read_bytes() == BODY


def _ask_in_a_process(url, folder, told):
    close_session()  # its connections are the parent's
    said = []
    record = download(url, folder / "model.tar.gz", say=said.append)
    told.put((record.sha256, said))


def test_of_two_processes_one_downloads_and_both_have_it(server, tmp_path):
    server.slow = 1
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    arguments = (f"{server.url}/model.tar.gz", tmp_path, told)
    processes = [context.Process(target=_ask_in_a_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [told.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert {sha256 for sha256, _ in answers} == {hashlib.sha256(BODY).hexdigest()}
    assert sorted(said for _, said in answers) == [
        ["model.tar.gz: another process downloads it; waiting"],
        [f"model.tar.gz: downloading 3 MB from {server.url}/model.tar.gz"],
    ]
    assert len(server.requests) == 1
