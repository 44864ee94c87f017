"""The catalogue: models and voices to choose from."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tts_hub.backend import fitting
from tts_hub.errors import UnknownModelError, one_of, shown
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.schema import JSON_ANSWERS
from tts_hub.types import AUTO, Voice

router = APIRouter(tags=["catalogue"])


@router.get("/v1/models", responses=JSON_ANSWERS)
async def list_models(hub: TheHub) -> dict[str, Any]:
    """All models that can speak now, `auto` and the aliases among them."""
    models = [_model(hub, name, owner) for name, owner in _models(hub).items()]
    return {"object": "list", "data": models, "server": f"tts-hub/{version('tts-hub')}"}


@router.get("/v1/models/{model:path}", responses=JSON_ANSWERS)
async def get_model(model: str, hub: TheHub) -> dict[str, Any]:
    """One model by its name."""
    known = _models(hub)
    in_any_case = {name.casefold(): name for name in reversed(known)}
    name = model if model in known else in_any_case.get(model.casefold())
    if name is None:
        raise UnknownModelError(f"The model {shown(model)} does not exist; {one_of(model, known)}")
    return _model(hub, name, known[name])


@router.get("/v1/audio/models", responses=JSON_ANSWERS)
async def list_speech_models(hub: TheHub) -> dict[str, Any]:
    """All models in the shape that Open WebUI asks for."""
    return {"models": [{"id": name, "name": name} for name in _models(hub)]}


@router.get("/v1/audio/voices", responses=JSON_ANSWERS)
async def list_voices(
    hub: TheHub,
    model: Annotated[str | None, Query(description="Only voices of this model's engine.")] = None,
    language: Annotated[str | None, Query(description="Only voices that speak this BCP 47 tag.")] = None,
) -> dict[str, Any]:
    """The voices of all engines that are ready."""
    found = await hub.manager.voices(model or None)
    rows = [_voice(v, engine) for engine, voices in found.items() for v in fitting(voices, language or "")]
    return {"voices": rows}


def _models(hub: Hub) -> dict[str, str]:
    """Name of each model -> its engine."""
    ready = [engine for engine in hub.manager.status() if engine.availability.ready]
    models = {name: engine.name for engine in ready for name in engine.models}
    best = hub.manager.best()
    if best is not None:
        models[AUTO] = best
    aliases = hub.manager.config.aliases
    return models | {name: models[target] for name, target in aliases.items() if target in models}


def _model(hub: Hub, name: str, engine: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": hub.started, "owned_by": engine}


def _voice(voice: Voice, engine: str) -> dict[str, Any]:
    return {
        "id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "description": voice.description,
        "aliases": voice.aliases,
        "variants": voice.variants,
        "model": engine,
    }
