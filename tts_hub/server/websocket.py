"""uvicorn's WebSockets.

A handshake that is refused gets an error in our shape, and speech may be finished when the server is stopped.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from tts_hub.server.errors import Failure
from tts_hub.server.metrics import Metrics
from tts_hub.server.refusals import answer_parts, raw_answer

BAD_HANDSHAKE = "invalid_handshake"
DRAINING = "draining"
"""Where a WebSocket's `scope["state"]` has the `asyncio.Event` that says: the server is being stopped."""


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
            self._metrics.count_failure(failure)
            self.transport.write(raw_answer(failure))
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
        self._metrics.count_failure(failure)
        body, headers = answer_parts(failure, self.given_id)
        return Response(status, HTTPStatus(status).phrase, Headers(headers), body)
