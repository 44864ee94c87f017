"""`/health` and `/metrics`: the state of the server, and what it has done."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from tts_hub.engines.pool import EngineStatus
from tts_hub.server.guards import is_trusted
from tts_hub.server.hub import TheHub
from tts_hub.server.reports import reason_of

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
    return {"status": status, "auto": best, "engines": engines}


@router.get("/metrics", response_class=Response)
async def get_metrics(hub: TheHub) -> Response:
    """The metrics in the text format of Prometheus.

    `tts_rejected_total` counts refusals by the `code` of their error, before an engine or by one;
    `tts_errors_total` counts failures of the server and its engines by the same names.
    """
    return Response(hub.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


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
    }
