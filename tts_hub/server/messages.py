"""The messages on the WebSocket of `live`, in both directions."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from typing import Any, Literal

import anyio
from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError

from tts_hub.captions.wire import word_values
from tts_hub.errors import MOST_SHOWN, InvalidRequestError
from tts_hub.request.stream import SpeechStream
from tts_hub.server.captions import NewWords
from tts_hub.server.errors import cut
from tts_hub.server.metrics import ReaderPaused
from tts_hub.server.wire import Utterance
from tts_hub.types import WordTiming


class Command(BaseModel):
    """One message of the client; a `start` also holds an `Utterance`."""

    model_config = ConfigDict(extra="allow")

    type: Literal["start", "text", "flush", "end", "cancel"]
    text: str = ""


class ProtocolError(InvalidRequestError):
    """The client sent a message that is wrong here."""


def parse(message: Any) -> tuple[Command, Utterance | None]:
    """The command in a message of ASGI, and the utterance if it is a `start`.

    Raises:
        ProtocolError: the message is not JSON, or not one of the protocol.
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
        param = cut(".".join(str(part) for part in error["loc"]), MOST_SHOWN) or "message"
        raise ProtocolError(f"{param}: {error['msg']}", param=param) from exc
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("the message is not JSON text", param="message") from exc


class Outbox:
    """Sends messages and audio, which the client has to take in time."""

    def __init__(self, socket: WebSocket, reader_timeout: float) -> None:
        self.sent_at = anyio.current_time()
        """The time when the client last took something, on the clock of the event loop."""
        self._socket = socket
        self._reader_timeout = reader_timeout

    async def send(self, values: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            ReaderPaused: the client does not take it in time.
        """
        await self._in_time(self._socket.send_text(json.dumps(values, ensure_ascii=False)))

    async def send_speech(self, speech: SpeechStream) -> None:
        """Send audio and words as they are made.

        Raises:
            ReaderPaused: the client does not take them in time.
        """
        await self.send(
            {"type": "started", "media_type": speech.media_type, "sample_rate": speech.sample_rate}
        )
        new = NewWords(speech)
        async for data in speech:
            await self._in_time(self._socket.send_bytes(data))
            await self._send_words(new.take())
        await self._send_words(new.take())

    async def _send_words(self, words: Sequence[WordTiming]) -> None:
        if words:
            await self.send({"type": "words", "words": word_values(words)})

    async def _in_time(self, sending: Awaitable[None]) -> None:
        with anyio.move_on_after(self._reader_timeout) as wait:
            await sending
        if wait.cancelled_caught:
            raise ReaderPaused
        self.sent_at = anyio.current_time()
