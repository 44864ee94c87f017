"""uvicorn's connections, and what they leave open.

The head of a request is bounded in bytes and in time, a request that is not HTTP gets an error in our shape,
and a WebSocket may finish its sentence when the server is stopped.
"""

from __future__ import annotations

import asyncio
import json
import sys
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from tts_hub.server.errors import DO_NOT_RETRY, Failure
from tts_hub.server.identity import new_request_id

HEAD_BYTES = 16_384
"""Request line and headers."""
DRAINING = "draining"
"""Where a WebSocket's `scope["state"]` has the `asyncio.Event` that says: the server is being stopped."""


class BoundedHTTP(HttpToolsProtocol):
    """One connection. A head that is too long is refused, one that does not end in time is given up."""

    def __init__(self, *args: Any, arrival_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
        request_line = b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([request_line, *lines, b"", b""]) + self._data[stopped_at:])

    def send_400_response(self, msg: str) -> None:
        """OpenAI's error object instead of uvicorn's text; nothing into the middle of an answer."""
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            too_large = max(self._parsed, self._received if self._in_head else 0) > HEAD_BYTES
            message = (
                f"the headers are larger than {HEAD_BYTES} bytes" if too_large else "not a valid request"
            )
            self.transport.write(_raw(Failure(431 if too_large else 400, message, headers=DO_NOT_RETRY)))
        self.transport.close()

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
            message = f"the request did not arrive within {self._arrival_seconds:g} s"
            self.transport.write(_raw(Failure(408, message, headers=DO_NOT_RETRY)))
        self.transport.close()


class DrainingWebSocket(WebSocketsSansIOProtocol):
    """uvicorn hangs up on WebSockets when it is stopped; this one tells the application, which closes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._draining = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """A handshake that cannot be read would stay open without an answer."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(_raw(Failure(400, "not a valid WebSocket handshake", headers=DO_NOT_RETRY)))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Give the application its sign."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["state"][DRAINING] = self._draining

    def shutdown(self) -> None:
        """Ask for the end."""
        if self.handshake_complete and not self.close_sent:
            self._draining.set()
        else:
            super().shutdown()


def _raw(failure: Failure) -> bytes:
    """The answer to what never became a request."""
    body = json.dumps(failure.envelope()).encode()
    lines = [
        f"HTTP/1.1 {failure.status} {HTTPStatus(failure.status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        f"x-request-id: {new_request_id()}",
        *(f"{name}: {value}" for name, value in failure.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
