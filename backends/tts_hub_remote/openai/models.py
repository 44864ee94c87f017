"""The models that a server lists, and the name that it gives itself in that list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_hub.errors import BackendUnavailableError, TTSHubError
from tts_hub_remote.connection import Connection
from tts_hub_remote.failures import NoSuchPathError

MODELS_PATH = "/models"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a server lists."""

    id: str
    owner: str = ""
    shutdown: dt.date | None = None


@dataclass(frozen=True, slots=True)
class ModelList:
    """An answer to `GET /models`; empty where a server has no such list."""

    models: tuple[Model, ...] = ()
    server: str = ""
    """The name that the server gives itself; empty for all servers but tts-hub."""


async def fetch_models(connection: Connection) -> ModelList:
    """Ask a server for its models.

    Raises:
        BackendUnavailableError: no connection, or the key is refused.
    """
    try:
        answer = await connection.fetch_json("GET", MODELS_PATH)
    except NoSuchPathError:
        return ModelList()
    except BackendUnavailableError:
        raise
    except TTSHubError:
        return ModelList()
    if not isinstance(answer, dict):
        return ModelList()
    rows = (row for row in answer.get("data", []) if isinstance(row, dict) and isinstance(row.get("id"), str))
    return ModelList(tuple(map(_model, rows)), str(answer.get("server", "")))


def _model(row: Mapping[str, Any]) -> Model:
    try:
        shutdown = dt.date.fromisoformat(str(row.get("shutdown_date")))
    except ValueError:
        shutdown = None
    return Model(row["id"], str(row.get("owned_by") or ""), shutdown)
