"""Chatterbox in the process, in our own torch: cloned voices, laughs and sighs; Turbo and Nano."""

from tts_hub_chatterbox.backend import ChatterboxNano, ChatterboxTurbo
from tts_hub_chatterbox.settings import ChatterboxSettings, TurboOptions

__all__ = ["ChatterboxNano", "ChatterboxSettings", "ChatterboxTurbo", "TurboOptions"]
