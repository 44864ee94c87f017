"""Engines that raise, hang, exit or lie: what they do concerns their own requests and nobody else's."""

from __future__ import annotations

import asyncio
import inspect
import math
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from types import MethodType
from typing import Any

import anyio
import numpy as np
import pytest
from anyio.lowlevel import checkpoint

from tts_hub import (
    AudioChunk,
    Availability,
    BackendSettings,
    Capabilities,
    SegmentRequest,
    TTSBackend,
    TTSBackendManager,
    Usage,
    Voice,
    WordTiming,
)
from tts_hub.config import parse_config
from tts_hub.engines.registry import Entry
from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    GenerationError,
    StalledError,
    TTSHubError,
    UsageError,
)
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend
from tts_hub.threads import iterate_in_thread

pytestmark = pytest.mark.anyio
RATE = 24_000
EXITS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopAsyncIteration]


class Unspeakable(Exception):
    """Fails also when it is asked for its text."""

    def __str__(self) -> str:
        raise SystemExit(3)


class BadBackend(FakeBackend):
    """`bad`, in which a test replaces one method or attribute."""

    def __init__(self, **replaced: Any) -> None:
        super().__init__(name="bad", capabilities=Capabilities(word_timings=True), priority=5)
        for name, value in replaced.items():
            mine: Any = self
            setattr(mine, name, MethodType(value, self) if inspect.isfunction(value) else value)


def giving(*chunks: Any) -> BadBackend:
    """An engine that hands over these chunks for every segment."""

    async def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        for chunk in chunks:
            yield chunk

    return BadBackend(generate_stream=generate_stream)


@asynccontextmanager
async def hub(*engines: TTSBackend, **settings: Any) -> AsyncGenerator[TTSBackendManager, None]:
    """With an engine `good` beside them, which still speaks in the end."""
    config = parse_config({"audio": {"loudness": "off", "trim_silence": False}} | settings)
    manager = TTSBackendManager(config, discover=False)
    for engine in (*engines, FakeBackend(name="good", priority=1)):
        manager.register(engine)
    async with manager:
        yield manager
        assert manager.is_serving
        assert await speak(manager, "good") == "good"


async def speak(manager: TTSBackendManager, model: str = "bad", **fields: Any) -> str:
    """Speak with an engine; the name of the one that did."""
    async with await manager.generate("Hello there.", model=model, **fields) as audio:
        async for _ in audio:
            pass
    return audio.report.backend


def tone(seconds: float = 1.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.3 * np.sin(np.arange(round(seconds * RATE)) / 20)).astype(np.float32)


# --- closing ----------------------------------------------------------------------------------------------


async def close_raising(self: TTSBackend) -> None:
    raise RuntimeError("cannot close")


async def close_exiting(self: TTSBackend) -> None:
    raise SystemExit(1)


async def close_hanging(self: TTSBackend) -> None:
    await anyio.sleep_forever()


async def close_ignoring_its_cancellation(self: Any) -> None:
    while not self.released.is_set():
        with suppress(asyncio.CancelledError):
            await self.released.wait()


CLOSES = [close_raising, close_exiting, close_hanging, close_ignoring_its_cancellation]


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_hub.engines.loading.CLOSE_SECONDS", 0.05)
    monkeypatch.setattr("tts_hub.containment.CANCEL_SECONDS", 0.05)


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("close", CLOSES)
async def test_an_engine_that_does_not_close_keeps_neither_the_hub_nor_the_others_from_it(
    close: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad = BadBackend(aclose=close, released=anyio.Event())
    good = FakeBackend(name="other")
    with anyio.fail_after(10):
        async with hub(bad, good) as manager:
            await speak(manager)
            await speak(manager, "other")
    bad.released.set()  # type: ignore[attr-defined]
    assert good.closes == 1
    assert "engine bad" in caplog.text
    assert "close" in caplog.text


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("close", CLOSES)
async def test_requests_go_on_after_an_idle_engine_did_not_close(close: Callable[..., Any]) -> None:
    bad = BadBackend(aclose=close, released=anyio.Event())
    async with hub(bad, limits={"idle_unload": 0.05}) as manager:
        assert await speak(manager) == "bad"
        with anyio.fail_after(10):
            while state_of(manager, "bad") != "unloaded":
                await anyio.sleep(0.01)
        assert await speak(manager) == "bad"
        assert await speak(manager, "good") == "good"
        bad.released.set()  # type: ignore[attr-defined]


def state_of(manager: TTSBackendManager, name: str) -> str:
    return next(engine.state for engine in manager.status() if engine.name == name)


# --- what ends programs -----------------------------------------------------------------------------------


def raising(error: type[BaseException]) -> Callable[..., Any]:
    def raises(self: TTSBackend, *args: Any, **kwargs: Any) -> Any:
        raise error

    return raises


def raising_later(error: type[BaseException]) -> Callable[..., Any]:
    async def raises(self: TTSBackend, *args: Any, **kwargs: Any) -> Any:
        await checkpoint()
        raise error

    return raises


def generating_nothing_but(error: type[BaseException]) -> Callable[..., Any]:
    async def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        yield AudioChunk(tone(), RATE)
        raise error

    return generate_stream


def raising_in_a_thread(error: type[BaseException]) -> Callable[..., Any]:
    def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        def work() -> Sequence[AudioChunk]:
            raise error

        return iterate_in_thread(work)

    return generate_stream


def raising_in_another_thread(error: type[BaseException]) -> Callable[..., Any]:
    async def load(self: TTSBackend, on_progress: ProgressCallback = ignore) -> None:
        def work() -> None:
            raise error

        await anyio.to_thread.run_sync(work)

    return load


MUST_FAIL = {
    "load": ("load", raising_later),
    "load in a thread": ("load", raising_in_another_thread),
    "generate": ("generate_stream", generating_nothing_but),
    "generate at once": ("generate_stream", raising),
    "generate in a thread": ("generate_stream", raising_in_a_thread),
    "voices": ("voices", raising_later),
    "find_voice": ("find_voice", raising_later),
    "availability": ("availability", raising),
    "capabilities_for": ("capabilities_for", raising),
}
MAY_SPEAK = {
    "background": ("background", raising_later),
    "warm_up": ("warm_up", raising_later),
    "forget": ("forget", raising),
    "known_models": ("known_models", raising),
    "downloads": ("downloads", raising),
}


PYTHONS_OWN = {
    ("generate in a thread", StopAsyncIteration): "Python makes a RuntimeError of it",
    ("load in a thread", GeneratorExit): "asyncio closes every coroutine that awaits a future with it",
}


@pytest.mark.parametrize("error", [*EXITS, Unspeakable, MemoryError])
@pytest.mark.parametrize("place", MUST_FAIL)
async def test_what_would_end_a_program_is_a_failure_of_the_engine(
    place: str, error: type[BaseException]
) -> None:
    if (place, error) in PYTHONS_OWN:
        pytest.skip(PYTHONS_OWN[place, error])
    name, fault = MUST_FAIL[place]
    async with hub(BadBackend(**{name: fault(error)})) as manager:
        with pytest.raises(BackendError, match="bad"):
            await speak(manager)
        for ask in (lambda: manager.voices("bad"), manager.voices, manager.problems):
            try:
                await ask()
            except TTSHubError as exc:
                assert "bad" in str(exc)
        assert {engine.name for engine in manager.status()} == {"bad", "good"}


@pytest.mark.parametrize("error", [*EXITS, Unspeakable])
@pytest.mark.parametrize("place", MAY_SPEAK)
async def test_a_failure_beside_the_speech_does_not_stop_it(place: str, error: type[BaseException]) -> None:
    name, fault = MAY_SPEAK[place]
    async with hub(BadBackend(**{name: fault(error)})) as manager:
        manager.warms_up = True
        assert await speak(manager) == "bad"
        assert {engine.name for engine in manager.status()} == {"bad", "good"}


@pytest.mark.parametrize("error", [*EXITS, Unspeakable])
async def test_auto_goes_by_an_engine_that_exits(error: type[BaseException]) -> None:
    async with hub(BadBackend(availability=raising(error))) as manager:
        assert manager.best() == "good"
        assert await speak(manager, "auto") == "good"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, Unspeakable])
def test_an_import_that_exits_is_a_plugin_that_is_broken(error: type[BaseException]) -> None:
    class Plugin:
        value = "bad:Bad"
        dist = None

        def load(self) -> None:
            raise error

    entry = Entry("bad", plugin=Plugin())  # type: ignore[arg-type]
    assert error.__name__ in entry.availability().reason


async def test_a_price_that_is_none_is_told_of_its_engine() -> None:
    async with hub(BadBackend(price=lambda self, model: 0.1)) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'bad'.*price\(\) is 0.1"):
            await speak(manager)


# --- what an engine says of itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [None, True, "ready", Availability(ready=None), Availability(True, reason=7)],  # type: ignore[arg-type]
    ids=repr,
)
async def test_an_availability_that_is_none_makes_the_engine_unready(answer: Any) -> None:
    async with hub(BadBackend(availability=lambda self, settings: answer)) as manager:
        status = next(engine for engine in manager.status() if engine.name == "bad")
        assert not status.availability.ready
        assert "availability()" in status.availability.reason
        assert await speak(manager, "auto") == "good"
        with pytest.raises(BackendUnavailableError, match="'bad'"):
            await speak(manager)


NONSENSE: list[dict[str, Any]] = [
    {"concurrency": 0},
    {"concurrency": -1},
    {"concurrency": True},
    {"concurrency": 2.5},
    {"concurrency": "many"},
    {"concurrency": 10**9},
    {"streaming": "no"},
    {"languages": "en"},
    {"languages": (1,)},
    {"speed_range": (2.0, 0.5)},
    {"speed_range": (0.0, 2.0)},
    {"speed_range": (math.nan, 2.0)},
    {"speed_range": 1.0},
    {"max_chars": 0},
    {"max_chars": "100"},
    {"first_chars": -5},
    {"suspendable": -1},
    {"ahead_seconds": math.inf},
    {"loudness_lufs": math.nan},
    {"loudness_lufs": 3000.0},
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
async def test_capabilities_that_make_no_sense_are_refused_with_the_engines_name(
    nonsense: dict[str, Any],
) -> None:
    (name,) = nonsense
    async with hub(BadBackend(capabilities=Capabilities(**nonsense))) as manager:
        with pytest.raises(BackendUnavailableError, match=f"'bad'.*capabilities.{name} is "):
            await speak(manager)
        assert await speak(manager, "auto") == "good"
        assert await speak(manager, "bad", fallback=["good"]) == "good"


async def test_capabilities_that_turn_to_nonsense_by_loading_are_refused_too() -> None:
    async def load(self: TTSBackend, on_progress: ProgressCallback = ignore) -> None:
        self.capabilities = Capabilities(concurrency=0)

    async with hub(BadBackend(load=load)) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'bad'.*capabilities.concurrency is 0"):
            await speak(manager)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("models", "abc"),
        ("models", None),
        ("patterns", 5),
        ("priority", "high"),
        ("priority", math.nan),
        ("description", None),
        ("capabilities", None),
        ("settings", None),
        ("Options", dict),
        ("Settings", 7),
    ],
)
async def test_attributes_that_make_no_sense_are_refused_with_the_engines_name(
    attribute: str, value: Any
) -> None:
    async with hub(BadBackend(**{attribute: value})) as manager:
        assert {engine.name for engine in manager.status()} == {"bad", "good"}
        assert await speak(manager, "auto") == "good"
        assert await manager.problems() == []
        assert manager.options("bad") is not None
        with pytest.raises(BackendUnavailableError, match=rf"'bad'.*{attribute}"):
            await speak(manager)


VOICE = Voice("a", "A", "en")


@pytest.mark.parametrize(
    "voices",
    [None, "abc", 7, [None], ["a"], [VOICE, VOICE], [replace(VOICE, id=3)], [replace(VOICE, aliases="b")]],  # type: ignore[arg-type]
    ids=repr,
)
async def test_voices_that_make_no_sense_are_refused_with_the_engines_name(voices: Any) -> None:
    async def tell(self: TTSBackend) -> Any:
        return voices

    async with hub(BadBackend(voices=tell)) as manager:
        with pytest.raises(BackendUnavailableError, match="'bad'"):
            await manager.voices("bad")
        assert list(await manager.voices()) == ["good"]


async def test_a_found_voice_that_is_none_is_refused() -> None:
    async def find_voice(self: TTSBackend, voice: str | None, language: str | None) -> Any:
        return "a"

    async with hub(BadBackend(find_voice=find_voice)) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'bad'.*a Voice belongs there"):
            await speak(manager)


async def test_a_wrong_section_makes_the_engine_unready_and_is_told() -> None:
    class Choosy(FakeBackend):
        class Settings(BackendSettings):
            steps: int = 3

    manager = TTSBackendManager(parse_config({"backends": {"fake": {"steps": "x"}}}), discover=False)
    manager.register(Choosy)
    (status,) = manager.status()
    assert "backends.fake.steps" in status.availability.reason
    with pytest.raises(TTSHubError, match=r"backends\.fake\.steps"):
        async with manager:
            pass


# --- what it hands over -----------------------------------------------------------------------------------


def word(text: str, start: Any, end: Any, begin: int) -> WordTiming:
    return WordTiming(text, start, end, (begin, begin + len(text)))


HELLO, THERE = word("Hello", 0.0, 0.4, 0), word("there", 0.5, 0.9, 6)
CHUNK = AudioChunk(tone(), RATE, (HELLO, THERE), finish_reason="stop")


def odd(**fields: Any) -> AudioChunk:
    """A chunk that is in order but for these fields."""
    return replace(CHUNK, **fields)


@pytest.mark.parametrize(
    "chunk",
    [
        None,
        b"RIFF",
        tone(),
        odd(samples=tone().astype(np.float64)),
        odd(samples=[0.1, 0.2]),
        odd(samples=np.full(RATE, np.nan, np.float32)),
        odd(sample_rate=0),
        odd(sample_rate=True),
        odd(sample_rate=24_000.0),
        odd(sample_rate=192_001),
        odd(finish_reason="banana"),
        odd(finish_reason=[]),
        odd(retakes=("bored",)),
        odd(retakes=None),
        odd(estimated_words="yes"),
        odd(seed="42"),
        odd(seed=True),
        odd(words=None),
        odd(words=("Hello",)),
        odd(words=(THERE, HELLO)),
        odd(words=(HELLO, word("there", 1.0, 0.5, 6))),
        odd(words=(HELLO, word("there", 0.5, 90.0, 6))),
        odd(words=(word("Hello", "0", "1", 0),)),
        odd(words=(word("Hello", math.nan, math.nan, 0),)),
        odd(words=(word("hello", 0.0, 0.4, 0),)),
        odd(words=(WordTiming("Hello", 0.0, 0.4, (0.0, 5.0)),)),  # type: ignore[arg-type]
        odd(words=(WordTiming("Hello", 0.0, 0.4, None),)),  # type: ignore[arg-type]
        odd(usage={"characters": 3}),
        odd(usage=Usage(characters=-1)),
        odd(usage=Usage(characters=True)),
        odd(usage=Usage(credits=math.nan)),
        odd(usage=Usage(credits=math.inf)),
        odd(usage=Usage(audio_tokens="12")),  # type: ignore[arg-type]
        odd(usage=Usage(text_tokens=10**400)),
    ],
    ids=lambda chunk: repr(chunk)[-60:],
)
async def test_a_chunk_that_makes_no_sense_is_refused_with_the_engines_name(chunk: Any) -> None:
    async with hub(giving(chunk)) as manager:
        with pytest.raises(GenerationError, match="engine 'bad'"):
            await speak(manager)
        assert await speak(manager, "bad", fallback=["good"]) == "good"


@pytest.mark.parametrize(
    "words",
    [
        (HELLO, THERE),
        (word("Hello", -0.04, 0.4, 0), word("there", 0.5, 1.9, 6)),
        (word("Hello", 0.03, 0.4, 0), word("there", 0.0, 0.9, 6)),
        (HELLO, replace(HELLO, start=0.4), THERE),
    ],
)
async def test_words_that_are_off_by_a_little_are_taken(words: tuple[WordTiming, ...]) -> None:
    async with hub(giving(odd(words=words))) as manager:
        assert await speak(manager) == "bad"


async def test_an_engine_that_gives_nothing_again_and_again_has_stalled() -> None:
    async def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        while True:
            yield AudioChunk(tone(0), RATE)

    async with hub(BadBackend(generate_stream=generate_stream), limits={"stall_timeout": 0.1}) as manager:
        with anyio.fail_after(30), pytest.raises(StalledError):
            await speak(manager)


@pytest.mark.parametrize("error", EXITS)
async def test_a_text_and_a_callback_that_exit_concern_their_own_request_only(
    error: type[BaseException],
) -> None:
    async def text() -> AsyncGenerator[str, None]:
        yield "Hello there, this is a whole sentence. "
        raise error

    def tell(event: object) -> None:
        raise error

    async with hub() as manager:
        with pytest.raises((UsageError, RuntimeError), match=error.__name__):
            async with await manager.generate(text(), model="good") as audio:
                async for _ in audio:
                    pass
        async with await manager.generate("Hello.", model="good", on_progress=tell) as audio:
            assert [chunk async for chunk in audio]


# --- long chunks ------------------------------------------------------------------------------------------


async def test_a_long_chunk_is_handed_out_in_pieces_with_the_words_that_end_in_them() -> None:
    seconds, text = 60, "One two three four."
    starts = {"One": 0.2, "two": 10.9, "three": 31.0, "four": 59.0}
    words = tuple(word(name, start, start + 0.5, text.index(name)) for name, start in starts.items())
    whole = AudioChunk(tone(seconds), RATE, words, finish_reason="length", usage=Usage(characters=19))
    came: list[tuple[float, list[str]]] = []
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await checkpoint()

    async with hub(giving(whole)) as manager, anyio.create_task_group() as tasks:
        audio = await manager.generate(text, model="bad")
        tasks.start_soon(count_turns)
        position = 0.0
        async with audio:
            async for chunk in audio:
                position += chunk.seconds
                assert chunk.seconds < 2.0
                came.append((position, [timing.text for timing in chunk.words]))
        tasks.cancel_scope.cancel()
        assert position == pytest.approx(seconds, abs=0.1)
        assert turns >= seconds / 2, "the event loop stood still"
        assert audio.report.cut_segments == (0,)
        said = [(at, name) for at, names in came for name in names]
        assert [name for _, name in said] == list(starts)
        assert all(start < at < start + 3.0 for (at, name), start in zip(said, starts.values(), strict=True))


async def test_pieces_of_a_long_chunk_are_the_same_audio() -> None:
    samples = tone(7.3)
    whole, parts = AudioChunk(samples, RATE), [AudioChunk(p, RATE) for p in np.array_split(samples, 50)]
    heard = []
    for chunks in ([whole], parts):
        async with hub(giving(*chunks)) as manager, await manager.generate("Hi.", model="bad") as audio:
            heard.append(np.concatenate([chunk.samples async for chunk in audio]))
    assert np.array_equal(heard[0], heard[1])


# --- threads that hang ------------------------------------------------------------------------------------


class ThreadBackend(FakeBackend):
    """Speaks from a thread that hangs before its first audio until `released`."""

    def __init__(self) -> None:
        super().__init__(name="bad", capabilities=Capabilities())
        self.released = threading.Event()

    def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        def work() -> Sequence[AudioChunk]:
            self.released.wait(60)
            return [AudioChunk(tone(), RATE)]

        return iterate_in_thread(work, name="hanging-engine")


@pytest.mark.parametrize("grace", [60.0, 0.05])
async def test_a_hanging_thread_is_told_at_once_and_keeps_its_slot_until_it_ends(
    grace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_hub.threads.GRACE_SECONDS", grace)
    bad = ThreadBackend()

    def active(manager: TTSBackendManager) -> int:
        return next(engine.active for engine in manager.status() if engine.name == "bad")

    async with hub(bad, limits={"stall_timeout": 0.05}) as manager:
        with anyio.fail_after(30), pytest.raises(StalledError):
            await speak(manager)
        if grace < 1:
            while "hanging-engine" not in str(threading.enumerate()):
                await anyio.sleep(0.01)
            await anyio.sleep(4 * grace)  # the thread is left behind by now, or the wait for it is not over
        assert active(manager) == 1
        with pytest.raises(TTSHubError, match="in use"):
            await manager.unload("bad")
        bad.released.set()
        with anyio.fail_after(30):
            while active(manager):
                await anyio.sleep(0.01)
        assert await speak(manager) == "bad"
