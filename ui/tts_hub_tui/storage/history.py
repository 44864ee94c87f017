"""The history: entries in SQLite, their recordings in a folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tts_hub.errors import OutputError
from tts_hub_tui.storage.entry import Facts, HistoryEntry, Outcome
from tts_hub_tui.storage.recording import Recording

VERSION = 2
TABLES = """
CREATE TABLE IF NOT EXISTS spoken (
    id TEXT PRIMARY KEY, created TEXT NOT NULL, text TEXT NOT NULL, request TEXT NOT NULL,
    outcome TEXT NOT NULL, facts TEXT NOT NULL, bytes INTEGER NOT NULL, search TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS spoken_by_time ON spoken (created);
CREATE TABLE IF NOT EXISTS favourites (
    engine TEXT NOT NULL, voice TEXT NOT NULL, PRIMARY KEY (engine, voice)
);
CREATE TABLE IF NOT EXISTS remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
LATEST = """
SELECT id, created, substr(text, 1, ?), length(text), request, outcome, facts, bytes FROM spoken
WHERE instr(search, ?) ORDER BY created DESC, rowid DESC LIMIT ?
"""
MAX_CHARACTERS = 100_000_000
"""The length of all texts together; beyond it the oldest entries are deleted."""
SHOWN_CHARACTERS = 500
"""The length of a text in a list of entries."""


class History:
    """Requests that were spoken or wait for it, favourite voices, and what was chosen last.

    Each call is one piece of work on the disk; with texts of millions of characters it may take 0.1 s.

    Raises:
        OutputError: the folder cannot be used, the disk refuses, or the history is another version's.
    """

    def __init__(self, folder: Path, *, keep_bytes: int) -> None:
        self.folder = folder
        """The folder of the recordings."""
        self._keep_bytes = keep_bytes
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds private texts
        except OSError as exc:
            raise OutputError(f"cannot keep recordings in {folder}: {exc.strerror}") from exc
        self._file = folder / "history.sqlite"
        with self._connected() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise OutputError(
                    f"{self._file} was written by another version of tts-hub: move it away to start afresh"
                )
            database.executescript(TABLES)
            database.execute(f"PRAGMA user_version = {VERSION}")
        self._clean_up()

    def add(self, entry: HistoryEntry) -> None:
        """Add or replace an entry; delete the oldest recordings or entries if there are too many."""
        facts = {name: getattr(entry.facts, name) for name in Facts.__slots__}
        searched = (entry.text, entry.facts.engine, entry.facts.voice, entry.facts.language)
        with self._connected() as database:
            database.execute(
                "INSERT OR REPLACE INTO spoken VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.id,
                    entry.created.astimezone(UTC).isoformat(),
                    entry.text,
                    json.dumps(dict(entry.fields)),
                    entry.outcome,
                    json.dumps(facts),
                    entry.bytes,
                    "\n".join((*searched, *map(str, entry.fields.values()))).casefold(),
                ),
            )
            self._delete_oldest(database, entry.id)

    def entries(self, containing: str = "", *, limit: int = 200) -> list[HistoryEntry]:
        """The entries whose text, voice or engine contains a string, the newest first."""
        with self._connected() as database:
            wanted = (SHOWN_CHARACTERS, containing.casefold(), limit)
            rows = database.execute(LATEST, wanted).fetchall()
        return [entry for entry in map(_entry, rows) if entry is not None]

    def count_waiting(self) -> int:
        """The number of entries that have not been spoken yet."""
        with self._connected() as database:
            found = database.execute("SELECT count(*) FROM spoken WHERE outcome = 'waiting'").fetchone()
        return int(found[0])

    def with_text(self, entry: HistoryEntry) -> HistoryEntry:
        """The entry with all of its text."""
        with self._connected() as database:
            row = database.execute("SELECT text FROM spoken WHERE id = ?", (entry.id,)).fetchone()
        return replace(entry, text=row[0]) if row else entry

    def remove(self, entry: HistoryEntry) -> None:
        """Delete an entry and its recording."""
        with self._connected() as database:
            database.execute("DELETE FROM spoken WHERE id = ?", (entry.id,))
        Recording.delete(self.folder, entry.id)

    def favourites(self) -> set[tuple[str, str]]:
        """The favourite voices as (engine, voice)."""
        with self._connected() as database:
            return {(row[0], row[1]) for row in database.execute("SELECT engine, voice FROM favourites")}

    def set_favourite(self, engine: str, voice: str, *, is_one: bool) -> None:
        """Make a voice a favourite, or an ordinary voice again."""
        change = (
            "INSERT OR IGNORE INTO favourites VALUES (?, ?)"
            if is_one
            else "DELETE FROM favourites WHERE engine = ? AND voice = ?"
        )
        with self._connected() as database:
            database.execute(change, (engine, voice))

    def recall(self, name: str) -> Any:
        """The value that was remembered under a name, or None."""
        with self._connected() as database:
            row = database.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
        try:
            return json.loads(row[0]) if row else None
        except ValueError:
            return None  # another program wrote it

    def remember(self, name: str, value: Any) -> None:
        """Keep a value that JSON can represent for the next start."""
        with self._connected() as database:
            database.execute("INSERT OR REPLACE INTO remembered VALUES (?, ?)", (name, json.dumps(value)))

    def _delete_oldest(self, database: sqlite3.Connection, newest: str) -> None:
        recorded = written = 0
        rows = database.execute(
            "SELECT id, bytes, length(text) FROM spoken ORDER BY created DESC, rowid DESC"
        ).fetchall()
        for name, size, characters in rows:
            recorded, written = recorded + size, written + characters
            if name == newest:
                continue
            if written > MAX_CHARACTERS:
                Recording.delete(self.folder, name)
                database.execute("DELETE FROM spoken WHERE id = ?", (name,))
            elif size and recorded > self._keep_bytes:
                Recording.delete(self.folder, name)
                database.execute("UPDATE spoken SET bytes = 0 WHERE id = ?", (name,))

    def _clean_up(self) -> None:
        """Delete recordings without an entry, and add the sizes that a killed process could not write."""
        with self._connected() as database:
            rows = database.execute("SELECT id, bytes, facts FROM spoken").fetchall()
            known = {name: (size, facts) for name, size, facts in rows}
            for name in Recording.names(self.folder):
                if name not in known:
                    Recording.delete(self.folder, name)
                elif not known[name][0]:
                    size, seconds = Recording.measure(self.folder, name)
                    facts = known[name][1]
                    with suppress(TypeError, ValueError):  # another program wrote it
                        facts = json.dumps(json.loads(facts) | {"audio_seconds": seconds})
                    database.execute(
                        "UPDATE spoken SET bytes = ?, facts = ? WHERE id = ?", (size, facts, name)
                    )

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one piece of work: several studios may run, and the file may vanish."""
        try:
            with closing(sqlite3.connect(self._file, timeout=5)) as database, database:
                yield database
        except (sqlite3.Error, UnicodeEncodeError) as exc:  # the text may hold half a character (a surrogate)
            raise OutputError(f"cannot use the history in {self._file}: {exc}") from exc


def _entry(row: tuple[str, str, str, int, str, str, str, int]) -> HistoryEntry | None:
    """The entry of a row; None if another program wrote it."""
    name, created, text, characters, request, outcome, facts, size = row
    try:
        found = HistoryEntry(
            id=str(name),
            created=datetime.fromisoformat(created),
            text=str(text),
            characters=int(characters),
            fields=dict(json.loads(request)),
            outcome=_outcome(outcome),
            facts=Facts(**{key: value for key, value in json.loads(facts).items() if key in Facts.__slots__}),
            bytes=int(size),
        )
    except (AttributeError, TypeError, ValueError):
        return None
    return found


def _outcome(name: str) -> Outcome:
    found: dict[str, Outcome] = {"waiting": "waiting", "done": "done", "failed": "failed"}
    return found.get(name, "stopped")
