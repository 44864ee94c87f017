"""Piper in onnxruntime: small voices in over forty languages, fast on any processor."""

from tts_hub_piper.backend import PiperBackend
from tts_hub_piper.settings import PiperOptions, PiperSettings

__all__ = ["PiperBackend", "PiperOptions", "PiperSettings"]
