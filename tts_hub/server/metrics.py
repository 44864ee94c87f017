"""Prometheus metrics. Labels name engine, format and outcome; never a voice, a user or a text.

Each failure is counted once, by the `code` of its error object: refusals (a wrong value, no key, no such URL,
a full queue; most of them before any engine) in `tts_rejected_total`, faults of the server or an engine and
readers that paused (`reader_paused`) in `tts_errors_total`. `tts_requests_total` has only requests for
speech, without those that were refused before their body was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from tts_hub.manager import TTSBackendManager
from tts_hub.report import SpeechReport
from tts_hub.server.errors import Failure, failure_of

Outcome = Literal["ok", "client_cancel", "rejected", "timeout", "error"]
READER_PAUSED = "reader_paused"
IDLE = "idle_timeout"
FIRST_AUDIO = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
"""Borders of buckets in seconds."""
FACTORS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.25, 1.5, 2, 5, 10)
"""Borders of buckets of the real-time factor."""


class ClientGone(Exception):
    """The client hung up before the first audio."""


class ReaderPaused(Exception):
    """The client has read nothing for too long."""


def outcome_of(exc: BaseException) -> Outcome:
    """The outcome of a request that `exc` ended."""
    if isinstance(exc, ClientGone) or not isinstance(exc, Exception):
        return "client_cancel"
    if isinstance(exc, ReaderPaused):
        return "timeout"
    failure = failure_of(exc, "")
    if failure.code == IDLE:
        return "timeout"
    return "error" if failure.is_fault else "rejected"


class Metrics:
    """The counters. Times are those of `SpeechReport`, so that they mean the same as in the benchmark."""

    def __init__(self, manager: TTSBackendManager) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter(
            "tts_requests", "Requests by outcome", ("backend", "outcome"), registry=registry
        )
        self._errors = Counter(
            "tts_errors", "Failures of server and engines, by the error's code", ("kind",), registry=registry
        )
        self._rejected = Counter(
            "tts_rejected", "What was refused, by the error's code", ("reason",), registry=registry
        )
        self._in_flight = Gauge("tts_requests_in_flight", "Streams being answered", registry=registry)
        self._first_audio = Histogram(
            "tts_time_to_first_audio_seconds",
            "From the call to the first audio",
            ("backend",),
            buckets=FIRST_AUDIO,
            registry=registry,
        )
        self._queue_wait = Histogram(
            "tts_queue_wait_seconds",
            "From the call to the first turn on the engine, loading included",
            ("backend",),
            buckets=FIRST_AUDIO,
            registry=registry,
        )
        self._factor = Histogram(
            "tts_real_time_factor",
            "Generation time per second of audio",
            ("backend",),
            buckets=FACTORS,
            registry=registry,
        )
        self._audio = Counter(
            "tts_audio_seconds", "Seconds of audio", ("backend", "format"), registry=registry
        )
        self._characters = Counter("tts_characters", "Characters received", ("backend",), registry=registry)
        self._fallbacks = Counter(
            "tts_fallbacks", "Changes of engine in the middle", ("failed", "continued"), registry=registry
        )
        self._retakes = Counter(
            "tts_retakes",
            "Takes that an engine discarded before they were played",
            ("backend", "reason"),
            registry=registry,
        )
        registry.register(_Spending(manager))
        registry.register(_Engines(manager))

    def count_start(self) -> None:
        """Count a request that starts."""
        self._in_flight.inc()

    def count_end(self, report: SpeechReport | None, response_format: str, outcome: Outcome) -> None:
        """Count a request that ends; `report` is None when there was no audio."""
        self._in_flight.dec()
        backend = report.backend if report else ""
        self._requests.labels(backend, outcome).inc()
        if report is None:
            return
        if report.first_audio_seconds is not None:
            self._first_audio.labels(backend).observe(report.first_audio_seconds)
            self._queue_wait.labels(backend).observe(report.queue_seconds)
        if report.complete and report.real_time_factor is not None:
            self._factor.labels(backend).observe(report.real_time_factor)
        self._audio.labels(backend, response_format).inc(report.audio_seconds)
        self._characters.labels(backend).inc(report.characters)
        for change in report.fallbacks:
            self._fallbacks.labels(change.failed, change.continued).inc()
        for retake in report.retakes:
            self._retakes.labels(retake.backend, retake.reason).inc()

    def count_failure(self, failure: Failure) -> None:
        """Count a failure that a client got."""
        if failure.is_fault:
            self._errors.labels(failure.code).inc()
        else:
            self._rejected.labels(failure.code).inc()

    def count_break(self, exc: BaseException) -> Outcome:
        """Count the failure that ended a stream after its start; a client that leaves is no failure."""
        if isinstance(exc, ReaderPaused):
            self._errors.labels(READER_PAUSED).inc()
        elif isinstance(exc, Exception) and not isinstance(exc, ClientGone):
            self.count_failure(failure_of(exc, ""))
        return outcome_of(exc)

    def exposition(self) -> bytes:
        """The metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Spending(Collector):
    """The costs, read from the manager, which also knows those of speech that was never sent."""

    def __init__(self, manager: TTSBackendManager) -> None:
        self._manager = manager

    def describe(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "tts_cost_dollars", "US dollars, where services report them", labels=["backend", "model"]
        )

    def collect(self) -> Iterator[CounterMetricFamily]:
        (cost,) = self.describe()
        for engine_and_model, dollars in self._manager.spent.items():
            cost.add_metric(engine_and_model, dollars)
        yield cost


class _Engines(Collector):
    """The state of the engines, read from the manager on each request for metrics."""

    def __init__(self, manager: TTSBackendManager) -> None:
        self._manager = manager

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "tts_queue_depth", "Requests waiting for their first turn", labels=["backend"]
        )
        yield GaugeMetricFamily("tts_active_segments", "Segments being generated", labels=["backend"])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        depth, active = self.describe()
        for engine in self._manager.status():
            depth.add_metric([engine.name], engine.waiting)
            active.add_metric([engine.name], engine.active)
        yield depth
        yield active
