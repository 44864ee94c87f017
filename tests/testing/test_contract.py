"""The contract: our engines keep it, and each of its tests fails for an engine that breaks it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from tts_hub_espeak import EspeakBackend

from tests.testing.broken_engines import (
    ALL,
    AlwaysTheSameVoice,
    AnyVoiceWillDo,
    BadCount,
    BadEnding,
    BlocksTheLoop,
    CannotClose,
    ChangingRate,
    DiesWhenClosed,
    DoublePrecision,
    Exits,
    ExitsWhenClosed,
    FewWords,
    FindsVoicesWhenLoaded,
    FinishesFirst,
    IgnoresSpeed,
    LateWords,
    ListsItsVoicesOnceLoaded,
    LoadsToListItsVoices,
    LosesItsPlaces,
    MixesVoices,
    NeverStops,
    NotANumber,
    NoVoiceAtAll,
    NoVoices,
    ReportsText,
    ReportsToEveryCallback,
    SaysNothing,
    Stereo,
    ThinksAboutItsVoices,
    TooLoud,
    TwinVoices,
    WrongSpans,
    capable,
    scripted,
)
from tts_hub.backend import TTSBackend
from tts_hub.errors import GenerationError
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.testing.contract import BackendContract
from tts_hub.types import Capabilities, Voice

pytestmark = pytest.mark.anyio


class TestFakeBackend(BackendContract):
    def make_backend(self) -> TTSBackend:
        return FakeBackend(capabilities=ALL)


class TestEspeakBackend(BackendContract):
    def make_backend(self) -> TTSBackend:
        return EspeakBackend()


class TestSlowBackend(BackendContract):
    """An engine that takes one request at a time and gives the audio of each in one piece."""

    def make_backend(self) -> TTSBackend:
        script = FakeScript(first_chunk_delay=0.3, chunk_seconds=60.0)
        return FakeBackend(script=script, capabilities=Capabilities(streaming=False, concurrency=1))


class Impatient(BackendContract):
    """The contract with short limits, for engines that are known to overstep them."""

    answer_within = 3.0
    close_within = 1.0
    voices_within = 1.0

    def __init__(self, make: Callable[[], TTSBackend]) -> None:
        self._make = make

    def make_backend(self) -> TTSBackend:
        return self._make()


BROKEN_DECLARATIONS: list[tuple[Callable[[], TTSBackend], str]] = [
    (lambda: FakeBackend(name="Fake"), "not lower case"),
    (lambda: FakeBackend(name=" "), "white space"),
    (lambda: capable(concurrency=0), "concurrency"),
    (lambda: capable(speed_range=(1.5, 2.0)), "speed_range"),
    (lambda: capable(max_chars=0), "max_chars"),
    (lambda: capable(languages="en"), "languages"),
    (lambda: FakeBackend(price="cheap"), r"price\(\)"),  # type: ignore[arg-type]
    (lambda: FakeBackend(priority="high"), "priority"),  # type: ignore[arg-type]
    (SaysNothing, r"availability\(\) is None"),
    (Exits, "SystemExit"),
]
BROKEN: list[tuple[str, Callable[[], TTSBackend], str]] = [
    ("lists_its_voices_without_being_loaded", NoVoices, "no voices before load"),
    ("lists_its_voices_without_being_loaded", ListsItsVoicesOnceLoaded, "not loaded yet"),
    ("lists_its_voices_without_being_loaded", LoadsToListItsVoices, "loads itself"),
    ("lists_its_voices_without_being_loaded", ThinksAboutItsVoices, "longer than 1 s"),
    ("lists_its_voices_without_being_loaded", FindsVoicesWhenLoaded, "other voices before load"),
    ("voices_are_found_by_their_id", NoVoices, "no voices"),
    ("voices_are_found_by_their_id", TwinVoices, "not unique: low"),
    ("voices_are_found_by_their_id", AnyVoiceWillDo, "instead of UnknownVoiceError"),
    ("voices_are_found_by_their_id", AlwaysTheSameVoice, "'mid'.*gave the voice 'low'"),
    ("speaks", DoublePrecision, "float64"),
    ("speaks", Stereo, r"\(2, 2400\)"),
    ("speaks", TooLoud, r"leave \[-4, 4\]: 8"),
    ("speaks", NotANumber, "not finite"),
    ("speaks", ChangingRate, "sample rate changes"),
    ("speaks", WrongSpans, "span of word 'The' holds 'he '"),
    ("speaks", LateWords, "does not lie within"),
    ("speaks", BadEnding, "finish_reason 'banana'"),
    ("speaks", BadCount, "counted -1 characters"),
    ("closes", CannotClose, "closing failed: GenerationError: stuck"),
    ("closes", ExitsWhenClosed, "closing raised SystemExit: 3"),
    ("voices_are_found_by_their_id", NoVoiceAtAll, "a Voice belongs there"),
    ("speaks", FewWords, "timings for 0 of 13 words"),
    ("speaks", lambda: scripted(mute=True), "no audio"),
    ("speaks", lambda: scripted(silent=True), "silent"),
    ("speaks", lambda: scripted(seconds_per_word=0.05), "s of audio for 63 characters"),
    ("speaks", lambda: scripted(stall_at=0), "longer than 3 s"),
    ("speaks", lambda: scripted(fail_at={0: 1}), "GenerationError: scripted failure"),
    ("speaks_a_single_word", lambda: scripted(mute=True), "no audio"),
    ("streams_if_it_says_so", lambda: scripted(chunk_seconds=60.0), "1 pieces"),
    ("speed_is_native_where_declared", IgnoresSpeed, "at speed 2"),
    ("closing_stops_it", NeverStops, "closing a stream .* longer than 1 s"),
    ("closing_stops_it", LosesItsPlaces, "after an earlier stream was closed"),
    ("cancelling_stops_it", BlocksTheLoop, "a cancelled request took"),
    ("cancelling_stops_it", FinishesFirst, "a cancelled request took"),
    ("cancelling_stops_it", LosesItsPlaces, "longer than 3 s"),
    ("two_voices_do_not_mix", MixesVoices, "'low' sounds different.* 100%"),
    ("progress_is_its_own", ReportsToEveryCallback, "progress of a later one"),
    ("progress_is_its_own", ReportsText, "'half way'"),
]


@pytest.mark.parametrize(("make", "message"), BROKEN_DECLARATIONS)
def test_a_wrong_declaration_is_found(make: Callable[[], TTSBackend], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        Impatient(make).test_declares_itself()


@pytest.mark.parametrize(("test", "make", "message"), BROKEN)
async def test_a_broken_engine_is_found(test: str, make: Callable[[], TTSBackend], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        await getattr(Impatient(make), f"test_{test}")()


async def test_an_engine_that_cannot_be_loaded_again_is_found() -> None:
    with pytest.raises(Exception, match="not loaded"):
        await Impatient(DiesWhenClosed).test_loads_twice_and_again_after_closing()


def plugin(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], TTSBackend]:
    """An engine that claims to come from a module with this code."""
    (folder / "some_plugin.py").write_text(code)
    (folder / "torch.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    module = ModuleType("some_plugin")

    class Plugin(FakeBackend):
        __module__ = module.__name__

    return Plugin


def test_an_engine_that_imports_torch_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="imports torch; do that in load"):
        Impatient(plugin(tmp_path, "import torch", monkeypatch)).test_imports_cheaply()


async def test_an_engine_that_imports_jax_for_its_voices_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Imports(FakeBackend):
        async def voices(self) -> Sequence[Voice]:
            importlib.import_module("jax")
            return await super().voices()

    (tmp_path / "jax.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "jax", None)
    del sys.modules["jax"]
    with pytest.raises(AssertionError, match="imports jax"):
        await Impatient(Imports).test_lists_its_voices_without_being_loaded()


def test_an_engine_that_cannot_be_imported_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        Impatient(plugin(tmp_path, "1 / 0", monkeypatch)).test_imports_cheaply()


async def test_an_engine_that_fails_does_so_with_its_own_words() -> None:
    broken = scripted(fail_at={0: 0}, error=GenerationError("out of paper", backend="fake"))
    with pytest.raises(AssertionError, match="out of paper"):
        await Impatient(lambda: broken).test_closing_stops_it()


async def test_voices_that_sound_alike_are_not_judged() -> None:
    contract = Impatient(FakeBackend)
    contract.two_voices = ("low", "low")
    with pytest.raises(pytest.skip.Exception, match="two_voices"):
        await contract.test_two_voices_do_not_mix()
