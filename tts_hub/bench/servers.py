"""OpenAI-compatible servers, ours and others, measured from outside."""

from __future__ import annotations

import os
import secrets
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO

import anyio
import httpx

from tts_hub.bench.arrivals import Part
from tts_hub.bench.targets import Job
from tts_hub.bench.texts import BenchText
from tts_hub.errors import OutputError

STARTUP = 60.0
"""Seconds that our own server has to start."""
FAREWELL = 10.0
"""Seconds that it has to end."""
POLLING = 0.02
"""Seconds between two looks at a process."""


class HttpTarget:
    """`POST /v1/audio/speech` of a server, ours or another."""

    def __init__(
        self, url: str, clients: Clients, *, name: str = "", pid: int | None = None, ours: bool = False
    ) -> None:
        self.name = name or url
        self.pid = pid
        self.url = url.rstrip("/")
        self.clients = clients
        self._ours = ours

    async def speak(self, job: Job, text: BenchText) -> list[Part]:
        """Request the speech; the chunks of its body."""
        body: dict[str, object] = {
            "input": text.text,
            "model": job.model,
            "response_format": job.response_format,
        }
        if self._ours:
            body["stream"] = True  # a short wav would be held back to become a finished file
        if job.voice is not None or not self._ours:
            body["voice"] = job.voice or "alloy"
        else:
            body["language"] = text.language
        parts: list[Part] = []
        try:
            async with self.clients.one() as client:
                began = time.perf_counter()
                async with client.stream("POST", f"{self.url}/audio/speech", json=body) as response:
                    await self._check(response)
                    async for data in response.aiter_raw():
                        parts.append(Part(time.perf_counter() - began, data))
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise OutputError(f"{self.url} broke off: {type(exc).__name__}: {exc}") from exc
        if not parts:
            raise OutputError(f"{self.url} answered without a body")
        return parts

    async def _check(self, response: httpx.Response) -> None:
        kind = response.headers.get("content-type", "")
        if response.status_code == httpx.codes.OK and not kind.startswith(("text/", "application/json")):
            return
        await response.aread()
        said = " ".join(response.text[:200].split())
        if response.status_code == httpx.codes.OK:
            raise OutputError(f"{self.url} answered with {kind}, not with audio: {said}")
        hint = ""
        if response.status_code == httpx.codes.NOT_FOUND and not self.url.endswith("/v1"):
            hint = f" (the base URL of OpenAI's API ends in /v1: did you mean {self.url}/v1?)"
        raise OutputError(f"{self.url} answered {response.status_code}: {said}{hint}")


class Clients:
    """HTTP clients of one connection each, used again when they are free.

    One client for all connections looks through all of them for each request: with 200 streams that takes
    longer than the speech, and would be measured as the server's time.
    """

    def __init__(self, api_key: str | None, stack: AsyncExitStack) -> None:
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._stack = stack
        self._trusted = ssl.create_default_context()  # once: it takes longer than a sentence of espeak's
        self._free: list[httpx.AsyncClient] = []

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """A client that is not used elsewhere meanwhile."""
        if self._free:
            client = self._free.pop()
        else:
            unlimited = httpx.Timeout(None)  # `Setup.timeout` limits the request as a whole
            client = httpx.AsyncClient(
                headers=self._headers, timeout=unlimited, verify=self._trusted, trust_env=False
            )
            await self._stack.enter_async_context(client)
        try:
            yield client
        finally:
            self._free.append(client)


@asynccontextmanager
async def http_target(url: str, api_key: str | None = None) -> AsyncGenerator[HttpTarget, None]:
    """A server that runs already; `url` is its base URL, `/v1` included."""
    async with AsyncExitStack() as stack:
        yield HttpTarget(url, Clients(api_key, stack))


@asynccontextmanager
async def own_server(config_file: Path | None = None) -> AsyncGenerator[HttpTarget, None]:
    """Our own server, started on a free port in a process of its own and stopped at the end.

    Raises:
        OutputError: it does not start.
    """
    command = [sys.executable, "-m", "tts_hub", *(["--config", str(config_file)] if config_file else [])]
    # The server may be configured with a key of which only the hash is known here.
    key = f"bench-{secrets.token_hex()}"
    environ = os.environ | {"TTS_HUB_SERVER__API_KEYS": key}
    async with AsyncExitStack() as stack:
        # A pipe would block the server once it is full.
        said = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        command += ["serve", "--host", "127.0.0.1", "--port", "0"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, env=environ
        )
        stack.push_async_callback(_stop, process)
        url = await _url_greeted_by(process, said)
        yield HttpTarget(url, Clients(key, stack), name="http", pid=process.pid, ours=True)


async def _url_greeted_by(process: subprocess.Popen[bytes], file: IO[bytes]) -> str:
    """The URL in the server's greeting."""
    with anyio.move_on_after(STARTUP):
        while True:
            over = process.poll() is not None
            lines = os.pread(file.fileno(), 65_536, 0).decode(errors="replace").splitlines(keepends=True)
            for line in lines:
                if " at http" in line and line.endswith("\n"):
                    return line.split(" at ")[1].split(";")[0].strip()
            if over:
                last = lines[-1].strip() if lines else "it printed nothing"
                raise OutputError(f"the server did not start: {last}")
            await anyio.sleep(POLLING)
    raise OutputError(f"the server did not start within {STARTUP:g} s")


async def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(FAREWELL):
            while process.poll() is None:  # noqa: ASYNC110 - a process is no event
                await anyio.sleep(POLLING)
        process.kill()
        process.wait()
