"""espeak-ng inside the process: an engine that needs no download and speaks over a hundred languages."""

from tts_hub_espeak.backend import EspeakBackend, EspeakOptions, EspeakSettings

__all__ = ["EspeakBackend", "EspeakOptions", "EspeakSettings"]
