"""One streaming interface in front of many text-to-speech engines.

async with TTSBackendManager.from_config() as manager:
    async with await manager.stream("Hello.", response_format="mp3") as speech:
        async for data in speech:
            file.write(data)
"""

from tts_hub import errors
from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.config import Config, load_config
from tts_hub.errors import TTSHubError
from tts_hub.manager import EngineStatus, TTSBackendManager
from tts_hub.pricing import CostEstimate, EngineEstimate, Price
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.report import EngineCost, Fallback, Retake, SpeechReport
from tts_hub.stream import AudioStream, SpeechStream
from tts_hub.types import (
    AudioChunk,
    Availability,
    Capabilities,
    ModelFiles,
    SegmentRequest,
    SpeechRequest,
    Usage,
    Voice,
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
    "EngineCost",
    "EngineEstimate",
    "EngineStatus",
    "Fallback",
    "ModelFiles",
    "Price",
    "ProgressCallback",
    "ProgressEvent",
    "Retake",
    "SegmentRequest",
    "SpeechReport",
    "SpeechRequest",
    "SpeechStream",
    "TTSBackend",
    "TTSBackendManager",
    "TTSHubError",
    "Usage",
    "Voice",
    "WordTiming",
    "errors",
    "load_config",
]
