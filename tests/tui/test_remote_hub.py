"""The studio's hub over HTTP, against a real server on a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import aclosing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import anyio
import numpy as np
import pytest
from tts_hub_tui.hubs.interface import Speech
from tts_hub_tui.hubs.remote import RemoteHub

from tests.server.conftest import Served, served
from tests.tui.fetching import Fetching
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    InvalidTextError,
    RateLimitedError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    UsageError,
)
from tts_hub.manager import TTSBackendManager
from tts_hub.progress import ProgressEvent, ignore
from tts_hub.types import AudioChunk, SpeechRequest

pytestmark = pytest.mark.anyio
TEXT = "One two three. Four five six. Seven eight nine."
FAKE = SpeechRequest(TEXT, model="fake")


@pytest.fixture
def server() -> Generator[Served, None, None]:
    with served() as running:
        yield running


@pytest.fixture
def locked() -> Generator[Served, None, None]:
    with served(server={"api_keys": ["s3cret"]}) as running:
        yield running


async def drain(speech: Speech) -> list[AudioChunk]:
    async with aclosing(speech):
        return [chunk async for chunk in speech]


async def test_it_speaks_as_the_engine_here_does(server: Served) -> None:
    request = SpeechRequest(TEXT, model="espeak", voice="en-gb")
    events: list[ProgressEvent] = []
    async with RemoteHub(f"{server.url}/v1") as hub:
        speech = await hub.speak(request, events.append)
        remote = await drain(speech)
    async with TTSBackendManager() as manager:
        local = await drain(await manager.generate(request))
    words = [word for chunk in remote for word in chunk.words]
    assert [(w.text, w.span) for w in words] == [(w.text, w.span) for c in local for w in c.words]
    seconds = sum(chunk.seconds for chunk in remote)
    assert seconds == pytest.approx(sum(chunk.seconds for chunk in local), abs=0.05)
    report = speech.report
    assert (report.backend, report.voice, report.complete) == ("espeak", "en-gb", True)
    assert report.audio_seconds == pytest.approx(seconds)
    assert report.first_audio_seconds is not None
    assert [event.segment for event in events if event.stage == "segment"] == [0, 1, 2]
    assert {"queued", "first_audio", "finished"} <= {event.stage for event in events}


async def test_the_first_audio_comes_before_the_last_is_made(server: Served) -> None:
    server.script.chunk_delay = 0.05
    async with RemoteHub(server.url) as hub, aclosing(await hub.speak(FAKE, ignore)):
        assert not server.free()


async def test_closing_stops_the_engine_there(server: Served) -> None:
    server.script.chunk_delay = 0.05
    async with RemoteHub(server.url) as hub:
        speech = await hub.speak(FAKE, ignore)
        await speech.aclose()
        with anyio.fail_after(5):
            while not server.free():
                await anyio.sleep(0.02)
    assert server.fake.cancelled


async def test_a_stream_that_breaks_is_no_end(server: Served) -> None:
    server.script.fail_at = {1: 1}
    async with RemoteHub(server.url) as hub:
        heard: list[AudioChunk] = []
        speech = await hub.speak(FAKE, ignore)
        async with aclosing(speech):
            with pytest.raises(GenerationError):
                async for chunk in speech:
                    heard.append(chunk)
        assert sum(np.count_nonzero(chunk.samples) for chunk in heard)
        assert not speech.report.complete


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


async def test_a_key_is_asked_for_and_taken(locked: Served) -> None:
    async with RemoteHub(locked.url) as hub:
        with pytest.raises(UsageError, match="--api-key-file"):
            await hub.speak(FAKE, ignore)
    async with RemoteHub(locked.url, "s3cret") as hub:
        assert await drain(await hub.speak(FAKE, ignore))


async def test_the_catalogue_is_that_of_the_server(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        engines = {engine.name: engine for engine in (await hub.catalogue()).engines}
        assert engines["espeak"].ready
        assert "pitch" in engines["espeak"].options["properties"]
        assert engines["fake"].models == ("fake",)
        voices = await hub.voices("espeak")
        assert any(voice.language == "de" and voice.variants != () for voice in voices)


async def test_the_estimate_is_that_of_the_server(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        estimate = await hub.estimate(FAKE)
        assert (estimate.backend, estimate.segments, estimate.cost) == ("fake", 3, 0.0)


async def test_pulling_what_has_no_files_is_told(server: Served) -> None:
    async with RemoteHub(server.url) as hub:
        with pytest.raises(UnknownModelError, match="fake"):
            await hub.pull("fake", ignore)


@pytest.fixture
def fetching() -> type[Fetching]:
    return type("Fetching", (Fetching,), {})


@pytest.fixture
def fetcher(fetching: type[Fetching]) -> Generator[Served, None, None]:
    with served(fetching(name="fetching")) as running:
        yield running


async def test_a_model_is_pulled_there_with_progress(fetcher: Served, fetching: type[Fetching]) -> None:
    events: list[ProgressEvent] = []
    fetching.pause = 0.3
    async with RemoteHub(fetcher.url) as hub:
        engines = {engine.name: engine for engine in (await hub.catalogue()).engines}
        assert engines["fetching"].downloads[0].missing == ("net.bin",)
        await hub.pull("fetching", events.append)
        engines = {engine.name: engine for engine in (await hub.catalogue()).engines}
        assert engines["fetching"].downloads[0].missing == ()
    assert events
    assert {event.details["total_bytes"] for event in events} == {5_000_000}


async def test_hanging_up_stops_the_pull_there(fetcher: Served, fetching: type[Fetching]) -> None:
    fetching.pause = 0.3
    async with RemoteHub(fetcher.url) as hub:
        with anyio.move_on_after(0.8):
            await hub.pull("fetching", ignore)
        reached = fetching.stopped_at
        assert 0 < reached < 5
        await anyio.sleep(1.0)
    assert fetching.stopped_at <= reached + 1
    assert not fetching.here


async def test_a_pull_that_fails_there_is_told(fetcher: Served, fetching: type[Fetching]) -> None:
    fetching.error = BackendUnavailableError("secret words", backend="fetching", remedy="export HF_TOKEN=…")
    async with RemoteHub(fetcher.url) as hub:
        with pytest.raises(BackendUnavailableError, match="export HF_TOKEN") as caught:
            await hub.pull("fetching", ignore)
    assert "secret words" not in str(caught.value)


async def test_nobody_listens() -> None:
    async with RemoteHub("http://127.0.0.1:9") as hub:
        with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1:9") as caught:
            await hub.catalogue()
        assert caught.value.remedy == "tts-hub serve"


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1", "http://", "http://user:pass@127.0.0.1", "http://127.0.0.1:port", "file:///etc"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        RemoteHub(url)


class _Answering(BaseHTTPRequestHandler):
    """Another program's server."""

    status, body = 404, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
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
        (200, b"<html>", BackendUnavailableError),
        (200, b'{"auto": null, "engines": [{"name": "x"}]}', UsageError),
        (500, b"", GenerationError),
        (429, b"{}", RateLimitedError),
    ],
)
async def test_another_program_s_server(status: int, body: bytes, error: type[Exception]) -> None:
    handler = type("Handler", (_Answering,), {"status": status, "body": body})
    await _against(handler, lambda hub: hub.catalogue(), error)


@pytest.mark.parametrize(
    "body",
    [b"", b"no json\n", b"[1]\n", b'{"audio": "AAAA"}\n', b'{"error": {"message": "broke"}}\n'],
    ids=["nothing", "no json", "no object", "no end", "an error"],
)
async def test_lies_about_speech(body: bytes) -> None:
    async def speak(hub: RemoteHub) -> None:
        await drain(await hub.speak(FAKE, ignore))

    await _against(type("Handler", (_Answering,), {"status": 200, "body": body}), speak, GenerationError)


async def _against(
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
