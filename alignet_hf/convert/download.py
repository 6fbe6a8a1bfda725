"""One large file over HTTP, once: resumed where the connection broke, and never half there under its final name."""

import base64
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub import constants, get_session
from tqdm import tqdm

from alignet_hf.errors import FullDiskError, InputError
from alignet_hf.full_disk import MAKE_ROOM, in_words, naming_full_disk
from alignet_hf.hub.artifacts import replacing
from alignet_hf.output_folder import make_folder

TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 5  # in a row that bring nothing
PAUSE = 1  # seconds before the second attempt; twice as long before each further one
INCOMPLETE = ".incomplete"  # as in the Hub's cache
_NO_ADDRESS = "not an address to download from (http:// or https://)"


class NoSuchFileError(InputError):
    """The server has no file at an address."""


class UnreachableError(InputError):
    """No server answers at an address, or offline mode keeps from asking it."""


@dataclass(frozen=True)
class Download:
    """The record of a downloaded file, which stands beside it as JSON.

    Attributes:
        url: where it came from, less what may be secret in it (see `shown`).
        size: in bytes.
        sha256: of its content, as hexadecimal digits.
        validator: what the server calls this version of the file, an ETag or a date; None where it does not say.
    """

    url: str
    size: int
    sha256: str
    validator: str | None


@dataclass
class _Remote:
    """What the server has said of a file that is not all here yet."""

    url: str  # as it is shown
    validator: str | None = None
    size: int | None = None
    md5: str | None = None


class _Interrupted(Exception):
    """An attempt that did not bring the rest; another one may."""


class _Unanswered(_Interrupted):
    """An attempt that no server answered."""


def download(
    url: str, path: str | Path, *, say: Callable[[str], None] = lambda line: None, calls: int = ATTEMPTS
) -> Download:
    """Download a file unless it is there, with a progress bar on a terminal.

    What has come before a connection breaks stays beside `path`, under a name that ends in ".incomplete", and the next
    attempt asks for the rest alone (Range); of a file that has changed, or a server that cannot do that, for all of
    it. The length is compared with what the server says, and so is Google Cloud Storage's MD5. One process at a time
    downloads to a path; another one waits and then takes the same file.

    Args:
        url: http or https.
        path: of the file; its folder is made.
        say: takes a line for the user: it begins, another process is at it, the connection broke.
        calls: how often to ask a server that does not answer.

    Returns:
        The file's record, also in `path` + ".json".

    Raises:
        NoSuchFileError: the server has no such file.
        UnreachableError: no server answers, or offline mode is on.
        FullDiskError: there is no room.
        InputError: it refuses, or breaks off again and again.
    """
    path = Path(path)
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{path.name}: another process downloads it; waiting")
        lock.acquire()
    try:
        with naming_full_disk(path):
            return downloaded(url, path) or _download(url, path, say, calls)
    finally:
        lock.release()


def shown(url: str) -> str:
    """An address without a user, a password and a query, which may hold a signature: for messages and records."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{url}: {_NO_ADDRESS}") from error
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def downloaded(url: str, path: Path) -> Download | None:
    """The record of a file that has come from there whole; None where it has not."""
    with suppress(OSError, ValueError, TypeError):  # no record, or not one of ours
        record = Download(**json.loads(_record_of(path).read_text(encoding="utf-8")))
        if record.url == shown(url) and path.stat().st_size == record.size:
            return record
    return None


def remove_download(path: Path) -> None:
    """Remove a file, what there is of one that is not whole, and the records."""
    part = _part_of(path)
    for file in (path, _record_of(path), part, _record_of(part)):
        file.unlink(missing_ok=True)


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + INCOMPLETE)


def _record_of(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _download(url: str, path: Path, say: Callable[[str], None], calls: int) -> Download:
    if constants.is_offline_mode():
        raise UnreachableError(
            f"{shown(url)}: not downloaded: offline mode is on; unset HF_HUB_OFFLINE, then run this again"
        )
    part = _part_of(path)
    remote = _begun(url, part)
    failures, most = 0, _size(part)
    while True:
        try:
            _fetch(url, remote, part, say)
            break
        except _Interrupted as error:
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if isinstance(error, _Unanswered) and failures >= calls:
                raise UnreachableError(_gave_up(url, error, failures, part)) from error
            if failures == ATTEMPTS:
                raise InputError(_gave_up(url, error, failures, part)) from error
            pause = PAUSE * 2 ** (failures - 1)
            say(f"{path.name}: {error}; trying again in {pause:g} s")
            time.sleep(pause)
    record = Download(shown(url), _size(part), _digest_of(remote, part), remote.validator)
    with replacing(_record_of(path)) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    os.replace(part, path)
    _record_of(part).unlink(missing_ok=True)
    return record


def _gave_up(url: str, error: _Interrupted, failures: int, part: Path) -> str:
    often = f", {failures} times in a row" if failures > 1 else ""
    what = "what has come is kept: run the same command again to go on" if _size(part) else "run this again later"
    return (
        f"{shown(url)}: not downloaded: {error}{often}; {what}, and behind a proxy set HTTPS_PROXY; where a firewall "
        "keeps the address away, name another place (base_url=)"
    )


def _begun(url: str, part: Path) -> _Remote:
    """What is known of a file that has come in part: nothing, where nothing has come or it was another file's."""
    with suppress(OSError, ValueError, TypeError):
        known = _Remote(**json.loads(_record_of(part).read_text(encoding="utf-8")))
        if known.url == shown(url):
            return known
    return _Remote(shown(url))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch(url: str, remote: _Remote, part: Path, say: Callable[[str], None]) -> None:
    """Ask once for what is missing, and append it.

    Raises:
        _Interrupted: not all of it came; what did come is there.
    """
    start = _size(part) if remote.validator else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": remote.validator}
    try:
        with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
            _receive(response, remote, part, start, say)
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        raise InputError(f"{remote.url}: {_NO_ADDRESS}") from error
    except httpx2.TooManyRedirects as error:
        raise InputError(f"{remote.url}: leads in a circle; give the file's own address") from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        raise _Unanswered("no answer from the server, or no network") from error
    except httpx2.TransportError as error:
        raise _Interrupted(f"the connection broke ({type(error).__name__})") from error


def _receive(response: httpx2.Response, remote: _Remote, part: Path, start: int, say: Callable[[str], None]) -> None:
    _check_status(response, remote.url)
    validator = _validator(response)
    if response.status_code == 416 and _total(response) == start:
        return  # all of it came before
    if response.status_code == 416 or (
        response.status_code == 206 and (_first_byte(response) != start or validator != remote.validator)
    ):
        part.unlink(missing_ok=True)
        raise _Interrupted("the file has changed on the server")
    if response.status_code == 200:
        start = 0
    remote.validator, remote.size, remote.md5 = validator, _total(response), _md5(response)
    _check_room(remote, part, start)
    _record_of(part).write_text(json.dumps(asdict(remote)), encoding="utf-8")
    say(f"{part.name.removesuffix(INCOMPLETE)}: downloading {_told(remote.size, start)} from {remote.url}")
    with (
        part.open("ab" if start else "wb") as file,
        tqdm(
            desc=part.name.removesuffix(INCOMPLETE),
            total=remote.size,
            initial=start,
            unit="B",
            unit_scale=True,
            disable=True if constants.HF_HUB_DISABLE_PROGRESS_BARS else None,  # None: where there is no terminal
        ) as bar,
    ):
        for chunk in response.iter_raw():  # as they come: blocks of one size would lose the last when it breaks
            file.write(chunk)
            bar.update(len(chunk))
    if remote.size is not None and _size(part) != remote.size:
        raise _Interrupted(f"{_size(part):,} bytes came of {remote.size:,}")


def _check_room(remote: _Remote, part: Path, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if remote.size is not None and remote.size - start > free:
        raise FullDiskError(
            f"{remote.url}: takes {in_words(remote.size - start)}, and three times as much where it is converted, and "
            f"{in_words(free)} are free in {part.parent}; {MAKE_ROOM}"
        )


def _told(size: int | None, start: int) -> str:
    """How much is asked for, in words."""
    if size is None:
        return "a file of unknown size"
    return f"the last {in_words(size - start)} of {in_words(size)}" if start else in_words(size)


def _check_status(response: httpx2.Response, url: str) -> None:
    status = response.status_code
    if status in (404, 410):
        raise NoSuchFileError(f"{url}: there is no such file ({status})")
    if status in (408, 429) or status >= 500:
        raise _Interrupted(f"the server has trouble ({status})")
    if status not in (200, 206, 416):
        raise InputError(f"{url}: not downloaded: the server refuses ({status} {response.reason_phrase})")


def _validator(response: httpx2.Response) -> str | None:
    """What If-Range takes: a strong ETag, or the date of the last change."""
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _total(response: httpx2.Response) -> int | None:
    """The length of the whole file, where the server says it."""
    said = response.headers.get("Content-Length")
    if response.status_code in (206, 416):
        said = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(said) if said and said.isdecimal() else None


def _first_byte(response: httpx2.Response) -> int | None:
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else None


def _md5(response: httpx2.Response) -> str | None:
    """The file's MD5 that Google Cloud Storage sends, in base 64."""
    hashes = ",".join(response.headers.get_list("x-goog-hash"))
    return next((part.strip()[4:] for part in hashes.split(",") if part.strip().startswith("md5=")), None)


def _digest_of(remote: _Remote, part: Path) -> str:
    """The SHA-256 of what has come, after its MD5 is found to be the server's."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with part.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            md5.update(block)
    if remote.md5 is not None and base64.b64encode(md5.digest()).decode() != remote.md5:
        part.unlink()
        raise InputError(f"{remote.url}: what came is not what the server has (MD5), and is removed; run this again")
    return sha256.hexdigest()
