"""The voices that a server lists, in all the shapes that such lists have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_hub.errors import BackendUnavailableError, TTSHubError
from tts_hub.types import Gender, Voice
from tts_hub_remote.connection import Connection
from tts_hub_remote.failures import NoSuchPathError
from tts_hub_remote.openai.dialects import Dialect
from tts_hub_remote.openai.dialects.dialect import PLAIN

VOICE_PATHS = ("/audio/voices", "/voices")
"""Paths of lists of voices; the second one is used by travisvn/chatterbox-tts-api."""
GENDERS: Mapping[str, Gender] = {"f": "female", "m": "male", "female": "female", "male": "male"}


async def fetch_voices(connection: Connection, dialect: Dialect) -> list[Voice]:
    """Ask a server for its voices; none where it has no list.

    Raises:
        BackendUnavailableError: no connection, or the key is refused.
    """
    for path in VOICE_PATHS:
        try:
            answer = await connection.fetch_json("GET", path)
        except NoSuchPathError:
            continue
        except BackendUnavailableError:
            raise
        except TTSHubError:
            continue
        else:
            voices = voices_of(answer, dialect)
            if voices:
                return voices
    return []


def voices_of(answer: Any, dialect: Dialect = PLAIN) -> list[Voice]:
    """The voices in an answer: names, or objects with `id`, `voice_id` or `name`; each id once."""
    rows = answer.get("voices", answer.get("data", [])) if isinstance(answer, dict) else answer
    found: dict[str, Voice] = {}
    for row in rows if isinstance(rows, list) else []:
        voice = _voice({"id": row} if isinstance(row, str) else row, dialect)
        if voice is not None:
            found.setdefault(voice.id.casefold(), voice)
    return list(found.values())


def _voice(row: Any, dialect: Dialect) -> Voice | None:
    if not isinstance(row, dict):
        return None
    name = next((str(row[key]) for key in ("id", "voice_id", "name") if row.get(key)), "")
    if not name:
        return None
    given = str(row.get("language") or ""), GENDERS.get(str(row.get("gender")))
    language, gender = dialect.voice_traits(name) or given
    aliases = row.get("aliases")
    known = tuple(str(alias) for alias in aliases) if isinstance(aliases, list) else ()
    return Voice(name, str(row.get("name") or name), language, gender, aliases=known)
