"""Faults of the connection: each ends in a typed error, in time, and the engine speaks again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from tts_hub_remote.breaker import Breaker

from tests.remote.openai_server import OpenAIServer
from tests.remote.serving import Answer, Asked, Faults, Service
from tests.remote.speaking import IMPATIENT, SETTINGS, TEXT, engine, request_for, spoken
from tests.waiting import until
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    RateLimitedError,
    StalledError,
)

pytestmark = pytest.mark.anyio
LONG = TEXT * 8

FAULTS: list[tuple[str, Faults, type[Exception], str]] = [
    ("slow first byte", Faults(first_byte_delay=9.0), StalledError, "no audio within 2 s"),
    ("stall before the first byte", Faults(stall_after=0), StalledError, "no audio within 2 s"),
    ("stall mid-stream", Faults(stall_after=9_000), StalledError, "nothing for 2 s in the middle"),
    ("reset", Faults(reset_after=9_000), GenerationError, "broke in the middle"),
    ("truncated", Faults(truncate_after=9_000), GenerationError, "broke in the middle"),
    ("no body", Faults(body=b""), Exception, ""),
    ("a page", Faults(content_type="text/html", body=b"<html>hello</html>"), GenerationError, "text/html"),
    (
        "an error with status 200",
        Faults(content_type="application/json", body=b'{"error": {"message": "out of memory"}}'),
        GenerationError,
        "out of memory",
    ),
    ("half a sample", Faults(body=b"\1\2\3" * 101), GenerationError, "middle of a sample"),
    ("too little", Faults(body=b"\1\2" * 100), GenerationError, "too early"),
    ("endless", Faults(endless=True), GenerationError, "does not stop"),
    (
        "no WAV",
        Faults(content_type="audio/wav", body=b"RIFF\0\0\0\0WAVEdata" + b"\1" * 99),
        GenerationError,
        "WAV",
    ),
    ("a WAV cut short", Faults(body=b"RIFF\xff\xff\0\0WAVE"), GenerationError, "ends too early"),
    ("lies: mp3", Faults(content_type="audio/mpeg", body=b"\0" * 5000), GenerationError, "not mp3"),
    ("lies: ogg", Faults(body=b"OggS" + b"\0" * 5000), GenerationError, "not ogg"),
    ("lies: flac", Faults(body=b"fLaC" + b"\1" * 5000), GenerationError, "not flac"),
    ("connections are closed", Faults(refuse_connections=True), BackendUnavailableError, "cannot be reached"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
async def test_a_fault_is_a_typed_error_and_the_engine_speaks_again(
    plain: OpenAIServer, fault: Faults, kind: type[Exception], words: str
) -> None:
    patience = IMPATIENT if kind is StalledError else SETTINGS
    backend = engine(plain.url, failures_until_pause=9, **patience)
    await spoken(backend)
    plain.faults = fault
    if kind is Exception:
        assert await spoken(backend, LONG) == []  # the hub calls that a failure
    else:
        with pytest.raises(kind, match=words):
            await spoken(backend, LONG)
    plain.faults = Faults()
    assert await spoken(backend)


async def test_an_unreachable_service_is_reported_with_its_address() -> None:
    with pytest.raises(BackendUnavailableError, match=r"cannot be reached at http://127\.0\.0\.1:9/v1"):
        await spoken(engine("http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("status", "headers"),
    [(503, {}), (429, {"Retry-After": "0"}), (500, {}), (429, {"retry-after-ms": "20"})],
)
async def test_a_passing_refusal_is_tried_again(
    plain: OpenAIServer, status: int, headers: dict[str, str]
) -> None:
    plain.faults.statuses = [(status, headers, b"{}")]
    assert await spoken(engine(plain.url, retries=1))
    assert len(plain.requests("/v1/audio/speech")) == 2


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (400, {}, b"{}"),
        (401, {}, b"{}"),
        (503, {"x-should-retry": "false"}, b"{}"),
        (429, {}, b'{"error": {"code": "insufficient_quota"}}'),
        (429, {"Retry-After": "100"}, b"{}"),
    ],
)
async def test_what_another_try_cannot_mend_is_not_tried(
    plain: OpenAIServer, status: int, headers: dict[str, str], body: bytes
) -> None:
    plain.faults.statuses = [(status, headers, body)] * 3
    with pytest.raises(Exception, match=f"HTTP {status}"):
        await spoken(engine(plain.url, retries=2))
    assert len(plain.requests("/v1/audio/speech")) == 1


async def test_retry_after_is_handed_on_when_it_is_too_long_to_wait(plain: OpenAIServer) -> None:
    plain.faults.statuses = [(429, {"Retry-After": "100"}, b"{}")]
    with pytest.raises(RateLimitedError) as refused:
        await spoken(engine(plain.url, retries=2))
    assert refused.value.retry_after == 100


async def test_nothing_is_tried_again_after_the_first_audio(plain: OpenAIServer) -> None:
    plain.faults.reset_after = 9_000
    with pytest.raises(GenerationError):
        await spoken(engine(plain.url, retries=3), LONG)
    assert len(plain.requests("/v1/audio/speech")) == 1


async def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(plain: OpenAIServer) -> None:
    backend = engine(plain.url, retries=1)
    await spoken(backend)
    plain.faults.refuse_connections = True
    task_done = anyio.Event()

    async def later() -> None:
        await anyio.sleep(0.2)
        plain.faults.refuse_connections = False
        task_done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later)
        assert await spoken(backend)
    assert task_done.is_set()


async def test_closing_a_stream_closes_its_connection(plain: OpenAIServer) -> None:
    plain.ways.pause = 0.02
    backend = engine(plain.url)
    async with aclosing(backend.generate_stream(await request_for(backend, LONG * 4))) as stream:
        await anext(stream)
    await until(lambda: not plain.active)


# --- redirects and addresses ------------------------------------------------------------------------------


class Redirecting(Service):
    """A server that redirects every request."""

    def __init__(self, status: int, target: str) -> None:
        super().__init__()
        self.status, self.target = status, target

    def answer(self, asked: Asked, to: Answer) -> None:
        if asked.path == "/v1/models":
            to.json({"data": []})
        elif asked.path == "/elsewhere":
            to.audio("audio/pcm", [b"\1\2" * 60_000])
        else:
            to.send(self.status, "text/plain", b"", {"Location": self.target})


@pytest.mark.parametrize(
    ("status", "target", "words"),
    [
        (307, "http://localhost:1/steal", "another host"),
        (308, "https://evil.example/", "another host"),
        (307, "//evil.example/x", "another host"),
        (302, "/elsewhere", "redirects POST"),
        (307, "/v1/audio/speech", "in circles"),
    ],
)
async def test_redirects_lead_nowhere_else(status: int, target: str, words: str) -> None:
    with (
        Redirecting(status, target).serving() as service,
        pytest.raises(BackendUnavailableError, match=words),
    ):
        await spoken(engine(service.url, api_key="sk-secret"))


async def test_a_redirect_on_the_same_host_is_followed_with_the_text() -> None:
    with Redirecting(307, "/elsewhere").serving() as service:
        assert await spoken(engine(service.url))
        assert service.requests("/elsewhere", "POST")[0].json["input"] == TEXT


@pytest.mark.parametrize(
    "url",
    [
        "ftp://box/v1",
        "file:///etc/passwd",
        "http://user:secret@box/v1",
        "http://box/v1?key=1",
        "http://box/v1#x",
        "http://box/\r\nX-Evil: 1",
        "http://bo x/",
        "http:\\\\box",
        "http://box:notaport/",
        "box:8880",
        "http://",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        engine(url)


@pytest.mark.parametrize("voice", ["x\r\nX-Evil: 1", "x\0", "\u202e"])
async def test_what_users_write_cannot_become_a_header(plain: OpenAIServer, voice: str) -> None:
    plain.ways.voices = None
    await spoken(engine(plain.url), f"Hello {voice} there.", voice=voice)
    assert not any("evil" in name for name in plain.asked[-1].headers)


# --- left alone -------------------------------------------------------------------------------------------


async def test_after_failures_in_a_row_it_is_left_alone_and_looked_after(plain: OpenAIServer) -> None:
    backend = engine(plain.url, failures_until_pause=2, probe_seconds=0.2)
    await backend.load()
    plain.faults.refuse_connections = True
    for _ in range(2):
        with pytest.raises(BackendUnavailableError, match="cannot be reached"):
            await spoken(backend)
    asked = len(plain.asked)
    with pytest.raises(BackendUnavailableError, match="2 times in a row"):
        await spoken(backend)
    assert len(plain.asked) == asked
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backend.background)
        plain.faults.refuse_connections = False
        await until(lambda: not backend.connection.breaker.is_open)
        tasks.cancel_scope.cancel()
    assert await spoken(backend)


async def test_without_a_background_one_request_looks_whether_it_is_well_again() -> None:
    breaker = Breaker("box", 1, 0.05)
    breaker.note_failure(GenerationError("it broke", backend="box"))
    with pytest.raises(BackendUnavailableError, match="it broke"):
        breaker.check()
    await anyio.sleep(0.06)
    breaker.check()
    with pytest.raises(BackendUnavailableError):
        breaker.check()  # the first one is still on its way
    breaker.note_success()
    breaker.check()


async def test_refused_requests_do_not_count_as_failures(plain: OpenAIServer) -> None:
    backend = engine(plain.url, failures_until_pause=1)
    for status in (400, 429):
        plain.faults.statuses = [(status, {}, b"{}")]
        with pytest.raises(Exception, match=f"HTTP {status}"):
            await spoken(backend)
    assert not backend.connection.breaker.is_open


async def test_requests_share_a_pool_of_connections(plain: OpenAIServer) -> None:
    backend = engine(plain.url)
    answers: list[Sequence[Any]] = []

    async def speak() -> None:
        answers.append(await spoken(backend, LONG))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(speak)
    assert len(answers) == 20
    assert all(sum(chunk.seconds for chunk in chunks) > 1 for chunks in answers)


async def test_a_service_that_dies_in_every_answer_is_left_alone(plain: OpenAIServer) -> None:
    backend = engine(plain.url, failures_until_pause=2)
    plain.faults.reset_after = 9_000
    for _ in range(2):
        with pytest.raises(GenerationError):
            await spoken(backend, LONG)
    with pytest.raises(BackendUnavailableError, match="2 times in a row"):
        await spoken(backend, LONG)


async def test_one_request_with_all_its_tries_is_one_failure(plain: OpenAIServer) -> None:
    backend = engine(plain.url, failures_until_pause=2, retries=2)
    await backend.load()
    plain.faults.statuses = [(503, {"Retry-After": "0"}, b"{}")] * 3
    with pytest.raises(GenerationError):
        await spoken(backend)
    assert await spoken(backend)
    assert len(plain.requests("/v1/audio/speech")) == 4


async def test_a_wrong_key_is_reported_every_time(plain: OpenAIServer) -> None:
    plain.ways.key = "sk-right"
    backend = engine(plain.url, failures_until_pause=1, api_key="sk-wrong")
    for _ in range(3):
        with pytest.raises(BackendUnavailableError, match="HTTP 401"):
            await spoken(backend)
