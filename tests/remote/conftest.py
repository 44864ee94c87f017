"""Services that run on this machine, for tests of remote engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest

from tests.remote.alltalk_server import AllTalkServer, piper, version_1
from tests.remote.elevenlabs_server import ElevenLabsServer
from tests.remote.openai_server import KokoroServer, OpenAIServer, Ways
from tests.remote.speaking import OPEN
from tests.server.conftest import Serve, served


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide a developer's own keys from the tests."""
    for name in ("OPENAI_API_KEY", "ELEVENLABS_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
async def engines_are_closed(anyio_backend: str) -> AsyncGenerator[None, None]:
    yield
    while OPEN:
        await OPEN.pop().aclose()


@pytest.fixture
def serve() -> Serve:
    return served


@pytest.fixture
def plain() -> Generator[OpenAIServer, None, None]:
    with OpenAIServer(
        Ways(voices={"voices": ["alloy", "nova"]}, pitches={"nova": 700.0})
    ).serving() as service:
        yield service


@pytest.fixture
def kokoro() -> Generator[KokoroServer, None, None]:
    with KokoroServer(Ways(pitches={"af_bella": 700.0})).serving() as service:
        yield service


@pytest.fixture
def alltalk_1() -> Generator[AllTalkServer, None, None]:
    with AllTalkServer(version_1()).serving() as service:
        yield service


@pytest.fixture
def alltalk_2() -> Generator[AllTalkServer, None, None]:
    with AllTalkServer().serving() as service:
        yield service


@pytest.fixture
def alltalk_files() -> Generator[AllTalkServer, None, None]:
    """Version 2 with Piper, which cannot stream."""
    with AllTalkServer(piper()).serving() as service:
        yield service


@pytest.fixture
def elevenlabs() -> Generator[ElevenLabsServer, None, None]:
    with ElevenLabsServer().serving() as service:
        yield service
