"""The voices of the store. All calls block for some milliseconds."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import TypedDict, Unpack

from tts_hub.errors import NameTakenError, UnknownVoiceError, one_of, shown
from tts_hub.store.owners import Owners
from tts_hub.store.records import (
    StoredSample,
    StoredVoice,
    checked_language,
    checked_name,
    checked_text,
    folded,
)
from tts_hub.store.samples import NewSample


class VoiceFields(TypedDict, total=False):
    """What its owner says about a voice."""

    name: str
    description: str
    language: str
    consent: str


class Voices(Owners[StoredVoice]):
    """The voices of a database."""

    table = "voices"
    order = "folded"
    samples_column = "voice_id"

    def find(self, name: str) -> StoredVoice:
        """A voice by its id or its name, in any case.

        Raises:
            UnknownVoiceError: there is none.
        """
        self._require_database(name)
        with self._database.reading() as connection:
            return self._find(connection, name)

    def add(self, samples: Sequence[NewSample], **fields: Unpack[VoiceFields]) -> StoredVoice:
        """Keep a new voice.

        Raises:
            InvalidRequestError: a field cannot be stored, the name is taken, or there is no room.
            OutputError: the samples cannot be written.
        """
        values = _checked(fields)
        self._keep_files(samples)
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
                raise self._taken(row) from exc
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
                raise self._taken(values) from exc
            return self._find(connection, voice.id)

    def _find(self, connection: sqlite3.Connection, name: str) -> StoredVoice:
        row = connection.execute(
            "SELECT * FROM voices WHERE removed IS NULL AND (id = ? OR folded = ?) ORDER BY id = ? DESC",
            (name, folded(name), name),
        ).fetchone()
        if row is None:
            query = "SELECT name FROM voices WHERE removed IS NULL ORDER BY folded"
            known = [row["name"] for row in connection.execute(query)]
            raise UnknownVoiceError(f"unknown voice {shown(name)}; {one_of(name, known)}")
        return self._record(row, self._samples.of(connection, row["id"]))

    def _record(self, row: sqlite3.Row, samples: Sequence[StoredSample]) -> StoredVoice:
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

    def _none(self, name: str) -> UnknownVoiceError:
        return UnknownVoiceError(f"unknown voice {shown(name)}; no voice is stored")

    def _gone(self, record_id: str) -> UnknownVoiceError:
        return UnknownVoiceError(f"voice {shown(record_id)} cannot be restored any more")

    def _taken(self, row: dict[str, str]) -> NameTakenError:
        name = shown(row["name"])
        return NameTakenError(f"there is a voice {name} already; choose another name or remove it")


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
