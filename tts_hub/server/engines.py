"""The engines with everything that a face needs to offer them, and downloads of their models."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tts_hub.engines.pool import EngineStatus
from tts_hub.progress import ProgressCallback
from tts_hub.server.guards import is_trusted
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.lines import ProgressLines
from tts_hub.server.privacy import without_folders
from tts_hub.server.reports import reason_of
from tts_hub.server.schema import JSON_ANSWERS, LINE_ANSWERS
from tts_hub.types import ModelFiles

router = APIRouter(tags=["engines"])
WITHHELD: dict[str, Any] = {"reason": "", "remedy": "", "downloads": []}
"""Values in place of those of an engine that need a key."""


class PullBody(BaseModel):
    """The body of a request for a download."""

    variant: str | None = Field(None, description="Variant of the model; the default one if absent.")


@router.get("/v1/engines", responses=JSON_ANSWERS)
async def list_engines(request: Request, hub: TheHub) -> dict[str, Any]:
    """Every engine, ready or not: models, state, its options as JSON Schema.

    Its needs, its files, and `problems`, which lists what the configuration asks for and cannot get, are
    empty where a key is needed and none is given.
    """
    states = hub.manager.status()
    trusted = is_trusted(request.scope)
    problems = await hub.manager.problems() if trusted else []
    return {
        "auto": hub.manager.best(),
        "engines": [_engine(hub, status) | (_wants(status) if trusted else WITHHELD) for status in states],
        "problems": [without_folders(problem) for problem in problems],
    }


@router.post("/v1/models/{model:path}/pull", responses=LINE_ANSWERS, response_class=Response)
async def pull_model(model: str, body: PullBody, request: Request, hub: TheHub) -> Response:
    """Download the missing files of a model: lines of `{"progress"}`, then `{"done"}` or `{"error"}`.

    A client that hangs up stops it; the part that has arrived is kept, and the next request resumes there.
    """
    hub.manager.model_files(model, body.variant)  # an unknown one is an ordinary 404

    async def pull(on_progress: ProgressCallback) -> ModelFiles:
        return await hub.manager.pull(model, on_progress, variant=body.variant)

    return ProgressLines(hub, request.state.request_id, pull, files_values)


def files_values(files: ModelFiles) -> dict[str, Any]:
    """The files of a model as JSON, without the folder, which is not for clients."""
    values = dataclasses.asdict(files)
    del values["folder"]
    return values


def _engine(hub: Hub, status: EngineStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "description": status.description,
        "models": status.models,
        "ready": status.availability.ready,
        "state": status.state,
        "active": status.active,
        "waiting": status.waiting,
        "options": hub.manager.options(status.name),
    }


def _wants(status: EngineStatus) -> dict[str, Any]:
    return {
        "reason": reason_of(status.availability),
        "remedy": without_folders(status.availability.remedy),
        "downloads": [files_values(files) for files in status.downloads],
    }
