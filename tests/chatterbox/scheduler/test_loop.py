"""The loop with small nets: chunks, several segments at once, cancelling, failures, retakes, room."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from tts_hub_chatterbox.nets.t3 import STOP_SPEECH, T3
from tts_hub_chatterbox.render.rendering import RenderOptions
from tts_hub_chatterbox.scheduler.guards import Fault, SoundGuard
from tts_hub_chatterbox.scheduler.loop import SpeechLoop
from tts_hub_chatterbox.scheduler.pipeline import Pipeline
from tts_hub_chatterbox.scheduler.segment import Ended, Progress, Segment
from tts_hub_chatterbox.scheduler.segment_state import SegmentState
from tts_hub_chatterbox.scheduler.step_times import StepTimes
from tts_hub_chatterbox.t3.batch import StepResult, T3Batch
from tts_hub_chatterbox.t3.sampling import SamplingOptions

from tests.chatterbox.small_nets import SmallNets, small_nets, some_voice
from tests.chatterbox.t3.test_batch import tiny_t3
from tts_hub.errors import BackendUnavailableError, GenerationError, OverloadedError, TTSHubError
from tts_hub.types import AudioChunk

PATIENCE = 30.0
TEXT = "This is a sentence of about four seconds, and it says very little."
SAMPLES_PER_TOKEN = 960
CLOSING = 3


@dataclass(frozen=True)
class SmallModel:
    nets: SmallNets = field(default_factory=small_nets)
    t3: T3 = field(default_factory=tiny_t3)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def flow(self) -> Any:
        return self.nets.flow

    @property
    def vocoder(self) -> Any:
        return self.nets.vocoder

    def batch(self, *, rows: int, speech_tokens: int) -> T3Batch:
        return T3Batch(self.t3, self.device, rows=rows, speech_tokens=speech_tokens, kv_dtype=torch.float32)


@dataclass
class Heard:
    """All events of a segment."""

    chunks: list[AudioChunk] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    error: Exception | None = None

    @property
    def samples(self) -> np.ndarray[Any, Any]:
        return np.concatenate([chunk.samples for chunk in self.chunks])


@pytest.fixture(scope="module")
def model() -> SmallModel:
    return SmallModel()


@contextmanager
def looping(model: SmallModel, *, retakes: int = 2, **fields: Any) -> Iterator[SpeechLoop]:
    pipeline = Pipeline(
        model,  # type: ignore[arg-type] # it has what a pipeline needs
        None,
        RenderOptions(),
        first_chunk_seconds=0.2,
        chunk_growth=1.5,
        longest_chunk_seconds=2.0,
        retakes=retakes,
    )
    loop = SpeechLoop(lambda: pipeline, **({"rows": 4, "speech_tokens": 200} | fields))
    try:
        yield loop
    finally:
        loop.close()


@pytest.fixture
def loop(model: SmallModel) -> Iterator[SpeechLoop]:
    with looping(model) as loop:
        yield loop


def asked(request: str = "r", *, index: int = 0, seed: int = 1, limit: int = 60, **fields: Any) -> Segment:
    return Segment(
        request_id=request,
        index=index,
        text=TEXT,
        text_tokens=(1, 2, 3, 4),
        voice=fields.pop("voice", some_voice(1)),
        options=SamplingOptions(),
        seed=seed,
        reports_seed=fields.pop("reports_seed", False),
        limit=limit,
    )


def heard(segment: Segment) -> Heard:
    found = Heard()
    while True:
        event = segment.events.get(timeout=PATIENCE)
        if isinstance(event, Ended):
            found.error = event.error
            return found
        (found.chunks if isinstance(event, AudioChunk) else found.progress).append(event)  # type: ignore[arg-type]


def spoken(loop: SpeechLoop, segment: Segment) -> Heard:
    loop.submit(segment)
    return heard(segment)


@contextmanager
def drawing(model: SmallModel, tokens: Any) -> Iterator[None]:
    """Replace the tokens that the net gives by `tokens(result)`."""
    plain = T3Batch.step

    def step(batch: T3Batch) -> list[StepResult]:
        return [StepResult(drawn.row, tokens(drawn)) for drawn in plain(batch)]

    with patch.object(T3Batch, "step", step):
        yield


def test_audio_leaves_while_tokens_are_still_drawn(loop: SpeechLoop) -> None:
    segment = asked(limit=110)
    loop.submit(segment)
    order = []
    while not isinstance(event := segment.events.get(timeout=PATIENCE), Ended):
        order.append(event)
    chunks = [index for index, event in enumerate(order) if isinstance(event, AudioChunk)]
    tokens = [
        index for index, event in enumerate(order) if isinstance(event, Progress) and event.stage != "audio"
    ]
    assert len(chunks) >= 3
    assert chunks[0] < tokens[-1]
    audio = [event for event in order if isinstance(event, AudioChunk)]
    assert sum(len(chunk.samples) for chunk in audio) == SAMPLES_PER_TOKEN * (110 + CLOSING)
    assert [chunk.finish_reason for chunk in audio][-2:] == [None, "length"]


def test_the_first_chunk_is_about_as_long_as_configured(loop: SpeechLoop) -> None:
    first = spoken(loop, asked()).chunks[0]
    assert 0.2 <= first.seconds <= 0.28


def test_a_seed_sounds_the_same_alone_and_beside_others(loop: SpeechLoop) -> None:
    alone = [spoken(loop, asked(f"alone {seed}", seed=seed)) for seed in range(4)]
    together = [asked(f"together {seed}", seed=seed) for seed in range(4)]
    for segment in together:
        loop.submit(segment)
    for one, segment in zip(alone, together, strict=True):
        np.testing.assert_allclose(heard(segment).samples, one.samples, atol=1e-5)
    assert not np.allclose(alone[0].samples, alone[1].samples, atol=0.01)


def test_more_segments_than_rows_are_all_spoken(model: SmallModel) -> None:
    with looping(model, rows=2) as loop:
        many = [asked(index=index, seed=3, limit=30) for index in range(7)]
        for segment in many:
            loop.submit(segment)
        assert [len(heard(segment).samples) for segment in many] == 7 * [SAMPLES_PER_TOKEN * (30 + CLOSING)]


def test_a_cancelled_segment_frees_its_row_at_the_next_step(model: SmallModel) -> None:
    with looping(model, rows=1) as loop:
        gone, next_one = asked("gone", limit=200), asked("next", limit=10)
        loop.submit(gone)
        loop.submit(next_one)
        gone.events.get(timeout=PATIENCE)
        gone.cancelled.set()
        assert len(heard(next_one).samples)
        assert len(heard(gone).progress) < 200


def test_what_fails_in_one_segment_fails_in_it_alone(loop: SpeechLoop) -> None:
    plain = SegmentState.render

    def render(state: SegmentState, batch: T3Batch) -> float:
        if state.segment.request_id == "bad":
            raise RuntimeError("oneDNN")
        return plain(state, batch)

    bad, good = asked("bad"), asked("good")
    with patch.object(SegmentState, "render", render):
        loop.submit(bad)
        loop.submit(good)
        assert isinstance(heard(bad).error, RuntimeError)
        assert heard(good).error is None
    assert spoken(loop, asked("bad")).error is None


def test_a_take_that_goes_wrong_before_it_is_heard_is_taken_again(
    model: SmallModel, loop: SpeechLoop
) -> None:
    fault = iter([STOP_SPEECH])  # the first take stops at its second token
    with drawing(model, lambda drawn: next(fault, drawn.token)):
        found = spoken(loop, asked(limit=60, reports_seed=True))
    assert found.error is None
    assert len(found.samples) == SAMPLES_PER_TOKEN * (60 + CLOSING)
    assert found.chunks[0].retakes == ("too_short",)
    assert found.chunks[0].seed == 1
    assert not any(chunk.retakes for chunk in found.chunks[1:])


def test_retakes_come_to_an_end_and_are_reported(model: SmallModel, loop: SpeechLoop) -> None:
    with drawing(model, lambda _drawn: STOP_SPEECH):
        found = spoken(loop, asked())
    assert isinstance(found.error, GenerationError)
    assert "3 takes" in str(found.error)
    assert [chunk.retakes for chunk in found.chunks] == [3 * ("too_short",)]
    assert not len(found.samples)


def test_a_fault_in_what_was_heard_is_an_error_and_no_noise(model: SmallModel, loop: SpeechLoop) -> None:
    count = iter(range(1_000))
    with drawing(model, lambda drawn: drawn.token if next(count) < 40 else 77):
        found = spoken(loop, asked(limit=1_000))
    assert isinstance(found.error, GenerationError)
    assert "again" in str(found.error)
    assert 0 < len(found.samples) < SAMPLES_PER_TOKEN * 150


def test_the_first_chunk_of_a_new_request_goes_before_more_of_a_running_one(model: SmallModel) -> None:
    with looping(model) as loop:
        old = [asked("old", index=index, limit=110) for index in range(3)]
        for segment in old:
            loop.submit(segment)
        while not isinstance(old[0].events.get(timeout=PATIENCE), AudioChunk):
            pass
        new = asked("new", limit=60)
        loop.submit(new)
        while not isinstance(new.events.get(timeout=PATIENCE), AudioChunk):
            pass
        assert any(segment.events.empty() or not _is_over(segment) for segment in old)


def _is_over(segment: Segment) -> bool:
    while not segment.events.empty():
        if isinstance(segment.events.get(), Ended):
            return True
    return False


def test_where_real_time_cannot_be_held_new_requests_wait_and_are_refused_in_time(model: SmallModel) -> None:
    with (
        patch.object(StepTimes, "load", lambda _times, requests: float(requests)),
        looping(model, room_timeout=0.2) as loop,
    ):
        slow, late = asked("slow", limit=100), asked("late", limit=10)
        plain = T3Batch.step

        def step(batch: T3Batch) -> list[StepResult]:
            time.sleep(0.01)
            return plain(batch)

        with patch.object(T3Batch, "step", step):
            loop.submit(slow)
            slow.events.get(timeout=PATIENCE)
            loop.submit(late)
            assert isinstance(heard(late).error, OverloadedError)
        assert heard(slow).error is None
        assert spoken(loop, asked("later", limit=10)).error is None


def test_closing_ends_all_speech_with_an_error(model: SmallModel) -> None:
    with looping(model) as loop:
        segment = asked(limit=200)
        loop.submit(segment)
        segment.events.get(timeout=PATIENCE)
        loop.close()
        assert isinstance(heard(segment).error, BackendUnavailableError)
        assert isinstance(spoken(loop, asked()).error, TTSHubError)


def test_silence_behind_most_of_the_text_ends_it_there_and_frees_the_row(model: SmallModel) -> None:
    count = iter(range(1_000))

    def check(_guard: SoundGuard, _samples: Any) -> Fault | None:
        return Fault("silence", "no sound") if next(count) == 1 else None

    with looping(model, rows=1) as loop, patch.object(SoundGuard, "check", check):
        found = spoken(loop, asked(limit=110))
        assert found.error is None
        assert found.chunks[-1].finish_reason == "length"
        assert len(found.samples) < SAMPLES_PER_TOKEN * 110
        assert spoken(loop, asked("next", limit=10)).error is None


def test_silence_before_anything_was_heard_is_taken_again(model: SmallModel, loop: SpeechLoop) -> None:
    count = iter(range(1_000))

    def check(_guard: SoundGuard, _samples: Any) -> Fault | None:
        return Fault("silence", "no sound") if next(count) == 0 else None

    with patch.object(SoundGuard, "check", check):
        found = spoken(loop, asked(limit=40))
    assert found.chunks[0].retakes == ("silence",)
    assert len(found.samples) == SAMPLES_PER_TOKEN * (40 + CLOSING)


def test_a_request_under_way_is_not_held_up_by_the_want_of_room(model: SmallModel) -> None:
    with (
        patch.object(StepTimes, "load", lambda _times, requests: float(requests)),
        looping(model, room_timeout=0.0) as loop,
    ):
        assert spoken(loop, asked("a", limit=10)).error is None
        other = asked("b", limit=110)
        loop.submit(other)
        other.events.get(timeout=PATIENCE)
        assert spoken(loop, asked("a", index=1, limit=10)).error is None
        assert heard(other).error is None


def test_an_id_that_comes_twice_is_two_requests(loop: SpeechLoop) -> None:
    assert spoken(loop, asked("same", limit=20)).error is None
    before = loop._playbacks["same"]
    assert spoken(loop, asked("same", limit=20)).error is None
    assert loop._playbacks["same"] is not before
    assert before.began_at is not None


def test_playbacks_are_forgotten(loop: SpeechLoop) -> None:
    for number in range(80):
        spoken(loop, asked(str(number), limit=1))
    assert len(loop._playbacks) <= 66


def test_other_work_is_done_between_two_steps_and_fails_alone(loop: SpeechLoop) -> None:
    segment = asked(limit=110)
    loop.submit(segment)
    segment.events.get(timeout=PATIENCE)
    assert loop.run(lambda: threading.current_thread().name) == "tts-hub-chatterbox"
    with pytest.raises(ZeroDivisionError):
        loop.run(lambda: 1 // 0)
    assert heard(segment).error is None


def test_a_loop_that_fails_says_so_and_lets_no_reader_wait(
    model: SmallModel, caplog: pytest.LogCaptureFixture
) -> None:
    with looping(model) as loop:
        with patch.object(SpeechLoop, "_drop_ended", side_effect=ValueError("a mistake")):
            assert "failed" in str(spoken(loop, asked()).error)
        loop._thread.join(PATIENCE)
        assert loop.failed
        assert isinstance(spoken(loop, asked()).error, BackendUnavailableError)
        with pytest.raises(BackendUnavailableError):
            loop.run(lambda: None)
    assert "a mistake" in caplog.text


def test_what_fails_while_loading_is_raised_where_it_was_asked_for() -> None:
    def load() -> Pipeline:
        raise BackendUnavailableError("no file", backend="chatterbox")

    with pytest.raises(BackendUnavailableError, match="no file"):
        SpeechLoop(load, rows=1, speech_tokens=10)
