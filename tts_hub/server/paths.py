"""Tolerance for URLs and methods as clients write them: doubled slashes, one at the end, HEAD."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

SLASHES = re.compile("/{2,}")


class TolerantPaths:
    """ASGI middleware: `//v1//models/` is `/v1/models`, and HEAD is answered wherever GET is.

    It comes before everything that depends on a path, so that every spelling needs a key, or none needs one.
    A redirect instead would lose the body with some clients, and the scheme behind a proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the usual form of the request; the server leaves out the body of an answer to HEAD."""
        if scope["type"] in {"http", "websocket"}:
            scope = dict(scope, path=usual_path(scope["path"]))
            if scope.get("method") == "HEAD":
                scope["method"] = "GET"
        await self.app(scope, receive, send)


def usual_path(path: str) -> str:
    """The path without superfluous slashes."""
    return SLASHES.sub("/", path).rstrip("/") or "/"
