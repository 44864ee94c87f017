"""What an engine says of itself, checked before anybody relies on it.

Each check raises `BackendUnavailableError`, which names the engine and what is wrong with its code.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any, NoReturn, get_args

from tts_hub.backend import MOST_CONCURRENCY, BackendOptions, BackendSettings, TTSBackend
from tts_hub.cost.pricing import Price
from tts_hub.errors import BackendUnavailableError
from tts_hub.types import Availability, Capabilities, Gender, ModelFiles, Voice

_TRUTHS = tuple(field.name for field in fields(Capabilities) if field.type == "bool")
_LENGTHS = ("max_chars", "first_chars")
_MOST_LOUD = 20.0
"""LUFS beyond which a loudness, up or down, is none."""
_LEAST_LOUD = -100.0


class FaultError(BackendUnavailableError):
    """An engine declares something invalid."""

    def __init__(self, backend: str, fault: str) -> None:
        super().__init__(f"engine {backend!r} has a fault in its code: {fault}", backend=backend)
        self.fault = fault


def checked_class(backend: Any, name: str) -> None:
    """Names, texts and models that the registry reads."""
    if not isinstance(backend.name, str) or not backend.name:
        _refuse(name, "name", backend.name, "a string")
    if not isinstance(backend.description, str):
        _refuse(name, "description", backend.description, "a string")
    for attribute in ("models", "patterns"):
        _check_names(name, attribute, getattr(backend, attribute))
    if type(backend.priority) not in {int, float} or not math.isfinite(backend.priority):
        _refuse(name, "priority", backend.priority, "an integer")
    for attribute, base in (("Settings", BackendSettings), ("Options", BackendOptions)):
        model = getattr(backend, attribute)
        if not (isinstance(model, type) and issubclass(model, base)):
            _refuse(name, attribute, model, f"a class derived from {base.__name__}")
    if isinstance(backend.capabilities, Capabilities):  # else a property, or the instance has it
        checked_capabilities(backend.capabilities, name)
    elif isinstance(backend, TTSBackend):
        _refuse(name, "capabilities", backend.capabilities, "a Capabilities")


def checked_settings(settings: Any, name: str) -> BackendSettings:
    """The settings of an engine that was made elsewhere."""
    if not isinstance(settings, BackendSettings):
        _refuse(name, "settings", settings, "a BackendSettings")
    return settings


def checked_availability(answer: Any, name: str) -> Availability:
    """An answer to whether it can run."""
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, Availability):
        _refuse(name, "availability()", answer, "an Availability")
    if type(answer.ready) is not bool or type(answer.internal) is not bool:
        _refuse(name, "availability()", answer, "an Availability whose ready and internal are bool")
    if not isinstance(answer.reason, str) or not isinstance(answer.remedy, str):
        _refuse(name, "availability()", answer, "an Availability whose reason and remedy are strings")
    return answer


def checked_capabilities(given: Any, name: str) -> Capabilities:
    """What it can do: types and ranges."""
    if not isinstance(given, Capabilities):
        _refuse(name, "capabilities", given, "a Capabilities")
    for attribute in _TRUTHS:
        if type(getattr(given, attribute)) is not bool:
            _refuse(name, f"capabilities.{attribute}", getattr(given, attribute), "a bool")
    _check_names(name, "capabilities.languages", given.languages)
    if type(given.concurrency) is not int or not 1 <= given.concurrency <= MOST_CONCURRENCY:
        _refuse(
            name, "capabilities.concurrency", given.concurrency, f"an integer from 1 to {MOST_CONCURRENCY}"
        )
    if type(given.suspendable) is not int or given.suspendable < 0:
        _refuse(name, "capabilities.suspendable", given.suspendable, "an integer from 0")
    for attribute in _LENGTHS:
        length = getattr(given, attribute)
        if length is not None and (type(length) is not int or length < 1):
            _refuse(name, f"capabilities.{attribute}", length, "None or an integer from 1")
    if not _is_number(given.ahead_seconds) or given.ahead_seconds < 0:
        _refuse(name, "capabilities.ahead_seconds", given.ahead_seconds, "a number from 0")
    loudness = given.loudness_lufs
    if loudness is not None and not (_is_number(loudness) and _LEAST_LOUD <= loudness <= _MOST_LOUD):
        _refuse(name, "capabilities.loudness_lufs", loudness, "None or a loudness in LUFS, such as -20")
    _check_speeds(name, given.speed_range)
    return given


def checked_voice(voice: Any, name: str) -> Voice:
    """One of its voices."""
    if not isinstance(voice, Voice):
        _refuse(name, "voices", voice, "a Voice")
    texts = (voice.id, voice.name, voice.language, voice.description)
    if not all(isinstance(text, str) for text in texts):
        _refuse(name, "voices", voice, "a Voice with an id, a name and a language that are strings")
    if voice.gender not in {None, *get_args(Gender)}:
        _refuse(name, "voices", voice, f"a Voice whose gender is None, {', '.join(get_args(Gender))}")
    _check_names(name, f"aliases of voice {voice.id!r}", voice.aliases)
    _check_names(name, f"variants of voice {voice.id!r}", voice.variants)
    return voice


def checked_voices(voices: Any, name: str) -> Sequence[Voice]:
    """All of its voices, no id twice."""
    if not isinstance(voices, Sequence) or isinstance(voices, str | bytes):
        _refuse(name, "voices()", voices, "a sequence of Voice")
    ids: set[str] = set()
    for voice in voices:
        if not checked_voice(voice, name).id or voice.id in ids:
            _refuse(name, "voices()", voice.id, "each id once, and none that is empty,")
        ids.add(voice.id)
    return voices


def checked_price(price: Any, name: str) -> Price | None:
    """What a model costs."""
    if price is not None and not isinstance(price, Price):
        _refuse(name, "price()", price, "None or a Price")
    if price is not None:
        rates = [getattr(price, field) for field in Price.model_fields if field not in {"source", "checked"}]
        if not all(_is_number(rate) and rate >= 0 for rate in rates):
            _refuse(name, "price()", price, "a Price of numbers from 0")
    return price


def checked_downloads(offered: Any, name: str) -> tuple[ModelFiles, ...]:
    """Models whose files it can fetch."""
    if not isinstance(offered, Collection) or isinstance(offered, str | bytes):
        _refuse(name, "downloads()", offered, "a sequence of ModelFiles")
    for files in offered:
        if not isinstance(files, ModelFiles):
            _refuse(name, "downloads()", files, "a ModelFiles")
        texts = (files.model, files.source, files.folder, files.variant)
        if not all(isinstance(text, str) for text in texts) or not _are_names(files.missing):
            _refuse(name, "downloads()", files, "a ModelFiles of strings")
        if files.size is not None and (type(files.size) is not int or files.size < 0):
            _refuse(name, "downloads()", files, "a ModelFiles whose size is None or an integer from 0")
    return tuple(offered)


def _check_speeds(name: str, speeds: Any) -> None:
    if (
        isinstance(speeds, tuple | list)
        and len(speeds) == 2
        and all(_is_number(speed) for speed in speeds)
        and 0 < speeds[0] <= 1 <= speeds[1]
    ):
        return
    _refuse(name, "capabilities.speed_range", speeds, "two numbers with 1 between them")


def _check_names(name: str, attribute: str, value: Any) -> None:
    if not _are_names(value):
        _refuse(name, attribute, value, "a tuple of strings")


def _are_names(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(text, str) for text in value)


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def _refuse(name: str, attribute: str, value: Any, wanted: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:80] + "…"
    raise FaultError(name, f"{attribute} is {shown}; {wanted} belongs there")
