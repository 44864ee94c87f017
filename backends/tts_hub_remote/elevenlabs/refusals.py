"""Refusals of ElevenLabs, translated by their codes into the hub's own errors."""

from __future__ import annotations

import dataclasses
from http import HTTPStatus

from tts_hub.errors import (
    BackendUnavailableError,
    TTSHubError,
    UnknownVoiceError,
    UnsupportedOptionError,
)
from tts_hub_remote.connection import Connection
from tts_hub_remote.elevenlabs.settings import USUAL_FORMAT
from tts_hub_remote.failures import Refusal

KEY_HEADER = "xi-api-key"
NO_VOICE = {"voice_not_found", "voice_does_not_exist", "invalid_voice_id", "voice_id_does_not_exist"}
NO_PERMISSION = "missing_permissions"
BUSY = "system_busy"


class NotPermittedError(BackendUnavailableError):
    """The key is valid, but lacks a permission."""


class ElevenLabsConnection(Connection):
    """A connection that reads codes before statuses: an empty account and a wrong voice may both be 401."""

    @property
    def name(self) -> str:
        """The name of the engine."""
        return self._name

    @property
    def key(self) -> str:
        """The API key."""
        return self._headers.get(KEY_HEADER, "")

    def error_for(self, refusal: Refusal) -> TTSHubError:
        """The hub's error for a refusal, without the key in its message."""
        refusal = self._without_key(refusal)
        sentence = refusal.sentence(self.name)
        if refusal.code in NO_VOICE:
            return UnknownVoiceError(sentence)
        if refusal.code == BUSY:
            return BackendUnavailableError(sentence, backend=self.name)
        if refusal.param.startswith("voice_settings"):
            return UnsupportedOptionError(sentence, param=f"options.{refusal.param.rpartition('.')[2]}")
        if refusal.code == NO_PERMISSION:
            remedy = "give the key this permission, in the settings of the account"
            return NotPermittedError(sentence, backend=self.name, remedy=remedy)
        if remedy := _remedy(refusal):
            return BackendUnavailableError(sentence, backend=self.name, remedy=remedy)
        return super().error_for(refusal)

    def _without_key(self, refusal: Refusal) -> Refusal:
        """The refusal with the key masked: some messages repeat it."""
        if not self.key or self.key not in refusal.message:
            return refusal
        return dataclasses.replace(refusal, message=refusal.message.replace(self.key, "***"))


def _remedy(refusal: Refusal) -> str:
    """The remedy for a refusal by the plan; empty for other refusals."""
    if refusal.status != HTTPStatus.FORBIDDEN:
        return ""
    if "format" in f"{refusal.code} {refusal.message}".casefold():
        return f'set output_format = "{USUAL_FORMAT}", or change the plan there'
    return "change the plan there" if refusal.code.startswith("only_for") else ""
