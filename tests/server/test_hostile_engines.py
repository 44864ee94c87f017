"""Engines that exit, lie and hang behind a real server: what clients see, and how the process ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.engines.hostile import (
    BadBackend,
    close_raising,
    giving,
    odd,
    raising,
    raising_in_another_thread,
    raising_later,
)
from tests.server.conftest import PATIENCE, Serve, speech_bytes, wait_for
from tts_hub import Capabilities
from tts_hub.config import parse_config
from tts_hub.errors import ConfigError
from tts_hub.server import create_app
from tts_hub.system.signals import INTERRUPTED

LISTS = ["/health", "/v1/models", "/v1/audio/voices", "/v1/engines", "/v1/audio/models", "/metrics"]
FAULTY: dict[str, Callable[[], Any]] = {
    "exits when it loads": lambda: BadBackend(load=raising_later(SystemExit)),
    "exits in a thread": lambda: BadBackend(load=raising_in_another_thread(KeyboardInterrupt)),
    "exits instead of speaking": lambda: BadBackend(generate_stream=raising(SystemExit)),
    "exits when it is asked": lambda: BadBackend(voices=raising_later(KeyboardInterrupt)),
    "says nothing of whether it can": lambda: BadBackend(availability=lambda self, settings: None),
    "exits when asked whether it can": lambda: BadBackend(availability=raising(SystemExit)),
    "does nothing at once": lambda: BadBackend(capabilities=Capabilities(concurrency=0)),
    "ends by banana": lambda: giving(odd(finish_reason="banana")),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_engine_fails_its_own_requests_only(fault: str, serve: Serve) -> None:
    with serve(FAULTY[fault]()) as server, httpx.Client(base_url=server.url, timeout=PATIENCE) as http:
        for _ in range(2):
            answer = server.speak(model="bad", response_format="mp3")
            assert answer.status_code in {500, 503}
            assert answer.json()["error"]["code"]
            assert {path: http.get(path).status_code for path in LISTS} == dict.fromkeys(LISTS, 200)
            assert server.speak().status_code == 200


def test_requests_continue_after_an_idle_engine_failed_to_close(serve: Serve) -> None:
    engine = BadBackend(aclose=close_raising)
    with serve(engine, limits={"idle_unload": 0.05}) as server:
        for name in ("bad", "fake", "bad", "fake"):
            assert server.speak(model=name).status_code == 200
            wait_for(lambda: all(status.state != "ready" for status in server.status()))
        assert httpx.get(f"{server.url}/health").json()["status"] == "ok"


@pytest.mark.anyio
async def test_health_shows_a_hub_that_cannot_serve() -> None:
    app = create_app(parse_config({}))  # its manager is not open
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not serving"


@pytest.mark.parametrize("section", [{"espeak": {"voicce": "en"}}, {"espeakk": {}}, {"espeak": {"voice": 7}}])
def test_a_wrong_section_of_an_engine_is_refused_before_the_server_starts(section: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="espeak"):
        create_app(parse_config({"backends": section}))


# --- ending -----------------------------------------------------------------------------------------------

STUBBORN = """
import os, time
import anyio
from tts_hub.testing import FakeBackend

class Stubborn(FakeBackend):
    name = "stubborn"

    def __init__(self, settings=None):
        super().__init__(settings, name="stubborn")

    async def generate_stream(self, request, on_progress=None):
        await hang("generate")
        async for chunk in super().generate_stream(request):
            yield chunk

    async def aclose(self):
        await hang("close")

async def hang(place):
    if os.environ["HANGS"].startswith(place):
        open(os.environ["HUNG"], "w").close()
    if os.environ["HANGS"] == f"{place} on the loop":
        time.sleep(600)
    elif os.environ["HANGS"] == f"{place} in a thread":
        await anyio.to_thread.run_sync(time.sleep, 600)
"""


@contextmanager
def stubborn(folder: Path, hangs: str) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """A server with an engine that hangs somewhere, and its address."""
    (folder / "stubborn.py").write_text(STUBBORN)
    info = folder / "stubborn-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stubborn\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tts_hub.backends]\nstubborn = stubborn:Stubborn\n")
    path = os.pathsep.join([str(folder), *(part for part in sys.path if part)])
    process = subprocess.Popen(
        [sys.executable, "-m", "tts_hub", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"PYTHONPATH": path, "HANGS": hangs, "HUNG": str(folder / "hung")}
        | {"TTS_HUB_SERVER__SHUTDOWN_GRACE": "600"},
    )
    try:
        assert process.stderr is not None
        greeting = process.stderr.readline() + process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", greeting)
        assert found, greeting
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "hangs", ["close on the loop", "close in a thread", "generate on the loop", "generate in a thread"]
)
@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)])
def test_a_second_signal_ends_the_process_whatever_an_engine_does(
    hangs: str, signals: tuple[signal.Signals, signal.Signals], tmp_path: Path
) -> None:
    first, second = signals
    with stubborn(tmp_path, hangs) as (process, url), socket.socket() as client:
        host, port = url.removeprefix("http://").split(":")
        client.connect((host, int(port)))
        client.sendall(speech_bytes(model="stubborn"))
        if hangs.startswith("close"):
            assert client.recv(8) == b"HTTP/1.1"
            client.close()
            process.send_signal(first)
        wait_for((tmp_path / "hung").exists)
        if hangs.startswith("generate"):
            process.send_signal(first)
        assert process.poll() is None
        process.send_signal(second)
        assert process.wait(PATIENCE) == INTERRUPTED
