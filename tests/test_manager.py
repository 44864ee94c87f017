"""The manager with scripted engines: choosing, queueing, order, fallback, cancelling."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest

from tests.waiting import WITHIN, until
from tts_hub import (
    AudioChunk,
    Availability,
    BackendSettings,
    Capabilities,
    Config,
    Price,
    ProgressEvent,
    SegmentRequest,
    SpeechRequest,
    TTSBackendManager,
    Voice,
    WordTiming,
)
from tts_hub.config import parse_config
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    InvalidRequestError,
    InvalidTextError,
    NoAudioError,
    QueueFullError,
    QueueTimeoutError,
    StalledError,
    TextTooLongError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedFormatError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
    UsageError,
)
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.request.attempt import Attempt
from tts_hub.request.stream import AudioStream
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import FLUSH, ModelFiles, RetakeReason

pytestmark = pytest.mark.anyio

THREE = "The first sentence is here. The second sentence follows it. The third one ends it."


@asynccontextmanager
async def hub(*backends: FakeBackend, **settings: Any) -> AsyncGenerator[TTSBackendManager, None]:
    config = parse_config({"audio": {"loudness": "off"}} | settings)
    manager = TTSBackendManager(config, discover=False)
    for backend in backends:
        manager.register(backend)
    async with manager:
        yield manager


async def drain(audio: AudioStream) -> np.ndarray:
    async with audio:
        chunks = [chunk.samples async for chunk in audio]
    return np.concatenate(chunks)


async def say(manager: TTSBackendManager) -> None:
    await drain(await manager.generate("Hello.", model="fake"))


def pitch(samples: np.ndarray, rate: int = 24_000) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


def free(backend: FakeBackend, manager: TTSBackendManager) -> bool:
    (status,) = (s for s in manager.status() if s.name == backend.name)
    return backend.active == 0 and status.active == 0 and status.waiting == 0


# --- choosing ---------------------------------------------------------------------------------------------


async def test_a_model_is_found_by_name_alias_and_pattern() -> None:
    fake, box = FakeBackend(), FakeBackend(name="box", patterns=("box_*",))
    async with hub(fake, box, aliases={"tts-1": "fake"}) as manager:
        for model, backend in [("fake", "fake"), ("tts-1", "fake"), ("box_large", "box")]:
            audio = await manager.generate("Hello.", model=model)
            await drain(audio)
            assert audio.report.backend == backend
        assert box.requests[0].model == "box_large"


async def test_an_unknown_model_names_the_nearest() -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(UnknownModelError, match=r"'fak'.*did you mean 'fake'"):
            await manager.stream("Hello.", model="fak")


async def test_auto_takes_the_best_engine_that_is_ready() -> None:
    best = FakeBackend(name="best", priority=9, script=FakeScript(ready=False))
    good = FakeBackend(name="good", priority=5)
    hidden = FakeBackend(name="hidden", priority=-1)
    async with hub(hidden, good, best) as manager:
        assert manager.best() == "good"
        best.script.ready = True
        assert manager.best() == "best"
        audio = await manager.generate("Hello.")
        await drain(audio)
        assert audio.report.backend == "best"


async def test_auto_passes_over_an_engine_that_cannot_be_loaded() -> None:
    broken = FakeBackend(name="broken", priority=9, script=FakeScript(load_error=OSError("no file")))
    good = FakeBackend(name="good", priority=5)
    async with hub(broken, good) as manager:
        audio = await manager.generate("Hello.")
        await drain(audio)
        assert audio.report.backend == "good"
        assert "no file" in audio.report.fallbacks[0].error
        assert manager.best() == "good"


async def test_auto_does_not_stand_in_for_an_engine_that_fails_while_it_speaks() -> None:
    failing = FakeBackend(name="failing", priority=9, script=FakeScript(fail_at={1: 1}))
    async with hub(failing, FakeBackend(name="good", priority=5)) as manager:
        with pytest.raises(GenerationError, match="scripted"):
            await drain(await manager.generate(THREE))


async def test_an_engine_that_is_not_ready_is_listed_with_reason_and_remedy() -> None:
    script = FakeScript(ready=False, reason="weights are missing", remedy="tts-hub models pull fake")
    async with hub(FakeBackend(script=script)) as manager:
        (status,) = manager.status()
        assert not status.availability.ready
        with pytest.raises(BackendUnavailableError, match="weights are missing") as caught:
            await manager.stream("Hello.", model="fake")
        assert caught.value.remedy == "tts-hub models pull fake"


async def test_no_engine_at_all_is_told() -> None:
    async with hub() as manager:
        with pytest.raises(BackendUnavailableError, match="none is installed"):
            await manager.stream("Hello.")


async def test_two_engines_of_one_name_are_refused() -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(UsageError, match="registered already"):
            manager.register(FakeBackend())


async def test_an_error_in_the_managers_block_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with hub(FakeBackend()):
            raise ZeroDivisionError


async def test_a_manager_that_is_not_open_says_how_to_open_it() -> None:
    with pytest.raises(UsageError, match="async with"):
        await TTSBackendManager(discover=False).stream("Hello.")


# --- loading ----------------------------------------------------------------------------------------------


async def test_loading_happens_once_however_many_ask() -> None:
    fake = FakeBackend(script=FakeScript(load_delay=0.05))
    async with hub(fake) as manager, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(manager.preload, "fake")
    assert fake.loads == 1


async def test_a_load_survives_the_one_who_asked_first() -> None:
    fake = FakeBackend(script=FakeScript(hold_load=True))
    async with hub(fake) as manager:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(manager.preload, "fake")
            await until(lambda: manager.status()[0].state == "loading")
            tasks.cancel_scope.cancel()
        fake.script.hold_load = False
        await manager.preload("fake")
    assert fake.loads == 1


async def test_a_failed_load_is_told_to_all_and_tried_again_later() -> None:
    fake = FakeBackend(script=FakeScript(load_error=RuntimeError("bad weights"), load_delay=0.01))
    async with hub(fake) as manager:
        for _ in range(2):
            with pytest.raises(BackendUnavailableError, match="bad weights"):
                await manager.stream("Hello.", model="fake")
        fake.script.load_error = None
        await drain(await manager.generate("Hello.", model="fake"))


async def test_an_idle_engine_is_unloaded_and_comes_back() -> None:
    fake = FakeBackend()
    async with hub(fake, limits={"idle_unload": 0.1}) as manager:
        await drain(await manager.generate("Hello.", model="fake"))
        await until(lambda: fake.closes)
        await drain(await manager.generate("Hello.", model="fake"))
        assert fake.loads == 2


async def test_an_engine_in_use_is_not_unloaded() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=1))
    async with (
        hub(fake, limits={"idle_unload": 0.02}) as manager,
        await manager.generate(THREE, model="fake"),
    ):
        await anyio.sleep(0.1)  # five times as long as an engine without users may be idle
        assert fake.closes == 0
        with pytest.raises(UsageError, match="in use"):
            await manager.unload("fake")


class Removable(FakeBackend):
    """Has files, and tells how many times it had been closed when they were removed."""

    @classmethod
    def downloads(cls, settings: BackendSettings) -> list[ModelFiles]:
        return [ModelFiles("fake", "here.example", "/nowhere", variant=v) for v in ("exact", "quick")]

    async def remove(self, files: ModelFiles, settings: BackendSettings) -> int:  # type: ignore[override]
        return 1 + 10 * self.closes


async def test_an_idle_engine_is_unloaded_before_its_files_are_removed() -> None:
    engine = Removable()
    async with hub(engine) as manager:
        assert await manager.remove("fake", variant="quick") == 1
        await drain(await manager.generate("Hello.", model="fake"))
        assert await manager.remove("fake") == 11 + 11
        await drain(await manager.generate("Hello.", model="fake"))
        assert engine.loads == 2


async def test_an_engine_in_use_stays_loaded_when_its_files_are_removed() -> None:
    engine = Removable(script=FakeScript(hold_at=1))
    async with hub(engine) as manager:
        audio = await manager.generate(THREE, model="fake")
        assert await manager.remove("fake", variant="exact") == 1
        engine.script.hold_at = None
        await drain(audio)
        assert engine.loads == 1


async def test_closing_the_manager_closes_engines_and_tells_open_streams() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=1))
    manager = TTSBackendManager(discover=False)
    manager.register(fake)
    async with manager:
        audio = await manager.generate(THREE, model="fake")
    with pytest.raises(UsageError, match="closed"):
        await drain(audio)
    assert fake.closes == 1
    assert fake.active == 0


# --- the audio --------------------------------------------------------------------------------------------


async def test_segments_come_in_order_though_made_in_parallel() -> None:
    class Uneven(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            if request.index == 0:
                await until(lambda: len(self.requests) == 2)
            async for chunk in super().generate_stream(request):
                yield chunk

    fake = Uneven(capabilities=Capabilities(word_timings=True, concurrency=3))
    async with hub(fake) as manager:
        audio = await manager.generate(THREE, model="fake")
        await drain(audio)
    assert [request.index for request in fake.requests] == [1, 2, 0]
    assert [word.text for word in audio.words] == THREE.split()
    assert all(THREE[slice(*word.span)] == word.text for word in audio.words)
    starts = [word.start for word in audio.words]
    assert starts == sorted(starts)


async def test_words_lie_where_they_sound() -> None:
    """Between the words of different sentences is the pause; a fake word is 0.3 s of tone."""
    async with hub(FakeBackend(), audio={"sentence_pause": 0.5, "loudness": "off"}) as manager:
        audio = await manager.generate("One two. Three.", model="fake")
        samples = await drain(audio)
    one, two, three = audio.words
    assert one.start == pytest.approx(0.0, abs=0.02)
    assert two.end == pytest.approx(0.6, abs=0.02)
    assert three.start == pytest.approx(1.1, abs=0.03)
    gap = samples[round((two.end + 0.02) * 24_000) : round((three.start - 0.02) * 24_000)]
    assert np.abs(gap).max() < 1e-3


async def test_pause_tags_are_heard_and_not_spoken() -> None:
    async with hub(FakeBackend()) as manager:
        audio = await manager.generate("One. [pause:2s] Two.", model="fake")
        samples = await drain(audio)
        only = await manager.generate("One. [pause:1s]", model="fake")
        assert len(await drain(only)) / 24_000 == pytest.approx(1.3, abs=0.02)
    assert [word.text for word in audio.words] == ["One.", "Two."]
    assert len(samples) / 24_000 == pytest.approx(2.6, abs=0.03)


async def test_text_may_still_be_written_while_it_is_spoken() -> None:
    fake = FakeBackend()
    speaking = anyio.Event()
    written: list[str] = []

    async def writer() -> AsyncIterator[str]:
        for piece in ["The first sen", "tence is here. ", "The second one follows it. ", "Th", "e end."]:
            written.append(piece)
            yield piece
            if len(written) == 3:
                await speaking.wait()

    async with hub(fake) as manager:
        audio = await manager.generate(writer(), model="fake")
        assert len(written) == 3
        speaking.set()
        await drain(audio)
    assert [r.text for r in fake.requests] == [
        "The first sentence is here.",
        "The second one follows it.",
        "The end.",
    ]
    assert audio.report.characters == sum(map(len, written))


async def test_an_error_of_the_writer_comes_out_after_what_was_written() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "The first sentence is here, whole and complete. And the second begins, but is "
        raise ConnectionError("the model hung up")

    async with hub(FakeBackend()) as manager:
        audio = await manager.generate(writer(), model="fake")
        with pytest.raises(ConnectionError, match="hung up"):
            await drain(audio)
        assert audio.report.segments == 1
        assert not audio.report.complete


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
async def test_speed_is_made_up_for_by_the_hub(speed: float) -> None:
    fake = FakeBackend(capabilities=Capabilities(word_timings=True, speed_range=(0.8, 1.25)))
    async with hub(fake) as manager:
        audio = await manager.generate("one two three four five six", model="fake", speed=speed, voice="mid")
        samples = await drain(audio)
    assert 0.8 <= fake.requests[0].speed <= 1.25
    assert len(samples) / 24_000 == pytest.approx(1.8 / speed, rel=0.08)
    assert pitch(samples) == pytest.approx(400, rel=0.02)
    assert audio.words[-1].end == pytest.approx(1.8 / speed, rel=0.08)


async def test_concurrent_requests_never_mix_voices() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.001))
    tones = {"low": 200, "mid": 400, "high": 800}
    heard: list[tuple[int, float]] = []

    async with hub(fake, limits={"max_queue": 100}) as manager:

        async def one(voice: str) -> None:
            heard.append(
                (tones[voice], pitch(await drain(await manager.generate(THREE, model="fake", voice=voice))))
            )

        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(one, list(tones)[number % 3])
    assert len(heard) == 30
    assert all(got == pytest.approx(wanted, rel=0.02) for wanted, got in heard)


async def test_progress_belongs_to_one_request() -> None:
    async with hub(FakeBackend(script=FakeScript(chunk_delay=0.002))) as manager:
        seen: dict[int, list[ProgressEvent]] = {0: [], 1: [], 2: []}

        async def one(number: int) -> None:
            await drain(await manager.generate(THREE, model="fake", on_progress=seen[number].append))

        async with anyio.create_task_group() as tasks:
            for number in seen:
                tasks.start_soon(one, number)
    for events in seen.values():
        assert len({event.request_id for event in events}) == 1
        stages = [event.stage for event in events if event.stage != "loading"]
        assert stages == ["queued", "first_audio", "segment", "segment", "segment", "finished"]
        assert events[-1].fraction == 1.0


async def test_a_progress_callback_that_fails_does_not_stop_the_speech(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: ProgressEvent) -> None:
        raise ZeroDivisionError

    async with hub(FakeBackend()) as manager:
        assert len(await drain(await manager.generate("Hello.", model="fake", on_progress=broken)))
    assert "callback failed" in caplog.text


async def test_options_reach_the_engine_checked() -> None:
    async with hub(FakeBackend()) as manager:
        loud = await drain(await manager.generate("Hello.", model="fake", options={"gain": 0.8}))
        assert np.abs(loud).max() == pytest.approx(0.8, abs=0.02)
        with pytest.raises(UnsupportedOptionError, match=r"no option 'gian'; did you mean 'gain'"):
            await manager.stream("Hello.", model="fake", options={"gian": 1})
        with pytest.raises(UnsupportedOptionError, match="less than or equal to 1"):
            await manager.stream("Hello.", model="fake", options={"gain": 7})


async def test_what_the_engine_has_no_use_for_is_reported() -> None:
    async with hub(FakeBackend()) as manager:
        audio = await manager.generate("Hello.", model="fake", seed=7, instructions="cheerful")
        await drain(audio)
        assert audio.report.ignored == ("seed", "instructions")


async def test_the_report_tells_which_takes_came_to_nothing() -> None:
    script = FakeScript(retakes={0: ("endless",), 2: ("repetition", "too_short")})
    async with hub(FakeBackend(script=script)) as manager:
        audio = await manager.generate(THREE, model="fake")
        await drain(audio)
    told = [(retake.segment, retake.backend, retake.reason) for retake in audio.report.retakes]
    assert told == [(0, "fake", "endless"), (2, "fake", "repetition"), (2, "fake", "too_short")]


async def test_what_is_told_besides_the_audio_survives_when_chunks_are_joined() -> None:
    attempt = Attempt(0)
    some, none = np.ones(100, np.float32), np.zeros(0, np.float32)
    attempt.put(AudioChunk(none, 24_000, retakes=("endless",)))
    attempt.put(AudioChunk(some, 24_000, retakes=("silence",)))
    attempt.put(AudioChunk(some, 24_000, finish_reason="length", seed=3))
    whole = attempt.read()
    assert len(whole.samples) == 200
    assert (whole.retakes, whole.finish_reason, whole.seed) == (("endless", "silence"), "length", 3)


async def test_an_engine_whose_takes_are_all_in_vain_hands_over_and_the_report_tells() -> None:
    lost: RetakeReason = "silence"
    script = FakeScript(retakes={0: (lost, lost)}, fail_at={0: 0})
    first = FakeBackend(name="first", priority=9, script=script)
    second = FakeBackend(name="second", priority=5, script=FakeScript(retakes={1: ("endless",)}))
    async with hub(first, second) as manager:  # `auto` changes engines only while nothing has been heard
        audio = await manager.generate(THREE)
        await drain(audio)
    report = audio.report
    assert [(change.failed, change.repeated_seconds) for change in report.fallbacks] == [("first", 0.0)]
    told = [(retake.segment, retake.backend) for retake in report.retakes]
    assert told == [(0, "first"), (0, "first"), (1, "second")]
    assert report.complete


async def test_the_seed_that_an_engine_drew_is_told_so_that_a_take_can_be_repeated() -> None:
    seeded = Capabilities(seed=True, concurrency=2)
    fake = FakeBackend(script=FakeScript(drawn_seed=77), capabilities=seeded)
    async with hub(fake) as manager:
        seeds = []
        for wanted in (None, 5):
            audio = await manager.generate(THREE, model="fake", seed=wanted)
            await drain(audio)
            seeds.append(audio.report.seed)
    assert seeds == [77, 5]


async def test_a_seed_that_goes_for_a_part_of_the_audio_is_not_told() -> None:
    first = FakeBackend(name="first", script=FakeScript(drawn_seed=77, fail_at={1: 2}))
    early = FakeBackend(name="early", script=FakeScript(drawn_seed=77, fail_at={0: 0}))
    second = FakeBackend(name="second", script=FakeScript(drawn_seed=78))
    seeds = []
    async with hub(first, early, second) as manager:
        for model in ("first", "early"):
            audio = await manager.generate(THREE, model=model, fallback=["second"])
            await drain(audio)
            seeds.append(audio.report.seed)
    assert seeds == [None, 78]


async def test_a_seed_that_the_engine_has_no_use_for_is_not_told() -> None:
    async with hub(FakeBackend()) as manager:
        audio = await manager.generate("Hello.", model="fake", seed=5)
        await drain(audio)
    assert audio.report.seed is None


async def test_the_report_adds_up() -> None:
    async with hub(FakeBackend(price=Price(per_million_characters=15.0))) as manager:
        audio = await manager.generate(THREE, model="fake", voice="low")
        samples = await drain(audio)
        report = audio.report
    assert report.complete
    assert report.segments == 3
    assert report.audio_seconds == pytest.approx(len(samples) / 24_000)
    assert (report.backend, report.voice, report.language) == ("fake", "low", "en-US")
    assert report.first_audio_seconds is not None
    assert 0 < report.first_audio_seconds <= report.elapsed_seconds
    assert report.real_time_factor is not None
    assert 0 < report.real_time_factor < 1
    assert report.cost == pytest.approx((len(THREE) - 2) * 15e-6)


# --- fallback ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing_chunk", [0, 2])
async def test_the_next_engine_resumes_at_the_failed_sentence(failing_chunk: int) -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={1: failing_chunk}))
    second = FakeBackend(name="second")
    events: list[ProgressEvent] = []
    async with hub(first, second) as manager:
        audio = await manager.generate(
            THREE, model="first", voice="high", fallback=["second"], on_progress=events.append
        )
        await drain(audio)
        report = audio.report
    assert [request.index for request in second.requests] == [1, 2]
    (change,) = report.fallbacks
    assert (change.failed, change.continued, change.segment) == ("first", "second", 1)
    assert THREE[change.position :].startswith("The second")
    assert (change.repeated_seconds > 0) == (failing_chunk > 0)
    assert report.complete
    assert report.backend == "second"
    assert "fallback" in [event.stage for event in events]
    said = [word.text for word in audio.words]
    assert said[:5] == THREE.split()[:5]
    assert said[-10:] == THREE.split()[5:]


async def test_without_a_fallback_the_error_comes_out_after_the_audio_before_it() -> None:
    async with hub(FakeBackend(script=FakeScript(fail_at={2: 1}))) as manager:
        heard: list[AudioChunk] = []
        with pytest.raises(GenerationError, match="scripted failure in segment 2"):
            async with await manager.generate(THREE, model="fake") as audio:
                async for chunk in audio:
                    heard.append(chunk)
        assert audio.report.segments == 2
        assert not audio.report.complete
        assert sum(chunk.seconds for chunk in heard) > 2.7


async def test_an_encoded_stream_that_fails_does_not_end_cleanly() -> None:
    async with hub(FakeBackend(script=FakeScript(fail_at={1: 1}))) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="mp3")
        with pytest.raises(GenerationError):
            await speech.read()
        await speech.aclose()


async def test_when_every_engine_fails_the_error_names_them_all() -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={0: 0}))
    second = FakeBackend(name="second", script=FakeScript(load_error=OSError("disk on fire")))
    async with hub(first, second) as manager:
        with pytest.raises(BackendUnavailableError, match=r"scripted failure.*disk on fire"):
            await manager.stream("Hello.", model="first", fallback=["second"])


async def test_the_configured_fallback_is_used() -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={0: 0}))
    async with hub(first, FakeBackend(name="second"), fallback=["second"]) as manager:
        audio = await manager.generate("Hello.", model="first")
        await drain(audio)
        assert audio.report.backend == "second"
        with pytest.raises(GenerationError):
            await manager.generate("Hello.", model="first", fallback=[])


async def test_a_fallback_takes_over_for_an_engine_that_is_not_ready() -> None:
    first = FakeBackend(name="first", script=FakeScript(ready=False))
    async with hub(first, FakeBackend(name="second")) as manager:
        audio = await manager.generate("Hello.", model="first", voice="low", fallback=["second"])
        await drain(audio)
        assert audio.report.fallbacks[0].failed == "first"
        assert audio.report.voice == "low"


async def test_a_fallback_does_not_read_a_language_that_it_does_not_speak() -> None:
    first = FakeBackend(name="first", script=FakeScript(ready=False))
    async with hub(first, FakeBackend(name="second")) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'second' refused.*'fi'"):
            await manager.stream("Terve.", model="first", language="fi", fallback=["second"])


async def test_a_wrong_request_is_no_reason_to_fall_back() -> None:
    second = FakeBackend(name="second")
    async with hub(FakeBackend(name="first"), second) as manager:
        with pytest.raises(UnknownVoiceError, match="'hihg'; did you mean 'high'"):
            await manager.stream("Hello.", model="first", voice="hihg", fallback=["second"])
    assert not second.requests


async def test_an_engine_that_hangs_counts_as_failed() -> None:
    first = FakeBackend(name="first", script=FakeScript(stall_at=1))
    async with hub(first, FakeBackend(name="second"), limits={"stall_timeout": 1.0}) as manager:
        audio = await manager.generate(THREE, model="first", fallback=["second"])
        await drain(audio)
        assert "no audio for 1 s" in audio.report.fallbacks[0].error
        with pytest.raises(StalledError):
            await drain(await manager.generate(THREE, model="first"))
        assert first.active == 0


@pytest.mark.parametrize("script", [FakeScript(silent=True), FakeScript(mute=True)])
async def test_silence_for_a_text_is_an_error(script: FakeScript) -> None:
    async with hub(FakeBackend(script=script)) as manager:
        with pytest.raises(NoAudioError):
            await drain(await manager.generate("Hello.", model="fake"))


async def test_a_strange_exception_of_an_engine_is_told_as_its_failure() -> None:
    script = FakeScript(fail_at={0: 0}, error=ZeroDivisionError("oops"))
    async with hub(FakeBackend(script=script)) as manager:
        with pytest.raises(GenerationError, match="engine 'fake' failed: ZeroDivisionError: oops"):
            await manager.stream("Hello.", model="fake")


async def test_samples_that_are_not_numbers_are_a_failure() -> None:
    class Broken(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            yield AudioChunk(np.full(100, np.nan, np.float32), 24_000)

    async with hub(Broken()) as manager:
        with pytest.raises(GenerationError, match="not finite"):
            await manager.stream("Hello.", model="fake")


# --- scheduling and backpressure --------------------------------------------------------------------------


async def test_a_short_sentence_goes_ahead_of_a_long_book() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    order: list[str] = []
    async with hub(fake, limits={"buffer_seconds": 1000}) as manager, anyio.create_task_group() as tasks:

        async def speak(name: str, text: str) -> None:
            await drain(await manager.generate(text, model="fake"))
            order.append(name)

        tasks.start_soon(speak, "book", "A sentence of the book. " * 30)
        await until(lambda: fake.active)
        tasks.start_soon(speak, "short", "Quick.")
        await until(lambda: manager.status()[0].waiting)
        fake.script.hold_at = None
    assert order == ["short", "book"]
    assert [request.text for request in fake.requests].index("Quick.") <= 2


async def test_a_full_queue_is_told_with_a_time_to_come_back() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    outcomes: list[str] = []
    async with hub(fake, limits={"max_queue": 2}) as manager:

        async def one() -> None:
            try:
                await drain(await manager.generate("Hello.", model="fake"))
                outcomes.append("spoken")
            except QueueFullError as exc:
                assert exc.retry_after >= 1
                outcomes.append("full")

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(one)
            await until(lambda: len(outcomes) == 5)
            fake.script.hold_at = None
        assert sorted(outcomes) == ["full"] * 5 + ["spoken"] * 3
        assert free(fake, manager)


async def test_waiting_too_long_for_a_turn_is_told() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    async with hub(fake, limits={"queue_timeout": 0.05}) as manager, anyio.create_task_group() as tasks:
        tasks.start_soon(say, manager)
        await until(lambda: fake.active)
        with pytest.raises(QueueTimeoutError, match=r"within 0\.05 s"):
            await manager.generate("Hello.", model="fake")
        tasks.cancel_scope.cancel()


async def test_a_reader_who_does_not_read_stops_the_generation_ahead() -> None:
    fake = FakeBackend(capabilities=Capabilities(concurrency=2))
    async with hub(fake, limits={"buffer_seconds": 3}) as manager:
        audio = await manager.generate("A sentence of five words. " * 200, model="fake")
        await until(lambda: fake.requests and not fake.active)
        await anyio.sleep(0.1)  # nothing more is begun
        begun = len(fake.requests)
        assert begun <= 6
        assert fake.active == 0
        other = await manager.generate("Others are not held up.", model="fake")
        await drain(other)
        await audio.aclose()


async def test_closing_a_stream_frees_the_engine() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=1), capabilities=Capabilities(concurrency=1))
    async with hub(fake) as manager:
        audio = await manager.generate(THREE, model="fake")
        with anyio.fail_after(WITHIN):
            await audio.aclose()
        assert free(fake, manager)
        assert fake.cancelled == [0]


async def test_cancelling_the_reading_task_frees_the_engine() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=5), capabilities=Capabilities(concurrency=1))
    async with hub(fake) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="opus")
        with anyio.move_on_after(0.02):
            await speech.read()
        await until(lambda: free(fake, manager))
        await speech.aclose()


async def test_cancelling_all_while_the_reader_is_in_a_thread_is_no_error() -> None:
    def cancel_and_stay() -> None:
        anyio.from_thread.run_sync(scope.cancel)
        time.sleep(0.1)  # meanwhile the generation ends, and the reader does not know why

    with anyio.CancelScope() as scope:
        async with TTSBackendManager(discover=False) as manager:
            manager.register(FakeBackend(script=FakeScript(chunk_delay=0.05)))  # none is left to read
            async for _ in await manager.generate("One two three. " * 50, model="fake"):
                await anyio.to_thread.run_sync(cancel_and_stay)
    assert scope.cancelled_caught


async def test_cancelling_while_waiting_in_the_queue_gives_the_place_back() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    async with hub(fake) as manager:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(say, manager)
            await until(lambda: fake.active and manager.status()[0].waiting == 9)
            tasks.cancel_scope.cancel()
        await until(lambda: free(fake, manager))
        fake.script.hold_at = None
        await drain(await manager.generate("Hello.", model="fake"))


async def test_a_dropped_stream_stops_its_engine_and_says_so() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.01))
    async with hub(fake) as manager:
        audio = await manager.generate(THREE, model="fake")
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            del audio
            gc.collect()
        await until(lambda: free(fake, manager))


async def test_many_random_aborts_leave_every_slot_free() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.001), capabilities=Capabilities(concurrency=3))
    random = np.random.default_rng(7)
    async with hub(fake, limits={"max_queue": 500}) as manager:

        async def abort(after: float) -> None:
            with anyio.move_on_after(after):
                speech = await manager.stream(THREE, model="fake", response_format="wav")
                try:
                    await speech.read()
                finally:
                    await speech.aclose()

        async with anyio.create_task_group() as tasks:
            for after in random.uniform(0, 0.2, 200):
                tasks.start_soon(abort, float(after))
        await until(lambda: free(fake, manager))
        await drain(await manager.generate("Still alive.", model="fake"))


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"input": ""}, InvalidTextError, "empty"),
        ({"input": " \n\t "}, InvalidTextError, "white space"),
        ({"input": "a\0b"}, InvalidTextError, "U\\+0000"),
        ({"input": "a\ud800b"}, InvalidTextError, "surrogate"),
        ({"input": "x" * 10_000_000}, TextTooLongError, "10000000"),
        ({"input": "Hi [pause:soon] there."}, InvalidTextError, "pause"),
        ({"speed": 0.1}, UnsupportedOptionError, "0.25 to 4"),
        ({"speed": math.nan}, UnsupportedOptionError, "0.25 to 4"),
        ({"response_format": "mp9"}, UnsupportedFormatError, "did you mean 'mp3'"),
        ({"sample_rate": 12_345}, UnsupportedOptionError, "12345"),
        ({"voice": "nobody"}, UnknownVoiceError, "possible: low, mid, high"),
        ({"language": "tlh"}, UnsupportedLanguageError, "'tlh'"),
        ({"model": "nothing"}, UnknownModelError, "possible: auto, fake"),
        ({"fallback": ["nothing"]}, UnknownModelError, "possible: auto, fake"),
        ({"markup": "ssml"}, UnsupportedOptionError, "SSML"),
    ],
)
async def test_a_wrong_request_is_a_typed_error_that_says_what_is_possible(
    fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    async with hub(FakeBackend()) as manager:
        request = SpeechRequest(**({"input": "Hello.", "model": "fake"} | fields))
        with pytest.raises(error, match=message):
            await manager.stream(request)


async def test_the_default_config_is_used_without_one() -> None:
    assert TTSBackendManager(discover=False).config == Config()


# --- engines and callers that misbehave -------------------------------------------------------------------


async def test_a_cancelled_future_in_the_text_concerns_its_own_request_only() -> None:
    import asyncio

    async def writer() -> AsyncIterator[str]:
        yield "A whole sentence to begin with, long enough to be spoken. "
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with hub(FakeBackend(script=FakeScript(chunk_delay=0.005))) as manager:
        other = await manager.generate(THREE, model="fake")
        with pytest.raises(UsageError, match="source of the text failed: CancelledError"):
            await drain(await manager.generate(writer(), model="fake"))
        assert len(await drain(other))
        await say(manager)


class Panic(BaseException):
    """What an extension module may raise."""


@pytest.mark.parametrize("error", [Panic("panicked"), GeneratorExit()])
async def test_whatever_an_engine_raises_concerns_its_own_request_only(error: BaseException) -> None:
    class Rude(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            if request.text:
                raise error
            yield AudioChunk(np.zeros(0, np.float32), 24_000)

    async with hub(FakeBackend(script=FakeScript(chunk_delay=0.005)), Rude(name="rude")) as manager:
        other = await manager.generate(THREE, model="fake")
        with pytest.raises(GenerationError, match=type(error).__name__):
            await manager.generate("Hello.", model="rude")
        assert len(await drain(other))


async def test_a_read_that_was_cut_short_is_not_followed_by_a_clean_end() -> None:
    async with hub(FakeBackend(script=FakeScript(hold_at=9))) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="wav")
        with anyio.move_on_after(0.05):
            async for _ in speech:  # up to where the engine is held
                pass
        with pytest.raises(UsageError, match="interrupted before its end"):
            await anext(speech)
        await speech.aclose()
        with pytest.raises(UsageError, match="closed"):
            await speech.read()


async def test_a_stream_can_be_closed_while_another_task_reads_it() -> None:
    async with hub(FakeBackend(script=FakeScript(hold_at=9))) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="wav")
        told: list[Exception] = []

        async def read() -> None:
            try:
                await speech.read()
            except UsageError as exc:
                told.append(exc)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.sleep(0.05)
            with pytest.raises(UsageError, match="another task"):
                await anext(speech)
            with anyio.fail_after(WITHIN):
                await speech.aclose()
        assert len(told) == 1


async def test_a_text_that_begins_with_a_pause_is_checked_and_queued_like_any_other() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    async with hub(fake, limits={"max_queue": 1}) as manager:
        with pytest.raises(UnknownVoiceError):
            await manager.stream("[pause:0.2s] Hello.", model="fake", voice="nobody")
        outcomes: list[str] = []

        async def one() -> None:
            try:
                audio = await manager.generate("[pause:0.2s] Hello.", model="fake")
                outcomes.append(f"{len(await drain(audio)) / 24_000:.1f}")
            except QueueFullError:
                outcomes.append("full")

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)
            await until(lambda: len(outcomes) == 2)
            fake.script.hold_at = None
    assert sorted(outcomes) == ["0.5", "0.5", "full", "full"]


async def test_a_long_segment_waits_for_its_reader_and_leaves_its_slot_to_others() -> None:
    fake = FakeBackend(capabilities=Capabilities(concurrency=1, ssml=True, suspendable=1))
    async with hub(fake, limits={"buffer_seconds": 1}) as manager:
        long = await manager.generate("word " * 1000, model="fake", markup="ssml")
        with anyio.fail_after(WITHIN):
            await say(manager)
        assert long._speaking.handover.segments[0].unread_seconds < 6
        assert len(await drain(long)) / 24_000 == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize("script", [FakeScript(silent=True), FakeScript(mute=True)])
async def test_a_text_of_which_nothing_is_heard_is_an_error(script: FakeScript) -> None:
    async with hub(FakeBackend(script=script)) as manager:
        with pytest.raises(InvalidTextError, match="no words to speak"):
            await manager.stream("♫", model="fake")


async def test_words_of_a_silent_attempt_are_not_told() -> None:
    first = FakeBackend(name="first", script=FakeScript(silent=True))
    async with hub(first, FakeBackend(name="second")) as manager:
        audio = await manager.generate("One two.", model="first", fallback=["second"])
        await drain(audio)
        assert [word.text for word in audio.words] == ["One", "two."]


class Reporting(FakeBackend):
    """Takes long, and says all the time how far it has come."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        for _ in range(20):
            on_progress(ProgressEvent("generating", backend=self.name))
            await anyio.sleep(0.1)
        async with aclosing(super().generate_stream(request, on_progress)) as chunks:
            async for chunk in chunks:
                yield chunk


async def test_an_engine_that_reports_progress_has_not_stalled() -> None:
    async with hub(Reporting(), limits={"stall_timeout": 1.5}) as manager:
        assert len(await drain(await manager.generate("Hello.", model="fake")))


async def test_a_load_that_hangs_counts_as_failed() -> None:
    slow = FakeBackend(name="slow", script=FakeScript(load_delay=60))
    async with hub(slow, FakeBackend(name="second"), limits={"load_timeout": 1.0}) as manager:
        audio = await manager.generate("Hello.", model="slow", fallback=["second"])
        await drain(audio)
        assert "not loaded within 1 s" in audio.report.fallbacks[0].error


@pytest.mark.parametrize(
    "chunk",
    [
        AudioChunk(np.ones(10, np.float64), 24_000),
        AudioChunk(np.ones((10, 1), np.float32), 24_000),
        AudioChunk(np.ones(10, np.float32), 3),
        AudioChunk(np.ones(10, np.float32), 24_000.5),  # type: ignore[arg-type]
        AudioChunk(np.ones(10, np.float32), 24_000, (WordTiming("Hello", 0, 1, (40, 45)),)),
        AudioChunk(np.ones(10, np.float32), 24_000, (WordTiming("Hello", math.nan, 1, (0, 5)),)),
        AudioChunk(np.ones(10, np.float32), 24_000, (WordTiming("Other", 0, 1, (0, 5)),)),
    ],
)
async def test_nonsense_of_an_engine_is_its_failure_and_falls_back(chunk: AudioChunk) -> None:
    class Odd(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            yield chunk

    async with hub(Odd(name="odd"), FakeBackend(name="second")) as manager:
        audio = await manager.generate("Hello.", model="odd", fallback=["second"])
        await drain(audio)
        assert audio.report.fallbacks[0].failed == "odd"


async def test_an_engine_that_cannot_even_be_made_hurts_nobody() -> None:
    class Unmade(FakeBackend):
        name = "unmade"

        def __init__(self, *args: Any) -> None:
            raise ValueError("no such device")

    class Unsure(FakeBackend):
        name = "unsure"

        @classmethod
        def availability(cls, settings: BackendSettings) -> Availability:
            raise ValueError("cannot tell")

    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}}), discover=False)
    for backend in (Unmade, Unsure, FakeBackend(priority=3)):
        manager.register(backend)
    async with manager:
        assert manager.best() == "fake"
        with pytest.raises(BackendUnavailableError, match="no such device"):
            await manager.stream("Hello.", model="unmade")
        audio = await manager.generate("Hello.", model="fake", fallback=["unmade"])
        await drain(audio)
        assert set(await manager.voices()) == {"fake"}
        states = {status.name: status.availability for status in manager.status()}
        assert "cannot tell" in states["unsure"].reason


async def test_auto_takes_an_engine_that_speaks_the_language() -> None:
    class German(FakeBackend):
        async def voices(self) -> list[Voice]:
            return [Voice("low", "Low", "de")]

    english = FakeBackend(name="english", priority=9)
    async with hub(english, German(name="german", priority=5)) as manager:
        audio = await manager.generate("Hallo.", language="de")
        await drain(audio)
        assert audio.report.backend == "german"
        with pytest.raises(UnsupportedLanguageError, match="'fi'"):
            await manager.generate("Terve.", language="fi")


async def test_a_sentence_is_spoken_when_the_writer_pauses_behind_it() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "This is complete."
        await anyio.sleep_forever()

    async with hub(FakeBackend()) as manager:
        with anyio.fail_after(WITHIN):
            audio = await manager.generate(writer(), model="fake")
            await anext(audio)
        await audio.aclose()


async def test_flush_has_the_rest_spoken_at_once() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "This has no end"
        yield FLUSH
        await speaking.wait()
        yield " and goes on."

    fake = FakeBackend()
    speaking = anyio.Event()
    async with hub(fake) as manager:
        audio = await manager.generate(writer(), model="fake")
        assert [request.text for request in fake.requests] == ["This has no end"]
        speaking.set()
        await drain(audio)
    source = "This has no end and goes on."
    assert [source[slice(*word.span)] for word in audio.words] == source.split()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"voice": 5}, "voice"),
        ({"language": ""}, "language"),
        ({"speed": "fast"}, "speed"),
        ({"response_format": 5}, "response_format"),
        ({"sample_rate": 24000.0}, "sample_rate"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"markup": "html"}, "markup"),
        ({"seed": "x"}, "seed"),
        ({"fallback": "espeak"}, "fallback"),
        ({"options": [1]}, "options"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_field_of_a_wrong_kind_is_told_by_its_name(fields: dict[str, Any], param: str) -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(InvalidRequestError) as caught:
            await manager.stream("Hello.", **fields)
        assert caught.value.param == param
        assert param in str(caught.value)


@pytest.mark.parametrize("text", [None, 5, b"bytes", ["a", "list"]])
async def test_a_text_of_a_wrong_kind_is_told(text: Any) -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(InvalidTextError, match="str"):
            await manager.stream(text)


async def test_newcomers_begin_before_long_segments_go_on() -> None:
    """One slot, and an engine that can leave a segment half made: all begin before the first one ends."""
    fake = FakeBackend(
        script=FakeScript(chunk_delay=0.01),
        capabilities=Capabilities(concurrency=1, suspendable=8, word_timings=True),
    )
    begun: list[float] = []
    ended: list[float] = []

    async with hub(fake) as manager, anyio.create_task_group() as tasks:

        async def one() -> None:
            audio = await manager.generate("one two three four five six seven eight", model="fake")
            begun.append(anyio.current_time())
            assert len(await drain(audio)) / 24_000 == pytest.approx(2.4, abs=0.02)
            ended.append(anyio.current_time())

        for _ in range(6):
            tasks.start_soon(one)
    assert max(begun) < min(ended)
    assert fake.most_active == 6


async def test_no_more_segments_wait_half_made_than_the_engine_allows() -> None:
    fake = FakeBackend(
        script=FakeScript(chunk_delay=0.005), capabilities=Capabilities(concurrency=1, suspendable=2)
    )
    async with hub(fake) as manager, anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(say, manager)
    assert fake.most_active <= 3
    assert free(fake, manager)


async def test_a_fallback_that_auto_could_have_chosen_takes_over_in_the_middle() -> None:
    best = FakeBackend(name="best", priority=9, script=FakeScript(fail_at={1: 0}))
    standby = FakeBackend(name="standby", priority=5)
    async with hub(best, standby) as manager:
        audio = await manager.generate(THREE, fallback=["standby"])
        await drain(audio)
        assert [(change.failed, change.continued) for change in audio.report.fallbacks] == [
            ("best", "standby")
        ]
