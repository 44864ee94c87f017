"""`/docs`: Swagger UI for the OpenAPI document, with all files from this server and none from the internet.

The page needs no key, because the document has no secrets; its requests do, and "Authorize" takes one.
"""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts_hub.server.errors import unknown_url

ASSETS = "fastapi_swagger.resources"
"""A package with the files of Swagger UI and little else."""
MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
CACHED = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI has styles on its elements and pictures in its style sheet; audio is a blob."""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tts-hub API</title>
<link rel="icon" type="image/png" href="{up}docs/favicon-32x32.png">
<link rel="stylesheet" href="{up}docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{up}docs/swagger-ui-bundle.js"></script>
<script src="{up}docs/start.js" data-document="{up}openapi.json"></script>
</body>
</html>
"""
"""The page. Its URLs are relative, because a reverse proxy may serve it below a path."""
START = """const player = (Original, { React }) => (props) =>
  props.content instanceof Blob && props.contentType.startsWith("audio/")
    ? React.createElement("audio", { controls: true, src: URL.createObjectURL(props.content) })
    : React.createElement(Original, props);

SwaggerUIBundle({
  url: document.currentScript.dataset.document,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  plugins: [() => ({ wrapComponents: { responseBody: player } })],
});
"""
"""The script of the page: Swagger UI's own player would request the URL again, by GET, to play the audio."""

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def get_documentation(request: Request) -> Response:
    """The page; it also works at `/docs/`."""
    up = "../" if request.scope.get("raw_path", b"").endswith(b"/") else ""
    headers = CACHED | {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
    return Response(PAGE.format(up=up), media_type="text/html", headers=headers)


@router.get("/docs/start.js")
async def get_start() -> Response:
    """The script of the page, apart because the strict policy allows none in the page itself."""
    return Response(START, media_type="text/javascript", headers=CACHED)


@router.get("/docs/{name}")
def get_asset(name: str) -> Response:
    """A file of Swagger UI."""
    if name not in MEDIA_TYPES:
        return unknown_url("GET", f"/docs/{name}").response()
    data = files(ASSETS).joinpath(name).read_bytes()
    return Response(data, media_type=MEDIA_TYPES[name], headers=CACHED)
