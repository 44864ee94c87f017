"""Finished speech that clients fetch later: files with names of our own, kept for a while."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tts_hub.audio.formats import AudioFormat
from tts_hub.config import ServerConfig
from tts_hub.errors import OutputError

NAME = re.compile(r"speech-[0-9a-f]{32}\.(mp3|opus|aac|flac|wav|pcm)")
logger = logging.getLogger(__name__)


class Outputs:
    """A folder of finished speech. Its calls wait for the disk: run them in a thread."""

    def __init__(self, folder: Callable[[], Path], settings: ServerConfig) -> None:
        """`folder` is asked for when the first file is written or looked for."""
        self._folder = folder
        self._seconds = settings.output_hours * 3_600
        self._most_bytes = settings.output_megabytes * 1_000_000

    def new(self, audio_format: AudioFormat) -> Path:
        """The path of a new file, which nobody can guess.

        Raises:
            OutputError: the folder cannot be created.
        """
        folder = self._folder()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise OutputError(f"cannot create {folder}: {exc.strerror}") from exc
        return folder / f"speech-{secrets.token_hex(16)}.{audio_format.name}"

    def find(self, name: str) -> Path | None:
        """The file of a name; None if there is none, or not any more."""
        if not NAME.fullmatch(name):
            return None
        path = self._folder() / name
        with suppress(OSError):
            if path.stat().st_mtime >= time.time() - self._seconds:
                return path
        return None

    def tidy(self) -> None:
        """Delete files that are too old, and the oldest ones where all together are too large."""
        found = []
        with suppress(OSError):
            for path in self._folder().iterdir():
                with suppress(OSError):
                    if NAME.fullmatch(path.name):
                        status = path.stat()
                        found.append((status.st_mtime, status.st_size, path))
        size = 0
        for changed, bytes_of, path in sorted(found, reverse=True):
            size += bytes_of
            if changed < time.time() - self._seconds or size > self._most_bytes:
                with suppress(OSError):
                    path.unlink()
