"""For those who write engines: a fake one to program against, and the contract that every engine keeps."""

from tts_hub.testing.fake import FakeBackend, FakeOptions, FakeScript

__all__ = ["FakeBackend", "FakeOptions", "FakeScript"]
