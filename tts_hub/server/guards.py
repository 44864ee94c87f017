"""Guards of the server as ASGI middlewares: API keys, host names, and the size of bodies."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from http import HTTPStatus

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tts_hub.config import ServerConfig
from tts_hub.errors import shown
from tts_hub.server.errors import Failure

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
ALWAYS_OPEN = frozenset(
    {
        "/health",
        "/openapi.json",
        "/docs",
        "/docs/start.js",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
        "/docs/favicon-32x32.png",
    }
)
CATALOGUE = ("/v1/engines", "/v1/models", "/v1/audio/models", "/v1/audio/voices")
UPLOADS = re.compile(r"/v1/audio/voices(/import|/[^/]+/samples)?|/emotions/[^/]+/voices")
"""Paths of requests that carry recordings."""
MOST_UPLOADS = 4
"""Uploads at the same time, each of which is kept in memory as long as it takes."""
UPLOAD_SECONDS = 300.0
"""Seconds within which an upload must arrive."""
FORM_BYTES = 100_000
"""Bytes for the other fields of a form."""
DISCARD_SECONDS = 2.0
"""Seconds in which the body of a refused request is read and dropped."""
JSON_BLANKS = b" \t\r\n"
KEY_PROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers on a WebSocket; OpenAI's clients send the key as a subprotocol instead."""
TRUSTED = "trusted"
"""The key of `scope["state"]` that says whether a valid API key was given, or none is needed."""
CALLER = "caller"
"""The key of `scope["state"]` that holds the digest of a valid API key."""
HOST = re.compile(
    r"(?P<name>[\w.!$&'()*+,;=~%-]*|\[[0-9a-f:.]+\])(?::(?P<port>\d{0,5}))?", re.ASCII | re.IGNORECASE
)
"""A Host header: a name or an address, and perhaps a port."""
MOST_PORT = 65_535


class Authentication:
    """Requires an API key where keys are configured."""

    def __init__(self, app: ASGIApp, digests: Sequence[bytes], *, public_catalogue: bool) -> None:
        self.app = app
        self._digests = digests
        self._public_catalogue = public_catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        key = self._known_key(scope)
        scope["state"][TRUSTED] = key is not None or not self._digests
        if key is not None:
            scope["state"][CALLER] = key.hex()
        if scope["state"][TRUSTED] or self._is_open(scope):
            await self.app(scope, receive, send)
            return
        failure = Failure(
            401,
            "no valid API key; send it as `Authorization: Bearer <key>`",
            "invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
        await refuse(failure, scope, receive, send)

    def _known_key(self, scope: Scope) -> bytes | None:
        """The digest of the given key, if it is one of the configured ones."""
        key = _key(Headers(scope=scope))
        if not key or not self._digests:
            return None
        given = hashlib.sha256(key.encode("latin-1")).digest()  # the bytes as they arrived
        # All are compared, so that the time does not depend on the key.
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        return given if any(matches) else None

    def _is_open(self, scope: Scope) -> bool:
        path, method = scope["path"], scope.get("method")
        if method == "OPTIONS" or (method in {"GET", "HEAD"} and path in ALWAYS_OPEN):
            return True
        if path == "/" or path.startswith("/web/"):  # the page, whose files have no secrets
            return method in {"GET", "HEAD"}
        listed = path in CATALOGUE or path.startswith("/v1/models/")
        return self._public_catalogue and method in {"GET", "HEAD"} and listed


class HostCheck:
    """Refuses host names that are not ours, so that no web page reaches the server through its own domain."""

    def __init__(self, app: ASGIApp, settings: ServerConfig) -> None:
        self.app = app
        self._hosts = LOOPBACK | {host.casefold() for host in settings.allowed_hosts}
        self._any_address = False
        if settings.host not in WILDCARDS:
            self._hosts |= {settings.host.casefold()}
        elif settings.api_keys and not settings.allowed_hosts:
            self._hosts |= {"*"}  # it may be reached under unknown names; the keys protect it
        else:
            self._hosts |= {socket.gethostname().casefold()}
            self._any_address = True  # a page that points to this address does it by a name
        self._origins = {origin.casefold() for origin in settings.cors_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400, 421 or 403."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin", "")
        name = host_name(host)
        if len(headers.getlist("host")) > 1:  # a proxy before us may have read the other one
            failure = Failure(400, "the request has more than one Host header", "invalid_host")
            await refuse(failure, scope, receive, send)
        elif name is None:
            message = f"the Host header {shown(host)} is not a name or address with an optional port"
            await refuse(Failure(400, message, "invalid_host"), scope, receive, send)
        elif not self._knows(name):
            message = f"the host name {shown(host)} is not served here; see server.allowed_hosts"
            await refuse(Failure(421, message, "host_not_allowed"), scope, receive, send)
        elif origin and _changes_something(scope) and not self._may_call(origin, host):
            message = "web pages of this origin may not use the server; see server.cors_origins"
            await refuse(Failure(403, message, "origin_not_allowed"), scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _knows(self, name: str) -> bool:
        if self._any_address and _is_address(name):
            return True
        return "*" in self._hosts or name in self._hosts

    def _may_call(self, origin: str, host: str) -> bool:
        """Whether a page may call: one that this server served, or a configured one."""
        known = {*self._origins, f"http://{host}".casefold(), f"https://{host}".casefold()}
        return "*" in known or origin.casefold() in known


class WholeBody:
    """Reads the whole body before the application runs, with limits in bytes and in time."""

    def __init__(self, app: ASGIApp, settings: ServerConfig) -> None:
        self.app = app
        self._settings = settings
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the whole body, or answer 413, 408 or 429."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["method"] != "POST" or not UPLOADS.fullmatch(scope["path"]):
            limits = (self._settings.max_body_bytes, self._settings.body_timeout)
            await self._pass_on(scope, receive, send, *limits)
        elif self._uploads >= MOST_UPLOADS:
            failure = Failure(
                429, "other uploads are under way", "rate_limit_exceeded", "rate_limit_error", retry_after=5
            )
            await refuse(failure, scope, receive, send)
        else:
            self._uploads += 1
            try:
                limits = (self._settings.max_upload_bytes + FORM_BYTES, UPLOAD_SECONDS)
                await self._pass_on(scope, receive, send, *limits)
            finally:
                self._uploads -= 1

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, max_bytes: int, seconds: float
    ) -> None:
        too_large = Failure(413, f"the request is larger than {max_bytes} bytes", "too_large")
        if _announced(scope) > max_bytes:
            await refuse(too_large, scope, receive, send)
            return
        try:
            with anyio.fail_after(seconds):
                body = await _read(receive, max_bytes)
        except TimeoutError:
            await refuse(too_late(seconds), scope, receive, send)
            return
        if body is None:
            return
        if len(body) > max_bytes:
            await refuse(too_large, scope, receive, send)
            return
        if body.lstrip(JSON_BLANKS)[:1] == b"{":
            MutableHeaders(scope=scope)["content-type"] = "application/json"  # curl -d declares a form
        await self.app(scope, _replay(body, receive), send)


async def _read(receive: Receive, max_bytes: int) -> bytes | None:
    """A body, cut off when it is too long; None when the client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > max_bytes:
            return bytes(body)


def is_trusted(scope: Scope) -> bool:
    """Whether the request has a valid key, or needs none."""
    return bool(scope["state"].get(TRUSTED))


def too_late(seconds: float) -> Failure:
    """The failure for a request that does not arrive in time."""
    return Failure(408, f"the request did not arrive within {seconds:g} s", "request_timeout")


def _announced(scope: Scope) -> float:
    """The size of the body by its header; the server's parser has checked that it is a number."""
    length = Headers(scope=scope).get("content-length", "0")
    return float(length) if length.isascii() and length.isdigit() else 0.0


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body first, and then further messages."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return parts.pop() if parts else await receive()

    return receive_again


def host_name(host: str) -> str | None:
    """The name or address in a Host header, without brackets; None if it is no Host header."""
    found = HOST.fullmatch(host)
    if found is None or int(found["port"] or 0) > MOST_PORT:
        return None
    name = found["name"].casefold()
    if not name.startswith("["):
        return name
    return name[1:-1] if _is_address(name[1:-1]) else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _key(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return key.strip()
    offered = _protocols(headers.getlist("sec-websocket-protocol"))
    return next((p.removeprefix(KEY_PROTOCOL) for p in offered if p.startswith(KEY_PROTOCOL)), "")


def _protocols(values: Iterable[str]) -> list[str]:
    return [name.strip() for value in values for name in value.split(",")]


def _changes_something(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in {"GET", "HEAD", "OPTIONS"}


async def refuse(failure: Failure, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a failure, also in place of a WebSocket's handshake.

    The body is read first and dropped, if it comes soon: else the connection would be reset while the client
    is still sending, and it might not read the answer. A client that waits with `Expect` is not asked for it.
    """
    in_time = failure.status != HTTPStatus.REQUEST_TIMEOUT
    if scope["type"] == "http" and in_time and "expect" not in Headers(scope=scope):
        with anyio.move_on_after(DISCARD_SECONDS):
            while (await receive()).get("more_body"):
                pass
    response = failure.response()
    response.headers["connection"] = "close"
    await response(scope, receive, send)
