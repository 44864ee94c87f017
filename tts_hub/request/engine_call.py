"""One call of an engine: a segment goes in, its audio goes to the hand-over, checked on the way."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

import numpy as np
from anyio.lowlevel import checkpoint

from tts_hub.audio.limits import SPEECH_RATES
from tts_hub.cost.budget import Bill
from tts_hub.engines.inspection import Inspection
from tts_hub.engines.slots import Turn
from tts_hub.errors import EngineRefusedError, InvalidRequestError, NoAudioError, OverloadedError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.request.attempt import Attempt
from tts_hub.request.busy_clock import BusyClock
from tts_hub.request.handover import Handover
from tts_hub.request.prepared_engine import PreparedEngine
from tts_hub.text.normalise import WordMapper
from tts_hub.types import AudioChunk, SegmentRequest

SILENT_PEAK = 1e-4
"""-80 dBFS: below it, nothing was said."""
HEAD_START = 0.2
"""Seconds of audio that a segment makes at a time before it lets other requests begin."""
_END: Final = AudioChunk(np.zeros(0, np.float32), SPEECH_RATES[0])
"""Stands for the end of an engine's audio."""


class EngineCall:
    """Runs `generate_stream` of an engine for one segment, in a turn that it holds."""

    def __init__(
        self,
        prepared: PreparedEngine,
        attempt: Attempt,
        turn: Turn,
        *,
        handover: Handover,
        bill: Bill,
        clock: BusyClock,
        words: WordMapper,
        on_progress: ProgressCallback,
        buffer_seconds: float,
    ) -> None:
        """`words` maps word timings from the spoken form of the segment to the text of the request."""
        self._prepared = prepared
        self._attempt = attempt
        self._turn = turn
        self._handover = handover
        self._bill = bill
        self._clock = clock
        self._words = words
        self._on_progress = on_progress
        self._most_unread = max(buffer_seconds, 1.0) * 4

    async def run(self, request: SegmentRequest) -> None:
        """Generate the segment.

        Raises:
            EngineRefusedError: the engine does not take the request, or not now.
            GenerationError: what the engine gave is no audio.
            NoAudioError: it gave none for a text with words.
        """
        name = self._prepared.engine.name
        inspection = Inspection(request.text, name)
        self._attempt.begin()
        self._handover.notify()
        try:
            stream = self._prepared.backend.generate_stream(request, self._report)
            async with aclosing(stream) as audio:
                while True:
                    with self._clock:
                        chunk = await anext(audio, _END)
                    if chunk is _END:
                        break
                    for piece in inspection.pieces(chunk):
                        await self._hand_over(piece)
                inspection.finish()
        except (InvalidRequestError, OverloadedError) as exc:
            raise EngineRefusedError(exc, name) from exc
        if last_word := self._words.finish():
            self._attempt.put(last_word)
        if inspection.peak < SILENT_PEAK and any(c.isalnum() for c in request.text):
            raise NoAudioError(f"engine {name!r} generated no sound for a text with words", backend=name)

    def _report(self, event: ProgressEvent, /) -> None:
        """The engine's progress. A slow engine that reports is at work and has not stalled."""
        self._attempt.note_sign_of_life()
        self._prepared.engine.sign_of_life()
        self._on_progress(event)

    async def _hand_over(self, piece: AudioChunk) -> None:
        self._bill.note(piece)
        self._attempt.put(self._words.map(piece))
        self._prepared.engine.sign_of_life()
        self._handover.notify()
        await self._let_others_begin()
        await self._wait_for_reader()
        await checkpoint()  # an engine need not wait for anything

    async def _let_others_begin(self) -> None:
        """Requests that wait for their first audio get it before this segment gets its next."""
        if self._turn.is_wanted and self._attempt.seconds_this_turn >= HEAD_START:
            self._attempt.suspend()
            async with self._turn.suspended():
                pass
            self._attempt.begin()

    async def _wait_for_reader(self) -> None:
        """A segment far longer than usual must not fill the memory; its slot goes to others meanwhile."""
        if self._attempt.unread_seconds < self._most_unread:
            return
        self._attempt.suspend()
        async with self._turn.suspended():
            while self._attempt.unread_seconds > self._most_unread / 2:
                await self._handover.change()
        self._attempt.begin()
