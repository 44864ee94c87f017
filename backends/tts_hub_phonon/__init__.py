"""Phonon and Pocket TTS by the package `ptts`: small models that stream their audio in frames of 80 ms."""

from tts_hub_phonon.backend import PhononBackend
from tts_hub_phonon.settings import PhononOptions, PhononSettings

__all__ = ["PhononBackend", "PhononOptions", "PhononSettings"]
