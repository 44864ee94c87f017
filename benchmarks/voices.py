"""What stored voices cost: lists of a thousand, the start of a server, and the first audio of a cloned voice.

Everything is done in turns in one run, and a ratio is that of the medians. Writes only into temporary
folders. The weights of Chatterbox are random numbers of the true size.

    python benchmarks/voices.py                          # about three minutes on two cores
    python benchmarks/voices.py --parts store            # without torch
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
from machine import machine, say

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.speechlike import speechlike_wav
from tts_hub import EmotionSettings, Store, TTSBackendManager
from tts_hub.config import Config, StoreConfig
from tts_hub.store.samples import NewSample
from tts_hub.store.taking_in import take_in

COUNT = 1_000
TEXT = "The harbour lay quiet that morning."
TOKENS = 60
PARTS = ("store", "chatterbox")


def median_ms(seconds: list[float]) -> str:
    """The median and the range in milliseconds."""
    return (
        f"{1000 * statistics.median(seconds):.1f} ms ({1000 * min(seconds):.1f} to {1000 * max(seconds):.1f})"
    )


async def fill(store: Store) -> None:
    """A thousand voices and a thousand profiles."""
    real = take_in(speechlike_wav(6, 24_000))
    for number in range(COUNT):
        sample = NewSample(real.data + number.to_bytes(4, "big"), real.seconds, real.sample_rate)
        store._voices.add([sample], name=f"voice {number}")
        await store.add_profile(name="glad", character=f"voice {number}", settings=EmotionSettings(speed=1.1))


async def timed(work: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Seconds of each round, after one that is not counted."""
    await work()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return took


async def measure_store(rounds: int) -> None:
    """Lists in the library and over HTTP, and the start of a server with none and with a thousand."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(StoreConfig(folder=folder))
        await fill(store)
        say(f"| {COUNT} voices, library | {median_ms(await timed(store.voices, rounds))} |")
        say(f"| {COUNT} profiles, library | {median_ms(await timed(store.profiles, rounds))} |")
        names = await store.names()
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            names.refresh()
            took.append(time.perf_counter() - began)
        say(f"| names of both, read anew | {median_ms(took)} |")
        say(f"| names of both, unchanged | {median_ms(await timed(store.names, rounds))} |")
        async with served(folder) as (url, _), httpx.AsyncClient(base_url=url, trust_env=False) as http:
            for path in ("/v1/audio/stored-voices", "/emotions"):

                async def get(path: str = path) -> None:
                    (await http.get(path)).raise_for_status()

                say(f"| GET {path}, {COUNT} of them | {median_ms(await timed(get, rounds))} |")
        starts: dict[str, list[float]] = {"none": [], f"{COUNT}": []}
        with tempfile.TemporaryDirectory() as empty:
            for _ in range(rounds):
                for name, where in zip(starts, (empty, folder), strict=True):
                    async with served(where) as (_, seconds):
                        starts[name].append(seconds)
        few, many = starts.values()
        for name, took in starts.items():
            say(f"| start of the server, {name} stored | {median_ms(took)} |")
        say(f"| start, ratio | {statistics.median(many) / statistics.median(few):.3f} |")


@asynccontextmanager
async def served(folder: str) -> AsyncIterator[tuple[str, float]]:
    """A server with a store: its address, and the seconds until it greeted."""
    environ = os.environ | {"TTS_HUB_STORE__FOLDER": folder, "TTS_HUB_SERVER__WARM_UP": "false"}
    command = [sys.executable, "-m", "tts_hub", "serve", "--port", "0"]
    began = time.perf_counter()
    async with await anyio.open_process(command, stderr=subprocess.PIPE, env=environ) as process:
        greeting = (await process.stderr.receive()).decode() if process.stderr else ""
        seconds = time.perf_counter() - began
        (address,) = re.findall(r"(http://[^/]+)/v1\b", greeting)[:1]
        yield address, seconds
        process.terminate()


async def measure_chatterbox(rounds: int, model: str) -> None:
    """First audio with the built-in voice, a prepared one, and one that is computed for the request."""
    from tts_hub_chatterbox.files.variants import VARIANTS

    import tests.chatterbox.conftest  # noqa: F401 - the published package, beside a torch without CUDA
    from tests.chatterbox.official import write_models

    variant = VARIANTS[model]
    with tempfile.TemporaryDirectory() as folder:
        where = write_models(Path(folder), [variant])[model]
        settings = {"model_path": str(where), "max_speech_tokens": TOKENS, "retakes": 0}
        config = Config(
            backends={model.replace("-", "_"): settings}, store=StoreConfig(folder=f"{folder}/voices")
        )
        async with TTSBackendManager(config) as manager:
            await manager.preload(model)
            await manager.store.add_voice("sarah", speechlike_wav(10, 24_000))
            took: dict[str, list[float]] = {"built in": [], "prepared": [], "computed": []}
            for turn in range(rounds + 1):
                await manager.prepare_voice("sarah", model)
                for name, seconds in took.items():
                    if name == "computed":
                        await manager.clear_prepared()
                    voice = "default" if name == "built in" else "sarah"
                    first = await first_audio(manager, model, voice)
                    if turn:  # the first one of each is not counted
                        seconds.append(first)
        for name, seconds in took.items():
            say(f"| first audio, {model}, voice {name} | {median_ms(seconds)} |")
        middle = {name: statistics.median(seconds) for name, seconds in took.items()}
        say(f"| prepared / built in | {middle['prepared'] / middle['built in']:.2f} |")
        say(f"| computed / prepared | {middle['computed'] / middle['prepared']:.2f} |")


async def first_audio(manager: TTSBackendManager, model: str, voice: str) -> float:
    """Seconds from the request to its first audio; the rest is dropped."""
    began = time.perf_counter()
    async with await manager.generate(TEXT, model=model, voice=voice, seed=1):
        return time.perf_counter() - began


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--parts", nargs="+", choices=("store", "chatterbox"), default=["store", "chatterbox"]
    )
    parser.add_argument("--model", default="chatterbox-nano")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    say(str(machine()))
    say("| what | median (range) |\n|---|---|")
    if "store" in given.parts:
        anyio.run(measure_store, given.rounds)
    if "chatterbox" in given.parts:
        anyio.run(measure_chatterbox, given.rounds, given.model)


if __name__ == "__main__":
    main()
