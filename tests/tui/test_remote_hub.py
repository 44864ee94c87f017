"""The studio's hub over HTTP, against a real server on a real socket."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import aclosing
from dataclasses import replace

import anyio
import numpy as np
import pytest
from tts_hub_tui.hubs.remote.hub import RemoteHub

from tests.server.conftest import Served, served
from tests.tui.fetching import Fetching
from tests.tui.remote_serving import FAKE, TEXT, drain
from tests.waiting import until
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    TTSHubError,
    UnknownModelError,
)
from tts_hub.manager import TTSBackendManager
from tts_hub.progress import ProgressEvent, ignore
from tts_hub.types import AudioChunk, SpeechRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Generator[Served, None, None]:
    with served() as running:
        yield running


async def test_speech_is_that_of_the_engine_in_this_process(server: Served) -> None:
    request = SpeechRequest(TEXT, model="espeak", voice="en-gb")
    events: list[ProgressEvent] = []
    async with RemoteHub(f"{server.url}/v1") as hub:
        speech = await hub.speak(request, events.append)
        remote = await drain(speech)
    async with TTSBackendManager() as manager:
        local = await drain(await manager.generate(request))
    words = [word for chunk in remote for word in chunk.words]
    assert [(w.text, w.span) for w in words] == [(w.text, w.span) for c in local for w in c.words]
    seconds = sum(chunk.seconds for chunk in remote)
    assert seconds == pytest.approx(sum(chunk.seconds for chunk in local), abs=0.05)
    report = speech.report
    assert (report.backend, report.voice, report.complete) == ("espeak", "en-gb", True)
    assert report.audio_seconds == pytest.approx(seconds)
    assert report.first_audio_seconds is not None
    assert [event.segment for event in events if event.stage == "segment"] == [0, 1, 2]
    assert {"queued", "first_audio", "finished"} <= {event.stage for event in events}


async def test_the_first_audio_comes_before_the_last_is_generated(server: Served) -> None:
    server.script.hold_at = 2
    async with RemoteHub(server.url) as hub, aclosing(await hub.speak(FAKE, ignore)):
        assert not server.free()


async def test_all_fields_of_a_request_reach_the_server(server: Served) -> None:
    wanted = {"markup": "ssml", "speed": 2.0, "sample_rate": 16_000, "options": {"pitch": 70}}
    request = SpeechRequest("<speak>One <break/> two.</speak>", model="espeak", **wanted)  # type: ignore[arg-type]
    async with RemoteHub(server.url) as hub:
        speech = await hub.speak(request, ignore)
        remote = await drain(speech)
    async with TTSBackendManager() as manager:
        local = await drain(await manager.generate(request))
    assert {chunk.sample_rate for chunk in remote} == {speech.sample_rate} == {16_000}
    assert [w.text for c in remote for w in c.words] == [w.text for c in local for w in c.words]
    seconds = sum(chunk.seconds for chunk in remote)
    assert seconds == pytest.approx(sum(chunk.seconds for chunk in local), abs=0.05)


async def test_another_engine_continues_and_the_report_names_it(server: Served) -> None:
    server.script.fail_at = {1: 1}
    events: list[ProgressEvent] = []
    async with RemoteHub(server.url) as hub:
        speech = await hub.speak(replace(FAKE, fallback=["espeak"]), events.append)
        await drain(speech)
    (change,) = speech.report.fallbacks
    assert (change.failed, change.continued, change.segment) == ("fake", "espeak", 1)
    assert [event.segment for event in events if event.stage == "fallback"] == [1]
    assert speech.report.complete


async def test_the_engine_is_known_while_it_speaks(server: Served) -> None:
    server.script.hold_at = 2
    async with RemoteHub(server.url) as hub, aclosing(await hub.speak(FAKE, ignore)) as speech:
        assert (speech.report.backend, speech.report.complete) == ("fake", False)


async def test_a_callback_that_fails_breaks_nothing(server: Served) -> None:
    def fail(event: ProgressEvent, /) -> None:
        raise ZeroDivisionError

    async with RemoteHub(server.url) as hub:
        assert await drain(await hub.speak(FAKE, fail))


async def test_cancelling_the_reader_stops_the_engine_there(server: Served) -> None:
    server.script.stall_at = 1
    async with RemoteHub(server.url) as hub:
        with anyio.move_on_after(0.5) as limit:
            await drain(await hub.speak(FAKE, ignore))
        assert limit.cancelled_caught
        await until(server.free)


async def test_closing_stops_the_engine_there(server: Served) -> None:
    server.script.hold_at = 2
    async with RemoteHub(server.url) as hub:
        speech = await hub.speak(FAKE, ignore)
        await speech.aclose()
        await until(server.free)
    assert server.fake.cancelled


async def test_a_stream_that_breaks_raises(server: Served) -> None:
    server.script.fail_at = {1: 1}
    async with RemoteHub(server.url) as hub:
        received: list[AudioChunk] = []
        speech = await hub.speak(FAKE, ignore)
        async with aclosing(speech):
            with pytest.raises(GenerationError):
                async for chunk in speech:
                    received.append(chunk)
        assert sum(np.count_nonzero(chunk.samples) for chunk in received)
        assert not speech.report.complete


async def test_the_catalogue_is_that_of_the_server(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        engines = {engine.name: engine for engine in (await hub.catalogue()).engines}
        assert engines["espeak"].ready
        assert "pitch" in engines["espeak"].options["properties"]
        assert engines["fake"].models == ("fake",)
        voices = await hub.voices("espeak")
        assert any(voice.language == "de" and voice.variants != () for voice in voices)


async def test_the_estimate_is_that_of_the_server(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        estimate = await hub.estimate(FAKE)
        assert (estimate.backend, estimate.segments, estimate.cost) == ("fake", 3, 0.0)


async def test_pulling_a_model_without_files_is_an_error(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        with pytest.raises(UnknownModelError, match="fake"):
            await hub.pull("fake", ignore)


@pytest.fixture
def fetching() -> type[Fetching]:
    return type("Fetching", (Fetching,), {})


@pytest.fixture
def fetcher(fetching: type[Fetching]) -> Generator[Served, None, None]:
    with served(fetching(name="fetching")) as running:
        yield running


async def test_a_model_is_pulled_there_with_progress(fetcher: Served, fetching: type[Fetching]) -> None:
    events: list[ProgressEvent] = []
    async with RemoteHub(fetcher.url) as hub:
        engines = {engine.name: engine for engine in (await hub.catalogue()).engines}
        assert engines["fetching"].downloads[0].missing == ("net.bin",)
        await hub.pull("fetching", events.append)
        engines = {engine.name: engine for engine in (await hub.catalogue()).engines}
        assert engines["fetching"].downloads[0].missing == ()
    assert events
    assert {event.details["total_bytes"] for event in events} == {5_000_000}


async def test_hanging_up_stops_the_pull_there(fetcher: Served, fetching: type[Fetching]) -> None:
    fetching.hold_at = 2
    async with RemoteHub(fetcher.url) as hub:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.pull, "fetching", ignore)
            await until(lambda: fetching.stopped_at == 2)
            tasks.cancel_scope.cancel()
        await until(lambda: fetching.cancelled_pulls)
    assert not fetching.here


async def test_a_pull_that_fails_on_the_server_is_an_error(fetcher: Served, fetching: type[Fetching]) -> None:
    fetching.error = BackendUnavailableError("secret words", backend="fetching", remedy="export HF_TOKEN=…")
    async with RemoteHub(fetcher.url) as hub:
        with pytest.raises(BackendUnavailableError, match="export HF_TOKEN") as caught:
            await hub.pull("fetching", ignore)
    assert "secret words" not in str(caught.value)


async def test_an_emotion_is_kept_on_the_server_and_speaks(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        settings = EmotionSettings(style="whispering", exaggeration=0.3, speed=1.2)
        assert await hub.add_emotion("soft", "low", settings) == "low:soft"
        assert "low:soft" in [voice.id for voice in await hub.voices("fake")]
        speech = await hub.speak(SpeechRequest(TEXT, model="fake", voice="low:soft"), ignore)
        await drain(speech)
        assert speech.report.emotion == "low:soft"
        assert speech.report.ignored == ("emotion.style", "emotion.exaggeration")
        with pytest.raises(TTSHubError, match="there is an emotion"):
            await hub.add_emotion("soft", "low", settings)
