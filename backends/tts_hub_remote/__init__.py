"""Engines on other machines: OpenAI and servers with its API, AllTalk and ElevenLabs."""

from tts_hub_remote.alltalk import AllTalkBackend
from tts_hub_remote.elevenlabs import ElevenLabsBackend
from tts_hub_remote.openai import OpenAIBackend

__all__ = ["AllTalkBackend", "ElevenLabsBackend", "OpenAIBackend"]
