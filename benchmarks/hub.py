"""What the hub itself costs, measured on espeak-ng: first audio, CPU per second of speech, a very long text,
many streams at once. Prints one line for each claim.

    python benchmarks/hub.py
"""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from contextlib import aclosing
from pathlib import Path

import anyio

from tts_hub import SegmentRequest, TTSBackendManager
from tts_hub.request.stream import AudioStream

SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody in the village knows why."
PARAGRAPH = f"{SENTENCE} Every morning the baker sees it, shakes his head, and goes on with his work. " * 20
BOOK_CHARACTERS = 1_000_000
STREAMS = 50


def say(line: str) -> None:
    """One result."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def memory_mb() -> float:
    """Resident memory of this process now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


async def drain(audio: AudioStream) -> float:
    """Read to the end; seconds of audio."""
    async with audio:
        return sum([chunk.seconds async for chunk in audio])


async def first_audio(manager: TTSBackendManager, text: str, runs: int) -> list[float]:
    """Milliseconds from the call of `stream` to its return, with the first audio in hand."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        speech = await manager.stream(text, model="espeak", response_format="wav")
        times.append((time.perf_counter() - began) * 1000)
        await speech.aclose()
    return times


async def engine_cost(manager: TTSBackendManager) -> float:
    """CPU milliseconds per second of audio of the bare engine, without the hub."""
    from tts_hub_espeak import EspeakBackend

    backend = EspeakBackend()
    await backend.load()
    voice = await backend.find_voice(None, None)
    seconds = 0.0
    began = time.process_time()
    for _ in range(40):
        async with aclosing(backend.generate_stream(SegmentRequest(SENTENCE, voice))) as stream:
            async for chunk in stream:
                seconds += chunk.seconds
    cost = (time.process_time() - began) * 1000 / seconds
    await backend.aclose()
    return cost


async def hub_cost(manager: TTSBackendManager, response_format: str | None) -> float:
    """CPU milliseconds per second of audio with the hub, encoded or raw."""
    began = time.process_time()
    if response_format is None:
        seconds = await drain(await manager.generate(PARAGRAPH, model="espeak"))
    else:
        speech = await manager.stream(PARAGRAPH, model="espeak", response_format=response_format)
        await speech.read()
        await speech.aclose()
        seconds = speech.report.audio_seconds
    return (time.process_time() - began) * 1000 / seconds


async def book(manager: TTSBackendManager) -> None:
    """A text of a million characters: first audio, memory, real-time factor."""
    text = (PARAGRAPH + "\n\n") * math.ceil(BOOK_CHARACTERS / len(PARAGRAPH))
    await drain(await manager.generate(PARAGRAPH, model="espeak"))
    before = most = memory_mb()
    began = time.perf_counter()
    audio = await manager.generate(text[:BOOK_CHARACTERS], model="espeak")
    first = (time.perf_counter() - began) * 1000
    async with audio:
        async for _ in audio:
            most = max(most, memory_mb())
    report = audio.report
    say(
        f"book of {BOOK_CHARACTERS} characters: first audio {first:.1f} ms, "
        f"{report.audio_seconds / 3600:.1f} h of speech in {report.elapsed_seconds:.0f} s, "
        f"memory grew by {most - before:.1f} MB ({len(audio.words)} words)"
    )


async def many(manager: TTSBackendManager) -> None:
    """Streams at once, each held to the length of its text spoken alone."""
    texts = [f"Number {n}. " + SENTENCE for n in range(STREAMS)]
    alone = [await drain(await manager.generate(text, model="espeak")) for text in texts]
    together = [0.0] * STREAMS
    first: list[float] = []

    async def one(number: int) -> None:
        audio = await manager.generate(texts[number], model="espeak")
        first.append((audio.report.first_audio_seconds or 0.0) * 1000)
        together[number] = await drain(audio)

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(STREAMS):
            tasks.start_soon(one, number)
    wall = time.perf_counter() - began
    right = sum(abs(a - b) < 0.02 * a for a, b in zip(alone, together, strict=True))
    say(
        f"{STREAMS} streams at once: {right} right, {sum(together):.0f} s of speech in {wall:.2f} s, "
        f"first audio median {statistics.median(first):.0f} ms, last {max(first):.0f} ms"
    )


async def main() -> None:
    """Measure all."""
    async with TTSBackendManager() as manager:
        await first_audio(manager, SENTENCE, 5)
        times = await first_audio(manager, SENTENCE, 100)
        quantiles = statistics.quantiles(times, n=20)
        say(f"first audio of a sentence, warm: median {quantiles[9]:.1f} ms, p95 {quantiles[18]:.1f} ms")
        bare = await engine_cost(manager)
        raw = await hub_cost(manager, None)
        say(f"CPU per second of audio: engine {bare:.1f} ms, hub on top {raw - bare:.1f} ms (raw audio)")
        for name in ("wav", "mp3", "opus", "aac", "flac"):
            say(f"CPU per second of audio, hub and engine and {name}: {await hub_cost(manager, name):.1f} ms")
        await many(manager)
        await book(manager)


if __name__ == "__main__":
    anyio.run(main)
