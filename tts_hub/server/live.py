"""`WS /v1/audio/speech/stream`: text in while it is being written, audio out while it is being made.

The client sends JSON: `{"type": "start", ...}` (the fields of a speech request but `input`), then
`{"type": "text", "text": "..."}` as often as it likes, `{"type": "flush"}` to have the rest spoken at once,
`{"type": "end"}` when the text is over, `{"type": "cancel"}` to stop.

The server sends `{"type": "started", "media_type", "sample_rate"}`, audio as binary frames,
`{"type": "words", "words": [...]}`, and at last `{"type": "done", "report"}`, `{"type": "cancelled"}` or
`{"type": "error", "error"}`. Each of these ends the utterance, and the client may start another one on the
same connection; text that was still on its way is ignored.

A key is sent as a header, or by browsers as the subprotocol `openai-insecure-api-key.<key>` beside a second
one of any name, which the server accepts.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from anyio.lowlevel import checkpoint
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.websockets import WebSocketDisconnected

from tts_hub.errors import InvalidRequestError
from tts_hub.server.captions import NewWords, word_values
from tts_hub.server.connection import DRAINING
from tts_hub.server.errors import failure_of, log_failure
from tts_hub.server.guards import KEY_PROTOCOL
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.metrics import Outcome, ReaderPaused
from tts_hub.server.wire import Utterance
from tts_hub.stream import SpeechStream
from tts_hub.types import FLUSH, WordTiming

MOST_QUEUED = 8
"""Utterances of one connection that may wait for the one that is spoken."""
MISTAKES = 16
"""Messages without a meaning that one connection may send."""
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012

router = APIRouter()


class Command(BaseModel):
    """One message of the client; `start` carries an `Utterance` besides."""

    model_config = ConfigDict(extra="allow")

    type: Literal["start", "text", "flush", "end", "cancel"]
    text: str = ""


class ProtocolError(InvalidRequestError):
    """The client said something that has no meaning here."""


@router.websocket("/v1/audio/speech/stream")
async def stream_speech(socket: WebSocket, hub: TheHub) -> None:
    """Serve one connection: one utterance after the other."""
    offered = socket.scope.get("subprotocols", [])
    plain = next((name for name in offered if not name.startswith(KEY_PROTOCOL)), None)
    await socket.accept(subprotocol=plain)
    conversation = _Conversation(socket, hub)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conversation.close_when_draining)
            await conversation.run(tasks)
            tasks.cancel_scope.cancel()
    except* (WebSocketDisconnect, WebSocketDisconnected, ReaderPaused):
        pass


@dataclass(slots=True)
class _Queued:
    """An utterance that was started, and the way of its text."""

    utterance: Utterance
    send: MemoryObjectSendStream[str]
    receive: MemoryObjectReceiveStream[str]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class _Conversation:
    """Reads commands in one task while at most one utterance is spoken in another."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._request_id: str = socket.scope["state"]["request_id"]
        self._text: MemoryObjectSendStream[str] | None = None
        """Where text goes; None outside an utterance, and once its text has ended."""
        self._characters = 0
        self._speaking: anyio.CancelScope | None = None
        self._queue: deque[_Queued] = deque()
        """Utterances that were started while another was still being spoken to its end."""
        self._refusal: InvalidRequestError | None = None
        """Why the utterance is being stopped, where the client did not ask for it."""
        self._cut_short = False
        """The last utterance was over before its text was."""
        self._mistakes = 0
        self._draining: asyncio.Event = socket.scope["state"].get(DRAINING) or asyncio.Event()

    async def run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Until the client hangs up."""
        while True:
            await checkpoint()  # messages that are there already come without waiting
            try:
                command, utterance = _parse(await self._socket.receive())
                self._obey(command, utterance, tasks)
            except InvalidRequestError as exc:
                self._mistakes += 1
                if self._mistakes > MISTAKES:
                    await self._socket.close(POLICY_VIOLATION, f"more than {MISTAKES} mistakes")
                    return
                await self._refuse(exc)

    async def close_when_draining(self) -> None:
        """The server is being stopped: say so, but not into an utterance."""
        await self._draining.wait()
        if self._speaking is None:
            await self._socket.close(SERVICE_RESTART)

    async def _refuse(self, exc: InvalidRequestError) -> None:
        if self._speaking is None:
            await self._send({"type": "error"} | failure_of(exc, self._request_id).envelope())
        else:
            self._refusal = exc
            self._speaking.cancel()

    def _obey(self, command: Command, utterance: Utterance | None, tasks: anyio.abc.TaskGroup) -> None:
        if self._refusal is not None:
            return
        if utterance is not None:
            self._start(utterance, tasks)
        elif command.type == "cancel":
            for scope in [self._speaking, *(queued.scope for queued in self._queue)]:
                if scope is not None:
                    scope.cancel()
        elif self._text is not None:
            self._take(command, self._text)
        elif self._speaking is None and not self._cut_short:
            raise ProtocolError(f"{command.type!r} came before 'start'", param="type")

    def _start(self, utterance: Utterance, tasks: anyio.abc.TaskGroup) -> None:
        """Speak it, or let it wait for the end of the one before it."""
        cancelled = self._speaking is not None and self._speaking.cancel_called
        if self._speaking is not None and self._text is not None and not cancelled:
            raise ProtocolError("an utterance is being spoken; end or cancel it first", param="type")
        if len(self._queue) >= MOST_QUEUED:
            raise ProtocolError(f"{MOST_QUEUED} utterances wait already", param="type")
        send, receive = anyio.create_memory_object_stream[str](math.inf)
        self._text, self._characters, self._cut_short = send, 0, False
        self._queue.append(_Queued(utterance, send, receive))
        if self._speaking is None:
            self._next(tasks)

    def _next(self, tasks: anyio.abc.TaskGroup) -> None:
        queued = self._queue.popleft()
        self._speaking = queued.scope
        tasks.start_soon(self._speak, queued, tasks)

    def _take(self, command: Command, text: MemoryObjectSendStream[str]) -> None:
        if command.type == "end":
            text.close()
            self._text = None
            return
        piece = FLUSH if command.type == "flush" else command.text
        self._characters += max(1, len(piece))  # an empty message is one as well
        most = self._hub.settings.max_characters
        if self._characters > most:
            raise ProtocolError(
                f"the text is longer than the {most} characters of an utterance", param="text"
            )
        with suppress(anyio.BrokenResourceError):  # the utterance has just ended: its text is of no use
            text.send_nowait(piece)

    async def _speak(self, queued: _Queued, tasks: anyio.abc.TaskGroup) -> None:
        utterance, scope = queued.utterance, queued.scope
        metrics = self._hub.metrics
        metrics.began()
        speech: SpeechStream | None = None
        outcome: Outcome = "client_cancel"
        last: dict[str, Any] = {"type": "cancelled"}
        try:
            with scope:
                speech = await self._hub.manager.stream(
                    utterance.request(_pieces(queued.receive), self._request_id)
                )
                await self._send_speech(speech)
                outcome, last = "ok", {"type": "done", "report": dataclasses.asdict(speech.report)}
            if self._refusal is not None:
                raise self._refusal
        except WebSocketDisconnect:
            raise
        except ReaderPaused as exc:
            outcome = metrics.failed(exc)
            raise
        except Exception as exc:  # noqa: BLE001 - the boundary: told to the client, and in the log
            outcome = metrics.failed(exc)
            log_failure(exc, self._request_id)
            last = {"type": "error"} | failure_of(exc, self._request_id).envelope()
        finally:
            queued.receive.close()
            queued.send.close()
            if self._text is queued.send:
                self._text, self._cut_short = None, True
            if speech is not None:
                await speech.aclose()
            report = speech.report if speech is not None else None
            metrics.ended(report, speech.response_format if speech is not None else "", outcome)
        self._speaking = self._refusal = None
        await self._send(last)
        if self._queue:
            self._next(tasks)
        elif self._draining.is_set():
            await self._socket.close(SERVICE_RESTART)

    async def _send_speech(self, speech: SpeechStream) -> None:
        await self._send(
            {"type": "started", "media_type": speech.media_type, "sample_rate": speech.sample_rate}
        )
        new = NewWords(speech)
        async for data in speech:
            await self._in_time(self._socket.send_bytes(data))
            await self._send_words(new.take())
        await self._send_words(new.take())

    async def _send_words(self, words: Sequence[WordTiming]) -> None:
        if words:
            await self._send({"type": "words", "words": word_values(words)})

    async def _send(self, values: dict[str, Any]) -> None:
        await self._in_time(self._socket.send_text(json.dumps(values, ensure_ascii=False)))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        with anyio.move_on_after(self._hub.settings.reader_timeout) as wait:
            await sending
        if wait.cancelled_caught:
            raise ReaderPaused


async def _pieces(text: MemoryObjectReceiveStream[str]) -> AsyncGenerator[str, None]:
    async with aclosing(text):
        async for piece in text:
            yield piece


def _parse(message: Any) -> tuple[Command, Utterance | None]:
    """A command, and what a `start` carries.

    Raises:
        ProtocolError: not JSON, or not a message of the protocol.
        WebSocketDisconnect: the client has gone.
    """
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    try:
        values = json.loads(message.get("text") or "")
        command = Command.model_validate(values)
        return command, Utterance.model_validate(values) if command.type == "start" else None
    except ValidationError as exc:
        error = exc.errors()[0]
        param = ".".join(str(part) for part in error["loc"]) or "message"
        raise ProtocolError(f"{param}: {error['msg']}", param=param) from exc
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("the message is not JSON text", param="message") from exc
