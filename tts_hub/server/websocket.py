"""WebSockets of uvicorn, with refusals and an end that it lacks.

A refused handshake gets an error in our shape, and speech may finish when the server is stopped.
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
"""The key of a WebSocket's `scope["state"]` with the `asyncio.Event` that is set when the server stops."""


class DrainingWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that the application closes when the server is stopped; uvicorn would hang up."""

    def __init__(self, *args: Any, metrics: Metrics, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._metrics = metrics
        self._draining = asyncio.Event()
        self.conn: _Handshake = _Handshake(metrics, max_size=self.config.ws_max_size, logger=self.logger)

    def data_received(self, data: bytes) -> None:
        """Answer a handshake that cannot be read; uvicorn would leave it open without an answer."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            failure = Failure(400, "not a valid WebSocket handshake", BAD_HANDSHAKE)
            self._metrics.count_failure(failure)
            self.transport.write(raw_answer(failure))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Give the application the event that is set when the server stops."""
        self.conn.given_id = next(iter(event.headers.get_all("x-request-id")), "")
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["state"][DRAINING] = self._draining

    async def send(self, message: Any) -> None:
        """Send, and mark an answer in place of the handshake as complete: uvicorn would log it as a fault."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def shutdown(self) -> None:
        """Ask the application to close the connection."""
        if self.handshake_complete and not self.close_sent:
            self._draining.set()
        else:
            super().shutdown()


class _Handshake(ServerProtocol):
    """The handshake of a WebSocket, which is refused with an error in our shape."""

    def __init__(self, metrics: Metrics, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._metrics = metrics
        self.given_id = ""
        """The client's own id of its request."""

    def reject(self, status: int, text: str) -> Response:
        """The answer that refuses a handshake, with the reason that `websockets` gives."""
        message = text.partition("\n")[0].rstrip(".") or "the WebSocket was refused"
        failure = Failure(status, message, BAD_HANDSHAKE, is_fault=status >= HTTPStatus.INTERNAL_SERVER_ERROR)
        self._metrics.count_failure(failure)
        body, headers = answer_parts(failure, self.given_id)
        return Response(status, HTTPStatus(status).phrase, Headers(headers), body)
