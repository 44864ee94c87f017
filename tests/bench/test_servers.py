"""Servers of all kinds: an answer that is not whole speech is a failure that names its content."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.bench.local_server import chunk, good, head, serving, tone, whole
from tests.waiting import until
from tts_hub.bench import servers
from tts_hub.bench.judging import expect
from tts_hub.bench.result import Cell
from tts_hub.bench.running import Load, run_cell
from tts_hub.bench.servers import http_target, own_server
from tts_hub.bench.targets import Job, Setup
from tts_hub.bench.texts import bench_text
from tts_hub.errors import OutputError, TTSHubError

pytestmark = pytest.mark.anyio
TEXT = bench_text("sentence")


async def measured(url: str, load: Load, response_format: str = "wav") -> Cell:
    async with http_target(url) as target:
        side = Setup("A", target, Job("m", response_format=response_format))
        return await run_cell(side, TEXT, load, await expect(side, TEXT), seed=1)


async def refused(answer: bytes, response_format: str = "wav") -> str:
    """The failures that the benchmark reports for an answer."""

    async def answering(writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with serving(answering) as url:
        with pytest.raises(TTSHubError) as caught:
            await measured(url, Load(), response_format)
    return str(caught.value)


async def test_a_good_server_is_measured() -> None:
    async with serving(good) as url:
        cell = await measured(url, Load(streams=3, requests=6))
    assert (len(cell.samples), cell.failures) == (6, [])
    assert cell.samples[0].audio_seconds == pytest.approx(6.0, abs=0.1)
    assert cell.cpu_seconds is None
    assert cell.client_cpu_seconds is not None


async def test_an_answer_that_is_not_speech_is_a_failure_that_names_its_content() -> None:
    speech = tone(6.0)
    assert "answered 500: oops" in await refused(whole(b"oops", "500 Internal Server Error"))
    assert "not with audio: <html>" in await refused(whole(b"<html>" * 9_000, kind="text/html"), "pcm")
    assert "without a body" in await refused(whole(b""))
    assert "broke off" in await refused(head() + chunk(speech[:9_000]))
    assert "cannot be decoded" in await refused(whole(b"nonsense" * 100))
    assert "mp3 was asked for, the body is pcm_s16le" in await refused(whole(speech), "mp3")
    assert "of silence" in await refused(whole(speech[:44] + bytes(len(speech) - 44)))
    assert "middle of a page" in await refused(whole(tone(6.0, "opus")[:-99]), "opus")


async def test_a_base_url_without_v1_is_pointed_out() -> None:
    async with serving(good) as url:
        with pytest.raises(OutputError, match=re.escape(f"did you mean {url}?")):
            await measured(url.removesuffix("/v1"), Load())


async def test_one_stream_in_many_that_is_cut_is_a_failure() -> None:
    """A tenth is missing: less than a comparison with the sentences one by one could show."""
    answers = iter(range(100))

    async def sometimes_short(writer: asyncio.StreamWriter, body: bytes) -> None:
        cut = len(body) * 9 // 10 // 2 * 2
        writer.write(whole(body[:cut] if next(answers) == 5 else body))

    async with serving(sometimes_short) as url:
        cell = await measured(url, Load(requests=12))
    assert (len(cell.samples), len(cell.failures)) == (11, 1)
    assert cell.failures[0].startswith("too short")


async def test_a_server_that_never_ends_is_left() -> None:
    async def trickling(writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(head())
        while True:
            writer.write(chunk(body[:10]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(trickling) as url, http_target(url) as target:
        with pytest.raises(OutputError, match=r"did not finish within 0\.3 s"):
            await Setup("A", target, Job(), timeout=0.3).speak(TEXT)


async def test_the_client_adds_little_with_many_streams() -> None:
    """One client for 100 connections took seconds; a bound that leaves room for a busy machine."""

    async def after_a_while(writer: asyncio.StreamWriter, body: bytes) -> None:
        await asyncio.sleep(0.2)
        writer.write(whole(body))

    async with serving(after_a_while) as url:
        cell = await measured(url, Load(streams=100, requests=200))
    assert not cell.failures
    assert cell.client_cpu_seconds is not None
    assert cell.client_cpu_seconds / 200 < 0.02  # the server's part of this process is in it


async def test_the_figures_agree_with_the_metrics_of_the_server() -> None:
    async with own_server() as target:
        side = Setup("A", target, Job(response_format="pcm"))
        expectation = await expect(side, TEXT)
        before = await metrics(target)
        cell = await run_cell(side, TEXT, Load(requests=10), expectation, seed=1)
        after = await metrics(target)
    added = {name: after[name] - before.get(name, 0.0) for name in after}
    samples = cell.samples
    assert added["tts_time_to_first_audio_seconds_count"] == len(samples) == 10
    assert added["tts_audio_seconds_total"] == pytest.approx(sum(s.audio_seconds for s in samples), rel=0.001)
    first_audio = sum(s.first_audio for s in samples) / 10
    assert 0 <= first_audio - added["tts_time_to_first_audio_seconds_sum"] / 10 < 0.05
    factor = sum(s.real_time_factor for s in samples) / 10
    assert 0 < added["tts_real_time_factor_sum"] / 10 < factor


async def metrics(target: servers.HttpTarget) -> dict[str, float]:
    """Each metric of the server, over all labels."""
    found: dict[str, float] = {}
    async with target.clients.one() as client:
        text = (await client.get(f"{target.url.removesuffix('/v1')}/metrics")).text
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found


async def test_our_server_starts_whatever_its_settings_and_says_why_if_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TTS_HUB_SERVER__API_KEYS", "sha256:" + 64 * "0")
    async with own_server() as target:
        assert await target.speak(Job(), bench_text("word"))
    monkeypatch.setenv("TTS_HUB_SERVER__PORT", "nonsense")
    with pytest.raises(OutputError, match=r"the server did not start: .*port"):
        async with own_server():
            pass


async def test_a_server_that_talks_a_lot_is_not_blocked_and_one_that_stays_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('speaks at http://x/v1; ready', file=sys.stderr, flush=True);"
        "print('x' * 200_000, file=sys.stderr, flush=True);"
        "open('done', 'w').close(); time.sleep(600)"
    )
    monkeypatch.setattr(servers, "FAREWELL", 0.2)
    real = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **given: real([command[0], "-c", script], **given)
    )
    async with own_server() as target:
        assert target.url == "http://x/v1"
        await until(Path("done").exists)
        asked_to_end = time.monotonic()
    assert time.monotonic() - asked_to_end < 50, "its own end is 600 s away"
