"""The voices of the store. All calls block for some milliseconds."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import TypedDict, Unpack

from tts_hub.errors import NameTakenError, UnknownVoiceError, one_of, shown
from tts_hub.store.database import Database
from tts_hub.store.records import (
    StoredSample,
    StoredVoice,
    checked_language,
    checked_name,
    checked_text,
    folded,
)
from tts_hub.store.samples import NewSample, SampleFiles, SampleRows


class VoiceFields(TypedDict, total=False):
    """What its owner says about a voice."""

    name: str
    description: str
    language: str
    consent: str


class Voices:
    """The voices of a database."""

    def __init__(self, database: Database, files: SampleFiles, quota_bytes: int) -> None:
        self._database = database
        self._files = files
        self._samples = SampleRows("voice_id", files, quota_bytes)

    def all(self, *, removed: bool = False) -> list[StoredVoice]:
        """All voices by name, or those that were removed and can be restored."""
        if not self._database.exists:
            return []
        which = "removed IS NOT NULL" if removed else "removed IS NULL"
        with self._database.reading() as connection:
            samples = self._samples.all(connection)
            rows = connection.execute(f"SELECT * FROM voices WHERE {which} ORDER BY folded")  # noqa: S608 - ours
            return [_record(row, samples.get(row["id"], ())) for row in rows]

    def find(self, name: str) -> StoredVoice:
        """A voice by its id or its name, in any case.

        Raises:
            UnknownVoiceError: there is none.
        """
        if not self._database.exists:
            raise UnknownVoiceError(f"unknown voice {shown(name)}; no voice is stored")
        with self._database.reading() as connection:
            return self._find(connection, name)

    def add(self, samples: Sequence[NewSample], **fields: Unpack[VoiceFields]) -> StoredVoice:
        """Keep a new voice.

        Raises:
            InvalidRequestError: a field cannot be stored, the name is taken, or there is no room.
            OutputError: the samples cannot be written.
        """
        values = _checked(fields)
        for sample in samples:
            self._files.keep(sample)
        voice_id, now = f"voice_{secrets.token_hex(8)}", time.time()
        with self._database.writing() as connection:
            row = {"description": "", "language": "", "consent": "", **values}
            try:
                connection.execute(
                    "INSERT INTO voices (id, name, folded, description, language, consent, created, updated) "
                    "VALUES (:id, :name, :folded, :description, :language, :consent, :now, :now)",
                    {**row, "id": voice_id, "now": now},
                )
            except sqlite3.IntegrityError as exc:
                raise _taken(row["name"]) from exc
            self._samples.add(connection, voice_id, samples)
            return self._find(connection, voice_id)

    def change(self, which: str, /, **fields: Unpack[VoiceFields]) -> StoredVoice:
        """Change what is said about a voice. Profiles that belong to it follow a new name.

        Raises:
            UnknownVoiceError: there is no such voice.
            InvalidRequestError: a field cannot be stored, or the name is taken.
        """
        values = _checked(fields)
        with self._database.writing() as connection:
            voice = self._find(connection, which)
            assignments = ", ".join(f"{column} = :{column}" for column in values)
            if not values:
                return voice
            try:
                connection.execute(
                    f"UPDATE voices SET {assignments}, updated = :now WHERE id = :id",  # noqa: S608 - ours
                    {**values, "id": voice.id, "now": time.time()},
                )
                if "name" in values:
                    connection.execute(
                        "UPDATE profiles SET character = :name, character_folded = :folded "
                        "WHERE character_folded = :before",
                        {**values, "before": folded(voice.name)},
                    )
            except sqlite3.IntegrityError as exc:
                raise _taken(values["name"]) from exc
            return self._find(connection, voice.id)

    def add_samples(self, name: str, samples: Sequence[NewSample]) -> StoredVoice:
        """Add samples to a voice.

        Raises:
            UnknownVoiceError: there is no such voice.
            QuotaError: there is no room.
            OutputError: the samples cannot be written.
        """
        for sample in samples:
            self._files.keep(sample)
        with self._database.writing() as connection:
            voice = self._find(connection, name)
            self._samples.add(connection, voice.id, samples)
            self._touch(connection, voice.id)
            return self._find(connection, voice.id)

    def remove_sample(self, name: str, sample_id: int) -> StoredVoice:
        """Remove one sample of a voice.

        Raises:
            UnknownVoiceError: there is no such voice or sample.
        """
        with self._database.writing() as connection:
            voice = self._find(connection, name)
            self._samples.remove(connection, voice.id, sample_id)
            self._touch(connection, voice.id)
            return self._find(connection, voice.id)

    def remove(self, name: str) -> StoredVoice:
        """Remove a voice; it can be restored for a while.

        Raises:
            UnknownVoiceError: there is no such voice.
        """
        if not self._database.exists:
            raise UnknownVoiceError(f"unknown voice {shown(name)}; no voice is stored")
        with self._database.writing() as connection:
            voice = self._find(connection, name)
            connection.execute("UPDATE voices SET removed = ? WHERE id = ?", (time.time(), voice.id))
            return voice

    def restore(self, voice_id: str) -> StoredVoice:
        """Restore a voice that was removed; nothing happens to one that was not.

        Raises:
            UnknownVoiceError: there is no such voice any more.
            NameTakenError: another voice has its name now.
        """
        with self._database.writing() as connection:
            row = connection.execute("SELECT * FROM voices WHERE id = ?", (voice_id,)).fetchone()
            if row is None:
                raise UnknownVoiceError(f"voice {shown(voice_id)} cannot be restored any more")
            try:
                connection.execute("UPDATE voices SET removed = NULL WHERE id = ?", (voice_id,))
            except sqlite3.IntegrityError as exc:
                raise _taken(row["name"]) from exc
            return self._find(connection, voice_id)

    def _find(self, connection: sqlite3.Connection, name: str) -> StoredVoice:
        row = connection.execute(
            "SELECT * FROM voices WHERE removed IS NULL AND (id = ? OR folded = ?) ORDER BY id = ? DESC",
            (name, folded(name), name),
        ).fetchone()
        if row is None:
            query = "SELECT name FROM voices WHERE removed IS NULL ORDER BY folded"
            known = [row["name"] for row in connection.execute(query)]
            raise UnknownVoiceError(f"unknown voice {shown(name)}; {one_of(name, known)}")
        return _record(row, self._samples.of(connection, row["id"]))

    def _touch(self, connection: sqlite3.Connection, voice_id: str) -> None:
        connection.execute("UPDATE voices SET updated = ? WHERE id = ?", (time.time(), voice_id))


def _checked(fields: VoiceFields) -> dict[str, str]:
    values: dict[str, str] = {}
    if "name" in fields:
        values["name"] = checked_name(fields["name"])
        values["folded"] = folded(values["name"])
    if "language" in fields:
        values["language"] = checked_language(fields["language"])
    for name in ("description", "consent"):
        if name in fields:
            values[name] = checked_text(str(fields.get(name)), param=name)
    return values


def _taken(name: str) -> NameTakenError:
    return NameTakenError(f"there is a voice {shown(name)} already; choose another name or remove it")


def _record(row: sqlite3.Row, samples: Sequence[StoredSample]) -> StoredVoice:
    return StoredVoice(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        language=row["language"],
        consent=row["consent"],
        created=row["created"],
        updated=row["updated"],
        removed=row["removed"],
        samples=tuple(samples),
    )
