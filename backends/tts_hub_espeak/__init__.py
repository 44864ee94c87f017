"""espeak-ng inside the process: the engine that always works, no download, a hundred languages."""

from tts_hub_espeak.backend import EspeakBackend, EspeakOptions, EspeakSettings

__all__ = ["EspeakBackend", "EspeakOptions", "EspeakSettings"]
