"""ElevenLabs' websocket: a text that is spoken while it is being written."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from numpy.typing import NDArray
from tts_hub_espeak import EspeakBackend
from tts_hub_remote.elevenlabs import websocket
from tts_hub_remote.elevenlabs.continuity import Turns

from tests.remote.elevenlabs_engine import eleven
from tests.remote.elevenlabs_server import KEY, SARAH, UNLISTED, ElevenLabsServer
from tests.remote.elevenlabs_socket import Alignments
from tests.remote.serving import SECONDS_PER_CHARACTER, tone
from tests.remote.speaking import IMPATIENT, TEXT, joined, request_for, spoken
from tests.waiting import WITHIN, until
from tts_hub import TTSBackendManager
from tts_hub.backend import TTSBackend
from tts_hub.config import parse_config
from tts_hub.errors import BackendUnavailableError, GenerationError, StalledError, UnknownVoiceError
from tts_hub.types import AudioChunk

pytestmark = pytest.mark.anyio

SENTENCES = ("The first one is here.", "Take 42 of the second!", "The third ends it.")


@pytest.fixture
def server() -> Generator[ElevenLabsServer, None, None]:
    with ElevenLabsServer().serving() as service:
        yield service


@pytest.fixture(autouse=True)
def soon_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "QUIET_SECONDS", 0.1)


async def said(backend: TTSBackend, text: str = TEXT, **fields: Any) -> list[AudioChunk]:
    """A segment of a text that is still being written."""
    return await spoken(backend, text, **({"incoming": True, "request_id": "r"} | fields))


def heard(text: str, pitch: float = 220.0) -> NDArray[np.float32]:
    return np.asarray(np.round(tone(text, pitch) * 32767) / 32768, np.float32)


def words_in(chunks: Sequence[AudioChunk]) -> list[tuple[str, float]]:
    return [(word.text, word.start) for chunk in chunks for word in chunk.words]


async def ended(server: ElevenLabsServer) -> None:
    """The server has seen all its websockets go."""
    await until(lambda: all(talk.ended for talk in server.talks))


async def test_one_websocket_speaks_all_segments_of_a_request(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    for index, text in enumerate(SENTENCES):
        chunks = await said(backend, text, index=index)
        assert joined(chunks) == pytest.approx(heard(text), abs=1 / 32768)
        assert [word for word, _ in words_in(chunks)] == [word.strip(".!") for word in text.split()]
        for word, start in words_in(chunks):
            assert start == pytest.approx(SECONDS_PER_CHARACTER * text.index(word), abs=0.002)
    assert len(server.talks) == 1
    assert not server.spoken
    assert not server.talks[0].ended
    backend.forget("r")
    await ended(server)


async def test_the_messages_are_those_of_the_protocol(server: ElevenLabsServer) -> None:
    options = {"stability": 0.25, "apply_text_normalization": "off"}
    backend = eleven(server, enable_logging=False)
    await said(
        backend, voice=SARAH, model="eleven_flash_v2_5", language="de", speed=1.2, seed=5, options=options
    )
    assert server.talks[0].received == [
        {"text": " ", "voice_settings": {"stability": 0.25, "speed": 1.2}},
        {"text": f"{TEXT} ", "flush": True},
    ]
    assert server.talks[0].query == {
        "model_id": "eleven_flash_v2_5",
        "output_format": "pcm_24000",
        "enable_logging": "false",
        "language_code": "de",
        "seed": "5",
        "apply_text_normalization": "off",
        "sync_alignment": "true",
        "inactivity_timeout": "180",
    }
    asked = server.requests(f"/v1/text-to-speech/{SARAH}/stream-input")[0]
    assert asked.headers["xi-api-key"] == KEY


async def test_the_other_spelling_of_the_durations_is_understood(server: ElevenLabsServer) -> None:
    server.socket.durations_key = "charsDurationsMs"
    server.socket.empty_messages = True
    assert len(words_in(await said(eleven(server)))) == 5


@pytest.mark.parametrize("kind", ["null", "normalised"])
async def test_where_the_times_do_not_tell_the_text_is_ended_to_learn_its_end(
    server: ElevenLabsServer, kind: Alignments
) -> None:
    server.socket.alignments = kind
    backend = eleven(server)
    for index, text in enumerate(SENTENCES):
        chunks = await said(backend, text, index=index)
        assert joined(chunks) == pytest.approx(heard(text), abs=1 / 32768)
    assert server.talks[0].received[-1] == {"text": ""}
    assert len(server.talks) == 1
    assert [body["text"] for body in server.spoken] == list(SENTENCES[1:])
    await ended(server)


async def test_a_text_of_nothing_that_is_said_is_not_waited_for(server: ElevenLabsServer) -> None:
    server.socket.mute = True
    with pytest.raises(StalledError, match=r"over its websocket for 2 s"):
        await said(eleven(server, **IMPATIENT))


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"model": "eleven_v3"}, {}),
        ({"incoming": False}, {}),
        ({"request_id": ""}, {}),
        ({}, {"socket": False}),
        ({}, {"output_format": "mp3_44100_128"}),
    ],
)
async def test_all_else_goes_over_http(
    server: ElevenLabsServer, fields: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert await said(eleven(server, **settings), **fields)
    assert not server.talks
    assert len(server.spoken) == 1


async def test_each_request_has_a_websocket_of_its_own(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    async with anyio.create_task_group() as tasks:
        for name in ("a", "b"):
            tasks.start_soon(partial(said, backend, request_id=name))
    assert len(server.talks) == 2
    await backend.aclose()
    await ended(server)


async def test_segments_that_are_asked_for_together_are_said_in_their_order(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    found: dict[int, list[AudioChunk]] = {}

    async def say(index: int) -> None:
        found[index] = await said(backend, SENTENCES[index], index=index)

    async with anyio.create_task_group() as tasks:
        for index in (0, 2, 1):
            tasks.start_soon(say, index)
    assert server.talks[0].texts == [f"{text} " for text in SENTENCES]
    for index, text in enumerate(SENTENCES):
        assert joined(found[index]) == pytest.approx(heard(text), abs=1 / 32768)


async def test_an_earlier_segment_does_not_wait_for_one_that_may_wait_for_it() -> None:
    turns = Turns()
    with anyio.fail_after(WITHIN):
        assert await turns.begin(3)
        assert not await turns.begin(2)
        turns.end()
        assert await turns.begin(2)


async def test_a_segment_that_comes_too_late_for_its_turn_leaves_the_websocket_to_the_others(
    server: ElevenLabsServer,
) -> None:
    backend = eleven(server)
    later = await request_for(backend, SENTENCES[1], incoming=True, request_id="r", index=1)
    async with aclosing(backend.generate_stream(later)) as chunks:
        await anext(chunks)
        assert joined(await said(backend, SENTENCES[0])) == pytest.approx(heard(SENTENCES[0]), abs=1 / 32768)
        _ = [chunk async for chunk in chunks]
    await said(backend, SENTENCES[2], index=2)
    assert [body["text"] for body in server.spoken] == [SENTENCES[0]]
    assert server.talks[0].texts == [f"{text} " for text in SENTENCES[1:]]


async def test_a_segment_that_gives_up_its_place_keeps_nobody_waiting() -> None:
    turns = Turns()
    assert await turns.begin(3)
    with anyio.move_on_after(0.01):
        await turns.begin(4)
    turns.end()
    with anyio.fail_after(WITHIN):
        assert await turns.begin(5)


async def test_a_segment_that_is_cancelled_closes_the_websocket(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    request = await request_for(backend, TEXT * 20, incoming=True, request_id="r")
    async with aclosing(backend.generate_stream(request)) as chunks:
        await anext(chunks)
    await ended(server)
    rest = await said(backend, "And on.", index=1)
    assert joined(rest) == pytest.approx(heard("And on."), abs=1 / 32768)
    assert [body["text"] for body in server.spoken] == ["And on."]


# --- how it goes wrong ------------------------------------------------------------------------------------


async def test_without_a_websocket_it_goes_over_http(server: ElevenLabsServer) -> None:
    server.socket.drop_after = 0
    backend = eleven(server)
    for index, text in enumerate(SENTENCES):
        assert joined(await said(backend, text, index=index)) == pytest.approx(heard(text), abs=1 / 32768)
    assert len(server.talks) == 1
    assert [body["text"] for body in server.spoken] == list(SENTENCES)
    assert "previous_request_ids" in server.spoken[1]


@pytest.mark.parametrize("status", [404, 426, 429, 502])
async def test_where_no_websocket_is_offered_it_goes_over_http(server: ElevenLabsServer, status: int) -> None:
    server.socket.refused_with = status
    assert await said(eleven(server))
    assert len(server.spoken) == 1


async def test_a_websocket_that_is_gone_between_two_segments_is_left(server: ElevenLabsServer) -> None:
    server.socket.drop_after = 4
    backend = eleven(server)
    assert await said(backend, SENTENCES[0])
    chunks = await said(backend, SENTENCES[1], index=1, previous_text=SENTENCES[0])
    assert joined(chunks) == pytest.approx(heard(SENTENCES[1]), abs=1 / 32768)
    assert server.spoken[0]["previous_text"] == SENTENCES[0]


async def test_a_connection_that_breaks_in_the_middle_is_an_error(server: ElevenLabsServer) -> None:
    server.socket.drop_after = 2
    with pytest.raises(GenerationError, match="websocket was closed in the middle"):
        await said(eleven(server), TEXT * 3)
    assert not server.spoken


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "This request exceeds your quota", "error": "quota_exceeded"}, BackendUnavailableError),
        ({"message": "no such voice", "error": "voice_id_does_not_exist"}, UnknownVoiceError),
        ({"message": f"Broken for {KEY}"}, GenerationError),
    ],
)
async def test_an_error_comes_as_a_message(
    server: ElevenLabsServer, error: dict[str, Any], kind: type[Exception]
) -> None:
    server.socket.fail_after = 1
    server.socket.error = error
    with pytest.raises(kind) as raised:
        await said(eleven(server), TEXT * 3)
    assert KEY not in str(raised.value)


async def test_a_refused_handshake_is_a_typed_error(server: ElevenLabsServer) -> None:
    with pytest.raises(UnknownVoiceError, match="was not found"):
        await said(eleven(server), voice="0000000000000000wxyz")
    assert await said(eleven(server), voice=UNLISTED)


async def test_a_redirect_is_not_followed(server: ElevenLabsServer) -> None:
    with ElevenLabsServer().serving() as other:
        backend = eleven(server)
        await backend.load()
        server.moved_to = other.url
        with pytest.raises(BackendUnavailableError, match="redirects to another host"):
            await said(backend)
        assert not other.asked


async def test_the_key_is_not_logged(server: ElevenLabsServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert await said(eleven(server))
    assert KEY not in caplog.text


# --- through the manager ----------------------------------------------------------------------------------


@asynccontextmanager
async def hub(*backends: TTSBackend) -> AsyncGenerator[TTSBackendManager, None]:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}}), discover=False)
    for backend in backends:
        manager.register(backend)
    async with manager:
        yield manager


async def written(*pieces: str) -> AsyncGenerator[str, None]:
    """As a language model writes."""
    for piece in pieces:
        await anyio.sleep(0.01)
        yield piece


async def test_a_text_in_pieces_is_spoken_over_one_websocket(server: ElevenLabsServer) -> None:
    text = " ".join(SENTENCES)
    backend = eleven(server)
    async with hub(backend) as manager:
        pieces = [text[n : n + 5] for n in range(0, len(text), 5)]
        audio = await manager.generate(written(*pieces), model="elevenlabs")
        async with audio:
            samples = np.concatenate([chunk.samples async for chunk in audio])
        report = audio.report
        await ended(server)
    assert report.complete
    assert report.cost > 0
    assert report.cost_estimated
    assert len(server.talks) == 1
    assert "".join(server.talks[0].texts).split() == text.split()
    assert not server.spoken
    assert [word.text for word in audio.words] == [word.strip(".!") for word in text.split()]
    assert all(text[slice(*word.span)] == word.text for word in audio.words)
    assert len(samples) > 0.9 * len(heard(text))


async def test_a_text_in_pieces_goes_on_with_another_engine(server: ElevenLabsServer) -> None:
    server.socket.drop_after = 5
    async with hub(eleven(server, concurrency=1), EspeakBackend()) as manager:
        audio = await manager.generate(
            written(*(f"{text} " for text in SENTENCES)), model="elevenlabs", fallback=["espeak"]
        )
        async with audio:
            _ = [chunk async for chunk in audio]
        report = audio.report
    assert report.complete
    assert report.fallbacks[0].segment == 1
    assert report.fallbacks[0].kind == "generation_failed"
    rest = [word.strip(".!") for text in SENTENCES[1:] for word in text.split()]
    assert [word.text for word in audio.words][-len(rest) :] == rest
