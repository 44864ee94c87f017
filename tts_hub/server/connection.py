"""HTTP connections of uvicorn, with the limits and answers that it lacks.

The number of connections is bounded, and the head of a request in bytes and in time. A request that is not
HTTP gets an error in our shape, and HTTP/1.0 gets a body without chunks.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import Any, cast

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tts_hub.server.capacity import Capacity
from tts_hub.server.errors import Failure, FailureError
from tts_hub.server.guards import too_late
from tts_hub.server.metrics import Metrics
from tts_hub.server.refusals import raw_answer

HEAD_BYTES = 16_384
"""The greatest size of the request line and headers together."""
HEAD_TOO_LARGE = Failure(431, f"the headers are larger than {HEAD_BYTES} bytes", "headers_too_large")
NOT_HTTP = Failure(400, "not a valid request", "invalid_http")
NO_TUNNEL = Failure(
    405,
    "this server is not a proxy: CONNECT is not supported",
    "method_not_supported",
    headers={"Allow": "GET, HEAD, POST, OPTIONS"},
)
ABSOLUTE = re.compile(rb"https?://([^/?#]+)([^#]*)", re.IGNORECASE)
"""A request target in the form for proxies: the authority, then path and query."""
FRAMING = frozenset({b"content-length", b"transfer-encoding"})
"""The headers that say where a body ends."""


class BoundedHTTP(HttpToolsProtocol):
    """One connection. It refuses a head that is too long, or that does not end in time."""

    def __init__(
        self, *args: Any, arrival_seconds: float, metrics: Metrics, capacity: Capacity, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._metrics = metrics
        self._capacity = capacity
        self._arrival_seconds = arrival_seconds
        self._in_head = True
        self._received = 0
        """Bytes since the head began."""
        self._parsed = 0
        """Bytes of the head that the parser has handed out."""
        self._clock: asyncio.TimerHandle | None = None
        self._offers_other = False
        """The present head offers another protocol that the server does not speak."""
        self._head_is_known = False
        """The parser reads a head of our own, which only says where the body ends."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for the first head."""
        if not self._capacity.admits(transport, len(self.connections)):
            return
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data. A later head has its time limit from the first byte on; before that, keep-alive applies."""
        self._unset_keepalive_if_required()
        if self._in_head:
            self._received += len(data)
            if self._clock is None:
                self._start_clock()
        try:
            self._parse(memoryview(data))
        except httptools.HttpParserError as exc:
            cause = exc.__context__
            self._give_up(cause.failure if isinstance(cause, FailureError) else NOT_HTTP)
        else:
            if self._in_head and self._received > HEAD_BYTES:
                self._give_up(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start a new head."""
        if not self._head_is_known:
            super().on_message_begin()
            self._parsed = 0

    def on_url(self, url: bytes) -> None:
        """Count the bytes of the URL."""
        if not self._head_is_known:
            super().on_url(url)
            self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the bytes of the header."""
        if not self._head_is_known:
            super().on_header(name, value)
            self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Stop the time limit, and read the head."""
        if self._head_is_known:
            self._head_is_known = False
            return
        self._in_head = False
        self._stop_clock()
        if self.parser.get_method() == b"CONNECT":
            raise FailureError(NO_TUNNEL)
        self._split_target()
        self._offers_other = self.parser.should_upgrade() and not self._should_upgrade()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect another head, unless the parser stopped at an offer before it read the body."""
        if self._offers_other:
            return
        super().on_message_complete()
        self._in_head = True
        self._received = 0

    def _parse(self, data: memoryview) -> None:
        """Feed the parser, which stops at each head that offers another protocol."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stop:
                if self._should_upgrade():
                    self._become_websocket()
                    return
                data = data[stop.args[0] :]
            self._parse_on_as_http()

    def _parse_on_as_http(self) -> None:
        """Ignore the offer of another protocol, such as the HTTP/2 that Java's client offers.

        The parser has stopped for good. Another one continues behind the head, which has been parsed.
        """
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] in FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self._offers_other = False
        self._head_is_known = True
        version = self.scope["http_version"].encode()
        self.parser.feed_data(b"POST / HTTP/%s\r\n%s\r\n" % (version, b"".join(lines)))

    def _become_websocket(self) -> None:
        """Hand the connection to uvicorn's WebSocket, which must not begin inside an answer."""
        if self._is_answering:
            self.transport.close()
        else:
            self.handle_websocket_upgrade()

    def _split_target(self) -> None:
        """Read a target in the form for proxies: `GET http://host/path` is `GET /path` with `Host: host`."""
        if self.url.startswith(b"/") or self.url == b"*":
            return
        found = ABSOLUTE.fullmatch(self.url.partition(b"#")[0])
        if found is None:
            raise FailureError(NOT_HTTP)
        authority, rest = found.groups()
        self.url = rest if rest.startswith(b"/") else b"/" + rest
        others = [header for header in self.headers if header[0] != b"host"]
        hosts = sum(header[0] == b"host" for header in self.headers)
        self.headers[:] = [(b"host", authority)] * max(1, hosts) + others

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _give_up(self, failure: Failure) -> None:
        """Close the connection, with an error if that does not end up in the middle of another answer."""
        if self.transport.is_closing():
            return
        if not self._is_answering or not self.cycle.response_started:
            too_large = max(self._parsed, self._received if self._in_head else 0) > HEAD_BYTES
            self._refuse(HEAD_TOO_LARGE if too_large else failure)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        served = _WithoutChunks(app, cycle) if cycle.scope["http_version"] == "1.0" else app
        super()._start_asgi_task(cycle, cast("Any", _BrokenOffQuietly(served, cycle)))

    def _refuse(self, failure: Failure) -> None:
        self._metrics.count_failure(failure)
        self.transport.write(raw_answer(failure))

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > HEAD_BYTES:
            raise FailureError(HEAD_TOO_LARGE)

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self._arrival_seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_late(self) -> None:
        if self._is_answering:
            self._start_clock()  # the speech that is being sent must not be cut because of the next request
            return
        self._clock = None
        if self._received and not self.transport.is_closing():
            self._refuse(too_late(self._arrival_seconds))
        self.transport.close()


class _BrokenOffQuietly:
    """Keeps uvicorn from logging an unfinished answer, whose reason the application has logged."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        await self._app(scope, receive, send)
        cycle = self._cycle
        if cycle.response_started and not cycle.response_complete and not cycle.disconnected:
            cycle.disconnected = True
            cycle.transport.close()


class _WithoutChunks:
    """Answers to HTTP/1.0, which has no chunks: the body ends with the connection.

    uvicorn does not support that. So its chunks are switched off, and the length that it expects grows with
    each piece. As any normal end looks like a good one, a body that breaks off ends in a reset.
    """

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle
        self._is_open_ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        cycle = self._cycle

        async def send_plainly(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message.get("headers", ())}
                self._is_open_ended = b"content-length" not in names
                cycle.chunked_encoding = False if self._is_open_ended else None
            elif self._is_open_ended:
                cycle.expected_content_length += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_plainly)
        finally:
            if self._is_open_ended and not cycle.response_complete and not cycle.disconnected:
                at_once = struct.pack("ii", 1, 0)
                cycle.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, at_once
                )
                cycle.transport.abort()
