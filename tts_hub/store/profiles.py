"""The emotion profiles of the store. All calls block for some milliseconds."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import TypedDict, Unpack

from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import NameTakenError, UnknownEmotionError, one_of, shown
from tts_hub.store.database import Database
from tts_hub.store.records import (
    SEPARATOR,
    StoredProfile,
    StoredSample,
    checked_name,
    checked_text,
    folded,
)
from tts_hub.store.samples import NewSample, SampleFiles, SampleRows


class ProfileFields(TypedDict, total=False):
    """What a profile consists of, besides its samples."""

    name: str
    character: str
    description: str
    settings: EmotionSettings


class Profiles:
    """The emotion profiles of a database."""

    def __init__(self, database: Database, files: SampleFiles, quota_bytes: int) -> None:
        self._database = database
        self._files = files
        self._samples = SampleRows("profile_id", files, quota_bytes)

    def all(self, *, removed: bool = False) -> list[StoredProfile]:
        """All profiles by character and name, or those that were removed and can be restored."""
        if not self._database.exists:
            return []
        which = "removed IS NOT NULL" if removed else "removed IS NULL"
        with self._database.reading() as connection:
            samples = self._samples.all(connection)
            query = f"SELECT * FROM profiles WHERE {which} ORDER BY character_folded, folded"  # noqa: S608 - ours
            return [_record(row, samples.get(row["id"], ())) for row in connection.execute(query)]

    def find(self, name: str, character: str = "") -> StoredProfile:
        """A profile by its id, by `character:name`, or by its name.

        A profile of the character comes before one that suits any voice.

        Raises:
            UnknownEmotionError: there is none.
        """
        if not self._database.exists:
            raise UnknownEmotionError(f"unknown emotion {shown(name)}; no emotion profile is stored")
        with self._database.reading() as connection:
            return self._find(connection, name, character)

    def add(self, samples: Sequence[NewSample] = (), **fields: Unpack[ProfileFields]) -> StoredProfile:
        """Keep a new profile.

        Raises:
            InvalidRequestError: a field cannot be stored, the name is taken, or there is no room.
            OutputError: the samples cannot be written.
        """
        values = _checked(fields)
        for sample in samples:
            self._files.keep(sample)
        profile_id, now = f"emotion_{secrets.token_hex(8)}", time.time()
        row = {"character": "", "character_folded": "", "description": "", "settings": "{}"}
        row |= values
        with self._database.writing() as connection:
            try:
                connection.execute(
                    "INSERT INTO profiles (id, name, folded, character, character_folded, description,"
                    " settings, created, updated) VALUES (:id, :name, :folded, :character, :character_folded,"
                    " :description, :settings, :now, :now)",
                    {**row, "id": profile_id, "now": now},
                )
            except sqlite3.IntegrityError as exc:
                raise _taken(row) from exc
            self._samples.add(connection, profile_id, samples)
            return self._find(connection, profile_id)

    def change(self, which: str, /, **fields: Unpack[ProfileFields]) -> StoredProfile:
        """Change a profile.

        Raises:
            UnknownEmotionError: there is no such profile.
            InvalidRequestError: a field cannot be stored, or the name is taken.
        """
        values = _checked(fields)
        with self._database.writing() as connection:
            profile = self._find(connection, which)
            if not values:
                return profile
            assignments = ", ".join(f"{column} = :{column}" for column in values)
            try:
                connection.execute(
                    f"UPDATE profiles SET {assignments}, updated = :now WHERE id = :id",  # noqa: S608 - ours
                    {**values, "id": profile.id, "now": time.time()},
                )
            except sqlite3.IntegrityError as exc:
                raise _taken({"name": profile.name, "character": profile.character, **values}) from exc
            return self._find(connection, profile.id)

    def add_samples(self, name: str, samples: Sequence[NewSample]) -> StoredProfile:
        """Add samples to a profile.

        Raises:
            UnknownEmotionError: there is no such profile.
            QuotaError: there is no room.
            OutputError: the samples cannot be written.
        """
        for sample in samples:
            self._files.keep(sample)
        with self._database.writing() as connection:
            profile = self._find(connection, name)
            self._samples.add(connection, profile.id, samples)
            self._touch(connection, profile.id)
            return self._find(connection, profile.id)

    def remove_sample(self, name: str, sample_id: int) -> StoredProfile:
        """Remove one sample of a profile.

        Raises:
            UnknownEmotionError: there is no such profile.
            UnknownVoiceError: it has no such sample.
        """
        with self._database.writing() as connection:
            profile = self._find(connection, name)
            self._samples.remove(connection, profile.id, sample_id)
            self._touch(connection, profile.id)
            return self._find(connection, profile.id)

    def remove(self, name: str) -> StoredProfile:
        """Remove a profile; it can be restored for a while.

        Raises:
            UnknownEmotionError: there is no such profile.
        """
        if not self._database.exists:
            raise UnknownEmotionError(f"unknown emotion {shown(name)}; no emotion profile is stored")
        with self._database.writing() as connection:
            profile = self._find(connection, name)
            connection.execute("UPDATE profiles SET removed = ? WHERE id = ?", (time.time(), profile.id))
            return profile

    def restore(self, profile_id: str) -> StoredProfile:
        """Restore a profile that was removed; nothing happens to one that was not.

        Raises:
            UnknownEmotionError: there is no such profile any more.
            NameTakenError: another profile has its name now.
        """
        with self._database.writing() as connection:
            row = connection.execute("SELECT * FROM profiles WHERE id = ?", (profile_id,)).fetchone()
            if row is None:
                raise UnknownEmotionError(f"emotion {shown(profile_id)} cannot be restored any more")
            try:
                connection.execute("UPDATE profiles SET removed = NULL WHERE id = ?", (profile_id,))
            except sqlite3.IntegrityError as exc:
                raise _taken(dict(row)) from exc
            return self._find(connection, profile_id)

    def _find(self, connection: sqlite3.Connection, name: str, character: str = "") -> StoredProfile:
        of_character, separator, own = name.rpartition(SEPARATOR)
        rows = connection.execute(
            "SELECT * FROM profiles WHERE removed IS NULL AND (id = :name OR (folded = :own AND"
            " character_folded IN (:character, ''))) ORDER BY id = :name DESC, character_folded DESC",
            {
                "name": name,
                "own": folded(own if separator else name),
                "character": folded(of_character if separator else character),
            },
        ).fetchall()
        if not rows:
            query = "SELECT name, character FROM profiles WHERE removed IS NULL ORDER BY character, name"
            known = [_full_name(dict(row)) for row in connection.execute(query)]
            raise UnknownEmotionError(f"unknown emotion {shown(name)}; {one_of(name, known)}")
        return _record(rows[0], self._samples.of(connection, rows[0]["id"]))

    def _touch(self, connection: sqlite3.Connection, profile_id: str) -> None:
        connection.execute("UPDATE profiles SET updated = ? WHERE id = ?", (time.time(), profile_id))


def _checked(fields: ProfileFields) -> dict[str, str]:
    values: dict[str, str] = {}
    if "name" in fields:
        values["name"] = checked_name(fields["name"])
        values["folded"] = folded(values["name"])
    if "character" in fields:
        character = fields["character"]
        values["character"] = checked_name(character, param="character") if character.strip() else ""
        values["character_folded"] = folded(values["character"])
    if "description" in fields:
        values["description"] = checked_text(fields["description"], param="description")
    if "settings" in fields:
        values["settings"] = fields["settings"].model_dump_json(exclude_defaults=True)
    return values


def _full_name(row: dict[str, str]) -> str:
    return f"{row['character']}{SEPARATOR}{row['name']}" if row["character"] else row["name"]


def _taken(row: dict[str, str]) -> NameTakenError:
    return NameTakenError(
        f"there is an emotion {shown(_full_name(row))} already; choose another name or remove it"
    )


def _record(row: sqlite3.Row, samples: Sequence[StoredSample]) -> StoredProfile:
    return StoredProfile(
        id=row["id"],
        name=row["name"],
        character=row["character"],
        description=row["description"],
        settings=EmotionSettings.model_validate(json.loads(row["settings"])),
        created=row["created"],
        updated=row["updated"],
        removed=row["removed"],
        samples=tuple(samples),
    )
