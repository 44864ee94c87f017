"""Which engine and voice a request gets, and in which language it is read; nothing is loaded to find out."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from tts_hub import Capabilities, Config, ProgressEvent, SegmentRequest, TTSBackendManager, Voice
from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.config import parse_config
from tts_hub.errors import (
    BackendUnavailableError,
    InvalidTextError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.request.stream import AudioStream
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.testing.fake import TONES
from tts_hub.types import FLUSH, AudioChunk

pytestmark = pytest.mark.anyio

GERMAN = "Guten Morgen, wie geht es Ihnen heute?"
SPANISH = "La Sra. López vive en la calle Mayor, núm. 12."


class Linguist(FakeBackend):
    """A scripted engine with one voice, `<engine>-<language>`, for each of its languages."""

    def __init__(self, name: str, *languages: str, aliases: Sequence[str] = (), **kind: Any) -> None:
        """`aliases` are voice names under which the engine speaks any of its languages."""
        super().__init__(name=name, **({"priority": 0} | kind))
        self.languages = languages
        self.any_language = tuple(aliases)
        self.broken: Exception | None = None
        self.hangs = False

    async def voices(self) -> Sequence[Voice]:
        if self.hangs:
            await anyio.sleep(math.inf)
        if self.broken is not None:
            raise self.broken
        return [Voice(f"{self.name}-{tag.lower()}" if tag else self.name, tag, tag) for tag in self.languages]

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        return await super().find_voice(None if voice in self.any_language else voice, language)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        tone = Voice(next(iter(TONES)), request.voice.id, request.voice.language)
        spoken = SegmentRequest(text=request.text, voice=tone, language=request.language, index=request.index)
        async for chunk in super().generate_stream(spoken, on_progress):
            yield chunk


@asynccontextmanager
async def hub(*engines: FakeBackend, **sections: Any) -> AsyncIterator[TTSBackendManager]:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}} | sections), discover=False)
    for engine in engines:
        manager.register(engine)
    async with manager:
        yield manager


async def spoken(manager: TTSBackendManager, text: Any, **fields: Any) -> AudioStream:
    async with await manager.generate(text, **fields) as audio:
        async for _ in audio:
            pass
    return audio


def natural(*languages: str, **kind: Any) -> Linguist:
    return Linguist("natural", *(languages or ("en-US", "en-GB", "es")), priority=9, **kind)


def robot(*languages: str, **kind: Any) -> Linguist:
    return Linguist("robot", *(languages or ("en-US", "de", "fi")), aliases=["alloy"], **kind)


# --- by language and voice --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "voice"),
    [
        ({}, "natural-en-us"),
        ({"language": "en"}, "natural-en-us"),
        ({"language": "en-AU"}, "natural-en-gb"),
        ({"language": "es-MX"}, "natural-es"),
        ({"language": "de"}, "robot-de"),
        ({"language": "de-AT"}, "robot-de"),
        ({"voice": "robot-fi"}, "robot-fi"),
        ({"voice": "NATURAL-EN-GB"}, "natural-en-gb"),
        ({"voice": "alloy"}, "robot-en-us"),
        ({"voice": "alloy", "language": "de"}, "robot-de"),
        ({"model": "robot"}, "robot-en-us"),
    ],
)
async def test_auto_takes_the_best_engine_that_has_the_voice_and_the_language(
    fields: dict[str, Any], voice: str
) -> None:
    first, second = natural(), robot()
    async with hub(first, second) as manager:
        report = (await spoken(manager, "Hello.", **fields)).report
        assert report.voice == voice
        assert report.fallbacks == ()
        assert first.loads + second.loads == 1


async def test_the_estimate_is_of_the_engine_that_would_speak() -> None:
    first, second = natural(), robot()
    async with hub(first, second) as manager:
        assert (await manager.estimate("Hello.", language="de")).backend == "robot"
        assert (await manager.estimate(GERMAN)).backend == "robot"
        assert first.loads + second.loads == 0


async def test_an_unknown_voice_names_the_nearest_of_all_engines_and_loads_none() -> None:
    first, second = natural(), robot()
    async with hub(first, second) as manager:
        with pytest.raises(UnknownVoiceError) as caught:
            await manager.generate("Hello.", voice="robot-em-us")
        assert str(caught.value) == (
            "unknown voice 'robot-em-us'; did you mean 'robot-en-us' (robot)? "
            "similar: 'robot-de' (robot), 'robot-fi' (robot)"
        )
        with pytest.raises(UnknownVoiceError, match=r"none of the voices \(3 of natural and 3 of robot\)"):
            await manager.generate("Hello.", voice="???")
        assert first.loads + second.loads == 0


async def test_a_voice_that_does_not_speak_the_language_is_an_error_of_its_engine() -> None:
    async with hub(natural(), robot()) as manager:
        with pytest.raises(UnsupportedLanguageError, match="'natural-es' speaks es, not 'de'"):
            await manager.generate("Hello.", voice="natural-es", language="de")


async def test_a_language_that_no_engine_speaks_names_those_there_are() -> None:
    first, second = natural(), robot()
    async with hub(first, second) as manager:
        with pytest.raises(UnsupportedLanguageError, match=r"no engine .* speaks 'dee'; did you mean 'de'\?"):
            await manager.generate("Hello.", language="dee")
        assert first.loads + second.loads == 0


@pytest.mark.parametrize("model", ["natural", "auto"])
async def test_a_wrong_voice_is_an_error_before_an_engine_is_loaded(model: str) -> None:
    engine = natural()
    async with hub(engine) as manager:
        with pytest.raises(UnknownVoiceError, match="did you mean 'natural-es'"):
            await manager.generate("Hello.", voice="natural-ess", model=model)
        assert engine.loads == 0


async def test_an_engine_that_does_not_list_its_voices_is_passed_over_with_a_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tts_hub.request.planning.ANSWER_WITHIN", 0.01)
    broken, hanging, good = natural(), Linguist("slow", "en-US", priority=5), robot()
    broken.broken, hanging.hangs = OSError("/home/me/voices.bin"), True
    events: list[ProgressEvent] = []
    async with hub(broken, hanging, good) as manager:
        report = (await spoken(manager, "Hello.", on_progress=events.append)).report
        assert report.voice == "robot-en-us"
        notices = [event.message for event in events if event.stage == "notice"]
        assert notices == [
            "engine 'natural' did not list its voices: robot is used instead",
            "engine 'slow' did not list its voices: robot is used instead",
        ]
        with pytest.raises(UnknownVoiceError, match="engine 'natural' did not list its voices"):
            await manager.generate("Hello.", voice="nobody")


async def test_no_engine_that_answers_is_an_error_with_the_reasons() -> None:
    broken = natural()
    broken.broken = OSError("no voices.bin")
    async with hub(broken) as manager:
        with pytest.raises(BackendUnavailableError, match=r"no engine is ready.*no voices\.bin"):
            await manager.generate("Hello.")


async def test_auto_falls_back_only_to_engines_with_the_same_voice_and_language() -> None:
    broken = natural(script=FakeScript(load_error=OSError("no graph")))
    middle, last = Linguist("middle", "fr", priority=5), robot()
    async with hub(broken, middle, last) as manager:
        report = (await spoken(manager, "Hello.")).report
        assert report.voice == "robot-en-us"
        assert middle.loads == 0
        with pytest.raises(BackendUnavailableError) as caught:
            await manager.generate("Hola.", voice="natural-es", model="natural", fallback=["auto"])
        assert "no graph" in str(caught.value)


async def test_the_error_leaves_out_engines_that_the_request_did_not_name() -> None:
    broken = natural(script=FakeScript(load_error=OSError("no graph")))
    async with hub(broken, robot()) as manager:
        with pytest.raises(BackendUnavailableError) as caught:
            await manager.generate("Hola.", voice="natural-es")
        assert "robot" not in str(caught.value)


async def test_a_fallback_takes_a_voice_of_the_language_that_was_being_spoken() -> None:
    failing = natural(script=FakeScript(fail_at={0: 0}))
    standing_in = Linguist("other", "en-US", "es", priority=-1)
    async with hub(failing, standing_in) as manager:
        report = (await spoken(manager, "Hola.", voice="natural-es", fallback=["other"])).report
        assert (report.voice, report.language) == ("other-es", "es")


async def test_an_engine_whose_configured_voice_is_unknown_is_passed_over_with_a_notice() -> None:
    first, events = natural(), list[ProgressEvent]()
    first.settings = BackendSettings(voice="nobody")
    async with hub(first, robot()) as manager:
        report = (await spoken(manager, "Hello.", on_progress=events.append)).report
        assert report.voice == "robot-en-us"
    (notice,) = [event.message for event in events if event.stage == "notice"]
    assert notice.startswith(
        "engine 'natural' cannot use the voice of its configuration (unknown voice 'nobody'"
    )
    async with hub(first) as manager:
        with pytest.raises(UnknownVoiceError, match="nobody"):
            await manager.generate("Hello.")


async def test_auto_takes_an_engine_that_understands_ssml() -> None:
    plain = natural(capabilities=Capabilities())
    able = robot(capabilities=Capabilities(ssml=True))
    async with hub(plain, able) as manager:
        assert (await spoken(manager, "<speak>Hello.</speak>", markup="ssml")).report.voice == "robot-en-us"
        assert plain.loads == 0
    async with hub(plain) as manager:
        with pytest.raises(UnsupportedOptionError, match="'natural' does not understand SSML"):
            await manager.generate("<speak>Hello.</speak>", markup="ssml")


class Pitched(BackendOptions):
    pitch: int = 50


async def test_auto_takes_an_engine_that_has_the_options() -> None:
    first, second = natural(), robot()
    second.Options = Pitched  # type: ignore[assignment, misc]
    async with hub(first, second) as manager:
        assert (await spoken(manager, "Hello.", options={"pitch": 60})).report.voice == "robot-en-us"
        assert (await spoken(manager, "Hello.", options={"gain": 0.2})).report.voice == "natural-en-us"
        with pytest.raises(UnsupportedOptionError, match="'robot' has no option 'gain'"):
            await manager.generate("Hello.", options={"gain": 0.2}, voice="robot-de")
        assert first.loads == 1


async def test_a_long_name_is_shortened_in_the_error() -> None:
    async with hub(natural(), robot()) as manager:
        with pytest.raises(UnknownVoiceError) as caught:
            await manager.generate("Hello.", voice="x" * 500_000)
        assert len(str(caught.value)) < 300


# --- which language is spoken -----------------------------------------------------------------------------


async def test_the_report_names_the_variety_that_was_spoken_and_a_notice_says_so() -> None:
    events: list[ProgressEvent] = []
    async with hub(engine := natural()) as manager:
        report = (await spoken(manager, "G'day.", language="en-AU", on_progress=events.append)).report
        assert (report.language, report.voice) == ("en-GB", "natural-en-gb")
        assert engine.requests[0].language == "en-GB"
        (notice,) = [event.message for event in events if event.stage == "notice"]
        assert notice == "engine 'natural' has no voice for en-AU; en-GB is the nearest it has"


@pytest.mark.parametrize("fields", [{"voice": "natural-es"}, {"language": "es"}, {}])
async def test_a_text_is_cut_by_the_rules_of_its_language(fields: dict[str, Any]) -> None:
    async with hub(engine := natural()) as manager:
        report = (await spoken(manager, SPANISH, **fields)).report
        assert [request.text for request in engine.requests] == [SPANISH.replace("núm.", "número")]
        assert (report.language, report.segments) == ("es", 1)


async def pieces(*texts: str) -> AsyncGenerator[str, None]:
    for text in texts:
        yield text


@pytest.mark.parametrize("fields", [{"voice": "natural-es"}, {"language": "es"}, {}])
async def test_a_text_that_is_being_written_is_cut_by_the_rules_of_its_language(
    fields: dict[str, Any],
) -> None:
    async with hub(engine := natural()) as manager:
        report = (await spoken(manager, pieces(*SPANISH), **fields)).report
        assert [request.text for request in engine.requests] == [SPANISH.replace("núm.", "número")]
        assert report.language == "es"


# --- the language of the text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fields", "voice", "detected"),
    [
        (GERMAN, {}, "robot-de", "de"),
        (GERMAN, {"voice": "alloy"}, "robot-de", "de"),
        (GERMAN, {"model": "robot"}, "robot-de", "de"),
        (GERMAN, {"model": "natural"}, "natural-en-us", "de"),
        (GERMAN, {"voice": "natural-en-gb"}, "natural-en-gb", "de"),
        (GERMAN, {"language": "en"}, "natural-en-us", ""),
        ("Hallo!", {}, "natural-en-us", ""),
        ("Good morning, how are you today?", {}, "natural-en-us", "en"),
        ("Dzień dobry, jak się masz?", {}, "natural-en-us", "pl"),
    ],
)
async def test_a_text_is_read_by_a_voice_of_its_language(
    text: str, fields: dict[str, Any], voice: str, detected: str
) -> None:
    async with hub(natural(), robot()) as manager:
        report = (await spoken(manager, text, **fields)).report
        assert (report.voice, report.detected_language) == (voice, detected)
        assert report.language == voice.partition("-")[2].replace("-us", "-US").replace("-gb", "-GB")


@pytest.mark.parametrize(
    ("text", "fields", "notice"),
    [
        (GERMAN, {}, "the text seems to be in 'de': voice 'robot-de' of robot speaks it; name a language"),
        (GERMAN, {"model": "natural"}, "the text seems to be in 'de', for which there is no voice: natural"),
        ("Dzień dobry, jak się masz?", {}, "the text seems to be in 'pl', for which there is no voice"),
        ("Good morning, how are you today?", {}, None),
        (GERMAN, {"voice": "natural-en-gb"}, None),
        (GERMAN, {"language": "de"}, None),
    ],
)
async def test_a_notice_says_which_language_was_detected(
    text: str, fields: dict[str, Any], notice: str | None
) -> None:
    events: list[ProgressEvent] = []
    async with hub(natural(), robot()) as manager:
        await spoken(manager, text, on_progress=events.append, **fields)
    said = [event.message for event in events if event.stage == "notice"]
    assert [message.startswith(notice or "") for message in said] == [True] * (notice is not None)


async def test_detection_can_be_switched_off() -> None:
    async with hub(natural(), robot(), text={"detect_language": False}) as manager:
        report = (await spoken(manager, GERMAN)).report
        assert (report.voice, report.detected_language) == ("natural-en-us", "")


async def test_a_configured_voice_stays() -> None:
    engine = robot()
    engine.settings = BackendSettings(voice="robot-fi")
    async with hub(engine) as manager:
        report = (await spoken(manager, GERMAN)).report
        assert (report.voice, report.detected_language) == ("robot-fi", "de")


async def test_an_engine_without_declared_languages_is_given_no_language() -> None:
    engine = Linguist("mute", "")
    async with hub(engine) as manager:
        report = (await spoken(manager, GERMAN)).report
        assert engine.requests[0].language == ""
        assert report.language == "de"


async def test_an_engine_whose_voices_speak_all_its_languages_is_given_the_language() -> None:
    engine = Linguist("polyglot", "", capabilities=Capabilities(languages=("en", "de")))
    async with hub(engine) as manager:
        await spoken(manager, GERMAN)
        assert engine.requests[0].language == "de"
        with pytest.raises(UnsupportedLanguageError, match="'polyglot' does not speak 'fi'"):
            await spoken(manager, "Hei.", language="fi", model="polyglot")


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_the_beginning_of_a_text_that_is_being_written_decides(size: int) -> None:
    text = f"{GERMAN} Sehr gut, danke. And so to bed, said the old man to his dog."
    first, second = natural(), robot()
    async with hub(first, second) as manager:
        source = pieces(*(text[at : at + size] for at in range(0, len(text), size)))
        report = (await spoken(manager, source)).report
        assert (report.voice, report.detected_language) == ("robot-de", "de")
        assert "".join(request.text for request in second.requests).replace(" ", "") == text.replace(" ", "")
        assert first.loads == 0


async def test_the_first_audio_does_not_wait_for_more_text_than_before() -> None:
    written = anyio.Event()

    async def writing() -> AsyncGenerator[str, None]:
        yield GERMAN
        yield FLUSH
        await written.wait()
        yield " Danke."

    async with hub(natural(), robot()) as manager, await manager.generate(writing()) as audio:
        await anext(audio)
        assert audio.report.voice == "robot-de"
        written.set()
        async for _ in audio:
            pass
        assert audio.report.segments == 2


async def test_a_wrong_text_that_is_still_being_written_is_an_error_as_usual() -> None:
    async def failing() -> AsyncGenerator[str, None]:
        yield "Guten "
        raise ZeroDivisionError("no more")

    async with hub(natural(), robot()) as manager:
        with pytest.raises(ZeroDivisionError, match="no more"):
            await manager.generate(failing())
        with pytest.raises(InvalidTextError, match="pause"):
            await manager.generate(pieces("Guten Tag [pause:", "99999s] zusammen."))
        with pytest.raises(InvalidTextError):
            await manager.generate(pieces("Guten Tag", 7))  # type: ignore[arg-type]


async def test_ssml_that_names_its_language_is_not_looked_at() -> None:
    ssml = '<speak xml:lang="en-US">Guten Morgen, wie geht es Ihnen heute?</speak>'
    engines = [
        Linguist("natural", "en-US", capabilities=Capabilities(ssml=True), priority=9),
        Linguist("robot", "de", capabilities=Capabilities(ssml=True)),
    ]
    async with hub(*engines) as manager:
        assert (await spoken(manager, ssml, markup="ssml")).report.voice == "natural-en-us"
        bare = ssml.replace(' xml:lang="en-US"', "")
        assert (await spoken(manager, bare, markup="ssml")).report.voice == "robot-de"


def test_detection_is_on_by_default() -> None:
    assert Config().text.detect_language
