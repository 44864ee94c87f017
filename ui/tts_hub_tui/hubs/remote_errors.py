"""What a server refuses, as the errors that the hub itself would raise."""

from __future__ import annotations

import json
from typing import Any

from tts_hub.errors import (
    BackendUnavailableError,
    BudgetExceededError,
    GenerationError,
    InvalidRequestError,
    InvalidTextError,
    RateLimitedError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    UsageError,
)

RETRY_AFTER = 5.0
"""Seconds, where a server that is overloaded does not say."""


def refusal(status: int, body: bytes, retry_after: str = "") -> TTSHubError:
    """The error behind an HTTP status above 399 and its body."""
    error = error_of(body)
    message = str(error.get("message") or f"the server answered {status}")
    param, code = error.get("param"), error.get("code")
    if status in {401, 403}:
        return UsageError(
            f"{message} (give the server's key with --api-key-file)" if status == 401 else message
        )
    if status == 402:
        return BudgetExceededError(message)
    if status in {429, 503} and code != "engine_unavailable":
        return RateLimitedError(message, retry_after=_seconds(retry_after))
    if status == 413:
        return TextTooLongError(message)
    if status in {400, 404} and isinstance(param, str):
        return _invalid(message, param)
    return failure(error, message)


def failure(error: dict[str, Any], message: str = "") -> TTSHubError:
    """The error behind an envelope's content, with which a stream or a download breaks off."""
    message = message or str(error.get("message") or "the server failed")
    if error.get("code") == "engine_unavailable":
        return BackendUnavailableError(message, backend="server")
    return GenerationError(message, backend="server")


def error_of(body: bytes) -> dict[str, Any]:
    """The content of OpenAI's envelope; empty if it is none."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _invalid(message: str, param: str) -> InvalidRequestError:
    if param == "voice":
        return UnknownVoiceError(message)
    if param == "input":
        return InvalidTextError(message)
    if param == "model":
        return UnknownModelError(message)
    return InvalidRequestError(message, param=param)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return RETRY_AFTER
