"""The lists of ElevenLabs: its models, the voices of an account, and the credits that are left."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tts_hub.errors import GenerationError
from tts_hub.types import Gender, Voice
from tts_hub_remote.elevenlabs.facts import MODELS, MOST_PAGE, Model
from tts_hub_remote.elevenlabs.refusals import ElevenLabsConnection

MODELS_PATH = "/v1/models"
MOST_PAGES = 30
"""Pages of voices that are read: 3,000 voices."""
MOST_MULTIPLIER = 100.0
GENDERS = {"female", "male", "neutral"}


async def fetch_models(connection: ElevenLabsConnection) -> dict[str, Model]:
    """Ask for the models that speak, by id; facts that the answer lacks are the built-in ones.

    Raises:
        TTSHubError: the service refuses, or sends no such list.
    """
    rows = await connection.fetch_json("GET", MODELS_PATH)
    if not isinstance(rows, list):
        raise GenerationError("the answer holds no list of models", backend=connection.name)
    speaking = [row for row in rows if isinstance(row, dict) and row.get("can_do_text_to_speech", True)]
    return {model.id: model for row in speaking if (model := _model(row)) is not None}


async def fetch_voices(connection: ElevenLabsConnection) -> Sequence[Voice]:
    """Ask for the voices of the account, page by page.

    Raises:
        TTSHubError: the service refuses, or sends no such list.
    """
    found: dict[str, Voice] = {}
    token, seen = "", set[str]()
    while token not in seen and len(seen) < MOST_PAGES:
        seen.add(token)
        params = {"page_size": str(MOST_PAGE)} | ({"next_page_token": token} if token else {})
        page = await connection.fetch_json("GET", "/v2/voices", params=params)
        rows = page.get("voices") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise GenerationError("the answer holds no list of voices", backend=connection.name)
        for voice in map(_voice, rows):
            if voice is not None:
                found.setdefault(voice.id.casefold(), voice)
        token = str(page.get("next_page_token") or "")
        if not token or not page.get("has_more"):
            break
    return list(found.values())


async def fetch_credits_left(connection: ElevenLabsConnection) -> int | None:
    """Ask for the credits that are left in the account; None if the answer does not contain them.

    Raises:
        TTSHubError: the service refuses.
    """
    answer = await connection.fetch_json("GET", "/v1/user/subscription")
    counts = [answer.get(name) for name in ("character_limit", "character_count")]
    limit, used = (count if isinstance(count, int) else None for count in counts)
    return None if limit is None or used is None else limit - used


def _model(row: Mapping[str, Any]) -> Model | None:
    name = row.get("model_id")
    if not isinstance(name, str):
        return None
    known = MODELS.get(name, Model(name))
    most, rates = row.get("maximum_text_length_per_request"), row.get("model_rates")
    factor = _multiplier(rates.get("character_cost_multiplier") if isinstance(rates, dict) else None)
    languages = [
        entry["language_id"]
        for entry in row.get("languages") or []
        if isinstance(entry, dict) and isinstance(entry.get("language_id"), str)
    ]
    return dataclasses.replace(
        known,
        max_chars=most if isinstance(most, int) and most > 0 else known.max_chars,
        languages=tuple(languages) or known.languages,
        credits_per_character=known.credits_per_character if factor is None else factor,
        can_use_style=row.get("can_use_style") is not False,
        can_use_speaker_boost=row.get("can_use_speaker_boost") is not False,
    )


def _multiplier(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= MOST_MULTIPLIER else None


def _voice(row: Any) -> Voice | None:
    """A voice without a language: every voice speaks all languages of the model."""
    if not isinstance(row, dict) or not isinstance(row.get("voice_id"), str) or not row["voice_id"]:
        return None
    given = row.get("labels")
    labels: Mapping[str, Any] = given if isinstance(given, dict) else {}
    name = str(row.get("name") or row["voice_id"]).strip()
    gender = labels.get("gender")
    parts = [labels.get("accent"), labels.get("age"), row.get("description"), row.get("category")]
    short = name.partition(" - ")[0]
    return Voice(
        id=row["voice_id"],
        name=name,
        language="",
        gender=cast("Gender", gender) if gender in GENDERS else None,
        description=", ".join(str(part).strip() for part in parts if part),
        aliases=tuple(dict.fromkeys((name, short))),
    )
