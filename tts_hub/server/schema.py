"""Additions to FastAPI's OpenAPI document: audio bodies, and one shape of error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

AUDIO_TYPES = ("audio/mpeg", "audio/opus", "audio/aac", "audio/flac", "audio/wav", "audio/pcm")
EVENT_STREAM = "text/event-stream"
LINES = "application/x-ndjson"
BINARY = {"schema": {"type": "string", "format": "binary"}}


class ErrorDetails(BaseModel):
    """OpenAI's error object."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(BaseModel):
    """The body of every failure."""

    error: ErrorDetails


ERRORS = {
    400: "A value is wrong; `param` names it.",
    401: "No valid API key.",
    402: "It may cost more than is allowed (`[budget]`).",
    403: "The web page's origin may not use the server, or the key may not make changes.",
    404: "No such model, voice, emotion or file.",
    408: "The request did not arrive in time.",
    409: "The name is taken.",
    413: "The text or the request is too long, or the store is full.",
    421: "The server is not known under this host name.",
    429: "The engine's waiting line is full; `Retry-After` says when to come back.",
    500: "The engine failed; the message has the id under which the log says more.",
    503: "The engine is not available, or overloaded.",
}
JSON_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "model": ErrorEnvelope} for status, text in ERRORS.items()
}
AUDIO_ANSWERS: dict[int | str, dict[str, Any]] = JSON_ANSWERS | {
    200: {
        "description": "The audio as it is made, or OpenAI's events with `stream_format` `sse`.",
        "content": dict.fromkeys(AUDIO_TYPES, BINARY) | {EVENT_STREAM: {"schema": {}}},
    }
}
FILE_ANSWERS: dict[int | str, dict[str, Any]] = JSON_ANSWERS | {
    200: {"description": "The file.", "content": {"audio/*": BINARY, "application/zip": BINARY}},
    206: {"description": "The range of the file that was asked for.", "content": {"audio/*": BINARY}},
    416: {"description": "The file has no such range.", "content": {"text/plain": {}}},
}
GENERATED_ANSWERS: dict[int | str, dict[str, Any]] = JSON_ANSWERS | {
    200: {
        "description": "Where the file is, or the audio as it is made.",
        "content": {"application/json": {"schema": {"type": "object"}}} | dict.fromkeys(AUDIO_TYPES, BINARY),
    }
}
LINE_ANSWERS: dict[int | str, dict[str, Any]] = JSON_ANSWERS | {
    200: {"description": "Lines of JSON as the audio is made.", "content": {LINES: BINARY}}
}
CAPTIONED_ANSWERS: dict[int | str, dict[str, Any]] = JSON_ANSWERS | {
    200: {
        "description": "One JSON object, or with `stream` one on each line.",
        "content": {"application/json": {"schema": {"type": "object"}}, LINES: BINARY},
    }
}


def openapi_of(app: FastAPI, *, with_keys: bool) -> dict[str, Any]:
    """The OpenAPI document, made once; it has no 422 of FastAPI, because this server answers 400."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        if with_keys:
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"key": []}]
        app.openapi_schema = document
    return app.openapi_schema
