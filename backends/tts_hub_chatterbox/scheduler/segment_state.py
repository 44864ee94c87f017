"""The state of one segment inside the loop: its row in T3's batch, its guards, its rendering, its audio."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, FinishReason, RetakeReason, Samples
from tts_hub_chatterbox.nets.t3 import STOP_SPEECH
from tts_hub_chatterbox.nets.units import SAMPLE_RATE, TOKENS_PER_SECOND
from tts_hub_chatterbox.render.rendering import Rendering
from tts_hub_chatterbox.scheduler.chunk_plan import ChunkPlan
from tts_hub_chatterbox.scheduler.guards import Fault, SoundGuard, TokenGuard
from tts_hub_chatterbox.scheduler.pipeline import Pipeline
from tts_hub_chatterbox.scheduler.playback import Playback
from tts_hub_chatterbox.scheduler.segment import Ended, Progress, Segment, Stage
from tts_hub_chatterbox.t3.batch import Row, T3Batch

TOKENS_PER_EVENT = 5
"""Speech tokens between two progress events: a fifth of a second of speech."""
NOTHING = np.zeros(0, np.float32)


@dataclass(slots=True)
class Take:
    """One sampling of a segment, with the checks that it must pass."""

    guard: TokenGuard
    sound: SoundGuard
    plan: ChunkPlan
    rendering: Rendering | None = None
    """None before the first chunk."""
    pending: list[int] = field(default_factory=list)
    """Speech tokens that are in no chunk yet."""
    count: int = 0
    """Tokens of sound so far."""
    finish: FinishReason | None = None
    """Why the sampling has ended; None before its end."""


class SegmentState:
    """A segment on its way from text to audio. For the loop's thread alone."""

    def __init__(self, segment: Segment, pipeline: Pipeline, playback: Playback) -> None:
        self.segment = segment
        self.playback = playback
        self.arrived_at = time.monotonic()
        """When the segment arrived, or its latest take began to wait."""
        self.sent = 0.0
        """Seconds of audio that have left."""
        self.ended = False
        """Whether the last event has left."""
        self._pipeline = pipeline
        self._began_at = self.arrived_at
        self._retakes: list[RetakeReason] = []
        self._row: Row | None = None
        self._take = self._new_take()

    @property
    def has_row(self) -> bool:
        """Whether the segment takes part in the decode steps."""
        return self._row is not None

    @property
    def decoded(self) -> bool:
        """Whether all speech tokens are there."""
        return self._take.finish is not None

    @property
    def is_admitted(self) -> bool:
        """Whether the request is being served: audio of it has left, or this segment had a row before."""
        return self.playback.began_at is not None or bool(self._retakes)

    @property
    def can_render(self) -> bool:
        """Whether there are tokens enough for the next chunk."""
        return self._next_chunk is not None

    @property
    def expected_seconds(self) -> float:
        """Seconds of the whole segment, by its tokens once they are there, else as its text usually takes."""
        return max(self._take.count, 0 if self.decoded else self._take.guard.usual) / TOKENS_PER_SECOND

    def chunks_to_come(self) -> Iterator[tuple[int, float]]:
        """The chunks until about the end: the tokens to decode before each, and its seconds of audio."""
        take, pending = self._take, len(self._take.pending)
        # A segment may be longer than usual: until it is decoded, one more whole chunk is counted.
        most = max(round(take.guard.usual) - take.count, take.plan.needed - pending)
        remaining = 0 if self.decoded else most
        for decoded, own in take.plan.to_come(pending, remaining):
            yield decoded, own / TOKENS_PER_SECOND

    def holds(self, row: Row) -> bool:
        """Whether the row is this segment's."""
        return self._row is row

    @property
    def chunk_seconds(self) -> float:
        """Seconds of audio in the next chunk, if it can be rendered."""
        return (self._next_chunk or 0) / TOKENS_PER_SECOND

    def prefill(self, batch: T3Batch) -> None:
        """Take a row of the batch, which reads the voice and the text and gives the first token."""
        segment = self.segment
        self._pipeline.prepare(segment.voice)
        generator = segment.generator("tokens", len(self._retakes))
        self._began_at = time.monotonic() if not self._retakes else self._began_at
        self._row, token = batch.prefill(segment.voice, segment.text_tokens, segment.options, generator)
        self.accept(token, batch)

    def accept(self, token: int, batch: T3Batch) -> None:
        """Take one more speech token.

        Raises:
            GenerationError: the take failed a check, and no further take is possible.
        """
        fault = None
        if token == STOP_SPEECH:
            fault = self._take.guard.check_end(self._take.count)
            self._take.finish = "stop"
        else:
            self._take.count += 1
            self._take.pending.append(token)
            fault = self._take.guard.check(token)
            if self._take.count >= self.segment.limit:
                self._take.finish = "length"
        if fault is not None:
            self._retake(fault, batch)
        elif self.decoded:
            self._free_row(batch)
        if self.decoded or self._take.count % TOKENS_PER_EVENT == 1:
            self._report("speech tokens")

    def render(self, batch: T3Batch) -> float:
        """Render the next chunk and send it; returns its seconds.

        Raises:
            GenerationError: the sound failed a check, and no further take is possible.
        """
        take = self._take
        if take.rendering is None:
            take.rendering = self._pipeline.rendering(self.segment, len(self._retakes))
        count = self._next_chunk or 0
        final = self.decoded and count == len(take.pending)
        take.rendering.push(take.pending[:count])
        del take.pending[:count]
        self._report("audio")
        samples = take.rendering.render(final=final)
        fault = take.sound.check(samples)
        if fault is not None and (not self.sent or take.count < take.guard.least):
            self._retake(fault, batch)
            return 0.0
        if fault is not None:  # most of it has left: the segment ends here instead of being silent
            take.finish = take.finish or "length"
            final = True
        if len(samples) or final:
            self._send(samples, final=final)
        if final:
            self._free_row(batch)
        take.plan.grow()
        return len(samples) / SAMPLE_RATE

    @property
    def _next_chunk(self) -> int | None:
        take = self._take
        return take.plan.next(len(take.pending), decoded=self.decoded)

    def _free_row(self, batch: T3Batch) -> None:
        if self._row is not None:
            row, self._row = self._row, None
            batch.free(row)

    def cancel(self, batch: T3Batch) -> None:
        """End a segment whose reader has gone."""
        self._free_row(batch)
        self.segment.events.put(Ended())
        self.ended = True

    def fail(self, error: Exception, batch: T3Batch) -> None:
        """End the segment with an error, after the audio that was sent before."""
        self._free_row(batch)
        if self._retakes and not self.sent:
            self.segment.events.put(AudioChunk(NOTHING, SAMPLE_RATE, retakes=tuple(self._retakes)))
        self.segment.events.put(Ended(error))
        self.ended = True

    def _report(self, stage: Stage) -> None:
        spent = time.monotonic() - self._began_at
        self.segment.events.put(Progress(stage, len(self.segment.text_tokens), self._take.count, spent))

    def _new_take(self) -> Take:
        guard = TokenGuard(self.segment.text, self.segment.limit)
        return Take(guard, SoundGuard(SAMPLE_RATE), self._pipeline.chunk_plan(self.segment.index))

    def _retake(self, fault: Fault, batch: T3Batch) -> None:
        """Begin another take with other random numbers.

        Raises:
            GenerationError: audio of this take has left, or it was the last that is allowed.
        """
        self._free_row(batch)
        if self.sent:
            raise GenerationError(f"the speech failed the checks: {fault.message}", backend="chatterbox")
        self._retakes.append(fault.kind)
        if len(self._retakes) > self._pipeline.retakes:
            takes = len(self._retakes)
            raise GenerationError(
                f"the speech failed the checks in {takes} takes: {fault.message}", backend="chatterbox"
            )
        self._take = self._new_take()
        self.arrived_at = time.monotonic()

    def _send(self, samples: Samples, *, final: bool) -> None:
        chunk = AudioChunk(
            samples,
            SAMPLE_RATE,
            finish_reason=self._take.finish if final else None,
            retakes=() if self.sent else tuple(self._retakes),
            seed=self.segment.seed if self.segment.reports_seed and not self.sent else None,
        )
        self.sent += chunk.seconds
        self.segment.events.put(chunk)
        if final:
            self.segment.events.put(Ended())
            self.ended = True
