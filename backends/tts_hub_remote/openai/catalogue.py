"""What a server says of itself: its models, its voices, and which server it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_hub.errors import BackendUnavailableError, TTSHubError
from tts_hub.types import Gender, Voice
from tts_hub_remote.connection import Connection
from tts_hub_remote.failures import NoSuchPathError
from tts_hub_remote.openai.settings import Dialect

VOICE_PATHS = ("/audio/voices", "/voices")
"""The second is that of travisvn/chatterbox-tts-api."""
HUB = "tts-hub"
"""How another tts-hub names itself beside its list of models."""
KOKORO_OWNER = "kokoro"
KOKORO_LANGUAGES = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-BR",
    "z": "zh",
}
"""The first letter of Kokoro's voices."""
GENDERS: Mapping[str, Gender] = {"f": "female", "m": "male", "female": "female", "male": "male"}


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a server lists."""

    id: str
    owner: str = ""
    shutdown: dt.date | None = None


async def asked(connection: Connection) -> tuple[Dialect, list[Model]]:
    """Which server it is, and what models it lists, by `GET /models`; none where there is no such list.

    Raises:
        BackendUnavailableError: no connection, or the key is refused.
    """
    try:
        answer = await connection.json("GET", "/models")
    except NoSuchPathError:
        return "plain", []
    except BackendUnavailableError:
        raise
    except TTSHubError:
        return "plain", []
    rows = answer.get("data", []) if isinstance(answer, dict) else []
    found = [_model(row) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
    if isinstance(answer, dict) and str(answer.get("server", "")).startswith(HUB):
        return "hub", found
    return ("kokoro" if any(model.owner == KOKORO_OWNER for model in found) else "plain"), found


async def list_voices(connection: Connection, dialect: Dialect) -> list[Voice]:
    """The voices that a server tells of, in whatever shape; none where it does not.

    Raises:
        BackendUnavailableError: no connection, or the key is refused.
    """
    for path in VOICE_PATHS:
        try:
            answer = await connection.json("GET", path)
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


def voices_of(answer: Any, dialect: Dialect = "plain") -> list[Voice]:
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
    language, gender = str(row.get("language") or ""), GENDERS.get(str(row.get("gender")))
    if dialect == "kokoro" and name[2:3] == "_":
        language, gender = KOKORO_LANGUAGES.get(name[0], ""), GENDERS.get(name[1])
    aliases = row.get("aliases")
    known = tuple(str(alias) for alias in aliases) if isinstance(aliases, list) else ()
    return Voice(name, str(row.get("name") or name), language, gender, aliases=known)


def _model(row: Mapping[str, Any]) -> Model:
    try:
        shutdown = dt.date.fromisoformat(str(row.get("shutdown_date")))
    except ValueError:
        shutdown = None
    return Model(row["id"], str(row.get("owned_by") or ""), shutdown)
