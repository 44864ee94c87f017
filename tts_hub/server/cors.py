"""Web pages of other origins: those in `server.cors_origins` may use the server, others get the reason."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tts_hub.server.errors import Failure

MOST_NOTED = 100
"""The number of refused origins that are logged."""
EXPOSED = ("x-request-id", "retry-after", "x-should-retry")
"""Headers that a page may read."""
logger = logging.getLogger(__name__)


class CrossOrigin(CORSMiddleware):
    """CORS that refuses a preflight in OpenAI's shape, and names the setting that would allow it."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
            allow_private_network=True,  # a page of the internet may then ask a server of this network
        )
        self._noted: set[str] = set()

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Add the headers of CORS, unless no page is allowed at all."""
        if self.allow_origins:
            await super().simple_response(scope, receive, send, request_headers)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer whether the page may send its request."""
        response = super().preflight_response(request_headers)
        if response.status_code == HTTPStatus.OK:
            return response
        origin = request_headers["origin"]
        if self.is_allowed_origin(origin):
            method = request_headers["access-control-request-method"]
            message = f"web pages may use GET and POST, not {method[:20]!a}"
            return Failure(400, message, "method_not_supported").response()
        message = not_allowed(origin)
        if origin not in self._noted and len(self._noted) < MOST_NOTED:
            self._noted.add(origin)
            logger.warning("%s", message)
        return Failure(403, message, "origin_not_allowed").response()


def not_allowed(origin: str) -> str:
    """The message about an origin that is not in the config, for its page and the log."""
    shown = json.dumps(origin[:100])
    return (
        f"web pages of {shown} may not use this server; to allow them, set server.cors_origins = [{shown}] "
        "in the config and restart the server"
    )
