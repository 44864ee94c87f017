"""The refusals of services: bodies of every shape, translated into the hub's own errors."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    RateLimitedError,
    TextTooLongError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedFormatError,
    UnsupportedOptionError,
)

MOST_SHOWN = 300
"""Characters of a service's message that an error quotes."""
TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504, 529}
"""Statuses of failures that another try may avoid."""
OUT_OF_MONEY = {"insufficient_quota", "quota_exceeded", "credit_balance_exhausted", "budget_exceeded"}
"""Codes of an account without credit."""
"""Codes of an account without credit."""
TOO_LONG = {"string_above_max_length", "string_too_long", "max_character_limit_exceeded", "text_too_long"}
"""Codes of a text that is too long."""
"""Codes of a text that is too long."""


class NoSuchPathError(BackendUnavailableError):
    """The service does not know the path of a request."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is an error."""

    status: int
    message: str
    """The message of the service, shortened."""
    code: str = ""
    """The service's code for the error, or its type where it has no code."""
    param: str = ""
    """The field of the request that caused the error."""
    retry_after: float | None = None
    """Seconds until another try is welcome."""
    may_retry: bool = False
    """Whether another try may do better."""

    def sentence(self, backend: str) -> str:
        """The refusal as the message of an error of `backend`."""
        return f"{backend} refused (HTTP {self.status}): {self.message}"


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Read an error answer: JSON in the shape of any known service, or plain text."""
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    message, code, param = _details_of(value)
    code = code.casefold()
    should_retry = headers.get("x-should-retry", "").casefold()
    return Refusal(
        status=status,
        message=_shown(message) or _phrase(status),
        code=code,
        param=param,
        retry_after=retry_after(headers),
        may_retry=should_retry != "false"
        and (status in TRANSIENT or should_retry == "true")
        and code not in OUT_OF_MONEY,
    )


def refusal_in(value: Any) -> Refusal:
    """A refusal that arrived as an event or a line inside an answer without an error status."""
    message, code, param = _details_of(value)
    return Refusal(500, _shown(message) or "no details given", code.casefold(), param)


def raise_error_in(line: Mapping[str, Any], backend: str) -> None:
    """Raise the hub's error if a line of an answer reports one."""
    if "error" in line or "detail" in line:
        raise error_of(refusal_in(line), backend)


def error_of(refusal: Refusal, backend: str, *, key_name: str = "") -> TTSHubError:
    """The hub's error for a refusal; `key_name` is the environment variable with the key."""
    sentence = refusal.sentence(backend)
    status, code = refusal.status, refusal.code
    if code in OUT_OF_MONEY or status == HTTPStatus.PAYMENT_REQUIRED:
        return BackendUnavailableError(sentence, backend=backend, remedy="top up or change the plan there")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return BackendUnavailableError(
            sentence, backend=backend, remedy=f"export {key_name}=..." if key_name else ""
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError(sentence, retry_after=refusal.retry_after or 1.0)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or code in TOO_LONG or "too_long" in refusal.message:
        return TextTooLongError(sentence)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return _invalid(refusal, sentence, backend)
    return GenerationError(sentence, backend=backend)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until another try is welcome: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        elif headers.get("retry-after", "").strip()[:1].isdigit():
            seconds = float(headers["retry-after"])
        elif "retry-after" in headers:
            seconds = parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _invalid(refusal: Refusal, sentence: str, backend: str) -> TTSHubError:
    about = f"{refusal.param} {refusal.code} {refusal.message}".casefold()
    if "voice" in refusal.param or "voice" in refusal.code:
        return UnknownVoiceError(sentence)
    if "response_format" in about or "output_format" in about:
        return UnsupportedFormatError(sentence)
    if "model" in refusal.param or "model" in refusal.code or "invalid url" in about:
        return UnknownModelError(sentence)
    if refusal.status == HTTPStatus.NOT_FOUND:
        if "voice" in about:
            return UnknownVoiceError(sentence)
        return NoSuchPathError(sentence, backend=backend, remedy="check the `url` of the service")
    return UnsupportedOptionError(sentence, param=refusal.param or "input")


def _details_of(value: Any) -> tuple[str, str, str]:
    """Find (message, code, param) in a decoded body."""
    if isinstance(value, str):
        return ("" if value.lstrip().startswith("<") else value), "", ""
    if isinstance(value, list):
        return _details_of(value[0]) if value else ("", "", "")
    if not isinstance(value, dict):
        return "", "", ""
    for name in ("error", "detail"):
        inner = value.get(name)
        if isinstance(inner, dict | list):
            return _details_of(inner)
        if isinstance(inner, str) and not value.get("message"):
            return inner, "", ""
    return _fields(value)


def _fields(value: Mapping[str, Any]) -> tuple[str, str, str]:
    message = value.get("message") or value.get("msg") or ""
    names = (value.get(name) for name in ("code", "status", "error", "type"))
    code = next((name for name in names if isinstance(name, str) and name), "")
    where = value.get("loc")
    param = str(where[-1]) if isinstance(where, list) and where else value.get("param")
    return str(message), code, param if isinstance(param, str) else ""


def _shown(message: str) -> str:
    """A message in one line, shortened, without characters that could forge a log."""
    line = " ".join(message.split())
    line = "".join(c for c in line if c.isprintable())
    return line if len(line) <= MOST_SHOWN else line[:MOST_SHOWN] + "…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"
