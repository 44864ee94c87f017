"""The outermost middleware: every request has an id, every answer carries it, no exception passes."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tts_hub.errors import shown
from tts_hub.server.errors import SERVER, Failure, failure_of, log_failure
from tts_hub.server.metrics import Metrics

ACCEPTED_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""A valid `x-request-id` of a client, which then appears in our logs."""
ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
STOPPING = Failure(503, "the server is being stopped", "server_is_stopping", SERVER, retry_after=5)
logger = logging.getLogger(__name__)


def request_id_of(given: str) -> str:
    """The id of a request: the one that its client gave, if it is valid, else a new one."""
    return given if ACCEPTED_ID.fullmatch(given) else f"req_{uuid.uuid4().hex[:16]}"


class RequestIdentity:
    """Adds `x-request-id` and the processing time to answers, catches all exceptions, and logs one line.

    It also counts the failures that were whole answers.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in ANSWERS:
                status = message.get("status", 101)
                if (failure := scope["state"].get("failure")) is not None:
                    self._metrics.count_failure(failure)
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["openai-processing-ms"] = str(round((time.perf_counter() - began) * 1000))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as exc:  # noqa: BLE001 - the boundary: only this connection may fail
            log_failure(exc, request_id)
            if not status and scope["type"] == "http":
                await failure_of(exc, request_id).response()(scope, receive, send_with_id)
        except asyncio.CancelledError:  # the grace of a server that is being stopped is over
            logger.warning("request %s was cut off because the server stopped", request_id)
            if not status and scope["type"] == "http":
                await STOPPING.response()(scope, receive, send_with_id)
        took = (time.perf_counter() - began) * 1000
        method = scope.get("method", "WS")
        logger.info("%s %s %s -> %d in %.0f ms", request_id, method, shown(scope["path"]), status, took)
