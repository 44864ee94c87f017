"""WebSockets that the server ends: after silence, and at its own end."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.server.conftest import PATIENCE, Serve, wait_for
from tests.server.test_live import START, receive, send, talking
from tts_hub.testing import FakeScript

TEN_WORDS = "one two three four five six seven eight nine ten."


def farewell(socket: ClientConnection) -> tuple[dict[str, Any], int]:
    """The last error before the connection closes, and the close code."""
    messages, _ = receive(socket, until={"error"})
    with pytest.raises(ConnectionClosed) as caught:
        socket.recv(PATIENCE)
    assert caught.value.rcvd is not None
    return messages[-1]["error"], caught.value.rcvd.code


def test_a_silent_connection_gets_an_error_and_is_closed(serve: Serve) -> None:
    with serve(server={"idle_timeout": 0.3}) as server, talking(server) as socket:
        began = time.monotonic()
        error, code = farewell(socket)
        assert time.monotonic() - began > 0.2
        assert (error["code"], code) == ("idle_timeout", 1008)
        assert "0.3 s" in error["message"]
        assert server.metric("tts_rejected_total", reason="idle_timeout") == 1


def test_a_writer_who_stops_in_the_middle_gives_the_engine_back(serve: Serve) -> None:
    with serve(server={"idle_timeout": 0.5}) as server, talking(server) as socket:
        send(socket, START, "Hello there. And then there is more to say, and to be heard, of th")
        error, code = farewell(socket)
        assert (error["code"], code) == ("idle_timeout", 1008)
        server.until_free()
        assert server.metric("tts_requests_total", backend="fake", outcome="timeout") == 1
        assert server.metric("tts_rejected_total", reason="idle_timeout") == 1


def test_a_connection_that_sends_now_and_then_stays_open(serve: Serve) -> None:
    with serve(server={"idle_timeout": 3.0}) as server, talking(server) as socket:
        send(socket, START)
        for _ in range(8):
            time.sleep(0.5)
            send(socket, "one ")
        send(socket, {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


def test_an_engine_that_thinks_for_long_is_no_silence(serve: Serve) -> None:
    script = FakeScript(first_chunk_delay=1.0)
    with serve(script=script, server={"idle_timeout": 0.2}) as server, talking(server) as socket:
        send(socket, START, "Hello.", {"type": "end"}, START, "Hello.", {"type": "end"})
        assert [receive(socket)[0][-1]["type"] for _ in range(2)] == ["done"] * 2
        assert farewell(socket)[1] == 1008


def test_a_client_that_only_receives_is_not_silent(serve: Serve) -> None:
    script = FakeScript(chunk_delay=0.2)
    with serve(script=script, server={"idle_timeout": 2.0}) as server, talking(server) as socket:
        send(socket, START, TEN_WORDS + " ")
        words = receive(socket, until={"words"})[0]
        while sum(len(message.get("words", [])) for message in words) < 9:
            words += receive(socket, until={"words", "error"})[0]
            assert words[-1]["type"] != "error"


@pytest.mark.parametrize("end", [[], [{"type": "end"}]])
def test_speech_that_outlasts_the_grace_gets_an_error_and_is_closed(
    serve: Serve, end: list[dict[str, Any]]
) -> None:
    script = FakeScript(hold_at=5)
    with serve(script=script, server={"shutdown_grace": 0.5}) as server, talking(server) as socket:
        send(socket, START, TEN_WORDS + " ", *end)
        receive(socket, until={"started"})
        began = time.monotonic()
        server.stop()
        error, code = farewell(socket)
        assert time.monotonic() - began > 0.4
    assert (error["code"], code) == ("server_is_stopping", 1012)
    assert server.metric("tts_requests_in_flight") == 0


def test_waiting_utterances_end_with_the_one_that_is_spoken(serve: Serve) -> None:
    script = FakeScript(hold_at=5)
    with serve(script=script, server={"shutdown_grace": 0.3}) as server, talking(server) as socket:
        for _ in range(3):
            send(socket, START, TEN_WORDS, {"type": "end"})
        receive(socket, until={"started"})
        server.stop()
        assert farewell(socket)[1] == 1012


def test_hanging_up_with_utterances_in_line_leaves_nothing(serve: Serve) -> None:
    with serve(script=FakeScript(hold_at=5)) as server:
        with talking(server) as socket:
            for _ in range(3):
                send(socket, START, TEN_WORDS, {"type": "end"})
            wait_for(lambda: server.metric("tts_requests_in_flight") == 1)
            socket.send(json.dumps({"type": "flush"}))
        server.until_free()
