"""The figures of one voice over all its takes, and the rows of the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tts_hub.quality.comparing import Difference
from tts_hub.quality.result import Result, Subject
from tts_hub.quality.scores.loudness import LoudnessSpread, loudness_spread
from tts_hub.quality.scores.word_times import TimeFigures, time_figures

HEAD = (
    "voice",
    "spoken",
    "error rate (worst)",
    "DNSMOS (worst)",
    "DistillMOS",
    "similarity (worst)",
    "silence ms",
    "clipped",
    "clicks",
    "LUFS (spread)",
    "word starts ms",
)
DIFFERENCE_HEAD = ("voice", "measure", "pairs", "A", "B", "B - A", "95 % interval", "verdict")
MISSING = "-"


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one voice in one language; None where nothing was measured."""

    takes: int
    failures: int
    error_rate: float | None
    """Errors of all takes per word, or character, of all texts."""
    worst_error_rate: float | None
    """The rate of the worst take."""
    dnsmos: float | None
    """The mean, as of the other measures."""
    worst_dnsmos: float | None
    distillmos: float | None
    similarity: float | None
    worst_similarity: float | None
    silence_before: float | None
    """The median in seconds, as behind."""
    silence_behind: float | None
    clipped_takes: int
    clicking_takes: int
    loudness: LoudnessSpread | None
    word_starts: TimeFigures | None
    word_ends: TimeFigures | None


def summary(subject: Subject) -> Summary:
    """The figures of a voice."""
    takes = subject.takes
    judged = [take for take in takes if take.errors is not None]
    rates = [take.error_rate for take in judged if take.error_rate is not None]
    dnsmos = _known(subject, "dnsmos")
    similarity = _known(subject, "similarity")
    times = subject.word_times
    return Summary(
        takes=len(takes),
        failures=sum(bool(take.failure) for take in takes),
        error_rate=sum(t.errors or 0 for t in judged) / max(1, sum(t.said or 0 for t in judged))
        if judged
        else None,
        worst_error_rate=max(rates, default=None),
        dnsmos=_mean(dnsmos),
        worst_dnsmos=min(dnsmos, default=None),
        distillmos=_mean(_known(subject, "distillmos")),
        similarity=_mean(similarity),
        worst_similarity=min(similarity, default=None),
        silence_before=_median(_known(subject, "silence_before")),
        silence_behind=_median(_known(subject, "silence_behind")),
        clipped_takes=sum(bool(take.clipped) for take in takes),
        clicking_takes=sum(bool(take.clicks) for take in takes),
        loudness=loudness_spread(_known(subject, "loudness")),
        word_starts=time_figures(times.starts) if times else None,
        word_ends=time_figures(times.ends) if times else None,
    )


def row(subject: Subject) -> tuple[str, ...]:
    """The row of a voice below `HEAD`."""
    found = summary(subject)
    loud = found.loudness
    return (
        subject.name,
        f"{found.takes - found.failures}/{found.takes}",
        _percent(found.error_rate, found.worst_error_rate),
        _with_worst(found.dnsmos, found.worst_dnsmos),
        _plain(found.distillmos),
        _with_worst(found.similarity, found.worst_similarity),
        f"{_ms(found.silence_before)} / {_ms(found.silence_behind)}",
        str(found.clipped_takes),
        str(found.clicking_takes),
        MISSING if loud is None else f"{loud.mean:.1f} ({loud.spread:.1f})",
        _times(found.word_starts),
    )


def notes(result: Result) -> Iterator[str]:
    """Lines beside the table: what was left out, and why."""
    yield from result.left_out
    for absent in result.absent:
        yield f"not measured: {absent.name}: {absent.reason}"
    for subject in result.subjects:
        times = subject.word_times
        if times is not None and (times.reason or times.unusable):
            reason = times.reason or f"{times.unusable} requests could not be used"
            yield f"word times of {subject.name}: {reason}"
        for take in subject.takes:
            if take.failure:
                yield f"failure: {subject.name}: {take.text!r}: {take.failure}"


def difference_rows(found: Sequence[Difference]) -> Iterator[tuple[str, ...]]:
    """One row below `DIFFERENCE_HEAD` for each difference."""
    for each in found:
        interval = MISSING
        if each.low is not None and each.high is not None:
            interval = f"{each.low:+.3f} to {each.high:+.3f}"
        unit = f" {each.measure.unit}".rstrip()
        yield (
            each.subject,
            each.measure.name,
            str(each.pairs),
            f"{each.a:.3f}{unit}",
            f"{each.b:.3f}{unit}",
            f"{each.b - each.a:+.3f}",
            interval,
            each.verdict,
        )


def _known(subject: Subject, name: str) -> list[float]:
    values = [getattr(take, name) for take in subject.takes]
    return [float(value) for value in values if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _plain(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _with_worst(value: float | None, worst: float | None) -> str:
    return MISSING if value is None else f"{_plain(value)} ({_plain(worst)})"


def _percent(value: float | None, worst: float | None) -> str:
    return MISSING if value is None or worst is None else f"{value:.1%} ({worst:.0%})"


def _ms(seconds: float | None) -> str:
    return MISSING if seconds is None else f"{seconds * 1000:.0f}"


def _times(found: TimeFigures | None) -> str:
    """The median and the 95th percentile of the errors, and the bias."""
    if found is None:
        return MISSING
    return f"{_ms(found.median)} / {_ms(found.p95)}, {found.bias * 1000:+.0f}"
