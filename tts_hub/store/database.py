"""The SQLite file of the store. Several processes and threads may use it at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tts_hub.errors import StoreError

VERSION = 1
BUSY_SECONDS = 10.0
"""How long a writer waits for another one."""
TABLES = """
CREATE TABLE voices (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    description TEXT NOT NULL,
    language TEXT NOT NULL,
    consent TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    removed REAL
);
CREATE UNIQUE INDEX voices_by_name ON voices (folded) WHERE removed IS NULL;
CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    character TEXT NOT NULL,
    character_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    settings TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    removed REAL
);
CREATE UNIQUE INDEX profiles_by_name ON profiles (folded, character_folded) WHERE removed IS NULL;
CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    voice_id TEXT REFERENCES voices ON DELETE CASCADE,
    profile_id TEXT REFERENCES profiles ON DELETE CASCADE,
    hash TEXT NOT NULL,
    seconds REAL NOT NULL,
    sample_rate INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    origin TEXT NOT NULL,
    transcript TEXT NOT NULL,
    warnings TEXT NOT NULL,
    created REAL NOT NULL,
    CHECK ((voice_id IS NULL) <> (profile_id IS NULL))
);
CREATE UNIQUE INDEX samples_by_voice ON samples (voice_id, hash);
CREATE UNIQUE INDEX samples_by_profile ON samples (profile_id, hash);
CREATE INDEX samples_by_hash ON samples (hash);
"""


class Database:
    """Short connections to one SQLite file in WAL mode. The file is created by the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether anything was ever stored."""
        return self.path.exists()

    def state(self) -> tuple[int, ...]:
        """Numbers that change with every write of any process."""
        found: list[int] = []
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            with suppress(OSError):
                status = path.stat()
                found += [status.st_ino, status.st_size, status.st_mtime_ns]
        return tuple(found)

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection that sees one state of the records.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._connected() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection whose changes are kept together at the end of the block, or not at all.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _connected(self) -> Generator[sqlite3.Connection, None, None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(
                sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.row_factory = sqlite3.Row
                self._prepare(connection)
                yield connection
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as exc:
            if isinstance(exc, sqlite3.IntegrityError):
                raise
            raise StoreError(f"the voices in {self.path.parent} cannot be read or written: {exc}") from exc

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            return
        if version > VERSION:
            raise StoreError(
                f"{self.path} was written by a newer version of tts-hub; update tts-hub, or name another "
                "folder in store.folder"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:  # another process may have been faster
                for statement in TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        with suppress(OSError):
            os.chmod(self.path, 0o600)  # recordings of people, and notes of their consent
