"""uvicorn's connections, and what they leave open.

The head of a request is bounded in bytes and in time, a request that is not HTTP gets an error in our shape,
HTTP/1.0 gets a body without chunks, and a WebSocket may finish its sentence when the server is stopped.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from http import HTTPStatus
from typing import Any

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from tts_hub.server.errors import Failure
from tts_hub.server.guards import too_late
from tts_hub.server.identity import request_id_of
from tts_hub.server.metrics import Metrics

HEAD_BYTES = 16_384
"""Request line and headers."""
HEAD_TOO_LARGE = Failure(431, f"the headers are larger than {HEAD_BYTES} bytes", "headers_too_large")
NOT_HTTP = Failure(400, "not a valid request", "invalid_http")
BAD_HANDSHAKE = "invalid_handshake"
DRAINING = "draining"
"""Where a WebSocket's `scope["state"]` has the `asyncio.Event` that says: the server is being stopped."""


class BoundedHTTP(HttpToolsProtocol):
    """One connection. A head that is too long is refused, one that does not end in time is given up."""

    def __init__(self, *args: Any, arrival_seconds: float, metrics: Metrics, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._metrics = metrics
        self._arrival_seconds = arrival_seconds
        self._in_head = True
        self._received = 0
        """Bytes since the head began."""
        self._parsed = 0
        """Bytes of the head that the parser has handed out."""
        self._clock: asyncio.TimerHandle | None = None
        self._data = b""
        self._offers_other = False
        """The head at hand offers a protocol that is not spoken here."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head must come in time."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Later heads have to come in time from their first byte on; before it, keep-alive counts."""
        if self._in_head:
            self._received += len(data)
            if self._clock is None:
                self._start_clock()
        self._data = data
        super().data_received(data)
        if self._in_head and self._received > HEAD_BYTES:
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A new head."""
        super().on_message_begin()
        self._parsed = 0

    def on_url(self, url: bytes) -> None:
        """Count it."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it."""
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """It came in time."""
        self._in_head = False
        self._stop_clock()
        self._offers_other = self.parser.should_upgrade() and not self._should_upgrade()
        if not self._offers_other:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        if not self._offers_other:
            super().on_message_complete()
        self._in_head = True
        self._received = 0

    def _unsupported_upgrade_warning(self) -> None:
        """The client would speak HTTP/2 as well, as Java's does. The parser has stopped, the body unread:
        another one begins anew, with the same head but for the offer.
        """
        stop = sys.exception()
        stopped_at: int = stop.args[0] if stop is not None else 0
        offers = {b"connection", b"upgrade", b"http2-settings"}
        lines = [b"%s: %s" % header for header in self.headers if header[0] not in offers]
        version = self.parser.get_http_version().encode()
        request_line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([request_line, *lines, b"", b""]) + self._data[stopped_at:])

    def send_400_response(self, msg: str) -> None:
        """OpenAI's error object instead of uvicorn's text; nothing into the middle of an answer."""
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            too_large = max(self._parsed, self._received if self._in_head else 0) > HEAD_BYTES
            self._refuse(HEAD_TOO_LARGE if too_large else NOT_HTTP)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if cycle.scope["http_version"] == "1.0":
            app = _WithoutChunks(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _refuse(self, failure: Failure) -> None:
        self._metrics.told(failure)
        self.transport.write(_raw(failure))

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > HEAD_BYTES:
            raise ValueError  # the parser turns it into an error of its own, and that into an answer

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self._arrival_seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._start_clock()  # the next request can wait; the speech on its way must not be cut
            return
        self._clock = None
        if self._received and not self.transport.is_closing():
            self._refuse(too_late(self._arrival_seconds))
        self.transport.close()


class _WithoutChunks:
    """The application for a client of HTTP/1.0, who knows no chunks: the body ends with the connection.

    uvicorn has no such thing. It is told that nothing is chunked, and before each piece that as much was
    announced. Since any end would look like a good one, a body that breaks off ends in a reset.
    """

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle
        self._is_open_ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
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


class DrainingWebSocket(WebSocketsSansIOProtocol):
    """uvicorn hangs up on WebSockets when it is stopped; this one tells the application, which closes it."""

    def __init__(self, *args: Any, metrics: Metrics, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._metrics = metrics
        self._draining = asyncio.Event()
        self.conn: _Handshake = _Handshake(metrics, max_size=self.config.ws_max_size, logger=self.logger)

    def data_received(self, data: bytes) -> None:
        """A handshake that cannot be read would stay open without an answer."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            failure = Failure(400, "not a valid WebSocket handshake", BAD_HANDSHAKE)
            self._metrics.told(failure)
            self.transport.write(_raw(failure))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Give the application its sign."""
        self.conn.given_id = next(iter(event.headers.get_all("x-request-id")), "")
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["state"][DRAINING] = self._draining

    async def send(self, message: Any) -> None:
        """An answer in place of the handshake ends it well; uvicorn would log a fault of the application."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def shutdown(self) -> None:
        """Ask for the end."""
        if self.handshake_complete and not self.close_sent:
            self._draining.set()
        else:
            super().shutdown()


class _Handshake(ServerProtocol):
    """The opening of a WebSocket; what is refused here gets an error in our shape too."""

    def __init__(self, metrics: Metrics, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._metrics = metrics
        self.given_id = ""
        """What the client calls its request."""

    def reject(self, status: int, text: str) -> Response:
        """The answer that refuses a handshake, with what `websockets` has to say of it."""
        message = text.partition("\n")[0].rstrip(".") or "the WebSocket was refused"
        failure = Failure(status, message, BAD_HANDSHAKE, is_fault=status >= HTTPStatus.INTERNAL_SERVER_ERROR)
        self._metrics.told(failure)
        body, headers = _answer(failure, self.given_id)
        return Response(status, HTTPStatus(status).phrase, Headers(headers), body)


def _raw(failure: Failure) -> bytes:
    """The answer to what never became a request."""
    body, headers = _answer(failure)
    lines = [f"HTTP/1.1 {failure.status} {HTTPStatus(failure.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _answer(failure: Failure, given_id: str = "") -> tuple[bytes, dict[str, str]]:
    """Body and headers."""
    body = json.dumps(failure.envelope()).encode()
    return body, {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        "x-request-id": request_id_of(given_id),
        **failure.all_headers(),
    }
