"""Limits for one caller: requests for speech and downloads at once, and WebSockets.

A caller is an API key, or the address of the connection where no keys are configured.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from tts_hub.config import ServerConfig
from tts_hub.server.errors import Failure, FailureError
from tts_hub.server.guards import CALLER, refuse

RETRY_AFTER = 5.0
"""Seconds after which a caller may try again: about the length of a few sentences."""
NETWORK_BITS = 64
"""Bits of an IPv6 address that belong to one customer, who may use all addresses below."""


class CallerLimits:
    """Counts the open requests and WebSockets of each caller."""

    def __init__(self, settings: ServerConfig) -> None:
        self._most = {"request": settings.max_streams, "WebSocket": settings.max_websockets}
        self._setting = {"request": "max_streams", "WebSocket": "max_websockets"}
        self._whose = "key" if settings.api_keys else "address"
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def place(self, scope: Scope) -> Generator[None, None, None]:
        """Hold a place for a request or WebSocket while it is open.

        Raises:
            FailureError: its caller has as many as are allowed.
        """
        kind = "WebSocket" if scope["type"] == "websocket" else "request"
        caller, most = (kind, caller_of(scope)), self._most[kind]
        if most and self._open[caller] >= most:
            message = f"this {self._whose} has {most} {kind}s open, the most it may have"
            message += f" (server.{self._setting[kind]}); wait for one to end"
            raise FailureError(
                Failure(429, message, "rate_limit_exceeded", "rate_limit_error", retry_after=RETRY_AFTER)
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]


class LimitedRequests:
    """ASGI middleware that bounds the number of one caller's requests for speech and downloads.

    A WebSocket takes its place where it is served, because it can get the reason only when it is open.
    """

    def __init__(self, app: ASGIApp, limits: CallerLimits) -> None:
        self.app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 429."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        with ExitStack() as stack:
            try:
                stack.enter_context(self._limits.place(scope))
            except FailureError as exc:
                await refuse(exc.failure, scope, receive, send)
                return
            await self.app(scope, receive, send)


def caller_of(scope: Scope) -> str:
    """The digest of the given key, else the address, or its network for IPv6."""
    known: str | None = scope["state"].get(CALLER)
    if known is not None:
        return known
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), NETWORK_BITS), strict=False))
