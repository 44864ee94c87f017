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
from tts_hub.store.owners import Owners
from tts_hub.store.records import (
    SEPARATOR,
    StoredProfile,
    StoredSample,
    checked_name,
    checked_text,
    folded,
)
from tts_hub.store.samples import NewSample


class ProfileFields(TypedDict, total=False):
    """What a profile consists of, besides its samples."""

    name: str
    character: str
    description: str
    settings: EmotionSettings


class Profiles(Owners[StoredProfile]):
    """The emotion profiles of a database."""

    table = "profiles"
    order = "character_folded, folded"
    samples_column = "profile_id"

    def find(self, name: str, character: str = "") -> StoredProfile:
        """A profile by its id, by `character:name`, or by its name.

        A profile of the character comes before one that suits any voice.

        Raises:
            UnknownEmotionError: there is none.
        """
        self._require_database(name)
        with self._database.reading() as connection:
            return self._find(connection, name, character)

    def add(self, samples: Sequence[NewSample] = (), **fields: Unpack[ProfileFields]) -> StoredProfile:
        """Keep a new profile.

        Raises:
            InvalidRequestError: a field cannot be stored, the name is taken, or there is no room.
            OutputError: the samples cannot be written.
        """
        values = _checked(fields)
        self._keep_files(samples)
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
                raise self._taken(row) from exc
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
                raise self._taken({"name": profile.name, "character": profile.character, **values}) from exc
            return self._find(connection, profile.id)

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
        return self._record(rows[0], self._samples.of(connection, rows[0]["id"]))

    def _record(self, row: sqlite3.Row, samples: Sequence[StoredSample]) -> StoredProfile:
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

    def _none(self, name: str) -> UnknownEmotionError:
        return UnknownEmotionError(f"unknown emotion {shown(name)}; no emotion profile is stored")

    def _gone(self, record_id: str) -> UnknownEmotionError:
        return UnknownEmotionError(f"emotion {shown(record_id)} cannot be restored any more")

    def _taken(self, row: dict[str, str]) -> NameTakenError:
        name = shown(_full_name(row))
        return NameTakenError(f"there is an emotion {name} already; choose another name or remove it")


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
