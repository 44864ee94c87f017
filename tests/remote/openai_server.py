"""Servers with OpenAI's speech API: OpenAI itself, Kokoro-FastAPI, and the quirks of many others."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.remote.serving import RATE, Answer, Asked, Service, encoded, in_pieces, tone

Events = Literal["openai", "travisvn", "vllm", "mistral"]
MEDIA = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
SHUTDOWN = "2027-01-06"


@dataclass(slots=True)
class Ways:
    """The behaviour of a server, where it may differ from OpenAI's."""

    key: str = ""
    models: list[dict[str, Any]] | None = field(
        default_factory=lambda: [{"id": "tts-1", "object": "model", "created": 1, "owned_by": "somebody"}]
    )
    """The list of models; None: there is no list."""
    voices: Any = None
    """The answer to `GET /audio/voices`; None: there is no list."""
    voices_path: str = "/v1/audio/voices"
    formats: tuple[str, ...] = tuple(MEDIA)
    refused_format: tuple[int, Any] = (
        422,
        {
            "detail": [
                {"type": "literal_error", "loc": ["body", "response_format"], "msg": "Input should be…"}
            ]
        },
    )
    always: str = ""
    """Format of all answers; empty: the requested one."""
    events: Events | None = None
    """The shape of its events, if they are requested; None: it has none."""
    events_unasked: bool = False
    pause: float = 0.0
    """Seconds between two pieces."""
    pitches: Mapping[str, float] = field(default_factory=dict)
    """Voice -> pitch in Hz."""
    captions: bool = True
    """Whether it has Kokoro-FastAPI's path with word timings."""


class OpenAIServer(Service):
    """A server that behaves as `ways` says."""

    def __init__(self, ways: Ways | None = None) -> None:
        super().__init__()
        self.ways = ways or Ways()

    @property
    def base(self) -> str:
        return f"{self.url}/v1"

    def answer(self, asked: Asked, to: Answer) -> None:
        ways = self.ways
        if ways.key and asked.headers.get("authorization") != f"Bearer {ways.key}":
            error = {"message": f"Incorrect API key provided: {'*' * 8}", "type": "invalid_request_error"}
            to.json({"error": error | {"param": None, "code": "invalid_api_key"}}, 401)
        elif asked.path == "/v1/models" and ways.models is not None:
            to.json({"object": "list", "data": ways.models})
        elif asked.path == ways.voices_path and ways.voices is not None:
            to.json(ways.voices)
        elif asked.path == "/v1/audio/speech":
            self.speak(asked.json, to)
        else:
            to.json({"detail": "Not Found"}, 404)

    def speak(self, body: dict[str, Any], to: Answer) -> None:
        """`POST /v1/audio/speech`."""
        ways = self.ways
        wanted = body.get("response_format", "mp3")
        if wanted not in ways.formats and not ways.always:
            status, refusal = ways.refused_format
            to.json(refusal, status)
            return
        data = self.audio(body, ways.always or wanted)
        if ways.events and (body.get("stream_format") == "sse" or ways.events_unasked):
            to.audio("text/event-stream; charset=utf-8", self._events(body, data), pause=ways.pause)
        else:
            to.audio(MEDIA[ways.always or wanted], in_pieces(data), pause=ways.pause)

    def audio(self, body: dict[str, Any], format_name: str) -> bytes:
        """The audio of an answer, in a format."""
        voice = body.get("voice", "alloy")
        pitch = self.ways.pitches.get(voice if isinstance(voice, str) else voice["id"], 220.0)
        return encoded(tone(body["input"], pitch), format_name)

    def _events(self, body: dict[str, Any], data: bytes) -> Generator[bytes, None, None]:
        kind = self.ways.events
        end = "\r\n\r\n" if kind == "openai" else "\n\n"
        if kind == "travisvn":
            data = encoded(tone(body["input"]), "pcm")
            form = {"sample_rate": RATE, "channels": 1, "bits_per_sample": 16}
            yield _event({"type": "speech.audio.info"} | form, end)
        for piece in in_pieces(data):
            yield _event(_delta(kind, piece), end)
        seconds = len(tone(body["input"])) / RATE
        counts = {"input_tokens": len(body["input"]) // 4, "output_tokens": round(seconds * 25)}
        usage = counts | {"total_tokens": sum(counts.values())}
        yield _event({"type": "speech.audio.done", "usage": usage}, end)
        if kind == "openai":
            yield f"data: [DONE]{end}".encode()


def _event(value: dict[str, Any], end: str) -> bytes:
    return f"data: {json.dumps(value)}{end}".encode()


def _delta(kind: Events | None, piece: bytes) -> dict[str, Any]:
    audio = base64.b64encode(piece).decode()
    if kind == "mistral":
        import numpy as np

        floats = (np.frombuffer(piece, "<i2") / 32768).astype("<f4")
        return {"type": "speech.audio.delta", "audio_data": base64.b64encode(floats.tobytes()).decode()}
    if kind == "travisvn":
        return {"type": "speech.audio.delta", "delta": audio}
    extra = {"response_format": "pcm"} if kind == "vllm" else {}
    return {"type": "speech.audio.delta", "audio": audio} | extra


class KokoroServer(OpenAIServer):
    """Kokoro-FastAPI: its voices, its errors, its lines with word times."""

    VOICES = ("af_heart", "af_bella", "bm_george", "jf_alpha")

    def __init__(self, ways: Ways | None = None) -> None:
        ways = ways or Ways()
        names = ("tts-1", "tts-1-hd", "kokoro", "gpt-4o-mini-tts")
        ways.models = [{"id": n, "object": "model", "created": 1, "owned_by": "kokoro"} for n in names]
        ways.voices = {"voices": [{"id": voice, "name": voice} for voice in self.VOICES]}
        super().__init__(ways)

    def answer(self, asked: Asked, to: Answer) -> None:
        if asked.path == "/dev/captioned_speech" and self.ways.captions:
            self._captioned(asked.json, to)
        else:
            super().answer(asked, to)

    def speak(self, body: dict[str, Any], to: Answer) -> None:
        if refusal := self._refusal(body):
            to.json({"detail": refusal | {"type": "invalid_request_error"}}, 400)
        else:
            super().speak(body, to)

    def _refusal(self, body: dict[str, Any]) -> dict[str, str] | None:
        first = str(body["voice"]).split("(")[0].split("+")[0]
        if first not in self.VOICES:
            message = f"Voice {first} not found. Available voices: {', '.join(self.VOICES)}"
            return {"error": "validation_error", "message": message}
        return None

    def _captioned(self, body: dict[str, Any], to: Answer) -> None:
        if refusal := self._refusal(body):
            to.json({"detail": refusal | {"type": "invalid_request_error"}}, 400)
            return
        data = self.audio(body, body.get("response_format", "mp3"))
        to.audio("application/json", self._lines(body["input"], data), pause=self.ways.pause)

    def _lines(self, text: str, data: bytes) -> Iterable[bytes]:
        """JSON objects, one a line, each with the words that begin in it; the last line has none."""
        stamps = _stamps(text)
        done = 0.0
        for piece in in_pieces(data, 12_000):
            done += len(piece) / 2 / RATE
            now = [stamp for stamp in stamps if stamp["start_time"] < done]
            stamps = stamps[len(now) :]
            yield _line(piece, now)
        yield _line(b"", [])


def _stamps(text: str) -> list[dict[str, Any]]:
    """The times of the words as the normaliser speaks them: 42 is two words."""
    stamps: list[dict[str, Any]] = []
    place = 0
    for run in text.split():
        begin = text.index(run, place)
        place = begin + len(run)
        said = {"42": ["forty", "two"]}.get(run.strip(".,!?"), [run])
        length = len(run) / len(said)
        for number, word in enumerate(said):
            start = 0.06 * (begin + number * length)
            stamps.append({"word": word, "start_time": start, "end_time": start + 0.06 * length})
    return stamps


def _line(piece: bytes, stamps: list[dict[str, Any]]) -> bytes:
    value = {"audio": base64.b64encode(piece).decode(), "audio_format": "audio/pcm", "timestamps": stamps}
    return json.dumps(value).encode() + b"\n"
