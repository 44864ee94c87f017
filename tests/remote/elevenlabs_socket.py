"""The websocket `stream-input` of the fake ElevenLabs: it takes text, and sends audio with its times."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.remote.elevenlabs_speech import (
    audio_of,
    in_milliseconds,
    normalised,
    parsed_format,
    times_of,
)
from tests.remote.serving import Answer, Asked

if TYPE_CHECKING:
    from tests.remote.elevenlabs_server import ElevenLabsServer

QUIET = logging.getLogger("tests.elevenlabs")
QUIET.setLevel(logging.WARNING)  # it is the log of the client that is looked at
CHUNK_CHARACTERS = 7
"""Characters that are spoken in one message."""
WITHOUT = ("eleven_v3", "eleven_v4")
Alignments = Literal["both", "null", "normalised"]


@dataclass(slots=True)
class SocketWays:
    """The behaviour of the websocket."""

    durations_key: str = "charDurationsMs"
    """Name of the field with durations; the documentation's example has `charsDurationsMs`."""
    alignments: Alignments = "both"
    fail_after: int | None = None
    """Messages of audio before `error` and a close."""
    error: dict[str, Any] = field(default_factory=lambda: {"message": "Broken", "error": "internal_error"})
    close_code: int = 1008
    drop_after: int | None = None
    """Messages of audio before the connection is closed."""
    refused_with: int = 0
    """Status of the answer to the handshake."""
    mute: bool = False
    """Whether it never sends anything."""
    empty_messages: bool = False
    """Whether messages without audio come in between."""


@dataclass(slots=True)
class Talk:
    """One websocket on the server's side."""

    query: dict[str, str]
    received: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    """Whether the connection is closed."""

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.received if message["text"].strip()]


def talk(service: ElevenLabsServer, asked: Asked, to: Answer, pitch: float) -> None:
    """Answer one websocket from its handshake to its end."""
    model_id = asked.query.get("model_id", "")
    if model_id.startswith(WITHOUT):
        message = f"The model '{model_id}' is not available over websockets."
        service.refuse(to, 403, "validation_error", "unsupported_model", message, "model_id")
        return
    if service.socket.refused_with:
        to.json({"detail": "Not Found"}, service.socket.refused_with)
        return
    record = Talk(dict(asked.query))
    service.talks.append(record)
    to.handler.close_connection = True
    try:
        _Socket(service, record, to, asked, pitch).run()
    except (OSError, ProtocolError, _GoneError):
        pass
    finally:
        record.ended = True


class _GoneError(Exception):
    """The client has closed the connection."""


class _Socket:
    def __init__(
        self, service: ElevenLabsServer, record: Talk, to: Answer, asked: Asked, pitch: float
    ) -> None:
        self._service = service
        self._ways = service.socket
        self._record = record
        self._handler = to.handler
        self._pitch = pitch
        wanted = parsed_format(asked.query.get("output_format", "mp3_44100_128"))
        assert wanted is not None
        self._wanted = wanted
        self._speed = 1.0
        self._sent = 0
        self._buffer = ""
        self._protocol = ServerProtocol(logger=QUIET)
        self._accept(asked)

    def run(self) -> None:
        for message in self._messages():
            self._record.received.append(message)
            self._speed = message.get("voice_settings", {}).get("speed", self._speed)
            if message["text"] == "":
                self._say()
                self._tell({"audio": None, "isFinal": True})
                self._close(1000)
                return
            self._buffer += message["text"].lstrip() if not self._buffer else message["text"]
            if message.get("flush"):
                self._say()

    def _accept(self, asked: Asked) -> None:
        """The handshake as bytes, for the protocol library."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
        self._protocol.receive_data(f"GET {asked.path} HTTP/1.1\r\n{fields}\r\n".encode())
        request = self._protocol.events_received()[0]
        assert isinstance(request, Request)
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()

    def _say(self) -> None:
        text, self._buffer = self._buffer.strip(), ""
        if not text or self._ways.mute:
            return
        data = audio_of(text, self._pitch, self._speed, self._wanted)
        times = times_of(text, self._speed)
        for n in range(0, len(times), CHUNK_CHARACTERS):
            here = times[n : n + CHUNK_CHARACTERS]
            begin, end = (2 * round(t * self._wanted.rate) for t in (here[0][1], here[-1][2]))
            self._may_fail()
            self._tell(self._message(data[begin:end], here))
            self._sent += 1
            if self._ways.empty_messages:
                self._tell({"audio": None, "isFinal": None, "alignment": None, "normalizedAlignment": None})

    def _message(self, data: bytes, times: list[tuple[str, float, float]]) -> dict[str, Any]:
        kind, key, since = self._ways.alignments, self._ways.durations_key, times[0][1]
        original = in_milliseconds(times, since, key) if kind == "both" else None
        said = in_milliseconds(normalised(times), since, key) if kind != "null" else None
        audio = base64.b64encode(data).decode()
        return {"audio": audio, "isFinal": None, "alignment": original, "normalizedAlignment": said}

    def _may_fail(self) -> None:
        if self._sent == self._ways.fail_after:
            self._tell(self._ways.error | {"code": self._ways.close_code})
            self._close(self._ways.close_code)
            raise _GoneError
        if self._sent == self._ways.drop_after:
            raise _GoneError

    def _tell(self, message: dict[str, Any]) -> None:
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()

    def _close(self, code: int) -> None:
        self._protocol.send_close(code)
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._handler.wfile.write(data)

    def _messages(self) -> Generator[dict[str, Any], None, None]:
        read: Callable[[int], bytes] = self._handler.rfile.read1
        while not self._service.closing:
            if not (data := read(65_536)):
                raise _GoneError
            self._protocol.receive_data(data)
            self._flush()
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield json.loads(bytes(event.data))
                elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                    raise _GoneError
