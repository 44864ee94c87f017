"""The command line, `tts-hub`."""

from tts_hub.cli.main import main

__all__ = ["main"]
