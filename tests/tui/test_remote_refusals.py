"""Errors of the studio's hub over HTTP: invalid requests, servers that refuse, and invalid answers."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tts_hub_tui.hubs.remote.hub import RemoteHub

from tests.server.conftest import Served, occupied, served
from tests.tui.remote_serving import FAKE, TEXT, drain
from tts_hub.cost.pricing import Price
from tts_hub.errors import (
    BackendUnavailableError,
    BudgetExceededError,
    GenerationError,
    InvalidTextError,
    NoAudioError,
    OverloadedError,
    RateLimitedError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    UsageError,
)
from tts_hub.progress import ignore
from tts_hub.testing import FakeBackend
from tts_hub.types import SpeechRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Generator[Served, None, None]:
    with served() as running:
        yield running


@pytest.fixture
def locked() -> Generator[Served, None, None]:
    with served(server={"api_keys": ["s3cret"]}) as running:
        yield running


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"voice": "nobody"}, UnknownVoiceError, "nobody"),
        ({"model": "nothing"}, UnknownModelError, "nothing"),
        ({"input": " "}, InvalidTextError, "white space"),
        ({"input": "a" * 200_000}, TextTooLongError, "200000"),
        ({"options": {"gain": 9}}, TTSHubError, "gain"),
    ],
)
async def test_refusals_are_the_hub_s_own_errors(
    server: Served, change: dict[str, object], error: type[TTSHubError], words: str
) -> None:
    async with RemoteHub(server.url) as hub:
        with pytest.raises(error, match=words):
            await hub.speak(replace(FAKE, **change), ignore)  # type: ignore[arg-type]


@pytest.fixture
def paid() -> Generator[Served, None, None]:
    price = Price(per_million_characters=1_000_000, source="a page", checked=dt.date(2026, 1, 2))
    with served(FakeBackend(name="paid", price=price), budget={"per_request": 5}) as running:
        yield running


async def test_prices_and_budgets_are_those_of_the_server(paid: Served) -> None:
    async with RemoteHub(paid.url) as hub:
        estimate = await hub.estimate(replace(FAKE, model="paid", fallback=["fake"]))
        with pytest.raises(BudgetExceededError):
            await hub.speak(replace(FAKE, model="paid"), ignore)
    assert (estimate.cost, estimate.price_checked) == (len(TEXT) - 2, dt.date(2026, 1, 2))
    assert [other.backend for other in estimate.fallbacks] == ["fake"]


@pytest.fixture
def full() -> Generator[Served, None, None]:
    with served(limits={"max_queue": 0}) as running, occupied(running, 2):
        yield running


async def test_a_full_queue_says_when_to_come_back(full: Served) -> None:
    async with RemoteHub(full.url) as hub:
        with pytest.raises(RateLimitedError) as caught:
            await hub.speak(FAKE, ignore)
    assert caught.value.retry_after > 0


async def test_the_error_of_an_engine_keeps_its_kind(server: Served) -> None:
    server.script.mute = True
    async with RemoteHub(server.url) as hub:
        with pytest.raises(NoAudioError):
            await hub.speak(FAKE, ignore)


async def test_a_key_is_asked_for_and_taken(locked: Served) -> None:
    async with RemoteHub(locked.url) as hub:
        with pytest.raises(UsageError, match="--api-key-file"):
            await hub.speak(FAKE, ignore)
    async with RemoteHub(locked.url, "s3cret") as hub:
        assert await drain(await hub.speak(FAKE, ignore))


async def test_an_address_without_a_server_does_not_answer() -> None:
    async with RemoteHub("http://127.0.0.1:9") as hub:
        with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1:9") as caught:
            await hub.catalogue()
        assert caught.value.remedy == "tts-hub serve"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1",
        "http://",
        "http://user:pass@127.0.0.1",
        "http://127.0.0.1:port",
        "file:///etc",
        "http://[::1",
        "http://two words",
        "http://127.0.0.1?key=1",
        "http://127.0.0.1#top",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        RemoteHub(url)


@pytest.mark.parametrize("key", ["k\u00e9y", "two\nlines"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="API key"):
        RemoteHub("http://127.0.0.1:9", key)


async def test_a_host_that_cannot_be_one_does_not_answer() -> None:
    async with RemoteHub(f"http://{'a' * 70}.example") as hub:
        with pytest.raises(BackendUnavailableError):
            await hub.catalogue()


async def test_what_is_no_text_is_refused_before_it_is_sent() -> None:
    async def pieces() -> AsyncGenerator[str, None]:
        yield TEXT

    async with RemoteHub("http://127.0.0.1:9") as hub:
        with pytest.raises(InvalidTextError):
            await hub.speak(SpeechRequest("a \ud800 b"), ignore)
        with pytest.raises(UsageError):
            await hub.speak(SpeechRequest(pieces()), ignore)


class _Answering(BaseHTTPRequestHandler):
    """The server of another program."""

    status, body = 404, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b"not here", UsageError),
        (200, b'{"engines": 1}', UsageError),
        (200, b"<html>", UsageError),
        (200, b'{"auto": null, "engines": [{"name": "x"}]}', UsageError),
        (500, b"", GenerationError),
        (429, b"{}", RateLimitedError),
        (503, b"{}", OverloadedError),
        (302, b"", UsageError),
    ],
)
async def test_the_server_of_another_program(status: int, body: bytes, error: type[Exception]) -> None:
    handler = type("Handler", (_Answering,), {"status": status, "body": body})
    await _expect_error(handler, lambda hub: hub.catalogue(), error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json\n",
        b"[1]\n",
        b'{"audio": "AAAA"}\n',
        b'{"error": {"message": "broke"}}\n',
        b'{"error": "broke"}\n',
        b'{"audio": "!"}\n',
        b'{"audio": 5}\n',
        b'{"audio": "AAAA", "words": [{}]}\n',
        b'{"progress": 5}\n',
        b'{"done": 5}\n',
        b'{"done": {"segments": "many"}}\n',
        b'{"done": {"fallbacks": [{}]}}\n',
    ],
)
async def test_lines_that_are_not_speech_are_an_error(body: bytes) -> None:
    async def speak(hub: RemoteHub) -> None:
        await drain(await hub.speak(FAKE, ignore))

    await _expect_error(type("Handler", (_Answering,), {"status": 200, "body": body}), speak, GenerationError)


async def _expect_error(
    handler: type[BaseHTTPRequestHandler], ask: Callable[[RemoteHub], object], error: type[Exception]
) -> None:
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        async with RemoteHub(f"http://127.0.0.1:{server.server_port}") as hub:
            with pytest.raises(error):
                await ask(hub)  # type: ignore[misc]
    finally:
        server.shutdown()
        server.server_close()
