"""The answer of a speech request: it owns its stream, and ends in exactly one way.

Whole, refused before the first byte, or visibly broken off: never a clean end on a failure. A client that
hangs up, also before the first audio, and a reader that pauses too long give the engine's place back.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import anyio
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tts_hub.server.errors import log_failure
from tts_hub.server.hub import Hub
from tts_hub.server.metrics import ClientGone, Outcome, ReaderPaused, outcome_of
from tts_hub.server.reports import log_fallbacks
from tts_hub.stream import SpeechStream

NO_BUFFERING = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Proxies shall pass on what comes when it comes."""
LANGUAGE_TAG = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
logger = logging.getLogger(__name__)

T = TypeVar("T")


async def opened(request: Request, hub: Hub, opening: Callable[[], Awaitable[SpeechStream]]) -> SpeechStream:
    """Wait for the first audio, unless the client hangs up before.

    Raises:
        TTSHubError: whatever opening the stream raises.
        ClientGone: nobody waits any more.
    """
    hub.metrics.began()
    try:
        return await unless_hung_up(request.receive, opening)
    except BaseException as exc:
        hub.metrics.ended(None, "", outcome_of(exc))
        raise


async def unless_hung_up(receive: Receive, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, which is cancelled when the client hangs up.

    Raises:
        ClientGone: it did.
    """
    result: list[T] = []
    failure: list[Exception] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_when_hung_up, receive, tasks.cancel_scope)
        try:
            result.append(await work())
        except Exception as exc:  # noqa: BLE001 - carried out of the group, which would wrap it
            failure.append(exc)
        tasks.cancel_scope.cancel()
    if failure:
        raise failure[0]
    if not result:
        raise ClientGone
    return result[0]


class StreamedSpeech(Response):
    """Sends the parts of `body` as they come; `speech` is closed whatever happens."""

    def __init__(
        self, speech: SpeechStream, body: AsyncGenerator[bytes, None], hub: Hub, *, media_type: str
    ) -> None:
        super().__init__(media_type=media_type, headers=NO_BUFFERING | _language_of(speech))
        del self.headers["content-length"]
        self._speech = speech
        self._body = body
        self._hub = hub

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
                await self._speech.aclose()
            log_fallbacks(self._speech.report)
            self._hub.metrics.ended(self._speech.report, self._speech.response_format, outcome)

    async def _send(self, send: Send, request_id: str) -> Outcome:
        """Returns without the closing message when the stream broke: the server then cuts the connection."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(self._body) as parts:
                async for data in parts:
                    await self._send_in_time(send, data, more=True)
            await self._send_in_time(send, b"", more=False)
        except ReaderPaused as exc:
            logger.warning("request %s: its reader paused too long, given up", request_id)
            return self._hub.metrics.broke_off(exc)
        except Exception as exc:  # noqa: BLE001 - the boundary: told in the log, and by the broken body
            log_failure(exc, request_id)
            logger.warning("request %s broke off after %.1f s", request_id, self._speech.report.audio_seconds)
            return self._hub.metrics.broke_off(exc)
        return "ok"

    async def _send_in_time(self, send: Send, data: bytes, *, more: bool) -> None:
        with anyio.move_on_after(self._hub.settings.reader_timeout) as wait:
            await send({"type": "http.response.body", "body": data, "more_body": more})
        if wait.cancelled_caught:
            raise ReaderPaused


def _language_of(speech: SpeechStream) -> dict[str, str]:
    """The header that says which language is spoken, as far as that is known."""
    language = speech.report.language
    return {"content-language": language} if LANGUAGE_TAG.fullmatch(language) else {}


async def _cancel_when_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
