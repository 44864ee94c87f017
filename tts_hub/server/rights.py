"""Who may change voices and emotions, and failures of the routes for them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request, UploadFile

from tts_hub.config import ServerConfig
from tts_hub.errors import ConfigError, UnknownEmotionError, UnknownVoiceError
from tts_hub.server.errors import Failure, FailureError
from tts_hub.server.guards import CALLER
from tts_hub.server.keys import digest_of


def editor_digests(settings: ServerConfig) -> frozenset[str]:
    """The digests of the keys that may make changes, in hexadecimal; empty: every caller may.

    Raises:
        ConfigError: one of them is not among the API keys.
    """
    known = {digest_of(key) for key in settings.api_keys}
    editors = {digest_of(key) for key in settings.editor_keys}
    if editors - known:
        raise ConfigError("server.editor_keys has a key that is not in server.api_keys; add it there too")
    return frozenset(digest.hex() for digest in editors)


def _require_editor(request: Request) -> None:
    editors: frozenset[str] = request.app.state.editors
    if editors and request.scope["state"].get(CALLER) not in editors:
        message = "this API key may not change voices and emotions; see server.editor_keys"
        raise FailureError(Failure(403, message, "editing_not_allowed", "permission_error"))


MayEdit = Annotated[None, Depends(_require_editor)]
"""The type of a parameter of routes that change something."""


@contextmanager
def not_found() -> Generator[None, None, None]:
    """Answer 404 where a voice or an emotion in the address does not exist."""
    try:
        yield
    except UnknownVoiceError as exc:
        raise FailureError(Failure(404, str(exc), "voice_not_found", param="voice_id")) from exc
    except UnknownEmotionError as exc:
        raise FailureError(Failure(404, str(exc), "emotion_not_found", param="emotion_id")) from exc


async def content_of(file: UploadFile) -> tuple[bytes, str]:
    """The bytes of an uploaded file, and the name that its sender gave it. The body was bounded before."""
    try:
        return await file.read(), file.filename or ""
    finally:
        await file.close()
