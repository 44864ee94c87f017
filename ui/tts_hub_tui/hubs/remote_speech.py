"""The audio of one request, as a server sends it in lines of JSON."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import numpy as np

from tts_hub.errors import GenerationError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.report import Fallback, SpeechReport
from tts_hub.types import AudioChunk, SpeechRequest, WordTiming
from tts_hub_tui.hubs.remote_errors import failure

SAMPLE_RATE = 24_000
"""Hz that is asked for."""
LINE_BYTES = 16_000_000
"""A longer line is no speech."""
FULL_SCALE = np.float32(32_768)
EVENT_FIELDS = (
    "backend",
    "message",
    "request_id",
    "segment",
    "segments",
    "fraction",
    "audio_seconds",
    "elapsed_seconds",
)


class RemoteSpeech:
    """Iterate to get `AudioChunk`s. A stream that breaks off raises; only a `done` line is an end."""

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        request: SpeechRequest,
        response: httpx.Response,
        open_response: AsyncExitStack,
        tell: ProgressCallback,
        began: float,
    ) -> None:
        """`open_response` closes the connection; `began` is the time of the call, by `time.monotonic`."""
        self._request = request
        self._tell = tell
        self._began = began
        self._open = open_response
        self._first_at: float | None = None
        self._over_at: float | None = None
        self._seconds = 0.0
        self._segments = 0
        self._done: Mapping[str, Any] | None = None
        self._lines = _lines(response)
        self._chunks = self._read()
        self._held: list[AudioChunk] = []

    @property
    def report(self) -> SpeechReport:
        """By the own clock until the server tells its figures at the end."""
        done = self._done or {}
        until = self._over_at if self._over_at is not None else time.monotonic()
        elapsed = until - self._began
        return SpeechReport(
            request_id=self._request.request_id or "",
            requested_model=self._request.model or "",
            backend=str(done.get("backend", "")),
            model=str(done.get("model", "")),
            voice=str(done.get("voice", self._request.voice or "")),
            language=str(done.get("language", self._request.language or "")),
            characters=len(str(self._request.input)),
            segments=int(done.get("segments", self._segments)),
            audio_seconds=self._seconds,
            first_audio_seconds=None if self._first_at is None else self._first_at - self._began,
            elapsed_seconds=elapsed,
            generation_seconds=float(done.get("generation_seconds", elapsed)),
            queue_seconds=0.0,
            fallbacks=tuple(_fallback(values) for values in done.get("fallbacks", ())),
            ignored=(),
            cut_segments=tuple(done.get("cut_segments", ())),
            estimated_segments=tuple(done.get("estimated_segments", ())),
            retakes=(),
            seed=done.get("seed"),
            watermarked=bool(done.get("watermarked", False)),
            cost=float(done.get("cost", 0.0)),
            cost_estimated=bool(done.get("cost_estimated", False)),
            costs=(),
            complete=self._done is not None,
        )

    async def start(self) -> None:
        """Wait for the first audio."""
        try:
            self._held.append(await anext(self._chunks))
        except StopAsyncIteration:
            pass
        except BaseException:
            await self.aclose()
            raise

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
        """In order, each once."""
        while self._held:
            yield self._held.pop(0)
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        """Hang up: the server's engine stops."""
        self._over_at = self._over_at or time.monotonic()
        await self._chunks.aclose()
        await self._lines.aclose()
        await self._open.aclose()

    async def _read(self) -> AsyncGenerator[AudioChunk, None]:
        rest = b""
        async for line in self._lines:
            if "error" in line:
                raise failure(line["error"])
            if "progress" in line:
                self._note(line["progress"])
            elif "done" in line:
                self._done = line["done"]
                break
            elif "audio" in line:
                data = rest + base64.b64decode(line["audio"])
                rest = data[len(data) - len(data) % 2 :]
                samples = np.frombuffer(data[: len(data) - len(rest)], "<i2").astype(np.float32) / FULL_SCALE
                words = tuple(_word(values) for values in line.get("words", ()))
                if len(samples) and self._first_at is None:
                    self._first_at = time.monotonic()
                self._seconds += len(samples) / SAMPLE_RATE
                yield AudioChunk(samples, SAMPLE_RATE, words)
        self._over_at = time.monotonic()
        if self._done is None:
            raise GenerationError("the server broke off before the end of the speech", backend="server")

    def _note(self, values: Mapping[str, Any]) -> None:
        fields = {name: values[name] for name in EVENT_FIELDS if name in values}
        if values.get("stage") == "segment" and isinstance(values.get("segment"), int):
            self._segments = values["segment"] + 1
        self._tell(ProgressEvent(values.get("stage", "generating"), **fields))


async def _lines(response: httpx.Response) -> AsyncGenerator[dict[str, Any], None]:
    """Objects of JSON, one a line."""
    held = b""
    try:
        async for data in response.aiter_bytes():
            *whole, held = (held + data).split(b"\n")
            if len(held) > LINE_BYTES:
                raise GenerationError("the server sends a line without end", backend="server")
            for line in whole:
                if line.strip():
                    yield _object(line)
    except httpx.HTTPError as exc:
        raise GenerationError(f"the connection to the server broke: {exc}", backend="server") from exc


def _object(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as exc:
        raise GenerationError("the server sends lines that are no JSON", backend="server") from exc
    if not isinstance(values, dict):
        raise GenerationError("the server sends lines that are no objects", backend="server")
    return values


def _word(values: Mapping[str, Any]) -> WordTiming:
    first, last = values["span"]
    return WordTiming(values["text"], float(values["start"]), float(values["end"]), (first, last))


def _fallback(values: Mapping[str, Any]) -> Fallback:
    return Fallback(**{name: values[name] for name in Fallback.__slots__})
