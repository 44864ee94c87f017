"""ElevenLabs: many voices and languages, exact word timings, over HTTP and a websocket."""

from tts_hub_remote.elevenlabs.backend import ElevenLabsBackend

__all__ = ["ElevenLabsBackend"]
