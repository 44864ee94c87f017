"""Is it well, and what has it done: `/health` and `/metrics`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from tts_hub.manager import EngineStatus
from tts_hub.server.hub import TheHub

router = APIRouter(tags=["operation"])


@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    responses={503: {"description": "The hub is closing, no engine can speak, or a busy one is stalled."}},
)
async def get_health(response: Response, hub: TheHub) -> dict[str, Any]:
    """Per engine: ready or why not, what it does, and whether it is stalled (busy without a sign of life)."""
    engines = {engine.name: _engine(engine, hub.settings.stalled_after) for engine in hub.manager.status()}
    states = {engine["state"] for engine in engines.values()}
    best = hub.manager.best()
    status = "stalled" if "stalled" in states else "ok" if best else "no engine"
    if not hub.manager.is_serving:
        status = "not serving"
    if status != "ok":
        response.status_code = 503
    return {"status": status, "auto": best, "engines": engines}


@router.get("/metrics", response_class=Response)
async def get_metrics(hub: TheHub) -> Response:
    """Prometheus' text format.

    `tts_rejected_total` counts refusals by the `code` of their error, before an engine or by one;
    `tts_errors_total` counts failures of the server and its engines by the same names.
    """
    return Response(hub.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _engine(engine: EngineStatus, stalled_after: float) -> dict[str, Any]:
    state: str = engine.state
    if not engine.availability.ready:
        state = "not ready"
    elif engine.silent_for > stalled_after:
        state = "stalled"
    return {
        "state": state,
        "reason": "its own code failed" if engine.availability.internal else engine.availability.reason,
        "active": engine.active,
        "waiting": engine.waiting,
        "silent_for_seconds": round(engine.silent_for, 1),
    }
