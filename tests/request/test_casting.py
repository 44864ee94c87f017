"""A request names stored voices and emotions; each engine does what it can, and says what it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speaking import drain, hub, pitch
from tests.store.clips import clip
from tts_hub.emotions.lowering import Lowering, Scale
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import (
    GenerationError,
    UnknownEmotionError,
    UnknownVoiceError,
    UnsupportedOptionError,
)
from tts_hub.manager import TTSBackendManager
from tts_hub.report import SpeechReport
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.testing.fake import tone_of
from tts_hub.types import Capabilities, SpeechRequest

pytestmark = pytest.mark.anyio

TABLE = Lowering(styles={"excited": {"gain": 0.9}}, exaggeration=(Scale("gain", ((0, 0.2), (1, 1.0))),))


def cloner(**changes: Any) -> FakeBackend:
    capabilities = Capabilities(cloning=True, clip_seconds=5.0, seed=True, languages=("en",))
    wanted: dict[str, Any] = {"name": "cloner", "capabilities": capabilities, "priority": 5}
    return FakeBackend(**wanted | changes)


async def spoken(manager: TTSBackendManager, **fields: Any) -> tuple[np.ndarray, SpeechReport]:
    stream = await manager.generate(SpeechRequest("One two three four.", **fields))
    samples = await drain(stream)
    return samples, stream.report


async def test_a_stored_voice_is_spoken_by_an_engine_that_clones() -> None:
    engine = cloner()
    async with hub(engine, FakeBackend(name="plain", priority=9)) as manager:
        stored = await manager.store.add_voice("Sarah", clip())
        for voice in ("sarah", "SARAH", stored.id):
            samples, report = await spoken(manager, voice=voice)
            assert (report.backend, report.voice, report.emotion) == ("cloner", "Sarah", "")
        (sample,) = stored.samples
        got = engine.requests[-1].voice
        assert [(s.hash, s.path, s.seconds) for s in got.samples] == [
            (sample.hash, sample.path, sample.seconds)
        ]
        assert pitch(samples) == pytest.approx(tone_of(got), abs=10)


async def test_an_engine_that_does_not_clone_says_so() -> None:
    async with hub(FakeBackend(name="plain", priority=9)) as manager:
        await manager.store.add_voice("Sarah", clip())
        with pytest.raises(UnknownVoiceError, match="'sarah' is a recording, and engine 'plain' clones no"):
            await spoken(manager, voice="sarah", model="plain")
    async with hub(FakeBackend(name="plain", priority=9), FakeBackend(name="other", priority=8)) as manager:
        with pytest.raises(UnknownVoiceError, match="no engine that is ready clones voices"):
            await spoken(manager, voice="sarah")


async def test_a_stored_voice_comes_before_the_engines_own_of_that_name() -> None:
    engine = cloner()
    async with hub(engine, FakeBackend(name="plain")) as manager:
        await manager.store.add_voice("low", clip())
        await spoken(manager, voice="low", model="cloner")
        assert engine.requests[-1].voice.samples
        _, report = await spoken(manager, voice="low", model="plain")
        assert report.voice == "low"


async def test_the_newest_sample_comes_first() -> None:
    engine = cloner()
    async with hub(engine) as manager:
        await manager.store.add_voice("Sarah", clip())
        voice = await manager.store.add_sample("Sarah", clip(6, 1))
        await spoken(manager, voice="sarah", model="cloner")
        hashes = [sample.hash for sample in engine.requests[-1].voice.samples]
        assert hashes == [sample.hash for sample in reversed(voice.samples)]


@pytest.mark.parametrize(
    "fields",
    [
        {"voice": "high:excited"},
        {"voice": "HIGH:Excited"},
        {"voice": "high", "emotion": "excited"},
        {"voice": "high", "model": "cloner:excited"},
    ],
)
async def test_a_plain_client_names_an_emotion(fields: dict[str, str]) -> None:
    engine = cloner(lowering=TABLE)
    async with hub(engine) as manager:
        await manager.store.add_profile(
            name="excited",
            settings=EmotionSettings(style="excited", speed=1.25, seed=42, pause=0.0),
        )
        _, report = await spoken(manager, **{"model": "cloner"} | fields)
        assert (report.emotion, report.voice) == ("excited", "high")
        request = engine.requests[-1]
        assert request.options == {"gain": 0.9}
        assert request.seed == 42
        assert report.seed == 42
        assert report.ignored == ()


async def test_a_voice_has_emotions_of_its_own() -> None:
    engine = cloner(lowering=TABLE)
    async with hub(engine) as manager:
        await manager.store.add_voice("Sarah", clip())
        await manager.store.add_profile(name="calm", settings=EmotionSettings(exaggeration=1))
        await manager.store.add_profile(
            name="calm", character="sarah", settings=EmotionSettings(exaggeration=0)
        )
        _, report = await spoken(manager, voice="sarah:calm")
        assert (report.voice, report.emotion) == ("Sarah", "sarah:calm")
        assert engine.requests[-1].options == {"gain": 0.2}
        await spoken(manager, voice="low:calm")
        assert engine.requests[-1].options == {"gain": 1.0}


async def test_the_recordings_of_an_emotion_take_the_place_of_the_voices() -> None:
    engine = cloner()
    async with hub(engine, FakeBackend(name="plain")) as manager:
        await manager.store.add_voice("Sarah", clip())
        await manager.store.add_profile(name="glad", character="Sarah")
        profile = await manager.store.add_profile_sample("sarah:glad", clip(6, 1))
        await spoken(manager, voice="sarah:glad")
        voice = engine.requests[-1].voice
        assert [sample.hash for sample in voice.samples] == [profile.samples[0].hash]
        assert voice.id == "Sarah"


async def test_what_an_engine_cannot_do_is_reported() -> None:
    async with hub(FakeBackend(name="plain")) as manager:
        settings = EmotionSettings(style="sad", exaggeration=0.9, instructions="Slowly.", seed=3)
        await manager.store.add_profile(name="sad", settings=settings)
        await manager.store.add_profile_sample("sad", clip())
        _, report = await spoken(manager, voice="low:sad", model="plain")
        assert set(report.ignored) == {
            "seed", "emotion.style", "emotion.exaggeration", "emotion.instructions", "emotion.samples"
        }  # fmt: skip


async def test_the_request_counts_more_than_the_emotion() -> None:
    engine = cloner(lowering=TABLE)
    async with hub(engine) as manager:
        settings = EmotionSettings(style="excited", seed=42, speed=2.0)
        await manager.store.add_profile(name="excited", settings=settings)
        fast, _ = await spoken(
            manager, emotion="excited", seed=1, options={"gain": 0.1}, model="cloner", speed=1.5
        )
        assert engine.requests[-1].options == {"gain": 0.1}
        assert engine.requests[-1].seed == 1
        slow, _ = await spoken(manager, model="cloner")
        assert len(slow) / len(fast) == pytest.approx(3.0, rel=0.05)  # speeds are multiplied


async def test_an_emotion_sets_the_pause_between_sentences() -> None:
    async with hub(cloner()) as manager:
        await manager.store.add_profile(name="slow", settings=EmotionSettings(pause=2.0))
        text = "The first one is here. The second one is there."
        usual = await drain(await manager.generate(text, model="cloner"))
        slow = await drain(await manager.generate(text, model="cloner", emotion="slow"))
        usual_pause = manager.config.audio.sentence_pause
        assert (len(slow) - len(usual)) / 24_000 == pytest.approx(2.0 - usual_pause, abs=0.02)


async def test_an_engine_that_takes_instructions_gets_the_emotion_in_words() -> None:
    engine = FakeBackend(name="plain", capabilities=Capabilities(instructions=True))
    async with hub(engine) as manager:
        await manager.store.add_profile(name="sad", settings=EmotionSettings(style="sad"))
        _, report = await spoken(manager, model="plain", emotion="sad", instructions="Very slowly.")
        assert engine.requests[-1].instructions == "Speak sadly. Very slowly."
        assert report.ignored == ()


async def test_options_for_one_engine_are_checked_and_the_emotion_is_named() -> None:
    async with hub(cloner()) as manager:
        settings = EmotionSettings(options={"cloner": {"volume": 3}})
        await manager.store.add_profile(name="loud", settings=settings)
        with pytest.raises(UnsupportedOptionError, match=r"emotion 'loud': .* no option 'volume'"):
            await spoken(manager, model="cloner", emotion="loud")


async def test_unknown_emotions_are_refused_with_the_ones_there_are() -> None:
    async with hub(cloner()) as manager:
        await manager.store.add_voice("Sarah", clip())
        await manager.store.add_profile(name="calm", character="sarah")
        await manager.store.add_profile(name="sad", character="tom")
        with pytest.raises(UnknownEmotionError, match=r"of voice 'sarah'; .*possible: calm") as caught:
            await spoken(manager, voice="sarah:sad")
        assert caught.value.param == "voice"
        with pytest.raises(UnknownEmotionError) as caught:
            await spoken(manager, voice="low", emotion="calm", model="cloner")
        assert caught.value.param == "emotion"
        with pytest.raises(UnknownVoiceError):
            await spoken(manager, voice="low:calm", model="cloner")  # engines have voices with colons


async def test_a_fallback_engine_speaks_with_the_emotion_too() -> None:
    first = cloner(script=FakeScript(fail_at={0: 0}))
    second = FakeBackend(name="second", lowering=TABLE)
    async with hub(first, second) as manager:
        await manager.store.add_voice("Sarah", clip())
        await manager.store.add_profile(name="excited", settings=EmotionSettings(style="excited"))
        _, report = await spoken(manager, voice="sarah:excited", model="cloner", fallback=["second"])
        assert (report.backend, report.emotion) == ("second", "excited")
        assert second.requests[-1].options == {"gain": 0.9}


async def test_a_fallback_engine_that_clones_keeps_the_voice() -> None:
    second = cloner(name="second")
    async with hub(cloner(script=FakeScript(fail_at={0: 0})), second) as manager:
        await manager.store.add_voice("Sarah", clip())
        await spoken(manager, voice="sarah", model="cloner", fallback=["second"])
        assert second.requests[-1].voice.samples


async def test_without_a_fallback_the_failure_is_raised() -> None:
    async with hub(cloner(script=FakeScript(fail_at={0: 0}))) as manager:
        await manager.store.add_voice("Sarah", clip())
        with pytest.raises(GenerationError):
            await spoken(manager, voice="sarah", model="cloner")


async def test_lists_show_stored_voices_where_they_can_be_spoken() -> None:
    async with hub(cloner(), FakeBackend(name="plain")) as manager:
        await manager.store.add_voice("Sarah", clip(), language="de", description="warm")
        await manager.store.add_profile(name="glad", character="sarah", description="for birthdays")
        await manager.store.add_profile(name="calm", character="low")
        await manager.store.add_profile(name="any")
        voices = await manager.voices()
        assert [v.id for v in voices["cloner"]] == ["low", "mid", "high", "Sarah", "low:calm", "sarah:glad"]
        assert [v.id for v in voices["plain"]] == ["low", "mid", "high", "low:calm"]
        by_id = {v.id: v for v in voices["cloner"]}
        assert (by_id["Sarah"].language, by_id["Sarah"].description) == ("en", "warm")
        assert (by_id["sarah:glad"].name, by_id["sarah:glad"].description) == (
            "Sarah (glad)",
            "for birthdays",
        )
        assert (await manager.voices("plain")).keys() == {"plain"}


async def test_an_estimate_knows_stored_voices() -> None:
    async with hub(cloner()) as manager:
        await manager.store.add_voice("Sarah", clip())
        assert (await manager.estimate("Hello.", voice="sarah")).segments == 1


async def test_voices_that_are_named_at_the_same_time_are_not_mixed() -> None:
    engine = cloner(script=FakeScript(chunk_delay=0.001))
    async with hub(engine) as manager:
        names = [f"v{number}" for number in range(4)]
        for number, name in enumerate(names):
            await manager.store.add_voice(name, clip(6, number))
        streams = [
            await manager.generate("One two three four.", voice=name, model="cloner") for name in names
        ]
        heard = [pitch(await drain(stream)) for stream in streams]
        wanted = {request.voice.id: tone_of(request.voice) for request in engine.requests}
        assert heard == [pytest.approx(wanted[name], abs=10) for name in names]
        assert len(set(wanted.values())) == 4


async def test_the_store_is_not_touched_by_requests_that_name_nothing(away_from_home: Path) -> None:
    async with hub(FakeBackend(name="plain")) as manager:
        await spoken(manager, model="plain")
        await spoken(manager, model="plain", voice="low")
    assert not list(away_from_home.rglob("voices*"))
