"""What came is decoded and held to its length: a broken or short stream is a failure, never a fast one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import anyio

from tts_hub.bench import measures
from tts_hub.bench.arrivals import Decoded, Part, decode
from tts_hub.bench.bodies import Bodies, Body
from tts_hub.bench.result import Sample
from tts_hub.bench.targets import Setup
from tts_hub.bench.texts import BenchText
from tts_hub.errors import AudioError
from tts_hub.text.segment import Segmenter

LEAST_OF_PARTS = 0.7
"""A text spoken whole must be at least so long, in terms of its sentences spoken one by one."""
CHARACTERS_PER_SECOND = (2.0, 45.0)
"""Slower or faster is no speech, in any of the languages of the texts."""
ENOUGH_FOR_SPREAD = 8
"""Requests from which on it can be told which lengths are usual."""
USUAL = 0.03
"""So much shorter than the middle one, in terms of it, is usual for any engine."""
USUAL_DEVIATIONS = 10.0
"""And so many times the median deviation from the middle, which is large where no two are alike."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """How long a text must at least be, and at most can be."""

    least: float
    most: float
    unknown: str = ""
    """Why it is not known: then nothing that comes can be trusted."""

    @classmethod
    def none(cls, reason: str) -> Self:
        """What is expected where the sentences could not be spoken one by one."""
        return cls(0.0, math.inf, reason)

    def complaint(self, seconds: float) -> str:
        """What is wrong with a length; empty when nothing is."""
        if seconds < self.least:
            return f"too short: {seconds:.2f} s of audio, at least {self.least:.2f} s were expected"
        if seconds > self.most:
            return f"too long: {seconds:.2f} s of audio, at most {self.most:.2f} s were expected"
        return self.unknown


@dataclass(slots=True)
class Outcome:
    """What came of one request: a body, or what went wrong."""

    body: Body | None = None
    failure: str = ""


async def expect(setup: Setup, text: BenchText) -> Expectation:
    """Speak the sentences of a text one by one: whoever truncates the whole is caught by its parts.

    Also warms the engine up for this text.
    """
    slowest, fastest = CHARACTERS_PER_SECOND
    characters = len(text.text)
    least, most = characters / fastest, max(2.0, characters / slowest)
    segmenter = Segmenter(language=text.language)
    sentences = [s.text for s in segmenter.push(text.text) + segmenter.finish() if s.text]
    total = 0.0
    for sentence in sentences:
        parts = await setup.speak(BenchText(text.name, sentence, text.language))
        total += (await _decoded(parts, setup)).seconds
    return Expectation(max(least, LEAST_OF_PARTS * total), most)


async def judge(
    outcomes: Sequence[Outcome], bodies: Bodies, setup: Setup, expectation: Expectation, turn: int = 0
) -> tuple[list[Sample], list[str]]:
    """The samples of what is whole, and what is wrong with the rest."""
    samples: list[Sample] = []
    failures: list[str] = []
    for outcome in outcomes:
        if outcome.body is None:
            failures.append(outcome.failure)
            continue
        parts = bodies.parts(outcome.body)
        try:
            decoded = await _decoded(parts, setup)
        except AudioError as exc:
            failures.append(f"broken: {exc}")
            continue
        complaint = expectation.complaint(decoded.seconds)
        if complaint:
            failures.append(complaint)
        else:
            samples.append(sample_of(parts, decoded, turn))
    return without_cut(samples, failures)


def without_cut(samples: list[Sample], failures: list[str]) -> tuple[list[Sample], list[str]]:
    """Take out what is shorter than is usual among the others: the end of it has been lost."""
    if len(samples) < ENOUGH_FOR_SPREAD:
        return samples, failures
    lengths = [sample.audio_seconds for sample in samples]
    middle = statistics.median(lengths)
    spread = statistics.median(abs(length - middle) for length in lengths)
    least = middle - max(USUAL * middle, USUAL_DEVIATIONS * spread)
    cut = [
        f"too short: {length:.2f} s of audio, {middle:.2f} s in the other requests"
        for length in lengths
        if length < least
    ]
    return [sample for sample in samples if sample.audio_seconds >= least], failures + cut


def sample_of(parts: Sequence[Part], decoded: Decoded, turn: int = 0) -> Sample:
    """All measures of one request."""
    dry = measures.underruns(decoded.timeline)
    return Sample(
        first_byte=measures.first_byte(parts),
        first_audio=measures.first_audio(decoded),
        first_audible=measures.first_audible(decoded),
        total=measures.total(parts),
        audio_seconds=decoded.seconds,
        real_time_factor=measures.real_time_factor(parts, decoded),
        longest_gap=max(measures.gaps(parts), default=0.0),
        underruns=dry.count,
        underrun_seconds=dry.seconds,
        encoded_bytes=sum(len(part.data) for part in parts),
        turn=turn,
    )


async def _decoded(parts: Sequence[Part], setup: Setup) -> Decoded:
    """Raises `AudioError` also for silence."""
    decoded = await anyio.to_thread.run_sync(decode, parts, setup.job.response_format)
    if measures.leading_silence(decoded.samples, decoded.sample_rate) >= decoded.seconds:
        raise AudioError(f"{decoded.seconds:.2f} s of silence")
    return decoded
