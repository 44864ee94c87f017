"""The engines with all that a face needs to offer them, and getting the files of their models."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

import anyio
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from tts_hub.manager import EngineStatus
from tts_hub.progress import ProgressEvent
from tts_hub.server.errors import failure_of, log_failure
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.reports import progress_values
from tts_hub.server.schema import JSON_ANSWERS, LINE_ANSWERS, LINES
from tts_hub.types import ModelFiles

router = APIRouter(tags=["engines"])
PULSE = 0.5
"""Seconds between two lines of progress."""


class PullBody(BaseModel):
    """Which files are wanted."""

    variant: str | None = Field(None, description="Which form of the model; left out: the usual one.")


@router.get("/v1/engines", responses=JSON_ANSWERS)
async def list_engines(hub: TheHub) -> dict[str, Any]:
    """Every engine, ready or not: models, state, what it wants, its options as JSON Schema."""
    return {
        "auto": hub.manager.best(),
        "engines": [_engine(hub, status) for status in hub.manager.status()],
        "defaults": {"model": hub.manager.config.model, "response_format": _format(hub)},
    }


@router.post("/v1/models/{model:path}/pull", responses=LINE_ANSWERS, response_class=Response)
async def pull_model(model: str, body: PullBody, request: Request, hub: TheHub) -> Response:
    """Get what is missing of a model's files: lines of `{"progress"}`, then `{"done"}` or `{"error"}`.

    A client that hangs up stops it; what has arrived is kept, and the next request goes on from there.
    """
    hub.manager.model_files(model, body.variant)  # an unknown one is an ordinary 404
    lines = _pulling(hub, model, body.variant, request.state.request_id)
    return StreamingResponse(lines, media_type=LINES)


async def _pulling(hub: Hub, model: str, variant: str | None, request_id: str) -> AsyncGenerator[bytes, None]:
    """The download runs beside the lines that tell of it."""
    news: deque[ProgressEvent] = deque(maxlen=1)  # only the latest matters
    outcome: dict[str, Any] = {}
    ended = anyio.Event()

    async def pull() -> None:
        try:
            files = await hub.manager.pull(model, news.append, variant=variant)
            outcome["done"] = files_values(files)
        except Exception as exc:  # noqa: BLE001 - the boundary: told to the client and in the log
            log_failure(exc, request_id)
            outcome.update(failure_of(exc, request_id).envelope())
        finally:
            ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pull)
        try:
            while not ended.is_set():
                with anyio.move_on_after(PULSE):
                    await ended.wait()
                if news:
                    yield _line({"progress": progress_values(news.popleft())})
            yield _line(outcome)
        finally:
            tasks.cancel_scope.cancel()


def files_values(files: ModelFiles) -> dict[str, Any]:
    """A model's files as clients get them: where they lie is the server's own business."""
    values = dataclasses.asdict(files)
    del values["folder"]
    return values


def _engine(hub: Hub, status: EngineStatus) -> dict[str, Any]:
    available = status.availability
    return {
        "name": status.name,
        "description": status.description,
        "models": status.models,
        "ready": available.ready,
        "state": status.state,
        "reason": "its own code failed" if available.internal else available.reason,
        "remedy": available.remedy,
        "active": status.active,
        "waiting": status.waiting,
        "downloads": [files_values(files) for files in status.downloads],
        "options": hub.manager.options(status.name),
    }


def _format(hub: Hub) -> str:
    return hub.manager.config.audio.response_format


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, default=str).encode() + b"\n"
