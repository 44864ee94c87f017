"""What is wrong with a file of a model, for whoever knows where it came from to say what mends it."""

from __future__ import annotations

from pathlib import Path

from tts_hub.errors import BackendUnavailableError


class UnusableFileError(BackendUnavailableError):
    """A file is missing, broken or not what it should be."""

    def __init__(self, message: str, file: Path) -> None:
        super().__init__(message, backend="chatterbox")
        self.file = file
