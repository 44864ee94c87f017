"""URLs and methods as clients write them: doubled slashes, one at the end, HEAD."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

SLASHES = re.compile("/{2,}")


class TolerantPaths:
    """ASGI middleware: `//v1//models/` is `/v1/models`, and HEAD is answered wherever GET is.

    It stands before all that goes by a path, so that what is open without a key is the same by any spelling.
    A redirect instead would lose the body with some clients, and the scheme behind a proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what was meant; the server itself leaves out the body of an answer to HEAD."""
        if scope["type"] in {"http", "websocket"}:
            scope = dict(scope, path=usual_path(scope["path"]))
            if scope.get("method") == "HEAD":
                scope["method"] = "GET"
        await self.app(scope, receive, send)


def usual_path(path: str) -> str:
    """The path without slashes that mean nothing."""
    return SLASHES.sub("/", path).rstrip("/") or "/"
