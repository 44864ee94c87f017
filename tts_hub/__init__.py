"""One streaming interface in front of many text-to-speech engines.

async with TTSBackendManager.from_config() as manager:
    async with await manager.stream("Hello.", response_format="mp3") as speech:
        async for data in speech:
            file.write(data)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tts_hub import errors
    from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
    from tts_hub.config import Config
    from tts_hub.config_file.loading import load_config
    from tts_hub.cost.pricing import CostEstimate, EngineEstimate, Price
    from tts_hub.emotions.profile import EmotionSettings
    from tts_hub.engines.pool import EngineStatus
    from tts_hub.engines.preparation import Preparation
    from tts_hub.errors import TTSHubError
    from tts_hub.manager import TTSBackendManager
    from tts_hub.progress import ProgressCallback, ProgressEvent
    from tts_hub.report import EngineCost, Fallback, Retake, SpeechReport
    from tts_hub.request.stream import AudioStream, SpeechStream
    from tts_hub.store.records import StoredProfile, StoredSample, StoredVoice
    from tts_hub.store.store import Store
    from tts_hub.types import (
        AudioChunk,
        Availability,
        Capabilities,
        ModelFiles,
        SegmentRequest,
        SpeechRequest,
        Usage,
        Voice,
        VoiceSample,
        WordTiming,
    )

__all__ = [
    "AudioChunk",
    "AudioStream",
    "Availability",
    "BackendOptions",
    "BackendSettings",
    "Capabilities",
    "Config",
    "CostEstimate",
    "EmotionSettings",
    "EngineCost",
    "EngineEstimate",
    "EngineStatus",
    "Fallback",
    "ModelFiles",
    "Preparation",
    "Price",
    "ProgressCallback",
    "ProgressEvent",
    "Retake",
    "SegmentRequest",
    "SpeechReport",
    "SpeechRequest",
    "SpeechStream",
    "Store",
    "StoredProfile",
    "StoredSample",
    "StoredVoice",
    "TTSBackend",
    "TTSBackendManager",
    "TTSHubError",
    "Usage",
    "Voice",
    "VoiceSample",
    "WordTiming",
    "errors",
    "load_config",
]

_HOMES = {
    "tts_hub.backend": ("BackendOptions", "BackendSettings", "TTSBackend"),
    "tts_hub.config": ("Config",),
    "tts_hub.config_file.loading": ("load_config",),
    "tts_hub.emotions.profile": ("EmotionSettings",),
    "tts_hub.errors": ("TTSHubError",),
    "tts_hub.engines.pool": ("EngineStatus",),
    "tts_hub.engines.preparation": ("Preparation",),
    "tts_hub.manager": ("TTSBackendManager",),
    "tts_hub.cost.pricing": ("CostEstimate", "EngineEstimate", "Price"),
    "tts_hub.progress": ("ProgressCallback", "ProgressEvent"),
    "tts_hub.report": ("EngineCost", "Fallback", "Retake", "SpeechReport"),
    "tts_hub.request.stream": ("AudioStream", "SpeechStream"),
    "tts_hub.store.records": ("StoredProfile", "StoredSample", "StoredVoice"),
    "tts_hub.store.store": ("Store",),
    "tts_hub.types": (
        "AudioChunk",
        "Availability",
        "Capabilities",
        "ModelFiles",
        "SegmentRequest",
        "SpeechRequest",
        "Usage",
        "Voice",
        "VoiceSample",
        "WordTiming",
    ),
}
"""Module -> public names that are in it, imported when they are used: without numpy and pydantic the command
line, above all the completion of its words, starts several times as fast."""


def _imported(name: str) -> Any:
    """A public name, when it is asked for first."""
    if name == "errors":
        return importlib.import_module("tts_hub.errors")
    for module, names in _HOMES.items():
        if name in names:
            globals()[name] = getattr(importlib.import_module(module), name)
            return globals()[name]
    raise AttributeError(f"module 'tts_hub' has no attribute {name!r}", name=name, obj=None)


if not TYPE_CHECKING:  # the type checker knows all names, and is to complain of others
    __getattr__ = _imported


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
