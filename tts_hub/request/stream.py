"""What the manager hands back: audio that is still being made, and what is known about it."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio
from anyio import from_thread, lowlevel

from tts_hub.audio.convert import encode_stream
from tts_hub.audio.formats import AudioFormat
from tts_hub.errors import InvalidTextError
from tts_hub.progress import ProgressCallback, ProgressEvent, Stage
from tts_hub.report import Fallback, SpeechReport
from tts_hub.request.generation import Generation
from tts_hub.request.reading import Reading, SegmentBroken, SegmentEnded, SegmentStarted
from tts_hub.request.shaping import Shaper
from tts_hub.request.single_reader import SingleReader
from tts_hub.request.wordlog import WordLog
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk, SpeechRequest, WordTiming

CLOSE_WITHIN = 10.0
"""Seconds to wait for an engine to let go; it takes milliseconds unless the engine is stuck."""
STALLED_CLOSE_WITHIN = 0.5
"""The same for an engine that is known to be stuck: the reader has its error at once."""
logger = logging.getLogger(__name__)
T = TypeVar("T")


class _Stream(Generic[T]):
    """What the two streams share: one reader, `async for`, `async with`."""

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self._reading = SingleReader(items)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self._reading.read()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the engine if it is still at work, and wait until its place is free."""
        raise NotImplementedError


class AudioStream(_Stream[AudioChunk]):
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
        reading: Reading,
        shaper: Shaper,
        on_progress: ProgressCallback,
        began: float,
    ) -> None:
        """`began` is when the request came, by the clock of the event loop."""
        self.request_id = request_id
        self.sample_rate = shaper.sample_rate
        """Hz."""
        self._request = request
        self._generation = generation
        self._parts = reading
        self._shaper = shaper
        self._on_progress = on_progress
        self._words = WordLog()
        self._began = began
        self._first_audio_at: float | None = None
        self._over_at: float | None = None
        self._loop = lowlevel.current_token()
        super().__init__(self._shape())

    @property
    def words(self) -> Sequence[WordTiming]:
        """Words of the audio handed out so far; it grows with it."""
        return self._words

    @property
    def report(self) -> SpeechReport:
        """Where the request stands; final once the iteration has ended."""
        shaper, prepared = self._shaper, self._shaper.engine
        until = self._over_at if self._over_at is not None else anyio.current_time()
        first_turn = self._generation.first_turn_at
        return SpeechReport(
            request_id=self.request_id,
            requested_model=self._request.model or "",
            backend=prepared.engine.name if prepared else "",
            model=prepared.model if prepared else "",
            voice=prepared.voice.id if prepared else "",
            emotion=self._generation.plan.cast.emotion,
            language=(prepared.language or self._generation.plan.detected) if prepared else "",
            detected_language=self._generation.plan.detected,
            characters=self._generation.characters,
            segments=shaper.segments,
            audio_seconds=shaper.audio_seconds,
            first_audio_seconds=None if self._first_audio_at is None else self._first_audio_at - self._began,
            elapsed_seconds=until - self._began,
            generation_seconds=self._generation.clock.seconds,
            queue_seconds=(first_turn if first_turn is not None else until) - self._began,
            fallbacks=tuple(shaper.fallbacks),
            ignored=prepared.ignored if prepared else (),
            cut_segments=tuple(shaper.cut_segments),
            estimated_segments=tuple(shaper.estimated_segments),
            retakes=tuple(shaper.retakes),
            seed=self._seed,
            watermarked=prepared is not None and prepared.engine.capabilities.watermark,
            cost=self._generation.costs.dollars,
            cost_estimated=any(cost.estimated for cost in self._generation.costs.by_engine),
            costs=self._generation.costs.by_engine,
            complete=self._reading.finished,
        )

    @property
    def _seed(self) -> int | None:
        prepared = self._shaper.engine
        is_used = prepared is not None and "seed" not in prepared.ignored
        return self._request.seed if is_used and self._request.seed is not None else self._shaper.seed

    async def start(self) -> None:
        """Wait for the first sound, so that every failure up to it is an exception of the call itself."""
        try:
            while not self._shaper.audible:
                self._reading.hold(await self._reading.read_ahead())
        except StopAsyncIteration:
            pass  # nothing but pauses
        except BaseException:
            await self.aclose()
            raise

    def stop(self) -> None:
        """Stop the engine without waiting for it."""
        if self._over_at is None:
            self._over_at = anyio.current_time()
        self._generation.stop()

    async def aclose(self) -> None:
        """Stop the engine if it is still at work, and wait until its place is free."""
        self.stop()
        with anyio.CancelScope(shield=True):
            await self._reading.aclose()
            limit = STALLED_CLOSE_WITHIN if self._parts.has_stalled else CLOSE_WITHIN
            with anyio.move_on_after(limit) as wait:
                await self._generation.handover.ended.wait()
            if wait.cancelled_caught:
                logger.error("request %s: its engine did not stop within %g s", self.request_id, limit)

    def __del__(self) -> None:
        if self._over_at is None:
            warnings.warn(
                f"speech stream {self.request_id} was dropped before its end; use `async with` or `aclose()`",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
            _stop_from_anywhere(self._generation, self._loop)

    async def _shape(self) -> AsyncGenerator[AudioChunk, None]:
        has_text = False
        try:
            async with aclosing(self._parts.parts()) as parts:
                async for part in parts:
                    has_text = has_text or (isinstance(part, SegmentEnded) and bool(part.segment.text))
                    chunk = self._shaper.shape(part)
                    if not isinstance(part, AudioChunk):
                        self._announce(part)
                    if len(chunk.samples) or chunk.words:
                        yield self._hand_out(chunk)
            last = self._shaper.finish()
            if has_text and not self._shaper.audible:
                raise InvalidTextError("the text contains no words to speak")
            if len(last.samples) or last.words:
                yield self._hand_out(last)
            self._reading.finished = True
            self._on_progress(self._event("finished"))
        finally:
            self.stop()

    def _hand_out(self, chunk: AudioChunk) -> AudioChunk:
        self._words.extend(chunk.words)
        if self._first_audio_at is None and self._shaper.audible:
            self._first_audio_at = anyio.current_time()
            self._on_progress(self._event("first_audio"))
        return chunk

    def _announce(self, part: SegmentStarted | SegmentEnded | SegmentBroken) -> None:
        if isinstance(part, SegmentEnded):
            message = self._cut_message(part.segment)
            self._on_progress(self._event("segment", segment=part.segment, message=message))
        elif isinstance(part, SegmentBroken):
            change = self._shaper.fallbacks[-1]
            message = f"{change.error}; {continuation(change)}"
            event = self._event("fallback", segment=part.segment, message=message)
            self._on_progress(replace(event, details={"only_segment": change.only_segment}))

    def _cut_message(self, segment: Segment) -> str:
        """What to say of a segment that its engine did not bring to an end."""
        if segment.index not in self._shaper.cut_segments:
            return ""
        message = f"the engine reached its limit in segment {segment.index + 1}: its end may be missing"
        logger.warning("request %s: %s", self.request_id, message)
        return message

    def _event(self, stage: Stage, *, segment: Segment | None = None, message: str = "") -> ProgressEvent:
        return ProgressEvent(
            stage=stage,
            backend=self._shaper.engine.engine.name if self._shaper.engine else "",
            message=message,
            request_id=self.request_id,
            segment=None if segment is None else segment.index,
            segments=self._generation.handover.segment_count,
            fraction=1.0 if stage == "finished" else self._fraction(segment),
            audio_seconds=self._shaper.audio_seconds,
            elapsed_seconds=anyio.current_time() - self._began,
        )

    def _fraction(self, segment: Segment | None) -> float | None:
        """How far into the text a segment reaches, once the text is known to its end."""
        known = isinstance(self._request.input, str) or self._generation.handover.segment_count is not None
        if segment is None or not known:
            return None
        return min(1.0, segment.span[1] / max(1, self._generation.characters))


class SpeechStream(_Stream[bytes]):
    """The same, encoded: iterate to get the bytes of one valid file, while the engine is still speaking."""

    def __init__(self, audio: AudioStream, audio_format: AudioFormat) -> None:
        self.audio = audio
        self.response_format = audio_format.name
        self.media_type = audio_format.media_type
        self.sample_rate = audio.sample_rate
        """Hz."""
        super().__init__(self._encode(audio_format))

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
            self._reading.hold(await self._reading.read_ahead())
        except BaseException:
            await self.aclose()
            raise

    async def read(self) -> bytes:
        """All bytes that are left, up to the end."""
        return b"".join([data async for data in self])

    async def aclose(self) -> None:
        """Stop the engine if it is still at work, and wait until its place is free."""
        self.audio.stop()
        with anyio.CancelScope(shield=True):
            await self._reading.aclose()
        await self.audio.aclose()

    async def _encode(self, audio_format: AudioFormat) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(encode_stream(self.audio, audio_format, self.sample_rate)) as encoded:
                async for data in encoded:
                    yield data
            self._reading.finished = True
        finally:
            self.audio.stop()


def continuation(change: Fallback) -> str:
    """Which engine continues after a failure, and where."""
    if change.only_segment:
        return f"{change.continued} speaks {place_of(change.segment)} instead"
    return f"continuing with {change.continued} from {place_of(change.segment)}"


def place_of(segment: int) -> str:
    """Where an engine took over, for people, who count from 1."""
    return f"segment {segment + 1}" if segment else "the start"


def _stop_from_anywhere(generation: Generation, loop: lowlevel.EventLoopToken) -> None:
    """Stop the work. The garbage collector may call this in any thread, and after the loop's end."""
    if generation.handover.ended.is_set() or sys.is_finalizing():
        return
    try:
        on_loop = lowlevel.current_token() == loop
    except RuntimeError:  # no loop runs in this thread
        on_loop = False
    if on_loop:
        generation.stop()
        return

    def stop() -> None:
        with suppress(RuntimeError):  # the loop has ended, and the work with it
            from_thread.run_sync(generation.stop, token=loop)

    threading.Thread(target=stop, daemon=True).start()
