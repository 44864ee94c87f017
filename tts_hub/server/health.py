"""`/health` and `/metrics`: the state of the server, and what it has done."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from tts_hub.engines.pool import EngineStatus
from tts_hub.errors import StoreError
from tts_hub.server.guards import is_trusted
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.reports import reason_of
from tts_hub.system.memory import resident_bytes

router = APIRouter(tags=["operation"])


@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    responses={503: {"description": "The hub is closing, no engine can speak, or a busy one is stalled."}},
)
async def get_health(request: Request, response: Response, hub: TheHub) -> dict[str, Any]:
    """The state of each engine: ready or not, or stalled (busy without a sign of life).

    With a valid key, or where none is needed, it also says why an engine is not ready, and what it does.
    """
    limit = hub.settings.stalled_after
    engines = {engine.name: {"state": _state(engine, limit)} for engine in hub.manager.status()}
    states = {engine["state"] for engine in engines.values()}
    if is_trusted(request.scope):
        engines = {engine.name: engines[engine.name] | _details(engine) for engine in hub.manager.status()}
    best = hub.manager.best()
    status = "stalled" if "stalled" in states else "ok" if best else "no engine"
    if not hub.manager.is_serving:
        status = "not serving"
    if status != "ok":
        response.status_code = 503
    found = {"status": status, "auto": best, "engines": engines}
    return found | ({"statistics": await _statistics(hub)} if is_trusted(request.scope) else {})


@router.get("/metrics", response_class=Response)
async def get_metrics(hub: TheHub) -> Response:
    """The metrics in the text format of Prometheus.

    `tts_rejected_total` counts refusals by the `code` of their error, before an engine or by one;
    `tts_errors_total` counts failures of the server and its engines by the same names.
    """
    return Response(hub.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


async def _statistics(hub: Hub) -> dict[str, Any]:
    """Facts about the server as a whole. A store that cannot be read is left out."""
    found: dict[str, Any] = {
        "version": version("tts-hub"),
        "uptime_seconds": int(time.time()) - hub.started,
        "memory_bytes": await to_thread.run_sync(resident_bytes),
        "platform": platform.platform(terse=True),
        "processors": os.cpu_count(),
    }
    with suppress(StoreError):
        found |= await hub.manager.store.statistics()
        prepared = await hub.manager.store.prepared_statistics()
        found |= {"prepared_voices": prepared.files, "prepared_bytes": prepared.bytes}
    return found


def _state(engine: EngineStatus, stalled_after: float) -> str:
    if not engine.availability.ready:
        return "not ready"
    return "stalled" if engine.silent_for > stalled_after else engine.state


def _details(engine: EngineStatus) -> dict[str, Any]:
    return {
        "reason": reason_of(engine.availability),
        "active": engine.active,
        "waiting": engine.waiting,
        "silent_for_seconds": round(engine.silent_for, 1),
        **engine.statistics,
    }
