"""Engines on other machines: OpenAI and its likes, AllTalk, ElevenLabs, behind the same stream."""

from tts_hub_remote.openai import OpenAIBackend

__all__ = ["OpenAIBackend"]
