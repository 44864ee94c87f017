"""The answer of a speech request: it owns its stream, and ends in exactly one way.

Whole, refused before the first byte, or visibly broken off: never a clean end on a failure. A client that
hangs up, also before the first audio, and a reader that pauses too long give the engine's place back.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

import anyio
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tts_hub.errors import OverloadedError
from tts_hub.report import SpeechReport
from tts_hub.server.errors import failure_of
from tts_hub.server.hub import Hub
from tts_hub.server.metrics import Outcome

NO_BUFFERING = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Proxies shall pass on what comes when it comes."""
logger = logging.getLogger(__name__)


class OwnedStream(Protocol):
    """A `SpeechStream` or `AudioStream`: what is reported on, and closed at the end."""

    @property
    def report(self) -> SpeechReport:
        """Where the request stands."""

    async def aclose(self) -> None:
        """Stop the engine and free its place."""


S = TypeVar("S", bound=OwnedStream)


class ClientGone(Exception):
    """The client hung up before the first audio."""


class ReaderPaused(Exception):
    """The client took nothing for too long."""


async def opened(request: Request, hub: Hub, opening: Callable[[], Awaitable[S]]) -> S:
    """Wait for the first audio, unless the client hangs up before; counts what fails.

    Raises:
        TTSHubError: whatever opening the stream raises.
        ClientGone: nobody waits any more.
    """
    hub.metrics.began()
    try:
        return await _unless_hung_up(request.receive, opening)
    except BaseException as exc:
        hub.metrics.failed(exc)
        outcome: Outcome = "rejected" if isinstance(exc, OverloadedError) else "error"
        hub.metrics.ended(None, "", "client_cancel" if _is_cancel(exc) else outcome)
        raise


class StreamedSpeech(Response):
    """Sends the parts of `body` as they come; `stream` is closed whatever happens."""

    def __init__(
        self,
        stream: OwnedStream,
        body: AsyncGenerator[bytes, None],
        hub: Hub,
        *,
        media_type: str,
        response_format: str,
        tells_failures: bool = False,
    ) -> None:
        """`tells_failures`: `body` itself tells the client of a failure and may end cleanly then."""
        super().__init__(media_type=media_type, headers=NO_BUFFERING)
        del self.headers["content-length"]
        self._stream = stream
        self._body = body
        self._hub = hub
        self._format = response_format
        self._tells_failures = tells_failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, or break off."""
        outcome: Outcome = "client_cancel"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_when_hung_up, receive, tasks.cancel_scope)
                outcome = await self._send(send, scope["state"]["request_id"])
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._body.aclose()
                await self._stream.aclose()
            self._hub.metrics.ended(self._stream.report, self._format, outcome)

    async def _send(self, send: Send, request_id: str) -> Outcome:
        """Returns without the closing message when the stream broke: the server then cuts the connection."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(self._body) as parts:
                async for data in parts:
                    await self._send_in_time(send, data)
        except ReaderPaused as exc:
            self._hub.metrics.failed(exc)
            logger.warning("request %s: its reader paused too long, given up", request_id)
            return "timeout"
        except Exception as exc:  # noqa: BLE001 - the boundary: told in the log, and by the broken body
            self._hub.metrics.failed(exc)
            failure_of(exc, request_id)
            logger.warning("request %s broke off: %s", request_id, exc)
            return "error"
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return "ok" if self._stream.report.complete else "error"

    async def _send_in_time(self, send: Send, data: bytes) -> None:
        with anyio.move_on_after(self._hub.settings.reader_timeout) as wait:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        if wait.cancelled_caught:
            raise ReaderPaused


async def _unless_hung_up(receive: Receive, opening: Callable[[], Awaitable[S]]) -> S:
    result: list[S] = []
    failure: list[Exception] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_when_hung_up, receive, tasks.cancel_scope)
        try:
            result.append(await opening())
        except Exception as exc:  # noqa: BLE001 - carried out of the group, which would wrap it
            failure.append(exc)
        tasks.cancel_scope.cancel()
    if failure:
        raise failure[0]
    if not result:
        raise ClientGone
    return result[0]


async def _cancel_when_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _is_cancel(exc: BaseException) -> bool:
    return isinstance(exc, ClientGone) or not isinstance(exc, Exception)
