"""The recordings of the store: files named by their content, and a row for each use of one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tts_hub.errors import OutputError, QuotaError, UnknownVoiceError
from tts_hub.store.records import StoredSample
from tts_hub.system.temporary import open_temporary, put_in_place, remove_leftovers, why_not_written

MOST_SAMPLES = 32
"""Samples of one voice or profile."""
ORPHAN_SECONDS = 3_600.0
"""Age from which a file without a row is deleted: a younger one may belong to an upload that is under way."""
_FILE_NAME = re.compile(r"[0-9a-f]{64}\.flac")


@dataclass(frozen=True, slots=True)
class NewSample:
    """A recording that is to be kept, checked and encoded."""

    data: bytes
    """A FLAC file, of `clips.encoding`."""
    seconds: float
    sample_rate: int
    origin: str = ""
    transcript: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()


class SampleFiles:
    """The files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        """Where a recording is."""
        return self._folder / f"{digest}.flac"

    def keep(self, sample: NewSample) -> None:
        """Write a recording, whole or not at all; one that is there already is marked as new.

        Raises:
            OutputError: it cannot be written.
        """
        path = self.path(sample.hash)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists():
                os.utime(path)
                return
            temporary, file = open_temporary(path, mode=0o600)
            with file:
                file.write(sample.data)
                file.flush()
                os.fsync(file.fileno())
                put_in_place(temporary, path)
        except OSError as exc:
            raise OutputError(f"cannot write {path}: {why_not_written(path, exc)}") from exc

    def sweep(self, used: Iterable[str]) -> list[str]:
        """Delete files that no row names and that are not new; returns their hashes."""
        names = {f"{digest}.flac" for digest in used}
        latest = time.time() - ORPHAN_SECONDS
        deleted = []
        remove_leftovers(self._folder)
        with suppress(OSError):
            for entry in list(os.scandir(self._folder)):
                if not _FILE_NAME.fullmatch(entry.name) or entry.name in names:
                    continue
                if entry.stat(follow_symlinks=False).st_mtime < latest:
                    Path(entry.path).unlink(missing_ok=True)
                    deleted.append(entry.name.partition(".")[0])
        return deleted

    def delete(self, digest: str) -> None:
        """Delete a recording that no row names any more."""
        with suppress(OSError):
            self.path(digest).unlink(missing_ok=True)


class SampleRows:
    """The rows of one owner's column: `voice_id` or `profile_id`."""

    def __init__(self, column: str, files: SampleFiles, quota_bytes: int) -> None:
        self._column = column
        self._files = files
        self._quota = quota_bytes

    def all(self, connection: sqlite3.Connection) -> Mapping[str, Sequence[StoredSample]]:
        """Owner -> its samples, the oldest first."""
        found: dict[str, list[StoredSample]] = {}
        query = f"SELECT * FROM samples WHERE {self._column} IS NOT NULL ORDER BY id"  # noqa: S608 - ours
        for row in connection.execute(query):
            found.setdefault(row[self._column], []).append(self._record(row))
        return found

    def of(self, connection: sqlite3.Connection, owner: str) -> tuple[StoredSample, ...]:
        """The samples of one owner, the oldest first."""
        query = f"SELECT * FROM samples WHERE {self._column} = ? ORDER BY id"  # noqa: S608 - ours
        return tuple(self._record(row) for row in connection.execute(query, (owner,)))

    def add(self, connection: sqlite3.Connection, owner: str, samples: Sequence[NewSample]) -> None:
        """Add samples; one that the owner has already becomes its newest.

        Raises:
            QuotaError: the store, or the owner, would have too many.
        """
        for sample in samples:
            self._files.keep(sample)  # again: another process may have deleted it before this transaction
            connection.execute(
                f"DELETE FROM samples WHERE {self._column} = ? AND hash = ?",  # noqa: S608 - ours
                (owner, sample.hash),
            )
            connection.execute(
                f"INSERT INTO samples ({self._column}, hash, seconds, sample_rate, bytes, origin, transcript,"  # noqa: S608
                " warnings, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(owner, sample.hash, sample.seconds, sample.sample_rate, len(sample.data)),
                    *(sample.origin, sample.transcript, json.dumps(sample.warnings), time.time()),
                ),
            )
        if len(self.of(connection, owner)) > MOST_SAMPLES:
            raise QuotaError(f"there are at most {MOST_SAMPLES} samples; remove one first", param="sample")
        total = stored_bytes(connection)
        if samples and total > self._quota:
            raise QuotaError(
                f"the samples of all voices would take {total / 1e6:.0f} MB, and store.quota_megabytes "
                f"allows {self._quota / 1e6:.0f}; remove voices, or raise it",
                param="sample",
            )

    def remove(self, connection: sqlite3.Connection, owner: str, sample_id: int) -> None:
        """Remove one sample.

        Raises:
            UnknownVoiceError: the owner has no such sample.
        """
        removed = connection.execute(
            f"DELETE FROM samples WHERE {self._column} = ? AND id = ?",  # noqa: S608 - ours
            (owner, sample_id),
        )
        if not removed.rowcount:
            raise UnknownVoiceError(f"there is no sample {sample_id}")

    def _record(self, row: sqlite3.Row) -> StoredSample:
        return StoredSample(
            id=row["id"],
            hash=row["hash"],
            path=str(self._files.path(row["hash"])),
            seconds=row["seconds"],
            sample_rate=row["sample_rate"],
            bytes=row["bytes"],
            origin=row["origin"],
            transcript=row["transcript"],
            warnings=tuple(json.loads(row["warnings"])),
            created=row["created"],
        )


def stored_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of all recordings, each counted once."""
    query = "SELECT COALESCE(SUM(bytes), 0) FROM (SELECT DISTINCT hash, bytes FROM samples)"
    (total,) = connection.execute(query).fetchone()
    return int(total)


def used_hashes(connection: sqlite3.Connection) -> set[str]:
    """The hashes of all recordings that have a row."""
    return {row["hash"] for row in connection.execute("SELECT DISTINCT hash FROM samples")}
