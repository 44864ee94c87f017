"""Chatterbox Turbo and Nano, run in this process by our own torch code: cloned voices, laughs and sighs."""

from tts_hub_chatterbox.backend import ChatterboxNano, ChatterboxTurbo
from tts_hub_chatterbox.settings import ChatterboxSettings, TurboOptions

__all__ = ["ChatterboxNano", "ChatterboxSettings", "ChatterboxTurbo", "TurboOptions"]
