"""The engines with everything that a face needs to offer them, and downloads of their models."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from tts_hub.captions.wire import line_of
from tts_hub.engines.pool import EngineStatus
from tts_hub.progress import ProgressEvent
from tts_hub.server.errors import failure_of, log_failure
from tts_hub.server.guards import is_trusted
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.interleaving import Interleaving
from tts_hub.server.privacy import without_folders
from tts_hub.server.reports import progress_values, reason_of
from tts_hub.server.schema import JSON_ANSWERS, LINE_ANSWERS, LINES
from tts_hub.server.streaming import NO_BUFFERING
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
    return _Lines(_pulling(hub, model, body.variant, request.state.request_id))


class _Lines(StreamingResponse):
    """An answer that closes its lines in the task that sends them, also when the client hangs up."""

    def __init__(self, lines: AsyncGenerator[bytes, None]) -> None:
        super().__init__(lines, media_type=LINES, headers=NO_BUFFERING)
        self._lines = lines

    async def stream_response(self, send: Send) -> None:
        """Send all lines."""
        async with aclosing(self._lines):
            await super().stream_response(send)


async def _pulling(hub: Hub, model: str, variant: str | None, request_id: str) -> AsyncGenerator[bytes, None]:
    merged: Interleaving[ModelFiles] = Interleaving()

    async def pulled() -> AsyncGenerator[ModelFiles, None]:
        yield await hub.manager.pull(model, merged.on_progress, variant=variant)

    try:
        async with aclosing(pulled()) as files, aclosing(merged.read(files)) as items:
            async for item in items:
                if isinstance(item, ProgressEvent):
                    yield line_of({"progress": progress_values(item)})
                else:
                    yield line_of({"done": files_values(item[0])})
    except Exception as exc:  # noqa: BLE001 - the boundary: the client and the log get it
        log_failure(exc, request_id)
        failure = failure_of(exc, request_id)
        hub.metrics.count_failure(failure)
        yield line_of(failure.envelope())


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
