"""A Hugging Face hub on this machine: the paths, headers and errors of the real one, and faults on demand."""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESOLVE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
STORE = "/store/"
"""Large files are redirected to another host, as they are in the real hub."""


@dataclass(slots=True)
class LocalHub:
    """The files of the server, its faults, and the requests it received."""

    repository: str
    revision: str
    files: dict[str, bytes]
    large: set[str] = field(default_factory=set)
    token: str | None = None
    """Requests without this token are refused."""
    gated: bool = False
    cuts: dict[str, list[int]] = field(default_factory=dict)
    """File -> bytes after which the connection breaks, for each of the next answers."""
    statuses: list[int] = field(default_factory=list)
    """Answers instead of the next files."""
    retry_after: list[str] = field(default_factory=list)
    """The Retry-After header of the next refusals; no header if empty."""
    stalls: bool = False
    """The server sends half of a file and then nothing."""
    ignores_ranges: bool = False
    etags: list[str] = field(default_factory=list)
    """The ETags of the next answers, instead of ones made from the content."""
    compresses: bool = False
    """Answers are compressed with gzip, ranges too, although no request accepts it."""
    page: bytes = b""
    """A web page that is sent instead of a file, as in a network that wants a sign-in."""
    shift: int = 0
    """The number of bytes by which the start of every range is wrong."""
    conditions: list[str] = field(default_factory=list)
    """The If-Range header of each request for a range."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(path, Range, Authorization) of each request."""
    url: str = ""

    def ranges(self, name: str) -> list[str]:
        """The Range headers of the requests that were answered with bytes of a file."""
        where = STORE + name if name in self.large else f"/{name}"
        return [wanted for path, wanted, _ in self.asked if path.endswith(where)]


@contextmanager
def serving(hub: LocalHub) -> Generator[None, None, None]:
    """Listen on a free port and set `hub.url` to its address."""

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield
    finally:
        hub.stalls = False
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        hub = self.served
        asked = (self.path, self.headers.get("Range", ""), self.headers.get("Authorization", ""))
        hub.asked.append(asked)
        if self.path.startswith(STORE):
            self._send_file(self.path.removeprefix(STORE))
            return
        found = RESOLVE.fullmatch(self.path)
        if refusal := self._refusal(found):
            self._refuse(*refusal)
        elif found is not None and found["file"] in hub.large:
            self.send_response(302)
            elsewhere = hub.url.replace("127.0.0.1", "localhost")
            self.send_header("Location", f"{elsewhere}{STORE}{found['file']}")
            self.send_header("X-Repo-Commit", hub.revision)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif found is not None:
            self._send_file(found["file"])

    def _refusal(self, found: re.Match[str] | None) -> tuple[int, str, str] | None:
        """Status, error code and error message as the real hub gives them."""
        hub, given = self.served, self.headers.get("Authorization", "")
        if hub.statuses:
            return hub.statuses.pop(0), "", ""
        if given and hub.token and given != f"Bearer {hub.token}":
            return 401, "", "Invalid credentials in Authorization header"
        if found is None or found["repository"] != hub.repository or (hub.token and not given):
            return 401, "RepoNotFound", "Repository not found"
        if hub.gated:
            return 403, "GatedRepo", "Access to model is restricted"
        if found["revision"] != hub.revision:
            return 404, "RevisionNotFound", "Invalid rev id"
        return None if found["file"] in hub.files else (404, "EntryNotFound", "Entry not found")

    def _refuse(self, status: int, code: str, message: str) -> None:
        self.send_response(status)
        if self.served.retry_after and (seconds := self.served.retry_after.pop(0)):
            self.send_header("Retry-After", seconds)
        if code:
            self.send_header("X-Error-Code", code)
        if message:
            self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _begin(self, etag: str) -> int:
        """Where the answer begins: RFC 9110, section 13.1.5."""
        hub = self.served
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not wanted:
            return 0
        condition = self.headers.get("If-Range", "")
        hub.conditions.append(condition)
        return 0 if hub.ignores_ranges or condition not in {"", etag} else int(wanted[1])

    def _send_file(self, name: str) -> None:
        hub = self.served
        content = gzip.compress(hub.files[name]) if hub.compresses else hub.files[name]
        etag = hub.etags.pop(0) if hub.etags else f'"{hashlib.md5(content).hexdigest()}"'
        begin = self._begin(etag)
        if hub.page:
            content, begin = hub.page, 0
        if begin >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if begin:
            begin += hub.shift
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[begin:]
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/html" if hub.page else "application/octet-stream")
        if hub.compresses:
            self.send_header("Content-Encoding", "gzip")
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        cuts = hub.cuts.get(name, [])
        end = cuts.pop(0) if cuts else len(body)
        if hub.stalls:
            end = len(body) // 2
        with suppress(OSError):
            self.wfile.write(body[:end])
            self.wfile.flush()
            while hub.stalls:
                time.sleep(0.02)
        if end < len(body):
            self.close_connection = True
