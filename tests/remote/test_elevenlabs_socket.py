"""ElevenLabs' websocket: a text that is spoken while it is being written."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
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


@pytest.fixture(autouse=True)
def soon_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "QUIET_SECONDS", 0.1)


async def said(backend: TTSBackend, text: str = TEXT, **fields: Any) -> list[AudioChunk]:
    """A segment of a text that is still being written."""
    return await spoken(backend, text, **({"incoming": True, "request_id": "r"} | fields))


def expected_audio(text: str, pitch: float = 220.0) -> NDArray[np.float32]:
    return np.asarray(np.round(tone(text, pitch) * 32767) / 32768, np.float32)


def words_in(chunks: Sequence[AudioChunk]) -> list[tuple[str, float]]:
    return [(word.text, word.start) for chunk in chunks for word in chunk.words]


async def ended(elevenlabs: ElevenLabsServer) -> None:
    """Wait until all websockets of the server are closed."""
    await until(lambda: all(talk.ended for talk in elevenlabs.talks))


async def test_one_websocket_speaks_all_segments_of_a_request(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    for index, text in enumerate(SENTENCES):
        chunks = await said(backend, text, index=index)
        assert joined(chunks) == pytest.approx(expected_audio(text), abs=1 / 32768)
        assert [word for word, _ in words_in(chunks)] == [word.strip(".!") for word in text.split()]
        for word, start in words_in(chunks):
            assert start == pytest.approx(SECONDS_PER_CHARACTER * text.index(word), abs=0.002)
    assert len(elevenlabs.talks) == 1
    assert not elevenlabs.spoken
    assert not elevenlabs.talks[0].ended
    backend.forget("r")
    await ended(elevenlabs)


async def test_the_messages_are_those_of_the_protocol(elevenlabs: ElevenLabsServer) -> None:
    options = {"stability": 0.25, "apply_text_normalization": "off"}
    backend = eleven(elevenlabs, enable_logging=False)
    await said(
        backend, voice=SARAH, model="eleven_flash_v2_5", language="de", speed=1.2, seed=5, options=options
    )
    assert elevenlabs.talks[0].received == [
        {"text": " ", "voice_settings": {"stability": 0.25, "speed": 1.2}},
        {"text": f"{TEXT} ", "flush": True},
    ]
    assert elevenlabs.talks[0].query == {
        "model_id": "eleven_flash_v2_5",
        "output_format": "pcm_24000",
        "enable_logging": "false",
        "language_code": "de",
        "seed": "5",
        "apply_text_normalization": "off",
        "sync_alignment": "true",
        "inactivity_timeout": "180",
    }
    asked = elevenlabs.requests(f"/v1/text-to-speech/{SARAH}/stream-input")[0]
    assert asked.headers["xi-api-key"] == KEY


async def test_the_other_spelling_of_the_durations_is_understood(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.socket.durations_key = "charsDurationsMs"
    elevenlabs.socket.empty_messages = True
    assert len(words_in(await said(eleven(elevenlabs)))) == 5


@pytest.mark.parametrize("kind", ["null", "normalised"])
async def test_where_the_times_do_not_tell_the_text_is_ended_to_learn_its_end(
    elevenlabs: ElevenLabsServer, kind: Alignments
) -> None:
    elevenlabs.socket.alignments = kind
    backend = eleven(elevenlabs)
    for index, text in enumerate(SENTENCES):
        chunks = await said(backend, text, index=index)
        assert joined(chunks) == pytest.approx(expected_audio(text), abs=1 / 32768)
    assert elevenlabs.talks[0].received[-1] == {"text": ""}
    assert len(elevenlabs.talks) == 1
    assert [body["text"] for body in elevenlabs.spoken] == list(SENTENCES[1:])
    await ended(elevenlabs)


async def test_a_text_of_nothing_that_is_said_is_not_waited_for(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.socket.mute = True
    with pytest.raises(StalledError, match=r"over its websocket for 2 s"):
        await said(eleven(elevenlabs, **IMPATIENT))


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
    elevenlabs: ElevenLabsServer, fields: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert await said(eleven(elevenlabs, **settings), **fields)
    assert not elevenlabs.talks
    assert len(elevenlabs.spoken) == 1


async def test_each_request_has_a_websocket_of_its_own(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    async with anyio.create_task_group() as tasks:
        for name in ("a", "b"):
            tasks.start_soon(partial(said, backend, request_id=name))
    assert len(elevenlabs.talks) == 2
    await backend.aclose()
    await ended(elevenlabs)


async def test_segments_that_are_asked_for_together_are_said_in_their_order(
    elevenlabs: ElevenLabsServer,
) -> None:
    backend = eleven(elevenlabs)
    found: dict[int, list[AudioChunk]] = {}

    async def say(index: int) -> None:
        found[index] = await said(backend, SENTENCES[index], index=index)

    async with anyio.create_task_group() as tasks:
        for index in (0, 2, 1):
            tasks.start_soon(say, index)
    assert elevenlabs.talks[0].texts == [f"{text} " for text in SENTENCES]
    for index, text in enumerate(SENTENCES):
        assert joined(found[index]) == pytest.approx(expected_audio(text), abs=1 / 32768)


async def test_an_earlier_segment_does_not_wait_for_one_that_may_wait_for_it() -> None:
    turns = Turns()
    with anyio.fail_after(WITHIN):
        assert await turns.begin(3)
        assert not await turns.begin(2)
        turns.end()
        assert await turns.begin(2)


async def test_a_segment_that_comes_too_late_for_its_turn_leaves_the_websocket_to_the_others(
    elevenlabs: ElevenLabsServer,
) -> None:
    backend = eleven(elevenlabs)
    later = await request_for(backend, SENTENCES[1], incoming=True, request_id="r", index=1)
    async with aclosing(backend.generate_stream(later)) as chunks:
        await anext(chunks)
        assert joined(await said(backend, SENTENCES[0])) == pytest.approx(
            expected_audio(SENTENCES[0]), abs=1 / 32768
        )
        _ = [chunk async for chunk in chunks]
    await said(backend, SENTENCES[2], index=2)
    assert [body["text"] for body in elevenlabs.spoken] == [SENTENCES[0]]
    assert elevenlabs.talks[0].texts == [f"{text} " for text in SENTENCES[1:]]


async def test_a_segment_that_gives_up_its_place_lets_the_next_one_begin() -> None:
    turns = Turns()
    assert await turns.begin(3)
    with anyio.move_on_after(0.01):
        await turns.begin(4)
    turns.end()
    with anyio.fail_after(WITHIN):
        assert await turns.begin(5)


async def test_a_segment_that_is_cancelled_closes_the_websocket(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    request = await request_for(backend, TEXT * 20, incoming=True, request_id="r")
    async with aclosing(backend.generate_stream(request)) as chunks:
        await anext(chunks)
    await ended(elevenlabs)
    rest = await said(backend, "And on.", index=1)
    assert joined(rest) == pytest.approx(expected_audio("And on."), abs=1 / 32768)
    assert [body["text"] for body in elevenlabs.spoken] == ["And on."]


# --- how it goes wrong ------------------------------------------------------------------------------------


async def test_without_a_websocket_it_goes_over_http(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.socket.drop_after = 0
    backend = eleven(elevenlabs)
    for index, text in enumerate(SENTENCES):
        assert joined(await said(backend, text, index=index)) == pytest.approx(
            expected_audio(text), abs=1 / 32768
        )
    assert len(elevenlabs.talks) == 1
    assert [body["text"] for body in elevenlabs.spoken] == list(SENTENCES)
    assert "previous_request_ids" in elevenlabs.spoken[1]


@pytest.mark.parametrize("status", [404, 426, 429, 502])
async def test_where_no_websocket_is_offered_it_goes_over_http(
    elevenlabs: ElevenLabsServer, status: int
) -> None:
    elevenlabs.socket.refused_with = status
    assert await said(eleven(elevenlabs))
    assert len(elevenlabs.spoken) == 1


async def test_a_websocket_that_is_gone_between_two_segments_is_left(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.socket.drop_after = 4
    backend = eleven(elevenlabs)
    assert await said(backend, SENTENCES[0])
    chunks = await said(backend, SENTENCES[1], index=1, previous_text=SENTENCES[0])
    assert joined(chunks) == pytest.approx(expected_audio(SENTENCES[1]), abs=1 / 32768)
    assert elevenlabs.spoken[0]["previous_text"] == SENTENCES[0]


async def test_a_connection_that_breaks_in_the_middle_is_an_error(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.socket.drop_after = 2
    with pytest.raises(GenerationError, match="websocket was closed in the middle"):
        await said(eleven(elevenlabs), TEXT * 3)
    assert not elevenlabs.spoken


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "This request exceeds your quota", "error": "quota_exceeded"}, BackendUnavailableError),
        ({"message": "no such voice", "error": "voice_id_does_not_exist"}, UnknownVoiceError),
        ({"message": f"Broken for {KEY}"}, GenerationError),
    ],
)
async def test_an_error_comes_as_a_message(
    elevenlabs: ElevenLabsServer, error: dict[str, Any], kind: type[Exception]
) -> None:
    elevenlabs.socket.fail_after = 1
    elevenlabs.socket.error = error
    with pytest.raises(kind) as raised:
        await said(eleven(elevenlabs), TEXT * 3)
    assert KEY not in str(raised.value)


async def test_a_refused_handshake_is_a_typed_error(elevenlabs: ElevenLabsServer) -> None:
    with pytest.raises(UnknownVoiceError, match="was not found"):
        await said(eleven(elevenlabs), voice="0000000000000000wxyz")
    assert await said(eleven(elevenlabs), voice=UNLISTED)


async def test_a_redirect_is_not_followed(elevenlabs: ElevenLabsServer) -> None:
    with ElevenLabsServer().serving() as other:
        backend = eleven(elevenlabs)
        await backend.load()
        elevenlabs.moved_to = other.url
        with pytest.raises(BackendUnavailableError, match="redirects to another host"):
            await said(backend)
        assert not other.asked


async def test_the_key_is_not_logged(elevenlabs: ElevenLabsServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert await said(eleven(elevenlabs))
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
    """A text in pieces, as a language model writes it."""
    for piece in pieces:
        await anyio.sleep(0.01)
        yield piece


async def test_a_text_in_pieces_is_spoken_over_one_websocket(elevenlabs: ElevenLabsServer) -> None:
    text = " ".join(SENTENCES)
    backend = eleven(elevenlabs)
    async with hub(backend) as manager:
        pieces = [text[n : n + 5] for n in range(0, len(text), 5)]
        audio = await manager.generate(written(*pieces), model="elevenlabs")
        async with audio:
            samples = np.concatenate([chunk.samples async for chunk in audio])
        report = audio.report
        await ended(elevenlabs)
    assert report.complete
    assert report.cost > 0
    assert report.cost_estimated
    assert len(elevenlabs.talks) == 1
    assert "".join(elevenlabs.talks[0].texts).split() == text.split()
    assert not elevenlabs.spoken
    assert [word.text for word in audio.words] == [word.strip(".!") for word in text.split()]
    assert all(text[slice(*word.span)] == word.text for word in audio.words)
    assert len(samples) > 0.9 * len(expected_audio(text))


async def test_a_text_in_pieces_continues_with_another_engine(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.socket.drop_after = 5
    async with hub(eleven(elevenlabs, concurrency=1), EspeakBackend()) as manager:
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
