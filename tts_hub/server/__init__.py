"""The OpenAI-compatible HTTP server. `create_app(config)` makes it; `tts-hub serve` runs it."""

from tts_hub.server.app import create_app

__all__ = ["create_app"]
