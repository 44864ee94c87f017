"""Takes, results and speakers made up for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.audio.signals import speech
from tts_hub.errors import GenerationError, UnsupportedLanguageError
from tts_hub.quality.result import Result, Subject, Take
from tts_hub.quality.running import Spoken
from tts_hub.quality.scores.word_times import PAUSE
from tts_hub.types import Samples, WordTiming

RATE = 24_000
WORD_SECONDS = 0.4


def take_of(text: str, *, errors: int = 0, said: int = 10, dnsmos: float = 3.0) -> Take:
    return Take(kind="test", text=text, seconds=1.0, said=said, errors=errors, dnsmos=dnsmos)


def subject_of(errors: Sequence[int], *, dnsmos: Sequence[float] = (), voice: str = "low") -> Subject:
    moses = dnsmos or [3.0] * len(errors)
    takes = [
        take_of(f"Sentence {number}.", errors=count, dnsmos=mos)
        for number, (count, mos) in enumerate(zip(errors, moses, strict=True))
    ]
    return Subject(engine="fake", voice=voice, language="en", unit="word", takes=takes)


def result_of(*subjects: Subject) -> Result:
    return Result(
        command="tts-hub quality", began="2026-01-01T00:00:00+00:00", seconds=1.0, seed=1, recogniser="none",
        machine="a machine", packages={}, subjects=list(subjects), absent=[], left_out=[],
    )  # fmt: skip


def words_apart(words: Sequence[str], *, late: float = 0.0) -> tuple[Samples, tuple[WordTiming, ...]]:
    """Speech-like words with silence between them, and times that are `late` seconds late."""
    pause = np.zeros(round(PAUSE * RATE), np.float32)
    pieces, timings, at = [pause], list[WordTiming](), PAUSE
    for number, word in enumerate(words):
        pieces += [speech(RATE, WORD_SECONDS, seed=number), pause]
        timings.append(WordTiming(word, at + late, at + WORD_SECONDS + late, (0, len(word))))
        at += WORD_SECONDS + PAUSE
    return np.concatenate(pieces), tuple(timings)


class MadeUpSpeaker:
    """Speaks English and German, fails at questions, and reports words `late` seconds late."""

    def __init__(self, late: float = 0.0) -> None:
        self.late = late
        self.untrimmed = 0

    async def speak(
        self, engine: str, voice: str | None, language: str, text: str, *, trimmed: bool = True
    ) -> Spoken:
        if language not in ("en", "de"):
            raise UnsupportedLanguageError(f"no {language}")
        if text.endswith("?"):
            raise GenerationError("no questions, please", backend=engine)
        self.untrimmed += not trimmed
        samples, words = words_apart(text.replace(f"[pause {PAUSE:g}s]", "").split(), late=self.late)
        return Spoken(samples, RATE, words, estimated=False, voice=voice or "usual")
