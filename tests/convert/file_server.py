"""An HTTP server on 127.0.0.1 with one file, which breaks off, cuts short, or cannot resume, as a test asks."""

import hashlib
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """The server. `url` is the folder's; `requests` are those seen, path and Range header.

    Args:
        content: path -> body; other paths are answered by 404.
        drop_after: of each coming answer: bytes of the body after which the connection breaks; None for all of it.
        ranges: whether Range is understood.
        obeys_if_range: whether the rest of a file that has changed is refused; if not, it comes under its own ETag.
        etag: whether answers carry one.
        headers: further ones of every answer.
        statuses: of coming answers, in place of the file.
        slow: seconds between the body's halves.
    """

    content: dict[str, bytes]
    drop_after: list[int | None] = field(default_factory=list)
    ranges: bool = True
    obeys_if_range: bool = True
    etag: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    slow: float = 0
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def __enter__(self) -> "FileServer":
        handler = type("Handler", (_Handler,), {"files": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address) -> None:
        """A client that hangs up before it has read an answer is no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    files: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        """Nothing: the tests read `requests`."""

    def do_GET(self) -> None:
        files, asked = self.files, self.headers.get("Range")
        files.requests.append((self.path, asked))
        status = files.statuses.pop(0) if files.statuses else 200
        path = self.path.partition("?")[0]
        if path not in files.content:
            status = 404
        if status != 200:
            self._answer(status, b"no")
            return
        body = files.content[path]
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        headers = {**files.headers, **({"ETag": etag} if files.etag else {})}
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and files.ranges else 0
        if files.etag and files.obeys_if_range and self.headers.get("If-Range", etag) != etag:
            start = 0
        if start >= len(body):
            self._answer(416, b"", {**headers, "Content-Range": f"bytes */{len(body)}"})
        elif start:
            said = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self._answer(206, body[start:], {**headers, "Content-Range": said})
        else:
            self._answer(200, body, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        stop = self.files.drop_after.pop(0) if self.files.drop_after else None
        if stop is not None:
            self.wfile.write(body[:stop])
            self.close_connection = True  # with less than Content-Length sent
            return
        half = len(body) // 2
        self.wfile.write(body[:half])
        if self.files.slow:
            self.wfile.flush()
            threading.Event().wait(self.files.slow)
        self.wfile.write(body[half:])
