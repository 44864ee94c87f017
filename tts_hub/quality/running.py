"""One measurement: every engine reads the sentences of its languages, and each take is judged."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from anyio import to_thread

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.formats import find_format
from tts_hub.errors import InvalidRequestError, TTSHubError
from tts_hub.quality.measuring import Judges, measure
from tts_hub.quality.result import PACKAGES, Absent, Result, Subject, Take, WordTimes, this_machine
from tts_hub.quality.scores.similarity import Embedding, similarities
from tts_hub.quality.scores.word_times import texts_of_words, time_errors
from tts_hub.quality.sentences import Sentence, sentences
from tts_hub.quality.words import CHARACTER_LANGUAGES
from tts_hub.system.measurements import installed_packages
from tts_hub.types import Samples, WordTiming

WORST = 10
"""Takes of each voice and language whose sound is kept."""
WORD_TIMES_LANGUAGE = "en"
"""The language of the words whose times are measured."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One text as an engine spoke it."""

    samples: Samples
    """Shape (T,)."""
    sample_rate: int
    """Hz."""
    words: tuple[WordTiming, ...]
    estimated: bool
    """The times of the words are the hub's estimate."""
    voice: str
    """The id of the voice that spoke."""


class Speaker(Protocol):
    """Speaks a text with one engine."""

    async def speak(
        self, engine: str, voice: str | None, language: str, text: str, *, trimmed: bool = True
    ) -> Spoken:
        """The text in the voice, or the default one; raises the errors of the hub.

        `trimmed` false keeps the silence that the engine puts around its audio: where it is cut, a time that
        is too early becomes right by chance, since no word can begin before its segment.
        """


@dataclass(frozen=True, slots=True)
class Plan:
    """The extent of a measurement."""

    voices: tuple[tuple[str, str | None], ...]
    """Engines, each with a voice or None for its default one."""
    languages: tuple[str, ...]
    most: int | None = None
    """Sentences of each language; None: all."""
    word_times: bool = True
    seed: int = 1
    command: str = ""
    recogniser: str = ""
    reference: Embedding | None = None
    """The voice to compare with; None: that of the other takes."""

    @property
    def takes(self) -> int:
        """The number of takes, if every engine speaks every language."""
        return len(self.voices) * sum(len(sentences(tag, self.most)) for tag in self.languages)


async def run_plan(
    plan: Plan, speaker: Speaker, judges: Judges, on_take: Callable[[str, Take], None]
) -> Result:
    """Measure everything; `on_take` gets each take when it is judged, with the name of its voice."""
    began, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    subjects, absent = list[Subject](), list[Absent]()
    for engine, voice in plan.voices:
        for language in plan.languages:
            found = await _Reading(plan, speaker, judges, engine, voice, language).run(on_take)
            if isinstance(found, Subject):
                subjects.append(found)
            else:
                absent.append(found)
    if plan.word_times:
        for subject in subjects:
            if subject.language == WORD_TIMES_LANGUAGE:
                subject.word_times = await measured_word_times(speaker, subject.engine, subject.voice)
    return Result(
        command=plan.command,
        began=began,
        seconds=time.monotonic() - clock,
        seed=plan.seed,
        recogniser=plan.recogniser,
        machine=this_machine(),
        packages=installed_packages(PACKAGES),
        subjects=subjects,
        absent=absent,
        left_out=[],
    )


@dataclass(slots=True)
class _Reading:
    """One voice that reads the sentences of one language."""

    plan: Plan
    speaker: Speaker
    judges: Judges
    engine: str
    voice: str | None
    language: str
    takes: list[Take] = field(default_factory=list)
    voices: list[Embedding | None] = field(default_factory=list)
    sounds: list[Spoken | None] = field(default_factory=list)
    spoken_by: str = ""
    """The id of the voice that spoke."""

    async def run(self, on_take: Callable[[str, Take], None]) -> Subject | Absent:
        """Speak and judge all sentences. A language that the engine does not speak ends it at once."""
        for sentence in sentences(self.language, self.plan.most):
            try:
                await self._read(sentence)
            except TTSHubError as exc:
                if isinstance(exc, InvalidRequestError) and not self.takes:
                    return self._absent(str(exc))
                self._add(Take(kind=sentence.kind, text=sentence.text, failure=str(exc)), None, None)
            on_take(f"{self.engine} {self.spoken_by} {self.language}", self.takes[-1])
        if all(take.failure for take in self.takes):
            return self._absent(self.takes[0].failure)
        return self._subject()

    async def _read(self, sentence: Sentence) -> None:
        spoken = await self.speaker.speak(self.engine, self.voice, self.language, sentence.text)
        self.spoken_by = spoken.voice
        take, voice = await to_thread.run_sync(
            measure, sentence, self.language, spoken.samples, spoken.sample_rate, self.judges
        )
        self._add(take, voice, spoken)

    def _add(self, take: Take, voice: Embedding | None, sound: Spoken | None) -> None:
        self.takes.append(take)
        self.voices.append(voice)
        self.sounds.append(sound)

    def _subject(self) -> Subject:
        alike = similarities(self.voices, self.plan.reference)
        for take, value in zip(self.takes, alike, strict=True):
            take.similarity = value
        keep_worst(self.takes, self.sounds)
        return Subject(
            engine=self.engine,
            voice=self.spoken_by,
            language=self.language,
            unit="character" if self.language in CHARACTER_LANGUAGES else "word",
            takes=self.takes,
        )

    def _absent(self, reason: str) -> Absent:
        return Absent(name=f"{self.engine} {self.language}", reason=reason)


def keep_worst(takes: Sequence[Take], sounds: Sequence[Spoken | None]) -> None:
    """Put the sound of the worst takes into their records."""
    for place in worst(takes):
        sound = sounds[place]
        if sound is not None:
            takes[place].audio = as_mp3(sound.samples, sound.sample_rate)


def worst(takes: Sequence[Take], most: int = WORST) -> list[int]:
    """The places of the worst takes, worst first: by word errors, clipping, clicks, and naturalness."""

    def badness(place: int) -> tuple[float, ...]:
        take = takes[place]
        return (
            bool(take.failure),
            take.error_rate or 0.0,
            take.clipped or 0,
            take.clicks or 0,
            -(take.dnsmos or 0.0),
            take.click_strength or 0.0,
        )

    return sorted(range(len(takes)), key=badness, reverse=True)[:most]


def as_mp3(samples: Samples, sample_rate: int) -> str:
    """Audio as an MP3 in base64."""
    encoder = open_encoder(find_format("mp3"), sample_rate)
    return base64.b64encode(encoder.encode(samples) + encoder.finish()).decode("ascii")


async def measured_word_times(speaker: Speaker, engine: str, voice: str | None) -> WordTimes:
    """The errors of the word times of a voice, on words that are spoken apart."""
    found = WordTimes()
    for text in texts_of_words():
        try:
            spoken = await speaker.speak(engine, voice, WORD_TIMES_LANGUAGE, text, trimmed=False)
        except TTSHubError as exc:
            return WordTimes(reason=str(exc))
        if spoken.estimated:
            # The hub spreads the words of a segment over its sound: one word alone is right by itself.
            return WordTimes(reason="the engine reports none, and the hub's estimate cannot be judged so")
        errors = time_errors(spoken.samples, spoken.sample_rate, spoken.words)
        if errors is None:
            found.unusable += 1
        else:
            found.starts.extend(errors.starts)
            found.ends.extend(errors.ends)
    if not found.starts:
        found.reason = "the audio showed another number of words than were reported"
    return found
