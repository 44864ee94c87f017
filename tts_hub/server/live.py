"""`WS /v1/audio/speech/stream`: text in while it is being written, audio out while it is being made.

The client sends JSON: `{"type": "start", ...}` (the fields of a speech request but `input`), then
`{"type": "text", "text": "..."}` as often as it likes, `{"type": "flush"}` to have the rest spoken at once,
`{"type": "end"}` when the text is over, `{"type": "cancel"}` to stop. After `done`, `cancelled` or `error`
it may start again on the same connection.

The server sends `{"type": "started", "media_type", "sample_rate"}`, audio as binary frames,
`{"type": "words", "words": [...]}`, and at last `{"type": "done", "report"}`, `{"type": "cancelled"}` or
`{"type": "error", "error"}`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError

from tts_hub.errors import InvalidRequestError
from tts_hub.server.errors import failure_of
from tts_hub.server.guards import KEY_PROTOCOL
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.metrics import Outcome
from tts_hub.server.wire import Utterance
from tts_hub.stream import SpeechStream
from tts_hub.types import FLUSH

PENDING_PIECES = 256
"""Messages of text that wait for the engine; a client that sends more is told to wait."""
POLICY_VIOLATION = 1008
UNSUPPORTED_DATA = 1003

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
            await conversation.run(tasks)
            tasks.cancel_scope.cancel()
    except* (WebSocketDisconnect, anyio.BrokenResourceError):
        pass


class _Conversation:
    """Reads commands in one task while at most one utterance is spoken in another."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._request_id: str = socket.scope["state"]["request_id"]
        self._text: MemoryObjectSendStream[str] | None = None
        self._characters = 0
        self._speaking: anyio.CancelScope | None = None

    async def run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Until the client hangs up."""
        while True:
            try:
                command, utterance = _parse(await self._socket.receive())
                await self._obey(command, utterance, tasks)
            except InvalidRequestError as exc:
                await self._send_failure(exc)

    async def _obey(self, command: Command, utterance: Utterance | None, tasks: anyio.abc.TaskGroup) -> None:
        if utterance is not None:
            if self._speaking is not None:
                raise ProtocolError("an utterance is being spoken; end or cancel it first", param="type")
            send, receive = anyio.create_memory_object_stream[str](PENDING_PIECES)
            self._text, self._characters, self._speaking = send, 0, anyio.CancelScope()
            tasks.start_soon(self._speak, utterance, receive, self._speaking)
        elif command.type == "cancel":
            if self._speaking is not None:
                self._speaking.cancel()
        elif self._text is None:
            raise ProtocolError(f"{command.type!r} came before 'start'", param="type")
        elif command.type == "end":
            self._text.close()
            self._text = None
        else:
            self._add(FLUSH if command.type == "flush" else command.text)

    def _add(self, piece: str) -> None:
        if self._text is None:
            return
        self._characters += len(piece)
        most = self._hub.settings.max_characters
        if self._characters > most:
            raise ProtocolError(
                f"the text is longer than the {most} characters of an utterance", param="text"
            )
        try:
            self._text.send_nowait(piece)
        except anyio.WouldBlock:
            message = f"{PENDING_PIECES} pieces of text wait already; send larger ones, or wait for audio"
            raise ProtocolError(message, param="text") from None
        except anyio.BrokenResourceError:
            return  # the utterance has just ended; its end or failure is told

    async def _speak(
        self, utterance: Utterance, text: MemoryObjectReceiveStream[str], scope: anyio.CancelScope
    ) -> None:
        speech: SpeechStream | None = None
        outcome: Outcome = "client_cancel"
        self._hub.metrics.began()
        try:
            with scope:
                speech = await self._hub.manager.stream(utterance.request(_pieces(text), self._request_id))
                await self._send_speech(speech)
                outcome = "ok"
        except (WebSocketDisconnect, anyio.BrokenResourceError):
            outcome = "client_cancel"
        except Exception as exc:  # noqa: BLE001 - the boundary: told to the client, and in the log
            outcome = "error"
            self._hub.metrics.failed(exc)
            await self._send_failure(exc)
        finally:
            text.close()
            self._text = self._speaking = None
            if speech is not None:
                await speech.aclose()
            report = speech.report if speech is not None else None
            self._hub.metrics.ended(report, speech.response_format if speech is not None else "", outcome)
        if scope.cancelled_caught:
            await self._send({"type": "cancelled"})

    async def _send_speech(self, speech: SpeechStream) -> None:
        await self._send(
            {"type": "started", "media_type": speech.media_type, "sample_rate": speech.sample_rate}
        )
        told = 0
        async for data in speech:
            with anyio.fail_after(self._hub.settings.reader_timeout):
                await self._socket.send_bytes(data)
            words = speech.words[told:]
            told += len(words)
            if words:
                await self._send({"type": "words", "words": [dataclasses.asdict(word) for word in words]})
        report = dataclasses.asdict(speech.report)
        await self._send({"type": "done", "report": report})

    async def _send_failure(self, exc: Exception) -> None:
        failure = failure_of(exc, self._request_id)
        await self._send({"type": "error"} | failure.envelope())

    async def _send(self, values: dict[str, Any]) -> None:
        with anyio.fail_after(self._hub.settings.reader_timeout):
            await self._socket.send_text(json.dumps(values, ensure_ascii=False))


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
