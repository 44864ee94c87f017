"""Failures in the shape of OpenAI's API: a status, and `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from tts_hub.errors import (
    MOST_SHOWN,
    BackendError,
    BackendUnavailableError,
    BudgetExceededError,
    InvalidRequestError,
    NameTakenError,
    NoAudioError,
    OverloadedError,
    QueueFullError,
    QuotaError,
    RateLimitedError,
    StoreError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
    shown,
)
from tts_hub.server.privacy import without_folders

INVALID = "invalid_request_error"
SERVER = "server_error"
MOST_MESSAGE_CHARS = 1_000
"""The greatest length of a message."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as clients get it."""

    status: int
    message: str
    code: str
    """A short name, by which failures are also counted."""
    type: str = INVALID
    param: str | None = None
    is_fault: bool = False
    """The cause is the server or an engine, not the request or the load."""
    retry_after: float | None = None
    """Seconds after which another try may succeed."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers besides those that every failure has."""

    def envelope(self) -> dict[str, Any]:
        """OpenAI's error object, with a message of limited length."""
        message = cut(self.message, MOST_MESSAGE_CHARS)
        param = None if self.param is None else cut(self.param, MOST_SHOWN)
        return {"error": {"message": message, "type": self.type, "param": param, "code": self.code}}

    def all_headers(self) -> dict[str, str]:
        """All headers, with those that stop OpenAI's SDKs from trying again, which they else do twice.

        A retry may help where `Retry-After` says when, and once after an engine failed (500).
        """
        if self.retry_after is not None:
            return {"Retry-After": str(max(1, math.ceil(self.retry_after))), **self.headers}
        if self.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            return {"x-should-retry": "false", **self.headers}
        return dict(self.headers)

    def response(self) -> Response:
        """The failure as a whole answer."""
        return _FailureResponse(self)


class _FailureResponse(JSONResponse):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.envelope(), failure.status, headers=failure.all_headers())
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and keep the failure in the scope, for the count of failures."""
        if self._failure.status == HTTPStatus.INTERNAL_SERVER_ERROR and has_tried_before(scope):
            self.headers["x-should-retry"] = "false"
        scope["state"]["failure"] = self._failure
        await super().__call__(scope, receive, send)


def has_tried_before(scope: Scope) -> bool:
    """Whether this is a repeated request of an OpenAI SDK, which says so in a header."""
    return Headers(scope=scope).get("x-stainless-retry-count", "0") not in {"", "0"}


class FailureError(Exception):
    """Ends a request with a failure for the client."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(exc: Exception, request_id: str) -> Failure:
    """The failure that a client gets for an exception; an engine's own words only go to `log_failure`."""
    if isinstance(exc, FailureError):
        return exc.failure
    if isinstance(exc, InvalidRequestError | BudgetExceededError):
        return _invalid(exc)
    if isinstance(exc, OverloadedError):
        return _overloaded(exc)
    log = f"the server's log says more under request id {request_id}"
    if isinstance(exc, BackendUnavailableError):
        remedy = f" (to fix: {without_folders(exc.remedy)})" if exc.remedy else ""
        message = f"engine {exc.backend!r} is not available{remedy}; {log}"
        return Failure(503, message, exc.kind, SERVER, is_fault=True)
    if isinstance(exc, NoAudioError):
        message = f"engine {exc.backend!r} made no sound of this text"
        return Failure(400, message, exc.kind, param="input", is_fault=True)
    code, what = "generation_failed", "speech could not be generated"
    if isinstance(exc, BackendError):
        code = exc.kind
    elif isinstance(exc, StoreError):
        code, what = "store_failed", "the stored voices could not be read or changed"
    return Failure(500, f"{what}; {log}", code, SERVER, is_fault=True)


def log_failure(exc: Exception, request_id: str) -> None:
    """Log a fault of the server or an engine; wrong or too dear requests and full queues are not logged."""
    if isinstance(exc, NoAudioError):  # its message may have a piece of the text in it
        logger.warning("request %s: engine %s generated no sound for the text", request_id, exc.backend)
    elif not isinstance(exc, InvalidRequestError | OverloadedError | BudgetExceededError | FailureError):
        unexpected = not isinstance(exc, TTSHubError)
        logger.error("request %s failed: %s: %s", request_id, type(exc).__name__, exc, exc_info=unexpected)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every kind of error in the same shape."""
    app.add_exception_handler(TTSHubError, _answer_hub_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_error)


def unknown_url(method: str, path: str, known: Collection[str] = ()) -> Failure:
    """The failure for a URL that does not exist, with a hint if it is similar to one of the `known` paths."""
    meant = {f"/v1{path}", path.replace("/v1/v1/", "/v1/", 1)} & set(known)
    hint = "".join(f"; did you mean {other}?" for other in meant)
    return Failure(404, f"no such URL: {method} {cut(path, MOST_SHOWN)}{hint}", "unknown_url")


async def _answer_hub_error(request: Request, exc: Exception) -> Response:
    log_failure(exc, request.state.request_id)
    return failure_of(exc, request.state.request_id).response()


async def _answer_validation_error(request: Request, exc: Exception) -> Response:
    """Answer 400, as OpenAI does, where FastAPI would answer 422."""
    errors = exc.errors() if isinstance(exc, RequestValidationError) else []
    first = errors[0] if errors else {"loc": (), "msg": "the request is not valid"}
    location = [str(part) for part in first["loc"] if part not in {"body", "query", "path", "str", "VoiceId"}]
    param = cut(".".join(location[:2]), MOST_SHOWN) or None
    if first.get("type") == "json_invalid":
        return _no_json().response()
    name = f"{param}: " if param else ""
    given = f" (given: {shown(first['input'])})" if "input" in first and param else ""
    return Failure(400, f"{name}{first['msg']}{given}", "invalid_value", param=param).response()


async def _answer_http_error(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    if status == HTTPStatus.NOT_FOUND:
        known = {route.path for route in request.app.state.routes}
        return unknown_url(request.method, request.url.path, known).response()
    if status == HTTPStatus.BAD_REQUEST:  # FastAPI could not read the body: not UTF-8, or nested too deep
        return _no_json().response()
    detail = exc.detail if isinstance(exc, HTTPException) else ""
    headers = dict(exc.headers or {}) if isinstance(exc, HTTPException) else {}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return _method_not_allowed(request, headers.get("Allow", "")).response()
    return Failure(status, str(detail), "http_error", headers=headers).response()


def _method_not_allowed(request: Request, offered: str) -> Failure:
    """The failure with all methods of a URL: FastAPI names those of one route, and HEAD belongs to GET."""
    methods = {name.strip() for name in offered.split(",")}
    for route in request.app.state.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    allow = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    message = f"{request.url.path[:MOST_SHOWN]} takes {allow}, not {request.method}"
    return Failure(405, message, "method_not_supported", headers={"Allow": allow})


def _no_json() -> Failure:
    return Failure(400, "the body is not valid JSON", "invalid_json")


def _invalid(exc: InvalidRequestError | BudgetExceededError) -> Failure:
    message = without_folders(str(exc))
    if isinstance(exc, BudgetExceededError):
        return Failure(402, message, "budget_exceeded")
    if isinstance(exc, UnknownModelError) and exc.param == "model":
        return Failure(404, message, "model_not_found", param="model")
    if isinstance(exc, NameTakenError):
        return Failure(409, message, "name_taken", param="name")
    if isinstance(exc, QuotaError):
        return Failure(413, message, "quota_exceeded", param=exc.param)
    if isinstance(exc, TextTooLongError):
        return Failure(413, message, "string_above_max_length", param="input")
    return Failure(400, message, "invalid_value", param=exc.param)


def _overloaded(exc: OverloadedError) -> Failure:
    if isinstance(exc, QueueFullError | RateLimitedError):
        kind = ("rate_limit_exceeded", "rate_limit_error")
        return Failure(429, str(exc), *kind, retry_after=exc.retry_after)
    return Failure(503, str(exc), "server_is_overloaded", SERVER, retry_after=exc.retry_after)


def cut(text: str, most: int) -> str:
    """The text, or its beginning if it is longer than `most`."""
    return text if len(text) <= most else text[:most] + "…"
