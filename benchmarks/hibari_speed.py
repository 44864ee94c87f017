"""hibari through the hub, beside its own API, in turns in one process.

In each round both do the same once, A B A B; figures are medians of the rounds, and a ratio is the median of
the rounds' ratios with its range in brackets.

    python benchmarks/hibari_speed.py                  # half a minute on two cores
    python benchmarks/hibari_speed.py --rounds 40 --json result.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import psutil
from hibari import Hibari

from tts_hub import TTSBackendManager
from tts_hub.bench.texts import bench_text
from tts_hub.config import Config

SHORT = "Good morning, how are you today?"
RATE = 24_000
PAGE_ROUNDS = 3
FIRST_AUDIO_GOAL, RATIO_GOAL, PAGE_GOAL, MEMORY_GOAL = 0.06, 1.3, 0.03, 250
"""Seconds, times the direct call, seconds of work for a second of audio, and MB."""


async def first_audio(hub: TTSBackendManager) -> float:
    """Seconds from the call to the first samples of the short sentence."""
    began = time.perf_counter()
    async with await hub.generate(SHORT, model="hibari") as stream:
        await anext(stream)
        return time.perf_counter() - began


async def page_factor(hub: TTSBackendManager, text: str) -> float:
    """Seconds of work for one second of audio of a page."""
    began, seconds = time.perf_counter(), 0.0
    async with await hub.generate(text, model="hibari") as stream:
        async for chunk in stream:
            seconds += chunk.seconds
    return (time.perf_counter() - began) / seconds


def direct_seconds(direct: Hibari) -> float:
    """Seconds of hibari's own call for the short sentence."""
    began = time.perf_counter()
    direct(SHORT)
    return time.perf_counter() - began


def direct_factor(direct: Hibari, text: str) -> float:
    """Seconds of work for one second of audio of a page, by hibari's own stream."""
    began = time.perf_counter()
    seconds = sum(len(samples) for samples in direct.stream(text)) / RATE
    return (time.perf_counter() - began) / seconds


async def measured(rounds: int) -> dict[str, Any]:
    """All figures; memory first, as hibari's own API adds to it."""
    page, process = bench_text("page").text, psutil.Process()
    async with TTSBackendManager(Config()) as hub:
        await first_audio(hub)
        await page_factor(hub, page)
        memory = process.memory_info().rss / 1e6
        direct = Hibari(threads=1)
        direct_seconds(direct)
        pairs = [(await first_audio(hub), direct_seconds(direct)) for _ in range(rounds)]
        pages = [(await page_factor(hub, page), direct_factor(direct, page)) for _ in range(PAGE_ROUNDS)]
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "memory_mb": memory,
        "first_audio": statistics.median(ours for ours, _ in pairs),
        "direct": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ratios),
        "ratio_range": (min(ratios), max(ratios)),
        "page": statistics.median(ours for ours, _ in pages),
        "direct_page": statistics.median(theirs for _, theirs in pages),
    }


def main() -> None:
    """Measure, and print the figures beside their goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = anyio.run(measured, given.rounds)
    low, high = found["ratio_range"]
    ours, theirs = 1000 * found["first_audio"], 1000 * found["direct"]
    lines = (
        f"first audio of a short sentence: {ours:.0f} ms (goal {1000 * FIRST_AUDIO_GOAL:.0f})",
        f"hibari's own call: {theirs:.0f} ms",
        f"ratio: {found['ratio']:.2f} [{low:.2f} to {high:.2f}] (goal {RATIO_GOAL})",
        f"a page: real-time factor {found['page']:.4f} (goal {PAGE_GOAL})",
        f"hibari's own stream of it: {found['direct_page']:.4f}",
        f"memory of the process after a page: {found['memory_mb']:.0f} MB (goal {MEMORY_GOAL})",
    )
    for line in lines:
        sys.stdout.write(f"{line}\n")
    if given.json is not None:
        from machine import machine  # imports torch, which would count as memory

        given.json.write_text(json.dumps({"machine": machine(), **found}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
