"""The application: one manager for its lifetime, one router per resource, one middleware per rule."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Any

import anyio
from fastapi import FastAPI

from tts_hub.config import Config
from tts_hub.errors import TTSHubError
from tts_hub.manager import TTSBackendManager
from tts_hub.server import (
    captions,
    catalogue,
    documentation,
    emotions,
    engines,
    estimate,
    generate,
    health,
    live,
    page,
    speech,
    voices,
)
from tts_hub.server.cors import CrossOrigin
from tts_hub.server.errors import install_error_handlers
from tts_hub.server.guards import Authentication, HostCheck, WholeBody
from tts_hub.server.hub import Hub
from tts_hub.server.identity import RequestIdentity
from tts_hub.server.keys import digest_of
from tts_hub.server.limits import CallerLimits, LimitedRequests
from tts_hub.server.metrics import Metrics
from tts_hub.server.outputs import Outputs
from tts_hub.server.paths import TolerantPaths
from tts_hub.server.rights import editor_digests
from tts_hub.server.schema import openapi_of
from tts_hub.system.folders import outputs_folder
from tts_hub.text.detection import load_model

TIDY_EVERY = 3_600.0
"""Seconds."""
logger = logging.getLogger(__name__)


def create_app(config: Config | None = None, manager: TTSBackendManager | None = None) -> FastAPI:
    """The server as an ASGI application.

    The application enters and closes the `manager`, if one is given, and uses its config.

    Raises:
        ConfigError: a configured API key is not valid, or the section of an engine is wrong.
    """
    if manager is None:
        manager = TTSBackendManager(config)
    manager.registry.check_sections()
    manager.warms_up = manager.warms_up or manager.config.server.warm_up
    settings = manager.config.server
    outputs = Outputs(outputs_folder, settings)
    hub = Hub(manager, Metrics(manager), CallerLimits(settings), outputs)
    digests = [digest_of(key) for key in settings.api_keys]
    app = _HubAPI(
        title="tts-hub",
        version=version("tts-hub"),
        summary="Speech from many engines behind OpenAI's speech API.",
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's own page loads its scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        strict_content_type=False,
        redirect_slashes=False,
    )
    app.state.hub = hub
    app.state.editors = editor_digests(settings)
    modules = (speech, estimate, captions, live, engines, catalogue, voices, emotions, generate, health)
    app.state.routes = []
    optional = [module for module, on in ((documentation, settings.docs), (page, settings.page)) if on]
    for module in (*modules, *optional):
        app.include_router(module.router)
        app.state.routes += module.router.routes
    install_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(WholeBody, settings=settings)
    app.add_middleware(LimitedRequests, limits=hub.limits)
    app.add_middleware(Authentication, digests=digests, public_catalogue=settings.public_catalogue)
    app.add_middleware(CrossOrigin, origins=settings.cors_origins)
    app.add_middleware(HostCheck, settings=settings)
    app.add_middleware(TolerantPaths)
    app.add_middleware(RequestIdentity, metrics=hub.metrics)
    return app


class _HubAPI(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return openapi_of(self, with_keys=bool(self.state.hub.settings.api_keys))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    # The library imports these when it first speaks, which would block the server in its first request.
    await anyio.to_thread.run_sync(import_module, "av")
    await anyio.to_thread.run_sync(load_model)
    manager: TTSBackendManager = app.state.hub.manager
    async with manager, anyio.create_task_group() as tasks:
        if manager.warms_up:
            tasks.start_soon(_preload, manager)
        tasks.start_soon(_tidy, app.state.hub)
        yield
        tasks.cancel_scope.cancel()


async def _tidy(hub: Hub) -> None:
    """Delete old output and what was removed from the store, now and every hour."""
    while True:
        try:
            await anyio.to_thread.run_sync(hub.outputs.tidy)
            await hub.manager.store.tidy()
        except TTSHubError as exc:
            logger.warning("old files stay: %s", exc)
        await anyio.sleep(TIDY_EVERY)


async def _preload(manager: TTSBackendManager) -> None:
    """Load the engine of requests that name none; if it fails, those requests get the error."""
    try:
        await manager.preload(manager.config.model)
    except TTSHubError as exc:
        logger.warning("the default model is not loaded: %s", exc)
