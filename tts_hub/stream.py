"""What the manager hands back: audio that is still being made, and what is known about it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

import anyio

from tts_hub.audio.convert import encode_stream
from tts_hub.audio.formats import AudioFormat
from tts_hub.errors import NoAudioError
from tts_hub.generation import Generation, SegmentBroken, SegmentEnded, SegmentStarted
from tts_hub.progress import ProgressEvent, Stage
from tts_hub.report import SpeechReport
from tts_hub.shaping import Shaper
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk, SpeechRequest, WordTiming
from tts_hub.wordlog import WordLog

CLOSE_WITHIN = 10.0
"""Seconds to wait for an engine to let go; it takes milliseconds unless the engine is stuck."""
logger = logging.getLogger(__name__)


class AudioStream:
    """The audio of one request: iterate to get `AudioChunk`s, mono float32 at `sample_rate`.

    Words are in seconds from the start and in characters of the original text. Close it (`aclose`, or
    `async with`) when you leave before its end; the engine then stops and its place is free.
    """

    def __init__(
        self,
        request: SpeechRequest,
        request_id: str,
        *,
        generation: Generation,
        shaper: Shaper,
        sample_rate: int,
        tell: Callable[[ProgressEvent], None],
        characters: Callable[[], int],
    ) -> None:
        self.request_id = request_id
        self.sample_rate = sample_rate
        """Hz."""
        self._request = request
        self._generation = generation
        self._shaper = shaper
        self._tell = tell
        self._characters = characters
        self._words = WordLog()
        self._began = anyio.current_time()
        self._first_audio_at: float | None = None
        self._over_at: float | None = None
        self._complete = False
        self._chunks = self._shape()
        self._first: AudioChunk | None = None

    @property
    def words(self) -> Sequence[WordTiming]:
        """Words of the audio handed out so far; it grows with it."""
        return self._words

    @property
    def report(self) -> SpeechReport:
        """Where the request stands; final once the iteration has ended."""
        shaper, speaker = self._shaper, self._shaper.speaker
        until = self._over_at if self._over_at is not None else anyio.current_time()
        first_turn = self._generation.first_turn_at
        return SpeechReport(
            request_id=self.request_id,
            requested_model=self._request.model or "",
            backend=speaker.engine.name if speaker else "",
            model=speaker.model if speaker else "",
            voice=speaker.voice.id if speaker else "",
            language=(self._request.language or speaker.voice.language) if speaker else "",
            characters=self._characters(),
            segments=shaper.segments,
            audio_seconds=shaper.audio_seconds,
            first_audio_seconds=None if self._first_audio_at is None else self._first_audio_at - self._began,
            elapsed_seconds=until - self._began,
            generation_seconds=self._generation.clock.seconds,
            queue_seconds=(first_turn if first_turn is not None else until) - self._began,
            fallbacks=tuple(shaper.fallbacks),
            ignored=speaker.ignored if speaker else (),
            cost=shaper.cost,
            complete=self._complete,
        )

    async def start(self) -> None:
        """Wait for the first audio, so that every failure up to it is an exception of the call itself."""
        try:
            self._first = await anext(self._chunks)
        except StopAsyncIteration:
            await self.aclose()
            raise NoAudioError("no audio was made", backend=self.report.backend) from None
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AudioChunk:
        if self._first is not None:
            chunk, self._first = self._first, None
            return chunk
        return await anext(self._chunks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def stop(self) -> None:
        """Stop the engine without waiting for it."""
        if self._over_at is None:
            self._over_at = anyio.current_time()
        self._generation.stop()

    async def aclose(self) -> None:
        """Stop the engine if it is still at work, and wait until its place is free."""
        self.stop()
        with anyio.CancelScope(shield=True):
            await self._chunks.aclose()
            with anyio.move_on_after(CLOSE_WITHIN) as wait:
                await self._generation.ended.wait()
            if wait.cancelled_caught:
                logger.error("request %s: its engine did not stop within %g s", self.request_id, CLOSE_WITHIN)

    def __del__(self) -> None:
        if self._over_at is None:
            warnings.warn(
                f"speech stream {self.request_id} was dropped before its end; use `async with` or `aclose()`",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
            self._generation.stop()

    async def _shape(self) -> AsyncGenerator[AudioChunk, None]:
        try:
            async with aclosing(self._generation.parts()) as parts:
                async for part in parts:
                    chunk = self._shaper.shape(part)
                    if not isinstance(part, AudioChunk):
                        self._announce(part)
                    if len(chunk.samples) or chunk.words:
                        yield self._hand_out(chunk)
            last = self._shaper.finish()
            if len(last.samples) or last.words:
                yield self._hand_out(last)
            self._complete = True
            self._announce(None)
        finally:
            self.stop()

    def _hand_out(self, chunk: AudioChunk) -> AudioChunk:
        self._words.extend(chunk.words)
        if self._first_audio_at is None and len(chunk.samples):
            self._first_audio_at = anyio.current_time()
            self._tell(self._event("first_audio"))
        return chunk

    def _announce(self, part: SegmentStarted | SegmentEnded | SegmentBroken | None) -> None:
        if part is None:
            self._tell(self._event("finished"))
        elif isinstance(part, SegmentEnded):
            self._tell(self._event("segment", segment=part.segment))
        elif isinstance(part, SegmentBroken):
            change = self._shaper.fallbacks[-1]
            message = f"{change.error}; {change.continued} goes on at segment {change.segment}"
            self._tell(self._event("fallback", segment=part.segment, message=message))

    def _event(self, stage: Stage, *, segment: Segment | None = None, message: str = "") -> ProgressEvent:
        return ProgressEvent(
            stage=stage,
            backend=self._shaper.speaker.engine.name if self._shaper.speaker else "",
            message=message,
            request_id=self.request_id,
            segment=None if segment is None else segment.index,
            segments=self._generation.segments_known,
            fraction=1.0 if stage == "finished" else self._fraction(segment),
            audio_seconds=self._shaper.audio_seconds,
            elapsed_seconds=anyio.current_time() - self._began,
        )

    def _fraction(self, segment: Segment | None) -> float | None:
        """How far into the text a segment reaches, once the text is known to its end."""
        text = self._request.input
        if segment is None or not (isinstance(text, str) or self._generation.segments_known):
            return None
        return min(1.0, segment.span[1] / self._characters())


class SpeechStream:
    """The same, encoded: iterate to get the bytes of one valid file, while the engine is still speaking."""

    def __init__(self, audio: AudioStream, audio_format: AudioFormat) -> None:
        self.audio = audio
        self.response_format = audio_format.name
        self.media_type = audio_format.media_type
        self.sample_rate = audio.sample_rate
        """Hz."""
        self._bytes = encode_stream(audio, audio_format, audio.sample_rate)
        self._first: bytes | None = None

    @property
    def request_id(self) -> str:
        """The id that progress events and logs carry."""
        return self.audio.request_id

    @property
    def words(self) -> Sequence[WordTiming]:
        """Words of the audio encoded so far; it grows with it."""
        return self.audio.words

    @property
    def report(self) -> SpeechReport:
        """Where the request stands; final once the iteration has ended."""
        return self.audio.report

    async def start(self) -> None:
        """Wait for the first bytes."""
        try:
            self._first = await anext(self._bytes)
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            data, self._first = self._first, None
            return data
        try:
            return await anext(self._bytes)
        except BaseException:
            self.audio.stop()
            raise

    async def read(self) -> bytes:
        """All bytes that are left, up to the end."""
        return b"".join([data async for data in self])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the engine if it is still at work, and wait until its place is free."""
        with anyio.CancelScope(shield=True):
            await self._bytes.aclose()
        await self.audio.aclose()
