"""The answer to a request for speech, which owns its speech and ends in exactly one way.

It is whole, or refused before the first byte, or visibly broken off: a failure never has a clean end. The
engine's place is freed when a client hangs up, also before the first audio, and when a reader pauses too
long.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tts_hub.request.stream import AudioStream, SpeechStream
from tts_hub.server.errors import failure_of, log_failure
from tts_hub.server.hub import Hub
from tts_hub.server.metrics import ClientGone, Outcome, ReaderPaused, outcome_of
from tts_hub.server.reports import log_fallbacks

NO_BUFFERING = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Headers that make proxies pass on data at once."""
CLIENT_CLOSED = 499
"""The status that proxies log for a client that has gone, which never reads it."""
LANGUAGE_TAG = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
logger = logging.getLogger(__name__)

T = TypeVar("T")


async def opened(request: Request, hub: Hub, opening: Callable[[], Awaitable[T]]) -> T:
    """Wait for the first audio, unless the client hangs up before.

    Raises:
        TTSHubError: opening the stream failed.
        ClientGone: the client has hung up.
    """
    hub.metrics.count_start()
    try:
        return await unless_hung_up(request.receive, opening)
    except BaseException as exc:
        hub.metrics.count_end(None, "", outcome_of(exc))
        raise


async def unless_hung_up(receive: Receive, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, which is cancelled when the client hangs up.

    Raises:
        ClientGone: the client has hung up.
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


class SpeechAnswer(Response):
    """An answer that owns `speech` and closes it in any case. Subclasses send it."""

    def __init__(
        self, speech: AudioStream | SpeechStream, hub: Hub, *, response_format: str, media_type: str
    ) -> None:
        super().__init__(media_type=media_type, headers=NO_BUFFERING | _headers_of(speech))
        del self.headers["content-length"]
        self._speech = speech
        self._hub = hub
        self._response_format = response_format
        self._begun = False

    async def send_all(self, send: Send, tasks: TaskGroup) -> None:
        """Send the whole answer with `begin` and `send_part`. Tasks in `tasks` end with it."""
        raise NotImplementedError

    async def begin(self, send: Send, size: int | None = None) -> None:
        """Send the status and the headers, once. `size` is that of the body in bytes, if it is known."""
        if not self._begun:
            if size is not None:
                self.headers["content-length"] = str(size)
            self._begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def send_part(self, send: Send, data: bytes, *, more: bool) -> None:
        """Send a piece of the body.

        Raises:
            ReaderPaused: the client does not read it in time.
        """
        with anyio.move_on_after(self._hub.settings.reader_timeout) as wait:
            await send({"type": "http.response.body", "body": data, "more_body": more})
        if wait.cancelled_caught:
            raise ReaderPaused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, refuse, or break off."""
        outcome: Outcome = "client_cancel"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_when_hung_up, receive, tasks.cancel_scope)
                outcome = await self._answer(scope, receive, send, tasks)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._close()
            log_fallbacks(self._speech.report)
            self._hub.metrics.count_end(self._speech.report, self._response_format, outcome)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, tasks: TaskGroup) -> Outcome:
        """Send the answer. If its body breaks, its last message is missing: uvicorn cuts the connection."""
        request_id: str = scope["state"]["request_id"]
        try:
            await self.send_all(send, tasks)
        except ReaderPaused as exc:
            logger.warning("request %s: the client stopped reading, its stream is closed", request_id)
            return self._hub.metrics.count_break(exc)
        except Exception as exc:  # noqa: BLE001 - the boundary: the log and the client get it
            log_failure(exc, request_id)
            if not self._begun:
                await failure_of(exc, request_id).response()(scope, receive, send)
                return outcome_of(exc)
            logger.warning("request %s broke off after %.1f s", request_id, self._speech.report.audio_seconds)
            return self._hub.metrics.count_break(exc)
        return "ok"

    async def _close(self) -> None:
        await self._speech.aclose()


class StreamedSpeech(SpeechAnswer):
    """An answer that sends the parts of `body` as they come."""

    def __init__(
        self, speech: SpeechStream, body: AsyncGenerator[bytes, None], hub: Hub, *, media_type: str
    ) -> None:
        super().__init__(speech, hub, response_format=speech.response_format, media_type=media_type)
        self._body = body

    async def send_all(self, send: Send, tasks: TaskGroup) -> None:
        """Send the headers at once, because there is audio already, then the parts."""
        await self.begin(send)
        async with aclosing(self._body) as parts:
            async for data in parts:
                await self.send_part(send, data, more=True)
        await self.send_part(send, b"", more=False)

    async def _close(self) -> None:
        await self._body.aclose()
        await super()._close()


def _headers_of(speech: AudioStream | SpeechStream) -> dict[str, str]:
    """Headers with the spoken language, if it is known, and with what the engine has no use for."""
    report = speech.report
    found = {"content-language": report.language} if LANGUAGE_TAG.fullmatch(report.language) else {}
    return found | ({"tts-hub-ignored": ", ".join(report.ignored)} if report.ignored else {})


async def _cancel_when_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
