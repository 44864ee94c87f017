"""What it costs to speak through another server: our own server behind our own, over the loopback.

Two servers are started: the upstream, with espeak-ng, and the proxy, which has the upstream as a service.
The same requests go to both in turns: first audio (raw samples that are not silent), CPU of the proxy per
second of audio, and many streams at once through the proxy, each held to what the upstream says itself.

    python benchmarks/remote_speed.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import numpy as np
import psutil
from anyio.abc import Process

SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody in the village knows why."
PARAGRAPH = f"{SENTENCE} Every morning the baker sees it, shakes his head, and goes on with his work. " * 5
RUNS = 100
STREAMS = 50
RATE = 24_000
AUDIBLE = 100
"""The least audible value of 16-bit audio, about -50 dBFS."""
PROXY_CONFIG = """
[audio]
loudness = "off"
[remote.up]
kind = "openai"
url = "{url}"
concurrency = 64
[server]
api_keys = []
"""
UPSTREAM_CONFIG = """
[audio]
loudness = "off"
"""


def say(line: str) -> None:
    """One result."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def server(config: str) -> AsyncGenerator[tuple[str, psutil.Process], None]:
    """A server of ours in a process of its own: its address, and the process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "tts_hub", "--config", str(file), "serve", "--port", "0"]
        async with await anyio.open_process(command, stdout=None) as process:
            try:
                yield await _address(process), psutil.Process(process.pid)
            finally:
                process.terminate()
                await process.wait()


async def _address(process: Process) -> str:
    said = ""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    async for data in process.stderr:
        said += data.decode()
        if "/v1;" in said:
            return said[said.index("http://") : said.index("/v1;")]
    raise SystemExit(f"the server did not start: {said}")


async def spoken(client: httpx.AsyncClient, url: str, model: str, text: str) -> tuple[float, bytes]:
    """Milliseconds to the first audible sample, and all samples."""
    body = {"model": model, "voice": "en-us", "input": text, "response_format": "pcm"}
    began = time.perf_counter()
    first, data = 0.0, b""
    async with client.stream("POST", f"{url}/v1/audio/speech", json=body) as response:
        response.raise_for_status()
        async for piece in response.aiter_bytes():
            data += piece
            if not first and np.abs(np.frombuffer(data[: len(data) & ~1], "<i2")).max(initial=0) > AUDIBLE:
                first = (time.perf_counter() - began) * 1000
    return first, data


async def latency(client: httpx.AsyncClient, upstream: str, proxy: str) -> None:
    """First audio of a sentence, in turns."""
    times: dict[str, list[float]] = {upstream: [], proxy: []}
    for run in range(RUNS + 5):
        for url, model in ((upstream, "espeak"), (proxy, "up/espeak")):
            first, _ = await spoken(client, url, model, SENTENCE)
            if run >= 5:
                times[url].append(first)
    direct, proxied = times[upstream], times[proxy]
    added = [two - one for one, two in zip(direct, proxied, strict=True)]
    say(
        f"first audio of a sentence: upstream {statistics.median(direct):.1f} ms, through the proxy "
        f"{statistics.median(proxied):.1f} ms, added {statistics.median(added):.1f} ms median, "
        f"{statistics.quantiles(added, n=20)[18]:.1f} ms p95"
    )


async def cpu(client: httpx.AsyncClient, proxy: str, process: psutil.Process) -> None:
    """CPU time of the proxy per second of audio."""
    seconds = 0.0
    before = sum(process.cpu_times()[:2])
    for _ in range(20):
        _, data = await spoken(client, proxy, "up/espeak", PARAGRAPH)
        seconds += len(data) / 2 / RATE
    used = sum(process.cpu_times()[:2]) - before
    say(f"CPU of the proxy per second of audio: {used * 1000 / seconds:.1f} ms ({seconds:.0f} s of speech)")


async def many(client: httpx.AsyncClient, upstream: str, proxy: str) -> None:
    """Streams at once, each held to what the upstream says alone."""
    texts = [f"Number {number}. {SENTENCE}" for number in range(STREAMS)]
    alone = [len((await spoken(client, upstream, "espeak", text))[1]) for text in texts]
    together: dict[int, tuple[float, int]] = {}

    async def one(number: int) -> None:
        first, data = await spoken(client, proxy, "up/espeak", texts[number])
        together[number] = (first, len(data))

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(STREAMS):
            tasks.start_soon(one, number)
    wall = time.perf_counter() - began
    right = sum(abs(together[n][1] - alone[n]) < 0.05 * alone[n] for n in range(STREAMS))
    say(
        f"{STREAMS} proxied streams at once: {right} right in {wall:.2f} s, first audio "
        f"{statistics.median(first for first, _ in together.values()):.0f} ms median, "
        f"{max(first for first, _ in together.values()):.0f} ms last"
    )


async def main() -> None:
    """Measure all."""
    async with (
        server(UPSTREAM_CONFIG) as (upstream, _),
        server(PROXY_CONFIG.format(url=upstream)) as (proxy, process),
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        await latency(client, upstream, proxy)
        await cpu(client, proxy, process)
        await many(client, upstream, proxy)


if __name__ == "__main__":
    anyio.run(main)
