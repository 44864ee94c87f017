"""Streaming filters: resampling, tempo, limiting. The output does not depend on how the input is cut.

All filters take and return shape (T,) float32, and may hold samples back until `finish`. They raise
`AudioError` when FFmpeg refuses its settings or fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tts_hub.audio.frames import LAYOUT, SAMPLE_FORMAT, FrameSource, samples_of
from tts_hub.audio.limits import SPEEDS
from tts_hub.audio.pcm import db_to_gain, silence
from tts_hub.errors import AudioError, UnsupportedOptionError
from tts_hub.types import Samples

if TYPE_CHECKING:
    import av

CEILING_DBFS = -1.0
LIMITER_ATTACK_MS = 5
LIMITER_RELEASE_MS = 50
_ATEMPO_RANGE = (0.5, 2.0)
"""Factors at which atempo blends samples; beyond them it skips some."""
_TEMPO_BLOCK_SECONDS = 0.02
_TEMPO_FILL_BLOCKS = 10


class FilterChain:
    """A chain of FFmpeg audio filters, each a (name, arguments) pair, for mono audio of one rate in Hz."""

    def __init__(self, sample_rate: int, filters: list[tuple[str, str]]) -> None:
        # FFmpeg is slow to import: only once there is audio.
        import av
        from av import filter as av_filter

        self._errors = av.error
        self._frame_type = av.AudioFrame
        self._source = FrameSource(sample_rate)
        self._graph = av_filter.Graph()
        self._graph.threads = 1  # speech is little work; FFmpeg's own choice is a pool for each chain
        try:
            nodes = [
                self._graph.add_abuffer(
                    sample_rate=sample_rate,
                    format=SAMPLE_FORMAT,
                    layout=LAYOUT,
                    time_base=Fraction(1, sample_rate),
                ),
                *(self._graph.add(name, arguments) for name, arguments in filters),
                self._graph.add("aformat", f"sample_fmts={SAMPLE_FORMAT}:channel_layouts={LAYOUT}"),
                self._graph.add("abuffersink"),
            ]
            self._graph.link_nodes(*nodes).configure()
        except (av.FFmpegError, ValueError) as exc:
            raise AudioError(f"cannot set up the audio filters {filters}: {exc}") from exc

    def process(self, samples: Samples) -> Samples:
        """Filter samples; returns the filtered ones that are ready."""
        return self._run(self._source.frame(samples)) if len(samples) else silence(0)

    def finish(self) -> Samples:
        """End the audio; returns the samples that are left. The chain cannot be used any more."""
        return self._run(None)

    def _run(self, frame: av.AudioFrame | None) -> Samples:
        try:
            self._graph.push(frame)
            return samples_of(self._pull())
        except self._errors.FFmpegError as exc:
            raise AudioError(f"an audio filter failed: {exc}") from exc

    def _pull(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (self._errors.BlockingIOError, self._errors.EOFError):
                return
            if isinstance(frame, self._frame_type):
                yield frame


class Resampler:
    """Changes the sample rate, given in Hz; n samples become ceil(n * to_rate / from_rate).

    Equal rates cost nothing. Distortion is about 100 dB down, the delay under 2 ms.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._chain = None if from_rate == to_rate else FilterChain(from_rate, [("aresample", str(to_rate))])
        self._ratio = Fraction(to_rate, from_rate)
        self._taken = 0
        self._given = 0

    def process(self, samples: Samples) -> Samples:
        """Resample; returns the samples at the second rate that are ready."""
        if self._chain is None:
            return samples
        self._taken += len(samples)
        resampled = self._chain.process(samples)
        self._given += len(resampled)
        return resampled

    def finish(self) -> Samples:
        """The last samples."""
        if self._chain is None:
            return silence(0)
        missing = -int(-self._taken * self._ratio // 1) - self._given
        return _of_length(self._chain.finish(), missing)


def resampled(samples: Samples, sample_rate: int, to_rate: int) -> Samples:
    """Whole audio of shape (T,) at another rate in Hz."""
    if sample_rate == to_rate:
        return samples
    resampler = Resampler(sample_rate, to_rate)
    return np.concatenate([resampler.process(samples), resampler.finish()])


class Tempo:
    """Makes speech `tempo` times as fast and keeps the pitch; n samples become round(n / tempo).

    It uses WSOLA by FFmpeg's atempo, for factors from 0.25 to 4; others raise `UnsupportedOptionError`. A
    factor of 1 costs nothing; others hold back 40 to 100 ms of input, and above 2 up to 300 ms.
    """

    def __init__(self, tempo: float, sample_rate: int) -> None:
        low, high = SPEEDS
        if not low <= tempo <= high:
            raise UnsupportedOptionError(f"a tempo of {tempo} is outside {low} to {high}", param="speed")
        stages = [("atempo", f"tempo={factor!r}") for factor in atempo_factors(tempo)]
        self._chain = FilterChain(sample_rate, stages) if tempo != 1 else None
        self._tempo = tempo
        self._block = round(_TEMPO_BLOCK_SECONDS * sample_rate)
        self._waiting = silence(0)
        self._taken = 0
        self._given = 0

    def process(self, samples: Samples) -> Samples:
        """Stretch samples; returns the stretched ones that are ready."""
        if self._chain is None:
            return samples
        self._taken += len(samples)
        waiting = np.concatenate([self._waiting, samples])
        # atempo's choice of overlaps depends on how its input is cut, so it always gets equal blocks.
        whole = len(waiting) - len(waiting) % self._block
        blocks = [self._chain.process(waiting[at : at + self._block]) for at in range(0, whole, self._block)]
        self._waiting = waiting[whole:]
        return self._give(np.concatenate(blocks)) if blocks else silence(0)

    def finish(self) -> Samples:
        """The last samples."""
        if self._chain is None:
            return silence(0)
        # atempo drops samples that do not fill its window, so silence fills it and is cut off again.
        ending = np.concatenate([self._waiting, silence(_TEMPO_FILL_BLOCKS * self._block)])
        rest = np.concatenate([self._chain.process(ending), self._chain.finish()])
        return self._give(_of_length(rest, round(self._taken / self._tempo) - self._given))

    def _give(self, samples: Samples) -> Samples:
        self._given += len(samples)
        return samples


class Limiter:
    """Keeps peaks at or below -1 dBFS by turning down in time for them; softer audio stays bit-exact.

    The number of samples does not change; they come out `LIMITER_ATTACK_MS` later.
    """

    def __init__(self, sample_rate: int) -> None:
        settings = (
            f"limit={db_to_gain(CEILING_DBFS):.9f}:attack={LIMITER_ATTACK_MS}"
            f":release={LIMITER_RELEASE_MS}:level=disabled:latency=1"
        )
        self._chain = FilterChain(sample_rate, [("alimiter", settings)])

    def process(self, samples: Samples) -> Samples:
        """Limit samples; returns the limited ones that are ready."""
        return self._chain.process(samples)

    def finish(self) -> Samples:
        """The last samples."""
        return self._chain.finish()


def atempo_factors(tempo: float) -> list[float]:
    """Factors within the good range of atempo whose product is `tempo`; none for 1."""
    low, high = _ATEMPO_RANGE
    factors = []
    while tempo > high or tempo < low:
        step = high if tempo > high else low
        factors.append(step)
        tempo /= step
    return [*factors, tempo] if tempo != 1 else factors


def _of_length(samples: Samples, length: int) -> Samples:
    """The samples, cut or filled up with zeros to `length`."""
    length = max(length, 0)
    return np.concatenate([samples[:length], silence(length - len(samples[:length]))])
