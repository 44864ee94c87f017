"""How often OpenAI's SDK retries a text whose engine fails, and the error it raises at the end."""

from __future__ import annotations

import json

import openai
import pytest

from tests.server.conftest import Served, connected, raw_request, received
from tests.server.test_sdk import client
from tts_hub.testing import FakeScript

TEXT = "one two three four five six seven eight nine ten"
FAILURES = {"before the first byte": {0: 0}, "after it": {0: 5}}
FIELDS = {"model": "fake", "voice": "mid", "input": TEXT, "response_format": "pcm"}


@pytest.mark.parametrize("fail_at", FAILURES.values(), ids=FAILURES)
def test_the_plain_call_speaks_twice_and_says_why_it_failed(server: Served, fail_at: dict[int, int]) -> None:
    server.fake.script = FakeScript(fail_at=fail_at)
    server.fake.requests.clear()
    with client(server) as sdk, pytest.raises(openai.InternalServerError) as caught:
        sdk.audio.speech.create(**FIELDS)  # type: ignore[arg-type]
    assert len(server.fake.requests) == 2
    assert caught.value.code == "generation_failed"
    assert str(caught.value.request_id) in caught.value.message


def test_the_plain_call_gets_its_audio_where_the_second_try_goes_well(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    calls = []

    def mended(request: object) -> None:
        calls.append(request)
        server.fake.script = FakeScript(fail_at={0: 5} if len(calls) == 1 else {})

    with client(server) as sdk:
        sdk._client.event_hooks["request"] = [mended]
        assert sdk.audio.speech.create(**FIELDS).content  # type: ignore[arg-type]
    assert len(calls) == 2


def test_a_stream_that_breaks_off_is_not_tried_again(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    server.fake.requests.clear()
    with (
        client(server) as sdk,
        pytest.raises(Exception, match="incomplete chunked read") as caught,
        sdk.audio.speech.with_streaming_response.create(**FIELDS) as response,  # type: ignore[arg-type]
    ):
        for _ in response.iter_bytes():
            pass
    assert type(caught.value).__module__ == "httpx2"
    assert len(server.fake.requests) == 1


@pytest.mark.parametrize(
    ("headers", "is_finished"),
    [
        ((), False),
        (("X-Stainless-Lang: python", "X-Stainless-Retry-Count: 0"), False),
        (("X-Stainless-Lang: python", "X-Stainless-Retry-Count: 1"), True),
        (
            (
                "X-Stainless-Lang: python",
                "X-Stainless-Retry-Count: 1",
                "X-Stainless-Raw-Response: stream",
            ),
            False,
        ),
        (("X-Stainless-Lang: js", "X-Stainless-Retry-Count: 1"), False),
    ],
)
def test_a_second_try_that_reads_all_at_once_gets_a_finished_file(
    server: Served, headers: tuple[str, ...], is_finished: bool
) -> None:
    body = json.dumps(FIELDS).encode()
    with connected(server) as connection:
        connection.sendall(raw_request(body, "Host: localhost", "Connection: close", *headers))
        head = received(connection).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 200")
    assert (b"content-length" in head) == is_finished
