"""What was spoken, kept over restarts: SQLite for the entries, a folder for their recordings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tts_hub.errors import OutputError
from tts_hub.types import SpeechRequest
from tts_hub_tui.studio.recording import Recording

Outcome = Literal["done", "stopped", "failed"]
VERSION = 1
TABLES = """
CREATE TABLE IF NOT EXISTS spoken (
    id TEXT PRIMARY KEY, created TEXT NOT NULL, text TEXT NOT NULL, request TEXT NOT NULL,
    outcome TEXT NOT NULL, facts TEXT NOT NULL, bytes INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS spoken_by_time ON spoken (created);
CREATE TABLE IF NOT EXISTS favourites (
    engine TEXT NOT NULL, voice TEXT NOT NULL, PRIMARY KEY (engine, voice)
);
CREATE TABLE IF NOT EXISTS remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
LATEST = """
SELECT id, created, substr(text, 1, ?), length(text), request, outcome, facts, bytes FROM spoken
WHERE instr(lower(text || request || facts), lower(?)) ORDER BY created DESC, rowid DESC LIMIT ?
"""
REQUEST_FIELDS = ("model", "voice", "language", "speed", "response_format", "instructions", "seed")
SHOWN_CHARACTERS = 500
"""Of a text, in a list."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What came of a request."""

    place: str = ""
    """The hub that spoke."""
    engine: str = ""
    voice: str = ""
    language: str = ""
    audio_seconds: float = 0.0
    first_audio_seconds: float | None = None
    real_time_factor: float | None = None
    cost: float = 0.0
    """US dollars."""
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of the past."""

    id: str
    created: datetime
    text: str
    """In a list only its beginning."""
    characters: int
    fields: Mapping[str, Any]
    """Of the request, besides its text."""
    outcome: Outcome
    facts: Facts = field(default_factory=Facts)
    bytes: int = 0
    """Of its recording; 0: there is none any more."""

    def request(self) -> SpeechRequest:
        """The same again."""
        return SpeechRequest(self.text, **self.fields)


class History:
    """All that was spoken, favourite voices, and what was chosen last. Quick enough for the event loop.

    Raises:
        OutputError: the folder cannot be used, or the disk refuses.
    """

    def __init__(self, folder: Path, *, keep_bytes: int) -> None:
        self.folder = folder
        """Where recordings lie."""
        self._keep_bytes = keep_bytes
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # a person's texts are in it
        except OSError as exc:
            raise OutputError(f"cannot keep recordings in {folder}: {exc.strerror}") from exc
        self._file = folder / "history.sqlite"
        with self._connected() as database:
            database.executescript(TABLES)
            database.execute(f"PRAGMA user_version = {VERSION}")

    def add(self, entry: Entry) -> None:
        """Keep an entry, or replace it; the oldest recordings go where there are too many."""
        with self._connected() as database:
            database.execute(
                "INSERT OR REPLACE INTO spoken VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.id,
                    entry.created.astimezone(UTC).isoformat(),
                    entry.text,
                    json.dumps(dict(entry.fields)),
                    entry.outcome,
                    json.dumps({name: getattr(entry.facts, name) for name in Facts.__slots__}),
                    entry.bytes,
                ),
            )
            self._delete_oldest(database, entry.id)

    def entries(self, containing: str = "", *, most: int = 200) -> list[Entry]:
        """The newest first; those whose text or voice contains something."""
        with self._connected() as database:
            rows = database.execute(LATEST, (SHOWN_CHARACTERS, containing, most)).fetchall()
        return [_entry(row) for row in rows]

    def whole(self, entry: Entry) -> Entry:
        """The entry with all of its text."""
        with self._connected() as database:
            row = database.execute("SELECT text FROM spoken WHERE id = ?", (entry.id,)).fetchone()
        return replace(entry, text=row[0]) if row else entry

    def remove(self, entry: Entry) -> None:
        """Forget an entry, and delete its recording."""
        with self._connected() as database:
            database.execute("DELETE FROM spoken WHERE id = ?", (entry.id,))
        Recording.delete(self.folder, entry.id)

    def favourites(self) -> set[tuple[str, str]]:
        """(engine, voice) of each."""
        with self._connected() as database:
            return {(row[0], row[1]) for row in database.execute("SELECT engine, voice FROM favourites")}

    def set_favourite(self, engine: str, voice: str, *, is_one: bool) -> None:
        """Note a voice, or take it off."""
        change = (
            "INSERT OR IGNORE INTO favourites VALUES (?, ?)"
            if is_one
            else "DELETE FROM favourites WHERE engine = ? AND voice = ?"
        )
        with self._connected() as database:
            database.execute(change, (engine, voice))

    def recall(self, name: str) -> Any:
        """What was remembered under a name; None if nothing was."""
        with self._connected() as database:
            row = database.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def remember(self, name: str, value: Any) -> None:
        """Keep a value that JSON can hold for the next start."""
        with self._connected() as database:
            database.execute("INSERT OR REPLACE INTO remembered VALUES (?, ?)", (name, json.dumps(value)))

    def _delete_oldest(self, database: sqlite3.Connection, newest: str) -> None:
        kept = 0
        rows = database.execute(
            "SELECT id, bytes FROM spoken WHERE bytes > 0 ORDER BY created DESC, rowid DESC"
        )
        for name, size in rows.fetchall():
            kept += size
            if kept > self._keep_bytes and name != newest:
                Recording.delete(self.folder, name)
                database.execute("UPDATE spoken SET bytes = 0 WHERE id = ?", (name,))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection for each piece of work: several studios may run, and a file may vanish."""
        try:
            with closing(sqlite3.connect(self._file, timeout=5)) as database, database:
                yield database
        except sqlite3.Error as exc:
            raise OutputError(f"cannot use the history in {self._file}: {exc}") from exc


def fields_of(request: SpeechRequest) -> dict[str, Any]:
    """Those that are kept, besides the text."""
    given = {name: getattr(request, name) for name in REQUEST_FIELDS if getattr(request, name) is not None}
    return given | ({"options": dict(request.options)} if request.options else {})


def _entry(row: tuple[str, str, str, int, str, Outcome, str, int]) -> Entry:
    name, created, text, characters, request, outcome, facts, size = row
    return Entry(
        id=name,
        created=datetime.fromisoformat(created),
        text=text,
        characters=characters,
        fields=json.loads(request),
        outcome=outcome,
        facts=Facts(**json.loads(facts)),
        bytes=size,
    )
