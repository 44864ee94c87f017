"""Speech of AllTalk, versions 1 and 2: the stream, the file, its options, and the OpenAI route."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from tts_hub_remote.alltalk.settings import AllTalkOptions

from tests.remote.alltalk_server import (
    OPENAI_VOICES,
    XTTS,
    AllTalkServer,
    Setup,
    piper,
    version_1,
    wav_file,
)
from tests.remote.alltalk_speaking import POST, STREAM, engine
from tests.remote.serving import tone
from tests.remote.speaking import EXACT, TEXT, joined, request_for, spoken
from tests.waiting import until
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    UnknownVoiceError,
    UnsupportedOptionError,
)

pytestmark = pytest.mark.anyio

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


async def test_closing_a_stream_stops_our_job_and_no_other(alltalk_1: AllTalkServer) -> None:
    """After a connection is closed, the server's stop flag would end the job of the next client."""
    alltalk_1.setup.pause = 0.01
    backend = engine(alltalk_1)
    async with aclosing(backend.generate_stream(await request_for(backend, TEXT * 20))) as stream:
        await anext(stream)
    await until(lambda: not alltalk_1.generating)
    assert alltalk_1.locked  # as the real one: it has not noticed
    assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
    assert not alltalk_1.requests("/api/stop-generation")
    assert len(alltalk_1.generations()) == 2


async def test_a_pending_stop_request_of_another_client_is_overcome(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    await backend.load()
    alltalk_2.stopping = True
    assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
    assert len(alltalk_2.requests(STREAM)) == 2


# --- the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", [version_1(), Setup(), Setup(legacy_urls=True), piper()])
async def test_a_file_is_fetched_from_where_the_server_is_configured(setup: Setup) -> None:
    """The address in the answer may be wrong, or belong to another machine."""
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
        received = tone("She says", 700.0), tone("hello"), tone(" softly", 700.0)
        assert len(joined(chunks)) == sum(map(len, (tone(" "), *received)))
        assert joined(chunks)[: len(received[0])] == pytest.approx(received[0], abs=EXACT)
        assert joined(chunks)[-len(received[2]) :] == pytest.approx(received[2], abs=EXACT)
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
