"""What engines have computed of samples, as files that can be computed again.

`<folder>/<hash of the sample>/<hash of the rest of the key>.safetensors`: the entries of one sample are
found without an index, and no text from outside becomes part of a path.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)
_HASH = re.compile(r"[0-9a-f]{64}")
MOST_BYTES = 1_000_000_000
"""Bytes of all files: some thousand voices of Chatterbox."""
SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class PreparedKey:
    """All that a prepared voice depends on."""

    sample: str
    """SHA-256 of the sample's file, in hexadecimal."""
    engine: str
    model: str
    version: str
    """The weights, and all else of the computation that can change, such as an exaggeration."""

    @property
    def digest(self) -> str:
        """A hash of all but the sample."""
        rest = "\0".join((self.engine, self.model, self.version))
        return hashlib.sha256(rest.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PreparedStatistics:
    """What there is on disk."""

    files: int
    bytes: int


class PreparedFiles:
    """Files of prepared voices, of which those are deleted that were not used for the longest time."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def path(self, key: PreparedKey) -> Path:
        """Where the file of a key is, or will be. Its folder may not exist yet."""
        if not _HASH.fullmatch(key.sample):
            raise ValueError(f"{key.sample!r} is no SHA-256")
        return self._folder / key.sample / f"{key.digest}{SUFFIX}"

    def find(self, key: PreparedKey) -> Path | None:
        """The file of a key, which counts as used now; None if there is none."""
        path = self.path(key)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as exc:  # a read-only folder
            logger.debug("%s: %s", path, exc)
        return path if path.is_file() else None

    def thin_out(self, keep: Path | None = None) -> None:
        """Delete files until the rest has its size; `keep` stays in any case."""
        files = sorted(self._files(), key=lambda found: found[2], reverse=True)
        size = 0
        for path, bytes_of, _ in files:
            size += bytes_of
            if size > self._most_bytes and path != keep:
                self._delete(path)
                size -= bytes_of

    def forget(self, sample: str) -> int:
        """Delete all files of one sample; returns how many."""
        if not _HASH.fullmatch(sample):
            return 0
        folder = self._folder / sample
        count = len(list(folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else 0
        shutil.rmtree(folder, ignore_errors=True)
        return count

    def clear(self) -> PreparedStatistics:
        """Delete all; returns what was there."""
        before = self.statistics()
        for sample in {path.parent.name for path, _, _ in self._files()}:
            self.forget(sample)
        return before

    def statistics(self) -> PreparedStatistics:
        """What there is."""
        sizes = [size for _, size, _ in self._files()]
        return PreparedStatistics(len(sizes), sum(sizes))

    def _files(self) -> list[tuple[Path, int, int]]:
        """(file, bytes, nanoseconds of its last use)."""
        found = []
        for path in self._folder.glob(f"*/*{SUFFIX}"):
            with suppress(OSError):
                status = path.stat()
                found.append((path, status.st_size, status.st_mtime_ns))
        return found

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()
        except OSError as exc:
            logger.warning("a prepared voice cannot be deleted: %s", exc)
