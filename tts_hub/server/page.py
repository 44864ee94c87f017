"""The web page at `/`: files of the package `tts_hub_web`, all from this server and none from elsewhere.

The page itself needs no key, because its files have no secrets; its requests do, and it asks for one.
"""

from __future__ import annotations

import hashlib
from functools import cache

from fastapi import APIRouter, Request
from starlette.responses import Response
from tts_hub_web import PAGE

from tts_hub.server.errors import unknown_url

MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "microphone=(self)",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
def get_page(request: Request) -> Response:
    """The page."""
    return _file("index.html", request)


@router.get("/web/{name}")
def get_part(name: str, request: Request) -> Response:
    """A script, the style sheet or the icon of the page."""
    return _file(name, request)


def _file(name: str, request: Request) -> Response:
    found = _files().get(name)
    if found is None:
        return unknown_url("GET", request.url.path).response()
    data, tag, media_type = found
    headers = HEADERS | {"etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Name -> content, tag and media type of every file of the page. No name of a request becomes a path."""
    found = {}
    for path in PAGE.iterdir():
        if media_type := MEDIA_TYPES.get(path.suffix):
            data = path.read_bytes()
            found[path.name] = (data, f'"{hashlib.sha256(data).hexdigest()[:32]}"', media_type)
    return found
