"""One segment inside the loop: its row of T3, its guard, its rendering, and what of it has left."""

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
from tts_hub_chatterbox.scheduler.chunk_plan import Chunks
from tts_hub_chatterbox.scheduler.guards import Fault, Guard, SoundGuard
from tts_hub_chatterbox.scheduler.pipeline import Voicebox
from tts_hub_chatterbox.scheduler.playback import Listener
from tts_hub_chatterbox.scheduler.speech import Ended, Made, Speech, Stage
from tts_hub_chatterbox.t3.batch import Row, T3Batch

TOKENS_PER_EVENT = 5
"""Speech tokens between two pieces of news: a fifth of a second of speech."""
NOTHING = np.zeros(0, np.float32)


@dataclass(slots=True)
class Take:
    """One try at a segment."""

    guard: Guard
    sound: SoundGuard
    chunks: Chunks
    rendering: Rendering | None = None
    """From the first chunk on."""
    pending: list[int] = field(default_factory=list)
    """Speech tokens that no chunk has."""
    count: int = 0
    """Of tokens of sound."""
    finish: FinishReason | None = None
    """All speech tokens are there."""


class Speaking:
    """State of one segment; everything is called from the loop's thread."""

    def __init__(self, speech: Speech, voicebox: Voicebox, listener: Listener) -> None:
        self.speech = speech
        self.listener = listener
        self.arrived_at = time.monotonic()
        """Or began anew."""
        self.sent = 0.0
        """Seconds of audio that have left."""
        self.ended = False
        """The last chunk has left, or it has failed."""
        self._voicebox = voicebox
        self._began_at = self.arrived_at
        self._retakes: list[RetakeReason] = []
        self._row: Row | None = None
        self._take = self._new_take()

    @property
    def has_row(self) -> bool:
        """It takes part in the steps of T3."""
        return self._row is not None

    @property
    def decoded(self) -> bool:
        """All speech tokens are there."""
        return self._take.finish is not None

    @property
    def is_under_way(self) -> bool:
        """Its request has been let in: it was heard, or this segment has been at work."""
        return self.listener.began_at is not None or bool(self._retakes)

    @property
    def wanted(self) -> bool:
        """There are tokens enough for the next chunk."""
        return self._next_chunk is not None

    @property
    def expected_seconds(self) -> float:
        """Of the whole segment: what its tokens come to, and before that about what its text takes."""
        return max(self._take.count, 0 if self.decoded else self._take.guard.usual) / TOKENS_PER_SECOND

    def chunks_to_come(self) -> Iterator[tuple[int, float]]:
        """Of each until about its end: tokens to be drawn before it, and its seconds of audio."""
        take, pending = self._take, len(self._take.pending)
        # It may take longer than usual: until it is decoded, one more whole chunk is to be reckoned with.
        most = max(round(take.guard.usual) - take.count, take.chunks.needed - pending)
        remaining = 0 if self.decoded else most
        for drawn, own in take.chunks.to_come(pending, remaining):
            yield drawn, own / TOKENS_PER_SECOND

    def holds(self, row: Row) -> bool:
        """Whether it is its row."""
        return self._row is row

    @property
    def chunk_seconds(self) -> float:
        """Of audio that the next chunk would bring."""
        return (self._next_chunk or 0) / TOKENS_PER_SECOND

    def join(self, batch: T3Batch) -> None:
        """Read the voice and the text, and take the first token."""
        speech = self.speech
        self._voicebox.prepare(speech.voice)
        chance = speech.chance("tokens", len(self._retakes))
        self._began_at = time.monotonic() if not self._retakes else self._began_at
        self._row, token = batch.join(speech.voice, speech.text_tokens, speech.options, chance)
        self.take(token, batch)

    def take(self, token: int, batch: T3Batch) -> None:
        """One more speech token.

        Raises:
            GenerationError: the guard objects, and no further take is possible.
        """
        fault = None
        if token == STOP_SPEECH:
            fault = self._take.guard.check_end(self._take.count)
            self._take.finish = "stop"
        else:
            self._take.count += 1
            self._take.pending.append(token)
            fault = self._take.guard.check(token)
            if self._take.count >= self.speech.limit:
                self._take.finish = "length"
        if fault is not None:
            self._object(fault, batch)
        elif self.decoded:
            self.leave(batch)
        if self.decoded or self._take.count % TOKENS_PER_EVENT == 1:
            self.tell("speech tokens")

    def render(self, batch: T3Batch) -> float:
        """Make the next chunk, and let it go; gives the seconds of it.

        Raises:
            GenerationError: it fell silent, and no further take is possible.
        """
        take = self._take
        if take.rendering is None:
            take.rendering = self._voicebox.rendering(self.speech, len(self._retakes))
        count = self._next_chunk or 0
        final = self.decoded and count == len(take.pending)
        take.rendering.push(take.pending[:count])
        del take.pending[:count]
        self.tell("audio")
        samples = take.rendering.render(final=final)
        fault = take.sound.check(samples)
        if fault is not None and (not self.sent or take.count < take.guard.least):
            self._object(fault, batch)
            return 0.0
        if fault is not None:  # most of it was heard: it ends here instead of being silent
            take.finish = take.finish or "length"
            final = True
        if len(samples) or final:
            self._send(samples, final=final)
        if final:
            self.leave(batch)
        take.chunks.grow()
        return len(samples) / SAMPLE_RATE

    @property
    def _next_chunk(self) -> int | None:
        take = self._take
        return take.chunks.next(len(take.pending), decoded=self.decoded)

    def leave(self, batch: T3Batch) -> None:
        """Give up the row."""
        if self._row is not None:
            row, self._row = self._row, None
            batch.leave(row)

    def give_up(self, batch: T3Batch) -> None:
        """Nobody listens any more."""
        self.leave(batch)
        self.speech.news.put(Ended())
        self.ended = True

    def fail(self, error: Exception, batch: T3Batch) -> None:
        """Tell the reader, who gets what was made before."""
        self.leave(batch)
        if self._retakes and not self.sent:
            self.speech.news.put(AudioChunk(NOTHING, SAMPLE_RATE, retakes=tuple(self._retakes)))
        self.speech.news.put(Ended(error))
        self.ended = True

    def tell(self, stage: Stage) -> None:
        """How far it is."""
        spent = time.monotonic() - self._began_at
        self.speech.news.put(Made(stage, len(self.speech.text_tokens), self._take.count, spent))

    def _new_take(self) -> Take:
        guard = Guard(self.speech.text, self.speech.limit)
        return Take(guard, SoundGuard(SAMPLE_RATE), self._voicebox.chunks(self.speech.index))

    def _object(self, fault: Fault, batch: T3Batch) -> None:
        """Begin the segment anew with other chances, while nothing of it has left."""
        self.leave(batch)
        if self.sent:
            raise GenerationError(f"the speech failed the checks: {fault.message}", backend="chatterbox")
        self._retakes.append(fault.kind)
        if len(self._retakes) > self._voicebox.retakes:
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
            seed=self.speech.seed if self.speech.seed_is_told and not self.sent else None,
        )
        self.sent += chunk.seconds
        self.speech.news.put(chunk)
        if final:
            self.speech.news.put(Ended())
            self.ended = True
