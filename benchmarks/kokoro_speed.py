"""Kokoro through the hub, beside direct calls of the same graph and kokoro-onnx's own stream, in turns.

Everything is one process and one session of onnxruntime, so all have the same options. What the engine asks
of the session is recorded once, and the direct calls are those very calls again: what the hub takes beyond
them is its own. In each round every contestant does the same once, A B A B; figures are medians of the
rounds, and a ratio is the median of the rounds' ratios; their range in brackets is the noise.

    python benchmarks/kokoro_model.py FOLDER                      # random weights of true size, once
    python benchmarks/kokoro_speed.py --model FOLDER              # about ten minutes on two cores
    python benchmarks/kokoro_speed.py --model FOLDER --parts short paragraph --repeats 9 --json result.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import onnxruntime
import psutil
from kokoro_onnx import Kokoro
from machine import machine, say

from tts_hub import SpeechRequest, TTSBackendManager
from tts_hub.bench.texts import bench_text
from tts_hub.config import Config
from tts_hub.request.stream import AudioStream

SHORT = "Good morning, how are you today?"
SHORT_ROUNDS = 4
"""Times the others, since it is over soon."""
VOICE = "af_heart"
RATE = 24_000
FRAME = 600
"""Samples of a unit of duration."""
PARTS = ("memory", "short", "paragraph", "first", "page")
"""Memory comes first: what came before would have made room for it."""
MOST_WORDS = 40
"""Words of the longest request in the part about memory; the shortest has one."""
STEADY_AFTER = 20
"""Requests after which memory shall not grow much."""
QUIET = 0.1
"""Seconds without a call after which nothing is under way any more."""
SHORT_GOAL, PARAGRAPH_GOAL, EARLIER_GOAL = 1.15, 1.05, 10.0
Feeds = dict[str, Any]
Measured = dict[str, list[float]]
"""Name of a contestant -> seconds of each round."""


@dataclass(slots=True)
class Calls:
    """What is asked of onnxruntime in this process."""

    session: Any = None
    """The one that was called last."""
    asked: list[Feeds] = field(default_factory=list)
    """Since `asked` was cleared."""
    running: int = 0
    ended_at: float = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note every call within the block."""
        original = onnxruntime.InferenceSession.run

        def run(session: Any, names: Any, feeds: Feeds, options: Any = None) -> Any:
            self.session = session
            self.asked.append(feeds)
            self.running += 1
            try:
                return original(session, names, feeds, options)
            finally:
                self.running -= 1
                self.ended_at = time.perf_counter()

        onnxruntime.InferenceSession.run = run
        try:
            yield
        finally:
            onnxruntime.InferenceSession.run = original

    async def over(self) -> None:
        """Wait for what goes on behind a stream that was left."""
        # They end in threads of their own, of which the loop knows nothing.
        while self.running or time.perf_counter() - self.ended_at < QUIET:  # noqa: ASYNC110
            await anyio.sleep(QUIET / 10)


@dataclass(slots=True)
class Direct:
    """The same calls again, straight to the session."""

    session: Any
    pieces: Sequence[Feeds]
    checked: int = 0
    audio_seconds: float = 0.0
    """Seconds of audio that the last run gave."""

    async def first(self) -> float:
        """Seconds until the first piece is there."""
        return self._speak(self.pieces[:1])

    async def all(self) -> float:
        """Seconds until all are there."""
        return self._speak(self.pieces)

    @property
    def tokens(self) -> list[int]:
        """Tokens of each piece, with the two at its ends."""
        return [
            max(value.size for value in feeds.values() if value.dtype.kind == "i") for feeds in self.pieces
        ]

    def _speak(self, pieces: Sequence[Feeds]) -> float:
        seconds, samples = 0.0, 0
        for feeds in pieces:
            began = time.perf_counter()
            outputs = self.session.run(None, feeds)
            seconds += time.perf_counter() - began
            samples += self._checked(outputs)
        self.audio_seconds = samples / RATE
        return seconds

    def _checked(self, outputs: Sequence[Any]) -> int:
        """Number of samples, after a look at whether it is what the durations say."""
        named = dict(zip([output.name for output in self.session.get_outputs()], outputs, strict=True))
        audio, duration = named["waveform"], named["duration"]
        if audio.size != FRAME * duration.sum():
            raise SystemExit(f"{audio.size} samples, but {duration.sum()} frames of {FRAME}")
        self.checked += 1
        return int(audio.size)


@dataclass(slots=True)
class Hub:
    """A text through the hub."""

    manager: TTSBackendManager
    calls: Calls
    text: str
    audio_seconds: float = 0.0
    """Seconds of audio that the last run gave."""

    async def first(self) -> float:
        """Seconds until the first audio is in hand; then it is left, and silence is waited for."""
        began = time.perf_counter()
        async with await self._open() as stream:
            await anext(aiter(stream))
            seconds = time.perf_counter() - began
        await self.calls.over()
        return seconds

    async def all(self) -> float:
        """Seconds until the last audio is in hand."""
        began = time.perf_counter()
        async with await self._open() as stream:
            self.audio_seconds = sum([chunk.seconds async for chunk in stream])
            return time.perf_counter() - began

    async def direct(self) -> Direct:
        """The calls that the text is made of."""
        self.calls.asked.clear()
        await self.all()
        return Direct(self.calls.session, list(self.calls.asked))

    async def _open(self) -> AudioStream:
        return await self.manager.generate(SpeechRequest(input=self.text, model="kokoro", voice=VOICE))


@dataclass(slots=True)
class Package:
    """A text through kokoro-onnx's own stream, on the hub's session."""

    kokoro: Kokoro
    calls: Calls
    text: str

    async def first(self) -> float:
        """Seconds until its first chunk; then it is left, and silence is waited for."""
        began = time.perf_counter()
        async with aclosing(self.kokoro.create_stream(self.text, VOICE, lang="en-us")) as stream:
            await anext(stream)
            seconds = time.perf_counter() - began
        await self.calls.over()
        return seconds


@dataclass(slots=True)
class Benchmark:
    """All parts, and what they gave."""

    manager: TTSBackendManager
    calls: Calls
    folder: Path
    repeats: int
    requests: int
    result: dict[str, Any] = field(default_factory=dict)

    async def memory(self) -> None:
        """Does it grow with the requests?"""
        await self._hub(SHORT).all()
        resident = [_resident()]
        for text in varied(bench_text("page").text, self.requests):
            await self._hub(text).all()
            resident.append(_resident())
        after = min(STEADY_AFTER, self.requests)
        steady = resident[after]
        self.result["memory"] = {"megabytes": resident}
        say(
            f"memory over {self.requests} requests of 1 to {MOST_WORDS} words: "
            f"{resident[0]:.0f} MB at the start, {steady:.0f} MB after {after}, "
            f"{resident[-1]:.0f} MB at the end ({resident[-1] - steady:+.0f} MB since), "
            f"most {max(resident):.0f} MB"
        )

    async def short(self) -> None:
        """First audio of a short sentence."""
        hub = self._hub(SHORT)
        direct = await hub.direct()
        measured = await in_turns({"hub": hub.first, "direct": direct.first}, SHORT_ROUNDS * self.repeats)
        self._tell("short", f"first audio of {SHORT!r}", measured, direct, SHORT_GOAL)

    async def paragraph(self) -> None:
        """All of a paragraph."""
        hub = self._hub(bench_text("paragraph").text)
        direct = await hub.direct()
        measured = await in_turns({"hub": hub.all, "direct": direct.all}, self.repeats)
        self._tell("paragraph", "a paragraph", measured, direct, PARAGRAPH_GOAL)

    async def first(self) -> None:
        """First audio of a page, beside the package's stream."""
        text = bench_text("page").text
        hub = self._hub(text)
        await hub.first()
        kokoro = Kokoro.from_session(self.calls.session, str(next(self.folder.glob("voices*"))))
        package = Package(kokoro, self.calls, text)
        measured = await in_turns({"hub": hub.first, "package": package.first}, self.repeats)
        rounds = ratios(measured["package"], measured["hub"])
        earlier = statistics.median(rounds)
        self.result["first"] = {"seconds": measured, "earlier": earlier, "goal": EARLIER_GOAL}
        say(
            f"first audio of a page: hub {_middle(measured['hub'])}, "
            f"create_stream {_middle(measured['package'])}, {_range(rounds, 1)} times earlier "
            f"(goal at least {EARLIER_GOAL:.0f}: {_reached(earlier >= EARLIER_GOAL)})"
        )

    async def page(self) -> None:
        """Real-time factor of a page; only the hub's audio has the pauses between its pieces."""
        hub = self._hub(bench_text("page").text)
        direct = await hub.direct()
        measured = await in_turns({"hub": hub.all, "direct": direct.all}, max(1, self.repeats // 2))
        self._tell("page", "a page", measured, direct)
        factors = {
            "hub": statistics.median(measured["hub"]) / hub.audio_seconds,
            "direct": statistics.median(measured["direct"]) / direct.audio_seconds,
        }
        self.result["page"]["real_time_factors"] = factors
        say(
            f"real-time factor of a page: hub {factors['hub']:.3f} ({hub.audio_seconds:.1f} s with pauses), "
            f"direct {factors['direct']:.3f} ({direct.audio_seconds:.1f} s)"
        )

    def _hub(self, text: str) -> Hub:
        return Hub(self.manager, self.calls, text)

    def _tell(
        self, name: str, what: str, measured: Measured, direct: Direct, goal: float | None = None
    ) -> None:
        """The hub beside the direct calls."""
        rounds = ratios(measured["hub"], measured["direct"])
        times = statistics.median(rounds)
        self.result[name] = {
            "seconds": measured,
            "ratio": times,
            "goal": goal,
            "tokens": direct.tokens,
            "checked": direct.checked,
        }
        wanted = "" if goal is None else f" (goal at most {goal}: {_reached(times <= goal)})"
        say(
            f"{what}: hub {_middle(measured['hub'])}, direct {_middle(measured['direct'])}, "
            f"ratio {_range(rounds, 3)}{wanted}; pieces of {', '.join(map(str, direct.tokens))} tokens; "
            f"samples == {FRAME} x durations in all {direct.checked} calls"
        )


async def in_turns(contestants: dict[str, Callable[[], Awaitable[float]]], rounds: int) -> Measured:
    """Each once unmeasured, then all of them in every round."""
    for ask in contestants.values():
        await ask()
    measured: Measured = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, ask in contestants.items():
            measured[name].append(await ask())
    return measured


def ratios(some: Sequence[float], others: Sequence[float]) -> list[float]:
    """The ratio in each round."""
    return [a / b for a, b in zip(some, others, strict=True)]


def varied(text: str, count: int) -> Iterator[str]:
    """Runs of words of a text, of many lengths, the same ones each time."""
    words = text.split()
    numbers = np.random.default_rng(1)
    for _ in range(count):
        length = int(numbers.integers(1, MOST_WORDS + 1))
        start = int(numbers.integers(0, len(words) - length))
        yield " ".join(words[start : start + length])


def _resident() -> float:
    """MB."""
    return float(psutil.Process().memory_info().rss / 1e6)


def _middle(seconds: Sequence[float]) -> str:
    return f"{_range(seconds, 3)} s"


def _range(figures: Sequence[float], digits: int) -> str:
    """Median, least and most."""
    return f"{statistics.median(figures):.{digits}f} [{min(figures):.{digits}f} to {max(figures):.{digits}f}]"


def _reached(is_so: bool) -> str:
    return "reached" if is_so else "MISSED"


async def run(given: argparse.Namespace) -> None:
    """The parts that are asked for."""
    packages = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("onnxruntime", "kokoro-onnx")
    )
    say(f"kokoro on {machine()}; {packages}; {psutil.cpu_percent(1):.0f} % busy with other things\n")
    calls = Calls()
    config = Config(backends={"kokoro": {"model_path": str(given.model)}})
    with calls.watched():
        async with TTSBackendManager(config) as manager:
            began = time.perf_counter()
            await manager.preload("kokoro")
            say(f"loaded in {time.perf_counter() - began:.1f} s")
            benchmark = Benchmark(manager, calls, given.model, given.repeats, given.requests)
            for part in PARTS:
                if part in given.parts:
                    await getattr(benchmark, part)()
    if given.json is not None:
        benchmark.result["machine"] = f"{machine()}; {packages}"
        given.json.write_text(json.dumps(benchmark.result, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder with a graph and its voices")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--repeats", type=int, default=5, help="rounds; a short sentence has four times as many"
    )
    parser.add_argument("--requests", type=int, default=100, help="of the part about memory")
    parser.add_argument("--json", type=Path, help="file for all figures")
    anyio.run(run, parser.parse_args())


if __name__ == "__main__":
    main()
