"""OpenAI's speech API, at OpenAI and at the many servers that speak it."""

from tts_hub_remote.openai.backend import OpenAIBackend

__all__ = ["OpenAIBackend"]
