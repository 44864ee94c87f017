"""What voices and profiles have in common: they have names and samples, are removed and restored."""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from tts_hub.errors import InvalidRequestError, NameTakenError
from tts_hub.store.database import Database
from tts_hub.store.records import StoredProfile, StoredSample, StoredVoice
from tts_hub.store.samples import NewSample, SampleFiles, SampleRows

R = TypeVar("R", StoredVoice, StoredProfile)


class Owners(ABC, Generic[R]):
    """The records of one table, each with samples. All calls block for some milliseconds."""

    table: ClassVar[str]
    order: ClassVar[str]
    """The columns that lists are sorted by."""
    samples_column: ClassVar[str]
    """The column of a sample that names its owner."""

    def __init__(self, database: Database, files: SampleFiles, quota_bytes: int) -> None:
        self._database = database
        self._files = files
        self._samples = SampleRows(self.samples_column, files, quota_bytes)

    def all(self, *, removed: bool = False) -> list[R]:
        """All records in order, or those that were removed and can be restored."""
        if not self._database.exists:
            return []
        which = "removed IS NOT NULL" if removed else "removed IS NULL"
        query = f"SELECT * FROM {self.table} WHERE {which} ORDER BY {self.order}"  # noqa: S608 - ours
        with self._database.reading() as connection:
            samples = self._samples.all(connection)
            return [self._record(row, samples.get(row["id"], ())) for row in connection.execute(query)]

    def add_samples(self, name: str, samples: Sequence[NewSample]) -> R:
        """Add samples to a record.

        Raises:
            InvalidRequestError: there is no such record, or no room.
            OutputError: the samples cannot be written.
        """
        self._keep_files(samples)
        with self._database.writing() as connection:
            owner = self._find(connection, name)
            self._samples.add(connection, owner.id, samples)
            return self._touched(connection, owner)

    def remove_sample(self, name: str, sample_id: int) -> R:
        """Remove one sample of a record.

        Raises:
            InvalidRequestError: there is no such record, or it has no such sample.
        """
        with self._database.writing() as connection:
            owner = self._find(connection, name)
            self._samples.remove(connection, owner.id, sample_id)
            return self._touched(connection, owner)

    def remove(self, name: str) -> R:
        """Remove a record; it can be restored for a while.

        Raises:
            InvalidRequestError: there is no such record.
        """
        self._require_database(name)
        with self._database.writing() as connection:
            owner = self._find(connection, name)
            self._set(connection, "removed", owner.id, time.time())
            return owner

    def restore(self, record_id: str) -> R:
        """Restore a record that was removed; nothing happens to one that was not.

        Raises:
            InvalidRequestError: there is no such record any more.
            NameTakenError: another record has its name now.
        """
        with self._database.writing() as connection:
            query = f"SELECT * FROM {self.table} WHERE id = ?"  # noqa: S608 - ours
            row = connection.execute(query, (record_id,)).fetchone()
            if row is None:
                raise self._gone(record_id)
            try:
                self._set(connection, "removed", record_id, None)
            except sqlite3.IntegrityError as exc:
                raise self._taken(dict(row)) from exc
            return self._find(connection, record_id)

    def _keep_files(self, samples: Sequence[NewSample]) -> None:
        """Write the files of samples, before a transaction that holds up other writers."""
        for sample in samples:
            self._files.keep(sample)

    def _require_database(self, name: str) -> None:
        """Look for nothing where nothing was ever stored, so that no file is created by it."""
        if not self._database.exists:
            raise self._none(name)

    def _touched(self, connection: sqlite3.Connection, owner: R) -> R:
        """The record as it is now, marked as changed."""
        self._set(connection, "updated", owner.id, time.time())
        return self._find(connection, owner.id)

    def _set(self, connection: sqlite3.Connection, column: str, owner: str, value: float | None) -> None:
        query = f"UPDATE {self.table} SET {column} = ? WHERE id = ?"  # noqa: S608 - ours
        connection.execute(query, (value, owner))

    @abstractmethod
    def _find(self, connection: sqlite3.Connection, name: str) -> R:
        """The record of an id or a name; raises the error for one that does not exist."""

    @abstractmethod
    def _record(self, row: sqlite3.Row, samples: Sequence[StoredSample]) -> R:
        """The record of a row."""

    @abstractmethod
    def _none(self, name: str) -> InvalidRequestError:
        """The error for a name while nothing is stored."""

    @abstractmethod
    def _gone(self, record_id: str) -> InvalidRequestError:
        """The error for a record that cannot be restored any more."""

    @abstractmethod
    def _taken(self, row: dict[str, str]) -> NameTakenError:
        """The error for a name that another record has."""
