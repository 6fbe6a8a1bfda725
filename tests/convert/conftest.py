import pytest
from checkpoints import ARCHIVE, NAME
from file_server import FileServer
from huggingface_hub import close_session, constants

from alignet_hf.convert import download
from alignet_hf.convert.released import URL_VARIABLE


@pytest.fixture
def online(monkeypatch, tmp_path):
    """The network is allowed, to 127.0.0.1; a cache of its own; no waiting between attempts."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.001)
    close_session()
    yield
    close_session()


@pytest.fixture
def released(online, monkeypatch):
    """A server in the place of the authors', with one checkpoint."""
    with FileServer({f"/{NAME}.tar.gz": ARCHIVE.read_bytes()}) as server:
        monkeypatch.setenv(URL_VARIABLE, server.url)
        yield server
