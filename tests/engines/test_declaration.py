"""What an engine declares is checked: nonsense is refused under the engine's name."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.engines.hostile import BadBackend, hub, speak
from tts_hub import Availability, BackendSettings, Capabilities, TTSBackend, TTSBackendManager, Voice
from tts_hub.config import parse_config
from tts_hub.errors import BackendUnavailableError, TTSHubError
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "answer",
    [None, True, "ready", Availability(ready=None), Availability(True, reason=7)],  # type: ignore[arg-type]
    ids=repr,
)
async def test_an_invalid_availability_makes_the_engine_unready(answer: Any) -> None:
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


async def test_an_invalid_price_is_an_error_that_names_the_engine() -> None:
    async with hub(BadBackend(price=lambda self, model: 0.1)) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'bad'.*price\(\) is 0.1"):
            await speak(manager)


VOICE = Voice("a", "A", "en")


@pytest.mark.parametrize(
    "voices",
    [None, "abc", 7, [None], ["a"], [VOICE, VOICE], [replace(VOICE, id=3)], [replace(VOICE, aliases="b")]],  # type: ignore[arg-type]
    ids=repr,
)
async def test_voices_that_make_no_sense_are_refused_with_the_engines_name(voices: Any) -> None:
    async def listed(self: TTSBackend) -> Any:
        return voices

    async with hub(BadBackend(voices=listed)) as manager:
        with pytest.raises(BackendUnavailableError, match="'bad'"):
            await manager.voices("bad")
        assert list(await manager.voices()) == ["good"]


async def test_an_invalid_found_voice_is_refused() -> None:
    async def find_voice(self: TTSBackend, voice: str | None, language: str | None) -> Any:
        return "a"

    async with hub(BadBackend(find_voice=find_voice)) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'bad'.*a Voice belongs there"):
            await speak(manager)


async def test_a_wrong_section_makes_the_engine_unready_and_is_an_error() -> None:
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
