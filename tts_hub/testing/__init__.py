"""Help for authors of engines: a fake engine to program against, and the contract that every engine keeps."""

from tts_hub.testing.fake import FakeBackend, FakeOptions, FakeScript

__all__ = ["FakeBackend", "FakeOptions", "FakeScript"]
