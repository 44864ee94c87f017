"""The faces that are measured: the library in this process, and any OpenAI-compatible server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
import httpx

from tts_hub.bench.arrivals import Part
from tts_hub.bench.texts import BenchText
from tts_hub.errors import OutputError
from tts_hub.manager import TTSBackendManager
from tts_hub.types import RequestFields

TIMEOUT = 300.0
"""Seconds that one request may take."""
STARTUP = 60.0
"""Seconds in which our own server must be up."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every request of a configuration asks for."""

    model: str = "auto"
    voice: str | None = None
    response_format: str = "wav"


class Target(Protocol):
    """A face."""

    name: str
    pid: int | None
    """The process that does the work; None when it is not on this machine."""

    async def speak(self, job: Job, text: BenchText) -> list[Part]:
        """The parts of one body, as they came.

        Raises:
            TTSHubError: the request failed, or broke off.
        """


class LibraryTarget:
    """`manager.stream` in this process."""

    def __init__(self, manager: TTSBackendManager) -> None:
        self.name = "library"
        self.pid: int | None = os.getpid()
        self._manager = manager

    async def speak(self, job: Job, text: BenchText) -> list[Part]:
        """The bytes of `manager.stream`."""
        fields = RequestFields(model=job.model, response_format=job.response_format, language=text.language)
        if job.voice is not None:
            fields = RequestFields(model=job.model, response_format=job.response_format, voice=job.voice)
        parts: list[Part] = []
        began = time.perf_counter()
        async with await self._manager.stream(text.text, **fields) as speech:
            async for data in speech:
                parts.append(Part(time.perf_counter() - began, data))
        return parts


class HttpTarget:
    """`POST /v1/audio/speech` of a server, ours or another."""

    def __init__(
        self,
        url: str,
        client: httpx.AsyncClient,
        *,
        name: str = "",
        pid: int | None = None,
        ours: bool = False,
    ) -> None:
        self.name = name or url
        self.pid = pid
        self._url = url.rstrip("/")
        self._client = client
        self._ours = ours

    async def speak(self, job: Job, text: BenchText) -> list[Part]:
        """The chunks of the body."""
        body = {"input": text.text, "model": job.model, "response_format": job.response_format}
        if job.voice is not None or not self._ours:
            body["voice"] = job.voice or "alloy"
        else:
            body["language"] = text.language
        parts: list[Part] = []
        began = time.perf_counter()
        try:
            async with self._client.stream("POST", f"{self._url}/audio/speech", json=body) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise OutputError(f"{self._url} answered {response.status_code}: {response.text[:200]}")
                async for data in response.aiter_raw():
                    parts.append(Part(time.perf_counter() - began, data))
        except httpx.HTTPError as exc:
            raise OutputError(f"{self._url} broke off: {type(exc).__name__}: {exc}") from exc
        if not parts:
            raise OutputError(f"{self._url} answered without a body")
        return parts


@asynccontextmanager
async def http_target(url: str, api_key: str | None = None) -> AsyncGenerator[HttpTarget, None]:
    """A server that runs already; `url` is its base, up to and with `/v1`."""
    async with _client(api_key) as client:
        yield HttpTarget(url, client)


@asynccontextmanager
async def own_server(config_file: Path | None = None) -> AsyncGenerator[HttpTarget, None]:
    """Our own server, started on a free port in a process of its own and stopped at the end.

    Raises:
        OutputError: it does not come up.
    """
    command = [sys.executable, "-m", "tts_hub", *(["--config", str(config_file)] if config_file else [])]
    process = subprocess.Popen([*command, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        url = await anyio.to_thread.run_sync(_url_said_by, process)
        async with _client(None) as client:
            yield HttpTarget(url, client, name="http", pid=process.pid, ours=True)
    finally:
        process.terminate()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(process.communicate)


def _client(api_key: str | None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    return httpx.AsyncClient(headers=headers, timeout=TIMEOUT, limits=limits, trust_env=False)


def _url_said_by(process: subprocess.Popen[str]) -> str:
    """The address in the server's first line."""
    deadline = time.monotonic() + STARTUP
    said = ""
    while process.stderr is not None and time.monotonic() < deadline:
        said = process.stderr.readline()
        if " at http" in said:
            return said.split(" at ")[1].split(";")[0].strip()
        if process.poll() is not None:
            break
    raise OutputError(f"the server did not start: {said.strip() or 'it said nothing'}")
