"""Every failure as OpenAI's clients expect it: a status, and `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from tts_hub.errors import (
    BackendUnavailableError,
    InvalidRequestError,
    NoAudioError,
    OverloadedError,
    QueueFullError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
)

INVALID = "invalid_request_error"
SERVER = "server_error"
DO_NOT_RETRY = {"x-should-retry": "false"}
"""Read by OpenAI's SDKs, which else send a failed request twice more."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it goes over the wire."""

    status: int
    message: str
    type: str = INVALID
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """The whole answer."""
        return JSONResponse(self.envelope(), self.status, headers=dict(self.headers))


def failure_of(exc: Exception, request_id: str) -> Failure:
    """What a client is told of an exception; internals are for `log_failure`."""
    if isinstance(exc, InvalidRequestError):
        return _invalid(exc)
    if isinstance(exc, OverloadedError):
        return _overloaded(exc)
    if isinstance(exc, BackendUnavailableError):
        message = f"{exc} (to fix: {exc.remedy})" if exc.remedy else str(exc)
        return Failure(503, message, SERVER, code="engine_unavailable", headers=DO_NOT_RETRY)
    if isinstance(exc, NoAudioError):
        message = f"no sound came of this text: {exc}"
        return Failure(400, message, param="input", code="no_audio", headers=DO_NOT_RETRY)
    message = f"speech could not be made; the server's log says more under request id {request_id}"
    return Failure(500, message, SERVER, code="generation_failed")


def log_failure(exc: Exception, request_id: str) -> None:
    """Note what went wrong on our side; wrong requests and full queues are no news."""
    if isinstance(exc, NoAudioError):  # its message may have a piece of the text in it
        logger.warning("request %s: engine %s made no sound of the text", request_id, exc.backend)
    elif not isinstance(exc, InvalidRequestError | OverloadedError):
        unexpected = not isinstance(exc, TTSHubError)
        logger.error("request %s failed: %s: %s", request_id, type(exc).__name__, exc, exc_info=unexpected)


def install_error_handlers(app: FastAPI) -> None:
    """Give every kind of error the same shape."""
    app.add_exception_handler(TTSHubError, _tell)
    app.add_exception_handler(RequestValidationError, _tell_validation)
    app.add_exception_handler(HTTPException, _tell_http)


async def _tell(request: Request, exc: Exception) -> Response:
    log_failure(exc, request.state.request_id)
    return failure_of(exc, request.state.request_id).response()


async def _tell_validation(request: Request, exc: Exception) -> Response:
    """OpenAI answers 400 where FastAPI would answer 422."""
    errors = exc.errors() if isinstance(exc, RequestValidationError) else []
    first = errors[0] if errors else {"loc": (), "msg": "the request is not valid"}
    location = [str(part) for part in first["loc"] if part not in {"body", "query", "path", "str", "VoiceId"}]
    param = ".".join(location[:2]) or None
    if first.get("type") == "json_invalid":
        return Failure(
            400, "the body is not valid JSON", code="invalid_json", headers=DO_NOT_RETRY
        ).response()
    name = f"{param}: " if param else ""
    given = f" (given: {_shortened(first['input'])})" if "input" in first and param else ""
    message = f"{name}{first['msg']}{given}"
    return Failure(400, message, param=param, code="invalid_value", headers=DO_NOT_RETRY).response()


async def _tell_http(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    detail = exc.detail if isinstance(exc, HTTPException) else ""
    if status == HTTPStatus.NOT_FOUND:
        detail = f"no such URL: {request.method} {request.url.path}"
    headers = DO_NOT_RETRY | (dict(exc.headers or {}) if isinstance(exc, HTTPException) else {})
    if status == HTTPStatus.BAD_REQUEST:  # FastAPI could not read the body: not UTF-8, or nested too deep
        return Failure(status, "the body is not valid JSON", code="invalid_json", headers=headers).response()
    return Failure(status, str(detail), headers=headers).response()


def _invalid(exc: InvalidRequestError) -> Failure:
    if isinstance(exc, UnknownModelError) and exc.param == "model":
        return Failure(404, str(exc), param="model", code="model_not_found", headers=DO_NOT_RETRY)
    if isinstance(exc, TextTooLongError):
        return Failure(413, str(exc), param="input", code="string_above_max_length", headers=DO_NOT_RETRY)
    return Failure(400, str(exc), param=exc.param, code="invalid_value", headers=DO_NOT_RETRY)


def _overloaded(exc: OverloadedError) -> Failure:
    headers = {"Retry-After": str(max(1, math.ceil(exc.retry_after)))}
    if isinstance(exc, QueueFullError):
        return Failure(429, str(exc), "rate_limit_error", code="rate_limit_exceeded", headers=headers)
    return Failure(503, str(exc), SERVER, code="server_is_overloaded", headers=headers)


def _shortened(value: object, most: int = 60) -> str:
    text = ascii(value)
    return text if len(text) <= most else text[:most] + "…"
