"""AllTalk, versions 1 and 2: XTTS and other engines behind a server of one's own."""

from tts_hub_remote.alltalk.backend import AllTalkBackend

__all__ = ["AllTalkBackend"]
