"""AllTalk, both versions: what is asked, what is understood, and what its yes is worth."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from tts_hub_remote.alltalk import AllTalkBackend
from tts_hub_remote.alltalk.settings import AllTalkOptions, AllTalkSettings, Route

from tests.remote.alltalk_server import (
    OPENAI_VOICES,
    XTTS,
    AllTalkServer,
    Setup,
    piper,
    version_1,
    wav_file,
)
from tests.remote.alltalk_speaking import engine
from tests.remote.serving import tone
from tests.remote.speaking import SETTINGS, TEXT, joined, kept, request_for, spoken
from tests.waiting import until
from tts_hub.backend import TTSBackend
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.testing.contract import BackendContract

pytestmark = pytest.mark.anyio
POST = "/api/tts-generate"
STREAM = "/api/tts-generate-streaming"
OPENAI = "/v1/audio/speech"
EXACT = 2 / 32768


class _Contract(BackendContract):
    setup: Setup
    route: Route = "auto"

    @pytest.fixture(autouse=True)
    def _served(self) -> Generator[None, None, None]:
        with AllTalkServer(self.setup).serving() as self.service:
            yield

    def make_backend(self) -> TTSBackend:
        return engine(self.service, route=self.route)


class TestStreamOfVersion1(_Contract):
    setup = version_1(pause=0.001)


class TestStreamOfVersion2(_Contract):
    setup = Setup(pause=0.001)


class TestFilesOfVersion1(_Contract):
    setup = version_1(model="API Local")


class TestFilesOfVersion2(_Contract):
    setup = piper()


class TestOpenAIRoute(_Contract):
    setup = Setup(pitches={"nova": 700.0})
    route = "openai"
    two_voices = ("alloy", "nova")


# --- whether it is there, and what is loaded --------------------------------------------------------------


def test_without_an_address_it_is_not_ready_and_names_the_setting() -> None:
    found = AllTalkBackend.availability(AllTalkSettings())
    assert not found.ready
    assert 'url = "http://127.0.0.1:7851"' in found.reason
    assert found.remedy == "export TTS_HUB_BACKENDS__ALLTALK__URL=http://127.0.0.1:7851"
    other = AllTalkBackend.named("attic")
    assert "[remote.attic]" in other.availability(other.Settings()).reason


async def test_without_an_address_nothing_is_asked() -> None:
    with pytest.raises(BackendUnavailableError, match="no address"):
        await kept(AllTalkBackend()).load()


@pytest.mark.parametrize("setup", [version_1(), Setup()])
@pytest.mark.parametrize(("body", "said"), [("Unloaded", "no model loaded"), ("<html>hi</html>", "AllTalk?")])
async def test_readiness_is_in_the_body_not_in_the_status(setup: Setup, body: str, said: str) -> None:
    setup.ready = body
    with AllTalkServer(setup).serving() as service:
        for question in (engine(service).load, engine(service).probe):
            with pytest.raises(BackendUnavailableError, match=said) as raised:
                await question()
            assert "HTTP" not in str(raised.value)


async def test_a_model_that_was_unloaded_meanwhile_is_told(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    await spoken(backend)
    alltalk_2.setup.ready = "Unloaded"
    with pytest.raises(BackendUnavailableError, match="Unloaded"):
        await spoken(backend)
    alltalk_2.setup.ready = "Ready"
    assert await spoken(backend)


async def test_another_server_is_not_taken_for_alltalk(
    alltalk_2: AllTalkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alltalk_2, "_settings", lambda asked, to: to.json(["hello"]))
    with pytest.raises(BackendUnavailableError, match="is it AllTalk"):
        await engine(alltalk_2).load()


async def test_an_engine_that_was_switched_meanwhile_is_spoken_with(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    await spoken(backend)
    before = backend.capabilities
    alltalk_2.setup = piper(voices=["female_01.wav"])
    assert len(await backend.voices()) == 2
    assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
    assert [asked.path for asked in alltalk_2.generations()] == [STREAM, STREAM, POST]
    assert len(await backend.voices()) == 1
    now = backend.capabilities
    assert (before.streaming, before.speed_range) == (True, (1.0, 1.0))
    assert (now.streaming, now.speed_range) == (False, (0.25, 2.0))


async def test_a_server_at_work_answers_no_questions_and_what_was_known_counts(
    alltalk_2: AllTalkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = engine(alltalk_2)
    await spoken(backend)
    monkeypatch.setattr("tts_hub_remote.alltalk.backend.STATUS_MAX_AGE", 0.0)
    monkeypatch.setattr(alltalk_2, "_ready", lambda asked, to: to.json({"error": "busy"}, 503))
    assert await spoken(backend)


async def test_what_is_loaded_is_asked_once_for_a_while(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    for _ in range(3):
        await spoken(backend)
    assert len(alltalk_2.requests("/api/ready")) == len(alltalk_2.requests("/api/currentsettings")) == 1
    assert len(alltalk_2.requests("/api/voices")) == 1


@pytest.mark.parametrize(
    "model",
    [
        *("alltalk", "alltalk_default", "alltalk/XTTS", "alltalk_xtts"),
        *("alltalk/xttsv2_2.0.3", "alltalk/xtts - xttsv2_2.0.3"),
    ],
)
async def test_what_is_loaded_answers_to_its_names(alltalk_2: AllTalkServer, model: str) -> None:
    assert await spoken(engine(alltalk_2), model=model)


@pytest.mark.parametrize("model", ["alltalk/XTTSv2 Local", "alltalk_xttsv2_local", "alltalk_xtts"])
async def test_what_is_loaded_in_version_1_answers_to_its_names(alltalk_1: AllTalkServer, model: str) -> None:
    assert await spoken(engine(alltalk_1), model=model)


@pytest.mark.parametrize("model", ["alltalk_piper", "alltalk/piper"])
async def test_what_is_not_loaded_is_an_error_and_is_not_loaded_for_us(
    alltalk_2: AllTalkServer, model: str
) -> None:
    with pytest.raises(UnknownModelError, match=r"'piper' but engine 'xtts' with model 'xtts - xttsv2"):
        await spoken(engine(alltalk_2), model=model)
    assert {asked.method for asked in alltalk_2.asked} == {"GET"}
    assert not alltalk_2.generations()


async def test_a_configured_model_must_be_the_loaded_one(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2, model="piper")
    with pytest.raises(UnknownModelError, match="piper"):
        await spoken(backend)
    assert await spoken(backend, model="alltalk_default")
    assert backend.known_models() == ("alltalk", "alltalk/xtts")


async def test_a_server_under_a_name_of_the_user_s_has_models_of_that_name(alltalk_2: AllTalkServer) -> None:
    attic = AllTalkBackend.named("attic")
    backend = kept(attic(AllTalkSettings(**(SETTINGS | {"url": alltalk_2.url}))))
    assert await spoken(backend, model="attic/xtts")
    with pytest.raises(UnknownModelError, match="attic has not loaded 'piper'"):
        await spoken(backend, model="attic/piper")


# --- voices and languages ---------------------------------------------------------------------------------


async def test_voices_of_every_kind_are_listed(alltalk_2: AllTalkServer) -> None:
    alltalk_2.setup.voices = ["female_01.wav", "voiceset:anna", "latent:bob.json"]
    voices = await engine(alltalk_2).voices()
    assert [voice.id for voice in voices] == alltalk_2.setup.voices
    assert [voice.name for voice in voices] == ["female_01", "voiceset:anna", "latent:bob.json"]
    assert {voice.language for voice in voices} == {""}
    assert (await engine(alltalk_2).find_voice("Female_01", "de")).id == "female_01.wav"


async def test_a_voice_that_is_no_recording_is_spoken_as_a_file(alltalk_2: AllTalkServer) -> None:
    alltalk_2.setup.voices.append("voiceset:anna")
    assert await spoken(engine(alltalk_2), voice="voiceset:anna")
    (asked,) = alltalk_2.generations()
    assert (asked.path, asked.form["character_voice_gen"]) == (POST, "voiceset:anna")


async def test_voices_of_piper_have_the_language_of_their_name(alltalk_files: AllTalkServer) -> None:
    backend = engine(alltalk_files)
    assert [voice.language for voice in await backend.voices()] == ["en-US", "de-DE"]
    await spoken(backend, voice=None, language="de")
    (asked,) = alltalk_files.generations()
    assert asked.form["character_voice_gen"] == "de_DE-thorsten-high.onnx"
    assert "language" not in asked.form
    with pytest.raises(UnsupportedLanguageError):
        await backend.find_voice(None, "fi")


@pytest.mark.parametrize("setup", [Setup(voices=[]), Setup(capable=XTTS - {"multivoice"})])
async def test_an_engine_without_a_choice_has_one_voice_which_is_not_named(setup: Setup) -> None:
    with AllTalkServer(setup).serving() as service:
        backend = engine(service)
        assert [voice.id for voice in await backend.voices()] == ["default"]
        assert await spoken(backend)
        form = service.requests(POST)[0].form
        assert not {"character_voice_gen", "narrator_voice_gen"} & set(form)


async def test_version_1_without_a_recording_cannot_speak(alltalk_1: AllTalkServer) -> None:
    alltalk_1.setup.voices = []
    with pytest.raises(BackendUnavailableError, match=r"no voices: put a \.wav"):
        await spoken(engine(alltalk_1))


async def test_a_voice_that_is_not_there_is_refused_here(alltalk_2: AllTalkServer) -> None:
    with pytest.raises(UnknownVoiceError, match=r"did you mean 'male_01\.wav'"):
        await spoken(engine(alltalk_2), voice="mail_01.wav")
    assert not alltalk_2.generations()


@pytest.mark.parametrize(
    ("tag", "named"),
    [(None, "en"), ("en-US", "en"), ("zh", "zh-cn"), ("zh-TW", "zh-cn"), ("pt_BR", "pt"), ("DE", "de")],
)
async def test_languages_are_named_as_alltalk_does(
    alltalk_1: AllTalkServer, alltalk_2: AllTalkServer, tag: str | None, named: str
) -> None:
    for service in (alltalk_1, alltalk_2):
        fields = {} if tag is None else {"language": tag}
        await spoken(engine(service), **fields)
        await spoken(engine(service, route="file"), **fields)
        stream, form = service.generations()
        assert stream.query["language"] == form.form["language"] == named


async def test_a_language_that_it_does_not_speak_is_refused_here(alltalk_1: AllTalkServer) -> None:
    with pytest.raises(UnsupportedLanguageError, match="'fi'"):
        await spoken(engine(alltalk_1), language="fi")
    assert not alltalk_1.generations()


async def test_guessing_the_language_is_for_version_2_and_needs_a_file(
    alltalk_1: AllTalkServer, alltalk_2: AllTalkServer
) -> None:
    await spoken(engine(alltalk_2, language="auto"))
    assert alltalk_2.requests(POST)[0].form["language"] == "auto"
    with pytest.raises(UnsupportedLanguageError, match="'auto'"):
        await spoken(engine(alltalk_1, language="auto"))


# --- the stream -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setup", "suffix"), [(version_1(), ".wav"), (Setup(), "")])
async def test_the_stream_comes_through_exactly(setup: Setup, suffix: str) -> None:
    with AllTalkServer(setup).serving() as service:
        chunks = await spoken(engine(service), voice="male_01.wav")
        assert joined(chunks) == pytest.approx(tone(TEXT, 700.0), abs=EXACT)
        assert len(chunks) > 3
        (asked,) = service.generations()
        name = asked.query["output_file"]
        assert name.endswith(suffix)
        assert name.removesuffix(suffix).replace("_", "").isalnum()
        assert asked.query == {
            "text": TEXT,
            "voice": "male_01.wav",
            "language": "en",
            "output_file": name,
        }


async def test_a_text_that_makes_the_address_too_long_goes_as_a_form(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    await spoken(backend, "語" * 600, language="zh")
    await spoken(backend, "語" * 700, language="zh")
    assert [asked.path for asked in alltalk_2.generations()] == [STREAM, POST]


async def test_a_text_without_a_word_is_not_sent(alltalk_2: AllTalkServer) -> None:
    assert await spoken(engine(alltalk_2), "…?!") == []
    assert not alltalk_2.generations()


async def test_closing_a_stream_stops_our_job_and_silences_nobody_else(alltalk_1: AllTalkServer) -> None:
    """Once we have hung up, the server's stop flag would hit whoever comes next."""
    alltalk_1.setup.pause = 0.01
    backend = engine(alltalk_1)
    async with aclosing(backend.generate_stream(await request_for(backend, TEXT * 20))) as stream:
        await anext(stream)
    await until(lambda: not alltalk_1.generating)
    assert alltalk_1.locked  # as the real one: it has not noticed
    assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
    assert not alltalk_1.requests("/api/stop-generation")
    assert len(alltalk_1.generations()) == 2


async def test_the_stop_of_somebody_else_that_waited_for_us_is_overcome(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    await backend.load()
    alltalk_2.stopping = True
    assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
    assert len(alltalk_2.requests(STREAM)) == 2


# --- the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", [version_1(), Setup(), Setup(legacy_urls=True), piper()])
async def test_a_file_is_fetched_from_where_the_server_is_configured(setup: Setup) -> None:
    """Not from where it believes to be: its own address may be another, or a stranger's."""
    with AllTalkServer(setup).serving() as service:
        backend = engine(service, route="file")
        for _ in range(2):
            assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
        first, second = (asked.form["output_file_name"] for asked in service.requests(POST))
        assert first != second
        assert service.requests(f"/audio/{first}.wav")
        assert service.requests(f"/audio/{second}.wav")


async def test_a_form_of_version_1_has_all_it_wants_and_nothing_more(alltalk_1: AllTalkServer) -> None:
    await spoken(engine(alltalk_1, route="file"))
    form = alltalk_1.requests(POST)[0].form
    form.pop("output_file_name")
    assert form == {
        "text_input": TEXT,
        "text_filtering": "standard",
        "character_voice_gen": "female_01.wav",
        "narrator_enabled": "false",
        "narrator_voice_gen": "female_01.wav",
        "text_not_inside": "character",
        "language": "en",
        "output_file_timestamp": "false",
        "autoplay": "false",
        "autoplay_volume": "0.5",
    }


@pytest.mark.parametrize(
    "url",
    ["http://192.0.2.1/secret", "/audio/../secret", "/audio/%2e%2e/x", "/audio/", "", None, "http://[", 7],
)
async def test_an_answer_leads_to_no_other_place(alltalk_2: AllTalkServer, url: Any) -> None:
    alltalk_2.alters = lambda answer: answer | {"output_file_url": url}
    with pytest.raises(GenerationError, match="no usable address"):
        await spoken(engine(alltalk_2, route="file"))
    assert not [asked for asked in alltalk_2.asked if "audio" in asked.path or "secret" in asked.path]


@pytest.mark.parametrize("format_name", ["mp3", "opus", "flac", "aac", "wav"])
async def test_a_file_may_be_transcoded(alltalk_files: AllTalkServer, format_name: str) -> None:
    alltalk_files.setup.transcode = format_name
    alltalk_files.faulty, alltalk_files.faults.content_type = "file", f"audio/{format_name}"
    chunks = await spoken(engine(alltalk_files), TEXT * 2)
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(len(TEXT) * 2 * 0.06, abs=0.15)
    assert np.abs(joined(chunks)).max() == pytest.approx(0.3, abs=0.1)


async def test_the_server_s_own_speed_is_used_where_files_are_made(alltalk_files: AllTalkServer) -> None:
    backend = engine(alltalk_files)
    await backend.load()
    assert backend.capabilities.speed_range == (0.25, 2.0)
    await spoken(backend, speed=1.5)
    assert alltalk_files.requests(POST)[0].form["speed"] == "1.5"


async def test_what_streams_or_is_of_version_1_leaves_speed_to_the_hub(
    alltalk_1: AllTalkServer, alltalk_2: AllTalkServer
) -> None:
    for backend in (engine(alltalk_2), engine(alltalk_1), engine(alltalk_1, route="file")):
        await backend.load()
        assert backend.capabilities.speed_range == (1.0, 1.0)
        assert backend.capabilities.max_chars == 2000
        assert backend.capabilities.concurrency == 1
        assert backend.capabilities.remote
    slower = engine(alltalk_2, route="file")
    await slower.load()
    assert slower.capabilities.speed_range == (0.25, 2.0)


# --- options ----------------------------------------------------------------------------------------------


async def test_options_go_where_the_server_takes_them(alltalk_2: AllTalkServer) -> None:
    alltalk_2.setup.rvc = ["anna/anna.pth"]
    alltalk_2.setup.capable = XTTS | {"pitch"}
    options = {
        "temperature": 0.6,
        "repetition_penalty": 5.0,
        "pitch": -2.0,
        "text_filtering": "html",
        "rvc_voice": "anna/anna.pth",
        "rvc_pitch": -3,
    }
    await spoken(engine(alltalk_2), options=options)
    form = alltalk_2.requests(POST)[0].form
    sent = {
        "temperature": "0.6",
        "repetition_penalty": "5",
        "pitch": "-2",
        "text_filtering": "html",
        "rvccharacter_voice_gen": "anna/anna.pth",
        "rvccharacter_pitch": "-3",
    }
    assert {name: form[name] for name in sent} == sent
    assert "rvcnarrator_voice_gen" not in form


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.6},
        {"repetition_penalty": 5},
        {"pitch": 2},
        {"rvc_voice": "anna.pth"},
        {"narrator_voice": "male_01.wav", "text_not_inside": "silent"},
    ],
)
async def test_version_1_is_not_asked_for_what_it_does_not_know(
    alltalk_1: AllTalkServer, options: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOptionError, match="version 1 has no"):
        await spoken(engine(alltalk_1), options=options)
    assert not alltalk_1.generations()


async def test_an_engine_is_not_asked_for_what_it_cannot(alltalk_files: AllTalkServer) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"'piper'.* has no temperature"):
        await spoken(engine(alltalk_files), options={"temperature": 0.5})


@pytest.mark.parametrize("setup", [version_1(), Setup()])
async def test_a_narrator_speaks_what_is_between_stars(setup: Setup) -> None:
    with AllTalkServer(setup).serving() as service:
        options = {"narrator_voice": "male_01", "text_not_inside": "narrator"}
        with pytest.raises(UnknownVoiceError, match="mole"):
            await spoken(engine(service), options=options | {"narrator_voice": "mole_01"})
        chunks = await spoken(engine(service), '*She says* "hello" softly', options=options)
        heard = tone("She says", 700.0), tone("hello"), tone(" softly", 700.0)
        assert len(joined(chunks)) == sum(map(len, (tone(" "), *heard)))
        assert joined(chunks)[: len(heard[0])] == pytest.approx(heard[0], abs=EXACT)
        assert joined(chunks)[-len(heard[2]) :] == pytest.approx(heard[2], abs=EXACT)
        assert service.requests(POST)[0].form["narrator_voice_gen"] == "male_01.wav"


async def test_an_rvc_voice_that_is_not_there_is_refused_here(alltalk_2: AllTalkServer) -> None:
    with pytest.raises(UnknownVoiceError, match="there are none"):
        await spoken(engine(alltalk_2), options={"rvc_voice": "anna.pth"})
    assert not alltalk_2.generations()


@pytest.mark.parametrize(
    "options",
    [{"temperature": 2.0}, {"pitch": 11}, {"rvc_pitch": 3}, {"text_not_inside": "narrator"}, {"speeed": 1}],
)
def test_options_out_of_range_or_without_their_partner_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        AllTalkOptions(**options)


# --- the OpenAI route -------------------------------------------------------------------------------------


async def test_the_openai_route_has_six_voices_and_gives_whole_files(alltalk_2: AllTalkServer) -> None:
    alltalk_2.setup.openai_voices = {"nova": "male_01.wav"}
    backend = engine(alltalk_2, route="openai")
    assert tuple(voice.id for voice in await backend.voices()) == OPENAI_VOICES
    chunks = await spoken(backend, voice="nova", speed=2.0)
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(len(TEXT) * 0.03, abs=0.01)
    (asked,) = alltalk_2.generations()
    assert asked.json == {
        "model": "alltalk",
        "input": TEXT,
        "voice": "nova",
        "response_format": "wav",
        "speed": 2.0,
    }
    assert not backend.capabilities.streaming


async def test_the_openai_route_takes_no_options(alltalk_2: AllTalkServer) -> None:
    with pytest.raises(UnsupportedOptionError, match="takes no temperature"):
        await spoken(engine(alltalk_2, route="openai"), options={"temperature": 0.5})


async def test_the_openai_route_without_ffmpeg_answers_in_plain_text(alltalk_2: AllTalkServer) -> None:
    alltalk_2.setup.ffmpeg = False
    with pytest.raises(GenerationError, match=r"HTTP 500.*Internal Server Error"):
        await spoken(engine(alltalk_2, route="openai"))


async def test_version_1_has_no_openai_route(alltalk_1: AllTalkServer) -> None:
    with pytest.raises(BackendUnavailableError, match='set route = "auto"'):
        await engine(alltalk_1, route="openai").load()


async def test_stereo_is_mixed_down(alltalk_2: AllTalkServer) -> None:
    """The route's converted files are stereo."""
    alltalk_2.faults.body = wav_file(tone(TEXT), channels=2)
    chunks = await spoken(engine(alltalk_2))
    assert joined(chunks) == pytest.approx(tone(TEXT), abs=EXACT)
