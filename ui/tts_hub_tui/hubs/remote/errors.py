"""What a server refuses, as the errors that the hub itself would raise."""

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
"""Seconds, where a server that is overloaded does not say."""
SERVER = "server"
"""What the errors call the engine that failed: which one it was, only the server knows."""
FAILED: Mapping[object, type[BackendError]] = {
    error.kind: error for error in (BackendUnavailableError, NoAudioError, StalledError)
}
"""By the code of the envelope; a `GenerationError` where it is another."""
PLAIN: Mapping[int, Callable[[str], TTSHubError]] = {
    401: UsageError,
    402: BudgetExceededError,
    403: UsageError,
    413: TextTooLongError,
}
"""By the status, where the message is all there is to say."""


def refusal(status: int, body: bytes, retry_after: str = "") -> TTSHubError:
    """The error behind an HTTP status that is no success, and its body."""
    error = parse_error(body)
    message = str(error.get("message") or f"the server answered {status}")
    param, code = error.get("param"), error.get("code")
    if code in FAILED:
        return failure(error)
    if status in {429, 503}:
        overloaded = RateLimitedError if status == 429 else OverloadedError
        return overloaded(message, retry_after=_seconds(retry_after))
    if status in {400, 404} and isinstance(param, str):
        return _invalid(message, param)
    if status == 401:
        message += " (give the server's key with --api-key-file)"
    plain = PLAIN.get(status)
    return plain(message) if plain is not None else GenerationError(message, backend=SERVER)


def failure(error: object) -> BackendError:
    """The error behind an envelope's content, with which a stream or a download breaks off."""
    values = error if isinstance(error, dict) else {}
    message = str(values.get("message") or "the server failed")
    return FAILED.get(values.get("code"), GenerationError)(message, backend=SERVER)


def parse_error(body: bytes) -> dict[str, object]:
    """The content of OpenAI's envelope; empty if it is none."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


@contextmanager
def parse_errors_as(otherwise: TTSHubError) -> Generator[None, None, None]:
    """Values of another shape than ours raise this error."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise otherwise from exc


def _invalid(message: str, param: str) -> InvalidRequestError:
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
