"""`WS /v1/audio/speech/stream`: text that is still being written."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.audio.decoding import decode_s16le
from tests.server.conftest import PATIENCE, Serve, Served, wait_for
from tts_hub.testing import FakeScript

START = {"type": "start", "model": "fake", "voice": "mid", "response_format": "pcm"}
ENDS = {"done", "cancelled", "error"}


@contextmanager
def talking(server: Served) -> Generator[ClientConnection, None, None]:
    url = f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream"
    with connect(url, open_timeout=PATIENCE, close_timeout=1) as socket:
        yield socket


def send(socket: ClientConnection, *messages: dict[str, Any] | str) -> None:
    """Send messages; a string is a piece of text."""
    for message in messages:
        said = {"type": "text", "text": message} if isinstance(message, str) else message
        socket.send(json.dumps(said))


def receive(socket: ClientConnection, *, until: frozenset[str] | set[str] = ENDS) -> tuple[list[Any], bytes]:
    """Receive messages up to one of these types, and the audio between them."""
    messages, audio = [], b""
    while True:
        received = socket.recv(PATIENCE)
        if isinstance(received, bytes):
            audio += received
            continue
        messages.append(json.loads(received))
        if messages[-1]["type"] in until:
            return messages, audio


def test_text_in_pieces_becomes_one_utterance(server: Served) -> None:
    with talking(server) as socket:
        send(socket, START, "Hello there. How ", "are", " you?", {"type": "end"})
        messages, audio = receive(socket)
    assert messages[0] == {"type": "started", "media_type": "audio/pcm", "sample_rate": 24_000}
    words = [word for message in messages if message["type"] == "words" for word in message["words"]]
    assert [word["text"] for word in words] == ["Hello", "there.", "How", "are", "you?"]
    assert ["Hello there. How are you?"[slice(*word["span"])] for word in words] == [w["text"] for w in words]
    report = messages[-1]["report"]
    assert report["complete"]
    assert report["audio_seconds"] == pytest.approx(len(decode_s16le(audio)) / 24_000, abs=0.01)


def test_speech_begins_at_the_first_whole_sentence(server: Served) -> None:
    with talking(server) as socket:
        send(socket, START, "Hello there. And then there is more to say, and to be heard, of th")
        receive(socket, until={"started"})
        assert len(socket.recv(PATIENCE)) > 100
        send(socket, "is.", {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


def test_a_flush_speaks_the_text_so_far(server: Served) -> None:
    with talking(server) as socket:
        send(socket, START, "no full stop yet", {"type": "flush"})
        messages, _ = receive(socket, until={"words"})
        assert messages[-1]["words"][0]["text"] == "no"
        send(socket, {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


def test_one_utterance_follows_the_other(server: Served) -> None:
    with talking(server) as socket:
        for voice in ("low", "high"):
            send(socket, START | {"voice": voice}, "Hello.", {"type": "end"})
            messages, audio = receive(socket)
            assert audio
            assert messages[-1]["report"]["voice"] == voice


def test_a_cancelled_utterance_stops_and_the_next_can_begin(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=5)
    with talking(server) as socket:
        send(socket, START, "one two three four five six seven.", {"type": "end"})
        receive(socket, until={"started"})
        send(socket, {"type": "cancel"})
        assert receive(socket)[0][-1] == {"type": "cancelled"}
        server.until_free()
        server.fake.script = FakeScript()
        send(socket, START, "Hello.", {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


@pytest.mark.parametrize(
    ("start", "param", "code"),
    [
        ({"voice": "nobody"}, "voice", "invalid_value"),
        ({"model": "nothing"}, "model", "model_not_found"),
        ({"options": {"gain": 7}}, "options.gain", "invalid_value"),
    ],
)
def test_an_invalid_utterance_is_an_error_and_its_remaining_messages_are_ignored(
    server: Served, start: dict[str, Any], param: str, code: str
) -> None:
    with talking(server) as socket:
        send(socket, START | start, "Hello there. And then there is more to say, and to be heard. ")
        (message,), _ = receive(socket)
        assert (message["error"]["param"], message["error"]["code"]) == (param, code)
        send(socket, "More. ", {"type": "flush"}, {"type": "end"}, START, "Hello.", {"type": "end"})
        assert [m["type"] for m in receive(socket)[0] if m["type"] != "words"] == ["started", "done"]


def test_an_engine_that_fails_is_an_error_without_its_own_message(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 3}, error=OSError("/secret/path"))
    with talking(server) as socket:
        send(socket, START, "one two three four five six.", {"type": "end"})
        messages, _ = receive(socket)
    assert messages[-1]["error"]["code"] == "generation_failed"
    assert "secret" not in json.dumps(messages)


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[]",
        "null",
        "{}",
        '{"type": "shout"}',
        '{"type": "text", "text": 5}',
        '{"type": "text", "text": "too early"}',
        '{"type": "start", "speed": 99}',
        '{"type": "start", "speed": NaN}',
        '{"type": "start", "voice": {}}',
        '{"type": "start", "seed": ' + "9" * 5_000 + "}",
        "[" * 100_000,
        b"\x00\x01",
    ],
)
def test_a_message_without_a_meaning_is_an_error(server: Served, message: str | bytes) -> None:
    with talking(server) as socket:
        socket.send(message)
        (answer,), _ = receive(socket)
        assert answer["error"]["type"] == "invalid_request_error"
        send(socket, START, "Hello.", {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


def test_a_second_start_ends_the_utterance_with_an_error(server: Served) -> None:
    with talking(server) as socket:
        send(socket, START, START)
        assert "end or cancel it first" in receive(socket)[0][-1]["error"]["message"]
        server.until_free()


def test_a_text_that_is_too_long_ends_the_utterance_with_an_error(serve: Serve) -> None:
    with serve(server={"max_characters": 20}) as server, talking(server) as socket:
        send(socket, START, "a" * 15, "b" * 15, "c" * 15)
        assert receive(socket)[0][-1]["error"]["param"] == "text"
        assert server.metric("tts_requests_total", backend="", outcome="rejected") == 1


def test_a_flood_of_text_is_refused(server: Served) -> None:
    server.fake.script = FakeScript(stall_at=0)
    with talking(server) as socket:
        send(socket, START, *["Hello there, this is a sentence. "] * 4_000)
        assert "longer than the" in receive(socket)[0][-1]["error"]["message"]
    server.until_free()


def test_a_flood_of_nonsense_is_hung_up_on(server: Served) -> None:
    with talking(server) as socket, pytest.raises(ConnectionClosed) as caught:
        for _ in range(10_000):
            send(socket, {"type": "nonsense"})
        while True:
            socket.recv(PATIENCE)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_a_message_that_is_too_large_is_hung_up_on(server: Served) -> None:
    with talking(server) as socket, pytest.raises(ConnectionClosed) as caught:
        send(socket, START, "a" * 1_000_000)
        receive(socket)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009
    server.until_free()
    assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize("pieces", [["Hello"], ["Hello there. And then there is more"]])
def test_hanging_up_frees_the_engine(server: Served, pieces: list[str]) -> None:
    server.fake.script = FakeScript(hold_at=5)
    with talking(server) as socket:
        send(socket, START, *pieces)
        wait_for(lambda: server.metric("tts_requests_in_flight") == 1)
        socket.socket.close()
    server.until_free()


def test_a_reader_that_pauses_is_hung_up_on(serve: Serve) -> None:
    script = FakeScript(seconds_per_word=1.0, chunk_seconds=1.0)
    with serve(script=script, server={"reader_timeout": 0.3}) as server, talking(server) as socket:
        send(socket, START | {"sample_rate": 48_000}, "one two three four. " * 100, {"type": "end"})
        wait_for(lambda: server.metric("tts_requests_in_flight") == 1)
        server.until_free()
        assert server.metric("tts_requests_total", backend="fake", outcome="timeout") == 1


def test_an_open_connection_without_an_utterance_ends_with_the_server(serve: Serve) -> None:
    with serve() as server, talking(server) as socket:
        send(socket, START, "Hello.", {"type": "end"})
        receive(socket)
        server.stop()
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(PATIENCE)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012


def test_an_utterance_may_come_to_its_end_when_the_server_is_stopped(serve: Serve) -> None:
    with serve(script=FakeScript(chunk_delay=0.1)) as server, talking(server) as socket:
        send(socket, START, "one two three four.", {"type": "end"})
        receive(socket, until={"started"})
        server.stop()
        assert receive(socket)[0][-1]["report"]["complete"]
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(PATIENCE)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012


def test_a_writer_may_be_far_ahead_of_the_voice(server: Served) -> None:
    """Thousands of tokens at once, as a fast language model gives them."""
    tokens = [{"type": "text", "text": f"word{n} "} for n in range(600)]
    with talking(server) as socket:
        send(socket, START, *tokens, {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


def test_cancel_and_start_in_one_breath_speaks_the_new_text(server: Served) -> None:
    with talking(server) as socket:
        send(socket, START, "This is interrupted. And this is not heard at all. ", {"type": "cancel"})
        send(socket, START, "This is the answer.", {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "cancelled"
        assert receive(socket)[0][-1]["type"] == "done"


def test_utterances_may_be_sent_one_behind_the_other(server: Served) -> None:
    with talking(server) as socket:
        for text in ("The first one.", "The second one.", "The third one."):
            send(socket, START, text, {"type": "end"})
        assert [receive(socket)[0][-1]["type"] for _ in range(3)] == ["done"] * 3


def test_stray_messages_behind_the_end_do_no_harm(server: Served) -> None:
    with talking(server) as socket:
        send(
            socket,
            START,
            "All of this is heard.",
            {"type": "end"},
            {"type": "end"},
            {"type": "flush"},
            "late",
        )
        assert receive(socket)[0][-1]["type"] == "done"
