"""Many streams in all formats against a server of its own, a part of them hung up on at a random moment.

Every whole stream is decoded and held to the length of its text spoken alone. In the end all places are free,
and what the server holds (descriptors, memory, child processes) is what it held after the first streams. Exit
code 1 if not. How fast `/health` answers meanwhile is asked from a process of its own.

    python benchmarks/soak.py --streams 10000
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import anyio
import av
import httpx
from anyio import to_process
from anyio.abc import Process

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
TEXTS = (
    "Hello.",
    "The quick brown fox jumps over the lazy dog.",
    "Every morning the baker sees it, shakes his head, and goes on with his work. Nobody knows why. " * 2,
)
CLIENTS = 24
ABORTED = 0.25
"""Share of the streams that are hung up on, before their first byte or after it."""
WARM_UP = 0.05
"""Share of the streams after which memory and descriptors are taken down for the first time."""
TOLERANCE = 0.12
"""Seconds by which a format may be longer or shorter than the samples it was made of."""
MORE_DESCRIPTORS = 5
MORE_MEMORY = 0.1
"""What the server may hold in the end on top of what it held after the warm-up: a share of the memory."""
HEALTH_PAUSE = 0.05
"""Seconds between two questions about the health."""


@dataclass(slots=True)
class Soak:
    """One run and what came of it."""

    url: str
    process: Process
    counts: Counter[str] = field(default_factory=Counter)
    corrupt: list[str] = field(default_factory=list)
    lengths: dict[tuple[str, str], float] = field(default_factory=dict)
    """(text, format) -> seconds when spoken alone."""

    async def reference(self) -> None:
        """Speak every text alone in every format."""
        async with self._connected() as http:
            for text in TEXTS:
                for name in FORMATS:
                    answer = await http.post("/v1/audio/speech", json=_body(text, name))
                    self.lengths[text, name] = _seconds(answer.content, name)

    async def run(self, streams: int, seconds: float, seed: int) -> None:
        """So many streams, `CLIENTS` at a time, for so long at most."""
        numbers = iter(range(streams))
        with anyio.move_on_after(seconds):
            async with self._connected() as http, anyio.create_task_group() as tasks:
                for _ in range(CLIENTS):
                    tasks.start_soon(self._client, http, numbers, seed)

    async def until_free(self) -> float:
        """Seconds until nothing is in flight; at most ten."""
        began = time.perf_counter()
        with anyio.move_on_after(10):
            while (await self.metrics())["tts_requests_in_flight"]:  # noqa: ASYNC110 - another process
                await anyio.sleep(0.02)
        return time.perf_counter() - began

    async def metrics(self) -> Counter[str]:
        """Metric with its labels -> value; families without labels are summed."""
        async with self._connected() as http:
            lines = (await http.get("/metrics")).text.splitlines()
        values: Counter[str] = Counter()
        for line in lines:
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name.partition("{")[0]] += float(value)  # type: ignore[assignment]
        return values

    def _connected(self) -> httpx.AsyncClient:
        """Connections that are closed at the end: what the server holds then is not theirs."""
        limits = httpx.Limits(max_connections=CLIENTS + 4, keepalive_expiry=30)
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60, limits=limits)

    async def _client(self, http: httpx.AsyncClient, numbers: Iterator[int], seed: int) -> None:
        for number in numbers:
            chance = random.Random(f"{seed}/{number}")  # noqa: S311 - a seeded choice, no secret
            text, name = chance.choice(TEXTS), FORMATS[number % len(FORMATS)]
            try:
                if chance.random() < ABORTED:
                    await self._abort(http, text, name, chance.uniform(0, 0.15))
                else:
                    await self._whole(http, text, name)
            except httpx.HTTPError as exc:
                self._note(number, name, f"{type(exc).__name__}: {exc}")

    async def _whole(self, http: httpx.AsyncClient, text: str, name: str) -> None:
        answer = await http.post("/v1/audio/speech", json=_body(text, name))
        if answer.status_code != 200:
            self._note(0, name, f"status {answer.status_code}: {answer.text[:100]}")
            return
        seconds = await to_process.run_sync(_seconds, answer.content, name)
        self.counts["whole"] += 1
        if abs(seconds - self.lengths[text, name]) > TOLERANCE:
            self._note(0, name, f"{seconds:.2f} s long instead of {self.lengths[text, name]:.2f} s")

    async def _abort(self, http: httpx.AsyncClient, text: str, name: str, after: float) -> None:
        with anyio.move_on_after(after):
            async with http.stream("POST", "/v1/audio/speech", json=_body(text * 5, name)) as response:
                async for _ in response.aiter_raw():
                    self.counts["aborted after the first byte"] += 1
                    await anyio.sleep(after)
                    break
                self.counts["aborted"] += 1
                return
        self.counts["aborted"] += 1

    def _note(self, number: int, name: str, what: str) -> None:
        self.corrupt.append(f"{name}, stream {number}: {what}")


def _body(text: str, name: str) -> dict[str, str]:
    return {"model": "espeak", "voice": "alloy", "input": text, "response_format": name}


def _seconds(data: bytes, name: str) -> float:
    """Length of the audio by decoding it; 0 for what is no audio."""
    if name == "pcm":
        return len(data) / 2 / 24_000
    try:
        with av.open(io.BytesIO(data), "r") as container:
            return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    except (av.error.FFmpegError, IndexError):
        return 0.0


@dataclass(slots=True)
class Health:
    """What `/health` said, and how fast."""

    seconds: list[float] = field(default_factory=list)
    unwell: int = 0

    @property
    def p99(self) -> float:
        """Seconds."""
        return statistics.quantiles(self.seconds, n=100)[98] if len(self.seconds) > 1 else 0.0


@contextmanager
def _watched_health(url: str) -> Generator[Health, None, None]:
    """Ask now and then from another process, which the load does not slow down; known when it is over."""
    here, there = multiprocessing.Pipe()
    watcher = multiprocessing.get_context("spawn").Process(target=_watch_health, args=(url, there))
    watcher.start()
    health = Health()
    try:
        yield health
    finally:
        here.send("stop")
        found: Health = here.recv()
        health.seconds, health.unwell = found.seconds, found.unwell
        watcher.join()


def _watch_health(url: str, pipe: Connection) -> None:
    health = Health()
    with httpx.Client(base_url=url, trust_env=False) as http:
        while not pipe.poll(HEALTH_PAUSE):
            began = time.perf_counter()
            answer = http.get("/health")
            health.seconds.append(time.perf_counter() - began)
            health.unwell += answer.status_code != 200
    pipe.send(health)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Held(NamedTuple):
    """What the server holds."""

    file_descriptors: int
    megabytes_of_memory: float
    child_processes: int


def _held(process: Process) -> Held:
    proc = Path(f"/proc/{process.pid}")
    memory = int(re.search(r"VmRSS:\s+(\d+)", (proc / "status").read_text())[1]) / 1000  # type: ignore[index]
    children = (proc / "task" / str(process.pid) / "children").read_text().split()
    return Held(len(list((proc / "fd").iterdir())), memory, len(children))


async def _greeted(process: Process) -> str:
    greeting = b""
    while b"Try:" not in greeting and process.stderr is not None:
        greeting += await process.stderr.receive()
    return str(re.findall(r"http://[\d.]+:\d+", greeting.decode())[0])


async def _soak(streams: int, seconds: float, seed: int) -> bool:
    command = [sys.executable, "-c", "from tts_hub.cli import main; main()", "serve", "--port", "0"]
    environment = os.environ | {"TTS_HUB_LIMITS__MAX_QUEUE": "200"}
    async with await anyio.open_process(command, stderr=PIPE, env=environment) as process:
        url = await _greeted(process)
        warm_up = Soak(url, process)
        await warm_up.reference()
        await warm_up.run(round(streams * WARM_UP), seconds, seed + 1)
        await warm_up.until_free()
        before = _held(process)
        soak = Soak(url, process, lengths=warm_up.lengths)
        began = time.perf_counter()
        with _watched_health(url) as health:
            await soak.run(streams, seconds, seed)
        took = time.perf_counter() - began
        right = await _told(soak, before, took, health)
        process.terminate()
        code = await process.wait()
        _say(f"SIGTERM: exit code {code}")
        return right and code == 0


async def _told(soak: Soak, before: Held, took: float, health: Health) -> bool:
    freed = await soak.until_free()
    metrics = await soak.metrics()
    after = _held(soak.process)
    busy = metrics["tts_requests_in_flight"] + metrics["tts_active_segments"] + metrics["tts_queue_depth"]
    counts = soak.counts
    _say(
        f"{counts['whole']} streams whole, {counts['aborted']} hung up on "
        f"({counts['aborted after the first byte']} after the first byte) in {took:.0f} s"
    )
    _say(f"corrupt: {len(soak.corrupt)}")
    for line in soak.corrupt[:10]:
        _say(f"  {line}")
    _say(f"still busy: {busy:.0f}; free {freed * 1000:.0f} ms after the last")
    for name in Held._fields:
        _say(
            f"{name.replace('_', ' ')}: {getattr(before, name):.0f} before, {getattr(after, name):.0f} after"
        )
    _say(f"/health p99 {health.p99 * 1000:.1f} ms in {len(health.seconds)} calls, {health.unwell} not well")
    return (
        not soak.corrupt
        and not busy
        and after.file_descriptors <= before.file_descriptors + MORE_DESCRIPTORS
        and after.megabytes_of_memory <= before.megabytes_of_memory * (1 + MORE_MEMORY)
        and after.child_processes == before.child_processes
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=3_600.0, help="longest time of the run")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.exit(not anyio.run(_soak, given.streams, given.seconds, given.seed))


if __name__ == "__main__":
    main()
