"""Kokoro-82M in onnxruntime: a small model with natural voices, fast on any processor."""

from tts_hub_kokoro.backend import KokoroBackend
from tts_hub_kokoro.settings import KokoroSettings

__all__ = ["KokoroBackend", "KokoroSettings"]
