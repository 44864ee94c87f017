"""AllTalk, versions 1 and 2: a server that a user runs, with XTTS and other engines."""

from tts_hub_remote.alltalk.backend import AllTalkBackend

__all__ = ["AllTalkBackend"]
