"""`WS /v1/audio/speech/stream`: text in while it is being written, audio out while it is being made.

The client sends JSON: `{"type": "start", ...}` (the fields of a speech request but `input`), then
`{"type": "text", "text": "..."}` any number of times, `{"type": "flush"}` to have the rest spoken at once,
`{"type": "end"}` when the text is complete, `{"type": "cancel"}` to stop.

The server sends `{"type": "started", "media_type", "sample_rate"}`, audio as binary frames,
`{"type": "words", "words": [...]}`, and at last `{"type": "done", "report"}`, `{"type": "cancelled"}` or
`{"type": "error", "error"}`. Each of these ends the utterance, and the client may start another one on the
same connection; text that was still on its way is ignored. After an `error` the connection is closed where no
message comes for `server.idle_timeout` seconds (1008), where speech is not finished when a server that is
being stopped ends (1012), and at once where the caller already has `server.max_websockets` open (1013).

A key is sent as a header. A browser sends it as the subprotocol `openai-insecure-api-key.<key>`, together
with a second subprotocol of any name, which the server accepts.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketDisconnected

from tts_hub.errors import InvalidRequestError
from tts_hub.request.stream import SpeechStream
from tts_hub.server.errors import Failure, FailureError, failure_of, log_failure, unknown_url
from tts_hub.server.guards import KEY_PROTOCOL
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.identity import STOPPING
from tts_hub.server.messages import Command, Outbox, ProtocolError, parse
from tts_hub.server.metrics import IDLE, Outcome, ReaderPaused
from tts_hub.server.reports import log_fallbacks, report_values
from tts_hub.server.websocket import DRAINING
from tts_hub.server.wire import Utterance
from tts_hub.types import FLUSH

MOST_QUEUED = 8
"""Utterances of one connection that may wait while another one is spoken."""
MISTAKES = 16
"""Wrong messages that one connection may send."""
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013

router = APIRouter()


@router.websocket("/v1/audio/speech/stream")
async def stream_speech(socket: WebSocket, hub: TheHub) -> None:
    """Serve one connection, which speaks one utterance after the other."""
    offered = socket.scope.get("subprotocols", [])
    plain = next((name for name in offered if not name.startswith(KEY_PROTOCOL)), None)
    await socket.accept(subprotocol=plain)
    with ExitStack() as stack:
        try:
            stack.enter_context(hub.limits.place(socket.scope))
        except FailureError as exc:
            await _turn_away(socket, hub, exc.failure)
        else:
            await _converse(socket, hub)


async def _turn_away(socket: WebSocket, hub: Hub, failure: Failure) -> None:
    """Send the reason in a message, because web pages do not get that of a refused handshake."""
    hub.metrics.count_failure(failure)
    with suppress(WebSocketDisconnect, WebSocketDisconnected, ReaderPaused):
        await Outbox(socket, hub.settings.reader_timeout).send({"type": "error"} | failure.envelope())
        await socket.close(TRY_AGAIN_LATER)


async def _converse(socket: WebSocket, hub: Hub) -> None:
    conversation = _Conversation(socket, hub)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conversation.close_when_draining)
            tasks.start_soon(conversation.close_when_idle)
            await conversation.run(tasks)
            tasks.cancel_scope.cancel()
    except* (WebSocketDisconnect, WebSocketDisconnected, ReaderPaused):
        pass
    finally:
        conversation.drop_queue()


@router.websocket("/{path:path}")
async def refuse_unknown_url(socket: WebSocket) -> None:
    """Answer with the failure for an unknown URL."""
    await socket.send_denial_response(unknown_url("WS", socket.url.path).response())


@dataclass(slots=True)
class _Queued:
    """An utterance that was started, with the stream of its text."""

    utterance: Utterance
    send: MemoryObjectSendStream[str]
    receive: MemoryObjectReceiveStream[str]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def close(self) -> None:
        """End the text."""
        self.send.close()
        self.receive.close()


class _Conversation:
    """Reads commands in one task while at most one utterance is spoken in another."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._outbox = Outbox(socket, hub.settings.reader_timeout)
        self._request_id: str = socket.scope["state"]["request_id"]
        self._text: MemoryObjectSendStream[str] | None = None
        """The stream for text; None outside an utterance, and after the end of its text."""
        self._characters = 0
        self._speaking: anyio.CancelScope | None = None
        self._queue: deque[_Queued] = deque()
        """Utterances that were started while another one was still being spoken."""
        self._refusal: InvalidRequestError | FailureError | None = None
        """The reason why the utterance is being stopped, if it is not the client's wish."""
        self._close_code: int | None = None
        """The code with which this side is closing the connection."""
        self._received_at = anyio.current_time()
        self._cut_short = False
        """The last utterance ended before its text did."""
        self._mistakes = 0
        self._draining: asyncio.Event = socket.scope["state"].get(DRAINING) or asyncio.Event()

    async def run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Handle messages until the client hangs up."""
        while True:
            await checkpoint()  # receiving messages that are there already does not wait
            try:
                message = await self._socket.receive()
                self._received_at = anyio.current_time()
                command, utterance = parse(message)
                self._handle(command, utterance, tasks)
            except InvalidRequestError as exc:
                self._mistakes += 1
                if self._mistakes > MISTAKES:
                    await self._socket.close(POLICY_VIOLATION, f"more than {MISTAKES} mistakes")
                    return
                await self._refuse(exc)

    async def close_when_draining(self) -> None:
        """Close the connection when the server is stopped; an utterance has the grace to finish."""
        await self._draining.wait()
        if self._speaking is None:
            await self._socket.close(SERVICE_RESTART)
            return
        await anyio.sleep(self._hub.settings.shutdown_grace)
        await self._hang_up(STOPPING, SERVICE_RESTART)

    async def close_when_idle(self) -> None:
        """Close a connection without messages: it is forgotten, or its writer has stopped in the middle."""
        limit = self._hub.settings.idle_timeout
        left = limit
        while left > 0:
            await anyio.sleep(left)
            silent_since = max(self._received_at, self._outbox.sent_at)
            left = limit if self._at_work else silent_since + limit - anyio.current_time()
        failure = Failure(408, f"no message was received for {limit:g} s", IDLE)
        await self._hang_up(failure, POLICY_VIOLATION)

    @property
    def _at_work(self) -> bool:
        """Whether there is speech to make that needs no more text."""
        return bool(self._queue) or (self._speaking is not None and self._text is None)

    async def _hang_up(self, failure: Failure, close_code: int) -> None:
        """Send the reason at once, and close when the utterance, if there is one, has freed its engine."""
        self._close_code = close_code
        self.drop_queue()
        speaking = self._speaking
        if speaking is not None:
            self._refusal = FailureError(failure)
            speaking.cancel()
        else:
            self._hub.metrics.count_failure(failure)
        await self._outbox.send({"type": "error"} | failure.envelope())
        if speaking is None:
            await self._socket.close(close_code)

    def drop_queue(self) -> None:
        """Drop the utterances that have not begun."""
        while self._queue:
            self._queue.pop().close()

    async def _refuse(self, exc: InvalidRequestError) -> None:
        if self._speaking is None:
            failure = failure_of(exc, self._request_id)
            self._hub.metrics.count_failure(failure)
            await self._outbox.send({"type": "error"} | failure.envelope())
        else:
            self._refusal = exc
            self._speaking.cancel()

    def _handle(self, command: Command, utterance: Utterance | None, tasks: anyio.abc.TaskGroup) -> None:
        if self._refusal is not None:
            return
        if utterance is not None:
            self._start(utterance, tasks)
        elif command.type == "cancel":
            for scope in [self._speaking, *(queued.scope for queued in self._queue)]:
                if scope is not None:
                    scope.cancel()
        elif self._text is not None:
            self._add_text(command, self._text)
        elif self._speaking is None and not self._cut_short:
            raise ProtocolError(f"{command.type!r} came before 'start'", param="type")

    def _start(self, utterance: Utterance, tasks: anyio.abc.TaskGroup) -> None:
        """Speak an utterance, or queue it behind the one that is being spoken."""
        cancelled = self._speaking is not None and self._speaking.cancel_called
        if self._speaking is not None and self._text is not None and not cancelled:
            raise ProtocolError("an utterance is being spoken; end or cancel it first", param="type")
        if len(self._queue) >= MOST_QUEUED:
            raise ProtocolError(f"{MOST_QUEUED} utterances are waiting already", param="type")
        send, receive = anyio.create_memory_object_stream[str](math.inf)
        self._text, self._characters, self._cut_short = send, 0, False
        self._queue.append(_Queued(utterance, send, receive))
        if self._speaking is None:
            self._start_next(tasks)

    def _start_next(self, tasks: anyio.abc.TaskGroup) -> None:
        queued = self._queue.popleft()
        self._speaking = queued.scope
        tasks.start_soon(self._serve, queued, tasks)

    def _add_text(self, command: Command, text: MemoryObjectSendStream[str]) -> None:
        if command.type == "end":
            text.close()
            self._text = None
            return
        piece = FLUSH if command.type == "flush" else command.text
        self._characters += max(1, len(piece))  # an empty message counts too
        most = self._hub.settings.max_characters
        if self._characters > most:
            raise ProtocolError(
                f"the text is longer than the {most} characters of an utterance", param="text"
            )
        with suppress(anyio.BrokenResourceError):  # the utterance has just ended and needs no text
            text.send_nowait(piece)

    async def _serve(self, queued: _Queued, tasks: anyio.abc.TaskGroup) -> None:
        last = await self._speak(queued)
        self._speaking = self._refusal = None
        if self._close_code is not None:  # the client has got the reason already
            await self._socket.close(self._close_code)
            return
        await self._outbox.send(last)
        if self._queue:
            self._start_next(tasks)
        elif self._draining.is_set():
            await self._socket.close(SERVICE_RESTART)

    async def _speak(self, queued: _Queued) -> dict[str, Any]:
        """Speak an utterance; returns the last message about it."""
        metrics = self._hub.metrics
        metrics.count_start()
        speech: SpeechStream | None = None
        outcome: Outcome = "client_cancel"
        last: dict[str, Any] = {"type": "cancelled"}
        try:
            with queued.scope:
                text = _pieces(queued.receive)
                speech = await self._hub.manager.stream(queued.utterance.request(text, self._request_id))
                await self._outbox.send_speech(speech)
                outcome, last = "ok", {"type": "done", "report": report_values(speech.report)}
            if self._refusal is not None:
                raise self._refusal
        except WebSocketDisconnect:
            raise
        except ReaderPaused as exc:
            outcome = metrics.count_break(exc)
            raise
        except Exception as exc:  # noqa: BLE001 - the boundary: the client and the log get it
            outcome = metrics.count_break(exc)
            log_failure(exc, self._request_id)
            last = {"type": "error"} | failure_of(exc, self._request_id).envelope()
        finally:
            queued.close()
            if self._text is queued.send:
                self._text, self._cut_short = None, True
            await self._finish(speech, outcome)
        return last

    async def _finish(self, speech: SpeechStream | None, outcome: Outcome) -> None:
        if speech is None:
            self._hub.metrics.count_end(None, "", outcome)
            return
        await speech.aclose()
        log_fallbacks(speech.report)
        self._hub.metrics.count_end(speech.report, speech.response_format, outcome)


async def _pieces(text: MemoryObjectReceiveStream[str]) -> AsyncGenerator[str, None]:
    async with aclosing(text):
        async for piece in text:
            yield piece
