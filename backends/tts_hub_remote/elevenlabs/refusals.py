"""ElevenLabs' refusals: what its codes mean in the hub's own errors."""

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
from tts_hub_remote.failures import Refusal

KEY_HEADER = "xi-api-key"
NO_VOICE = {"voice_not_found", "voice_does_not_exist", "invalid_voice_id", "voice_id_does_not_exist"}
NO_PERMISSION = "missing_permissions"
BUSY = "system_busy"


class NotPermittedError(BackendUnavailableError):
    """The key is good, but not for this."""


class ElevenLabsConnection(Connection):
    """By code rather than by status: an empty account and a wrong voice may both be 401."""

    @property
    def name(self) -> str:
        """Of the engine."""
        return self._name

    @property
    def key(self) -> str:
        """The secret."""
        return self._headers.get(KEY_HEADER, "")

    def error_for(self, refusal: Refusal) -> TTSHubError:
        """The hub's error for a refusal, which never has the key in it."""
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
        """Some messages repeat it."""
        if not self.key or self.key not in refusal.message:
            return refusal
        return dataclasses.replace(refusal, message=refusal.message.replace(self.key, "***"))


def _remedy(refusal: Refusal) -> str:
    """For what the plan does not allow; empty for all else."""
    if refusal.status != HTTPStatus.FORBIDDEN:
        return ""
    if "format" in f"{refusal.code} {refusal.message}".casefold():
        return 'set output_format = "pcm_24000", or change the plan there'
    return "change the plan there" if refusal.code.startswith("only_for") else ""
