"""Kokoro-82M through onnxruntime: a small natural voice that runs anywhere."""

from tts_hub_kokoro.backend import KokoroBackend
from tts_hub_kokoro.settings import KokoroSettings

__all__ = ["KokoroBackend", "KokoroSettings"]
