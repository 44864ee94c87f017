"""The audio of one request, which a server sends as lines of JSON."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx
import numpy as np

from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.captions.wire import AudioLine, DoneLine, ErrorLine, captioned_lines
from tts_hub.errors import GenerationError, StalledError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.report import Fallback, SpeechReport
from tts_hub.types import AudioChunk, SpeechRequest, WordTiming
from tts_hub_tui.hubs.remote.errors import SERVER, engine_error, parse_errors_as

FULL_SCALE = np.float32(32_768)


class RemoteSpeech:
    """An iterable of `AudioChunk`s. A stream that breaks off raises; only a `done` line ends it."""

    def __init__(
        self,
        request: SpeechRequest,
        response: httpx.Response,
        open_response: AsyncExitStack,
        on_progress: ProgressCallback,
        began: float,
    ) -> None:
        """`open_response` closes the connection; `began` is the time of the call, by `time.monotonic`."""
        self.sample_rate = request.sample_rate or DEFAULT_RATE
        """The sample rate in Hz."""
        self._request = request
        self._request_id = response.headers.get("x-request-id", request.request_id or "")
        self._on_progress = on_progress
        self._began = began
        self._open = open_response
        self._first_at: float | None = None
        self._over_at: float | None = None
        self._samples = 0
        self._segments = 0
        self._backend = ""
        self._final: SpeechReport | None = None
        self._pieces = pieces_of(response)
        self._lines = captioned_lines(self._pieces, SERVER)
        self._chunks = self._read()
        self._held: list[AudioChunk] = []

    @property
    def report(self) -> SpeechReport:
        """The server's figures once it has sent them; before, those of the own clock and of the progress."""
        return self._final if self._final is not None else self._report({})

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
        """The chunks in order, each once."""
        while self._held:
            yield self._held.pop(0)
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        """Close the connection, which stops the server's engine."""
        self._over_at = self._over_at or time.monotonic()
        with anyio.CancelScope(shield=True):
            await self._chunks.aclose()
            await self._lines.aclose()
            await self._pieces.aclose()
            await self._open.aclose()

    async def _read(self) -> AsyncGenerator[AudioChunk, None]:
        rest = b""
        with parse_errors_as(GenerationError("the server's lines are not those of speech", backend=SERVER)):
            async for line in self._lines:
                if isinstance(line, ErrorLine):
                    raise engine_error(line.values["error"])
                if isinstance(line, ProgressEvent):
                    self._apply(line)
                elif isinstance(line, AudioLine):
                    data = rest + line.data
                    rest = data[len(data) - len(data) % 2 :]
                    yield self._chunk(data[: len(data) - len(rest)], line.words)
                elif isinstance(line, DoneLine):
                    self._over_at = time.monotonic()
                    self._final = self._report(line.values)
        if self._final is None:
            raise GenerationError("the server broke off before the end of the speech", backend=SERVER)

    def _chunk(self, data: bytes, words: tuple[WordTiming, ...]) -> AudioChunk:
        samples = np.frombuffer(data, "<i2").astype(np.float32) / FULL_SCALE
        if len(samples) and self._first_at is None:
            self._first_at = time.monotonic()
        self._samples += len(samples)
        return AudioChunk(samples, self.sample_rate, words)

    def _apply(self, event: ProgressEvent) -> None:
        self._backend = event.backend or self._backend
        if event.stage == "segment" and event.segment is not None:
            self._segments = event.segment + 1
        self._on_progress(event)

    def _report(self, done: Mapping[str, Any]) -> SpeechReport:
        """The report; `done` holds the server's figures, and is empty before the end."""
        until = self._over_at if self._over_at is not None else time.monotonic()
        elapsed = until - self._began
        return SpeechReport(
            request_id=self._request_id,
            requested_model=self._request.model or "",
            backend=str(done.get("backend", self._backend)),
            model=str(done.get("model", "")),
            voice=str(done.get("voice", self._request.voice or "")),
            emotion=str(done.get("emotion", "")),
            language=str(done.get("language", self._request.language or "")),
            detected_language=str(done.get("detected_language", "")),
            characters=len(str(self._request.input)),
            segments=int(done.get("segments", self._segments)),
            audio_seconds=self._samples / self.sample_rate,
            first_audio_seconds=None if self._first_at is None else self._first_at - self._began,
            elapsed_seconds=elapsed,
            generation_seconds=float(done.get("generation_seconds", elapsed)),
            queue_seconds=0.0,
            fallbacks=tuple(_fallback(values) for values in done.get("fallbacks", ())),
            ignored=tuple(map(str, done.get("ignored", ()))),
            cut_segments=tuple(int(index) for index in done.get("cut_segments", ())),
            estimated_segments=tuple(int(index) for index in done.get("estimated_segments", ())),
            retakes=(),
            seed=done.get("seed"),
            watermarked=bool(done.get("watermarked", False)),
            cost=float(done.get("cost", 0.0)),
            cost_estimated=bool(done.get("cost_estimated", False)),
            costs=(),
            complete=bool(done),
        )


async def pieces_of(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The pieces of a body as they arrive.

    Raises:
        GenerationError: the connection broke.
        StalledError: nothing came for too long.
    """
    try:
        async for data in response.aiter_bytes():
            yield data
    except httpx.ReadTimeout as exc:
        raise StalledError("the server sent nothing for too long", backend=SERVER) from exc
    except httpx.HTTPError as exc:
        why = str(exc) or type(exc).__name__
        raise GenerationError(f"the connection to the server broke: {why}", backend=SERVER) from exc


def _fallback(values: Mapping[str, Any]) -> Fallback:
    return Fallback(**{name: values[name] for name in Fallback.__slots__})
