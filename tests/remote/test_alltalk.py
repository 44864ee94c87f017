"""AllTalk, versions 1 and 2: readiness, models, voices and languages."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from tts_hub_remote.alltalk import AllTalkBackend
from tts_hub_remote.alltalk.settings import AllTalkSettings, Route

from tests.remote.alltalk_server import (
    XTTS,
    AllTalkServer,
    Setup,
    piper,
    version_1,
)
from tests.remote.alltalk_speaking import POST, STREAM, engine
from tests.remote.serving import tone
from tests.remote.speaking import EXACT, SETTINGS, TEXT, joined, kept, spoken
from tts_hub.backend import TTSBackend
from tts_hub.errors import (
    BackendUnavailableError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedLanguageError,
)
from tts_hub.testing.contract import BackendContract

pytestmark = pytest.mark.anyio


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


async def test_a_model_that_was_unloaded_meanwhile_is_reported(alltalk_2: AllTalkServer) -> None:
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
