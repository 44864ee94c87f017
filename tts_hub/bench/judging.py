"""Answers are decoded and their length checked: a broken or short stream is a failure, never a fast one."""

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
"""The least length of a whole text, as a part of the length of its sentences spoken one by one."""
CHARACTERS_PER_SECOND = (2.0, 45.0)
"""Audio that is slower or faster is no speech, in any of the languages of the texts."""
ENOUGH_FOR_SPREAD = 8
"""The number of requests that shows which lengths are usual."""
USUAL = 0.03
"""The part of the median by which the audio of any engine may be shorter."""
USUAL_DEVIATIONS = 10.0
"""The same in median deviations from the median, which are large where no two answers are alike."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The least and the greatest length of a spoken text, in seconds."""

    least: float
    most: float
    unknown: str = ""
    """Why the length is not known: then no answer can be trusted."""

    @classmethod
    def none(cls, reason: str) -> Self:
        """The expectation where the sentences could not be spoken one by one."""
        return cls(0.0, math.inf, reason)

    def complaint(self, seconds: float) -> str:
        """The fault of a length; empty when it has none."""
        if seconds < self.least:
            return f"too short: {seconds:.2f} s of audio, at least {self.least:.2f} s were expected"
        if seconds > self.most:
            return f"too long: {seconds:.2f} s of audio, at most {self.most:.2f} s were expected"
        return self.unknown


@dataclass(slots=True)
class Outcome:
    """The outcome of one request: a body, or a failure in words."""

    body: Body | None = None
    failure: str = ""


async def expect(setup: Setup, text: BenchText) -> Expectation:
    """Speak the sentences of a text one by one, to know the length of the whole.

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
    """The samples of the whole answers, and the faults of the others."""
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
    """Take out samples that are shorter than the others usually are: their end has been lost."""
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
    """The decoded audio; raises `AudioError` for silence too."""
    decoded = await anyio.to_thread.run_sync(decode, parts, setup.job.response_format)
    if measures.leading_silence(decoded.samples, decoded.sample_rate) >= decoded.seconds:
        raise AudioError(f"{decoded.seconds:.2f} s of silence")
    return decoded
