"""A speech service on this machine, which speaks a real protocol and fails on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.formats import find_format

RATE = 24_000
"""Sample rate of the services' audio in Hz."""
SECONDS_PER_CHARACTER = 0.06


@dataclass(slots=True)
class Faults:
    """Faults of the next answers with audio. Counters are used up, flags stay."""

    statuses: list[tuple[int, Mapping[str, str], bytes]] = field(default_factory=list)
    """(status, headers, body) of answers that replace the next ones."""
    first_byte_delay: float = 0.0
    """Seconds before the head of the answer."""
    stall_after: int | None = None
    """Bytes of the body after which nothing more is sent."""
    reset_after: int | None = None
    """Bytes of the body after which the connection is reset."""
    truncate_after: int | None = None
    """Bytes of the body after which the connection is closed."""
    content_type: str | None = None
    """Media type that replaces the real one."""
    body: bytes | None = None
    """Body that replaces the audio."""
    endless: bool = False
    """Whether the audio is repeated without end."""
    refuse_connections: bool = False
    """Whether every connection is closed before an answer."""
    once: bool = False
    """Whether the faults above end after the first answer with them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the service has received."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        fields = parse_qs(self.body.decode(), keep_blank_values=True)
        return {name: values[0] for name, values in fields.items()}


class Service:
    """A speech service; subclasses implement `answer` like the real service.

    with SomeService().serving() as service: ... service.url ... service.asked
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.url = ""
        self.active = 0
        """Answers under way."""
        self.most_active = 0
        self._closing = threading.Event()
        self._lock = threading.Lock()

    def answer(self, asked: Asked, to: Answer) -> None:
        """Answer one request."""
        raise NotImplementedError

    def requests(self, path: str, method: str | None = None) -> list[Asked]:
        """The requests to a path so far."""
        return [a for a in self.asked if a.path == path and method in {None, a.method}]

    @contextmanager
    def serving(self, port: int = 0) -> Generator[Any, None, None]:
        """Listen on a free port, whose address is then `url`."""
        service = self
        self._closing.clear()

        class Handler(_Handler):
            served = service

        server = _Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield self
        finally:
            self._closing.set()
            server.shutdown()
            server.server_close()

    def handle(self, asked: Asked, to: Answer) -> None:
        """Record a request, and answer it."""
        with self._lock:
            self.asked.append(asked)
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        try:
            self.answer(asked, to)
        finally:
            with self._lock:
                self.active -= 1

    @property
    def closing(self) -> bool:
        """Whether the test is over."""
        return self._closing.is_set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up is no news


class _Handler(BaseHTTPRequestHandler):
    served: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _any(self) -> None:
        if self.served.faults.refuse_connections:
            self.close_connection = True
            return
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, url.path, query, headers, body)
        self.served.handle(asked, Answer(self, self.served))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any


class Answer:
    """The answer to a client."""

    def __init__(self, handler: BaseHTTPRequestHandler, service: Service) -> None:
        self.handler = handler
        self._service = service

    def send(
        self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer with its length."""
        self._head(status, content_type, {"Content-Length": str(len(body))} | dict(headers or {}))
        with suppress(OSError):
            self.handler.wfile.write(body)

    def json(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer in JSON."""
        self.send(status, "application/json", json.dumps(value).encode(), headers)

    def audio(
        self,
        content_type: str,
        pieces: Iterable[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
        pause: float = 0.0,
    ) -> None:
        """Send audio piece by piece, chunked unless `length` is given, with the faults of the service."""
        faults = self._service.faults
        if faults.statuses:
            status, extra, body = faults.statuses.pop(0)
            self.send(status, "application/json", body, extra)
            return
        now = Faults(**{name: getattr(faults, name) for name in Faults.__slots__})
        if faults.once:
            self._service.faults = Faults()
        self._wait(now.first_byte_delay)
        if length is not None and now.body is not None:
            length = len(now.body)
        chunked = length is None or now.endless
        lengths = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)}
        self._head(200, now.content_type or content_type, lengths | dict(headers or {}))
        with suppress(OSError):
            self._body(_endless(pieces) if now.endless else pieces, now, chunked=chunked, pause=pause)

    def _body(self, pieces: Iterable[bytes], faults: Faults, *, chunked: bool, pause: float) -> None:
        ends = [e for e in (faults.stall_after, faults.reset_after, faults.truncate_after) if e is not None]
        left = min(ends, default=None)
        for piece in [faults.body] if faults.body is not None else pieces:
            if self._service.closing:
                return
            part = piece if left is None else piece[:left]
            self._write(part, chunked=chunked)
            if left is not None:
                left -= len(part)
                if left == 0:
                    self._break_off(faults)
                    return
            self._wait(pause)
        if chunked:
            self.handler.wfile.write(b"0\r\n\r\n")

    def _break_off(self, faults: Faults) -> None:
        self.handler.close_connection = True
        if faults.stall_after is not None:
            self._wait(3600)
        elif faults.reset_after is not None:
            connection = self.handler.connection
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def _write(self, data: bytes, *, chunked: bool) -> None:
        if data:
            self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)

    def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.handler.send_header(name, value)
        with suppress(OSError):
            self.handler.end_headers()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._service.closing:
            time.sleep(min(0.01, seconds))


def _endless(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    kept = list(pieces)
    while True:
        yield from kept


def tone(text: str, pitch: float = 220.0, rate: int = RATE) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The audio (T,) of a text: `SECONDS_PER_CHARACTER` of tone for each character, silence for spaces."""
    length = round(SECONDS_PER_CHARACTER * rate)
    time_axis = np.arange(length * len(text)) / rate
    loud = np.repeat([0.3 if character.isalnum() else 0.0 for character in text], length)
    samples: np.ndarray[Any, np.dtype[np.float32]] = (loud * np.sin(2 * np.pi * pitch * time_axis)).astype(
        np.float32
    )
    return samples


def encoded(samples: np.ndarray[Any, np.dtype[np.float32]], format_name: str, rate: int = RATE) -> bytes:
    """The samples as a streamed file in one of the hub's formats."""
    encoder = open_encoder(find_format(format_name), rate)
    return encoder.encode(samples) + encoder.finish()


def in_pieces(data: bytes, size: int = 4096) -> Generator[bytes, None, None]:
    """The data in pieces, as they arrive over a network."""
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]
