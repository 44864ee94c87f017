"""A server's errors, as the errors that the hub itself would raise."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    BudgetExceededError,
    GenerationError,
    InvalidRequestError,
    InvalidTextError,
    NoAudioError,
    OverloadedError,
    RateLimitedError,
    StalledError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UsageError,
)

RETRY_AFTER = 5.0
"""Seconds to wait if a server that is overloaded names no time."""
SERVER = "server"
"""The name of the engine in these errors: only the server knows which one it was."""
ENGINE_ERRORS: Mapping[object, type[BackendError]] = {
    error.kind: error for error in (BackendUnavailableError, NoAudioError, StalledError)
}
"""The errors by the code of the envelope; any other code is a `GenerationError`."""
STATUS_ERRORS: Mapping[int, Callable[[str], TTSHubError]] = {
    401: UsageError,
    402: BudgetExceededError,
    403: UsageError,
    413: TextTooLongError,
}
"""The errors by HTTP status that carry nothing but their message."""


def status_error(status: int, body: bytes, retry_after: str = "") -> TTSHubError:
    """The error that an HTTP status other than success, and its body, stand for."""
    error = parse_error(body)
    message = str(error.get("message") or f"the server answered {status}")
    param, code = error.get("param"), error.get("code")
    if code in ENGINE_ERRORS:
        return engine_error(error)
    if status in {429, 503}:
        overloaded = RateLimitedError if status == 429 else OverloadedError
        return overloaded(message, retry_after=_seconds(retry_after))
    if status in {400, 404} and isinstance(param, str):
        return _request_error(message, param)
    if status == 401:
        message += " (give the server's key with --api-key-file)"
    plain = STATUS_ERRORS.get(status)
    return plain(message) if plain is not None else GenerationError(message, backend=SERVER)


def engine_error(error: object) -> BackendError:
    """The error with which a stream or a download breaks off; `error` is the content of the envelope."""
    values = error if isinstance(error, dict) else {}
    message = str(values.get("message") or "the server failed")
    return ENGINE_ERRORS.get(values.get("code"), GenerationError)(message, backend=SERVER)


def parse_error(body: bytes) -> dict[str, object]:
    """The content of OpenAI's error envelope; empty if the body is none."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


@contextmanager
def parse_errors_as(error: TTSHubError) -> Generator[None, None, None]:
    """Raise `error` if the values of a server have another shape than ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise error from exc


def _request_error(message: str, param: str) -> InvalidRequestError:
    if param == "voice":
        return UnknownVoiceError(message)
    if param == "input":
        return InvalidTextError(message)
    if param == "model":
        return UnknownModelError(message)
    if param == "language":
        return UnsupportedLanguageError(message)
    return InvalidRequestError(message, param=param)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return RETRY_AFTER
    return max(0.0, seconds) if math.isfinite(seconds) else RETRY_AFTER
