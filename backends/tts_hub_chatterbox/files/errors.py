"""The error for a file that cannot be used; the caller knows where the file came from, and adds a remedy."""

from __future__ import annotations

from pathlib import Path

from tts_hub.errors import BackendUnavailableError


class UnusableFileError(BackendUnavailableError):
    """A file is missing, broken or not what it should be."""

    def __init__(self, message: str, file: Path) -> None:
        super().__init__(message, backend="chatterbox")
        self.file = file
