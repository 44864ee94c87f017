"""Every error that leaves a public function of tts-hub.

TTSHubError
├── ConfigError                   a value in a config file or an environment variable
├── InvalidRequestError           what was asked for cannot be given; `param` names the field
│   ├── InvalidTextError          empty, or characters that are not text
│   ├── TextTooLongError
│   ├── UnknownModelError
│   ├── UnknownVoiceError
│   ├── UnknownEmotionError
│   ├── NameTakenError            a voice or an emotion of this name exists
│   ├── QuotaError                the store has no room for it
│   ├── UnsupportedFormatError
│   ├── UnsupportedLanguageError
│   └── UnsupportedOptionError    speed, sample rate, markup, an engine's own option
├── OverloadedError               try again later; `retry_after` says when
│   ├── QueueFullError
│   ├── QueueTimeoutError
│   └── RateLimitedError          a remote service takes no more requests for now
├── BudgetExceededError           it would cost more than is allowed
├── BackendError                  an engine failed; `backend` names it. These start a fallback
│   ├── BackendUnavailableError   not installed, files missing, failed to load; `remedy` fixes it
│   ├── EngineRefusedError        it does not take the request, or not now; `original` says why
│   ├── GenerationError           it failed while speaking
│   ├── NoAudioError              it made no sound for a text
│   └── StalledError              it made no progress within its time
├── AudioError                    encoding or decoding
├── StoreError                    the store of voices cannot be read or written
├── OutputError                   a file or stream cannot be written
└── UsageError                    the library was used out of order, for instance after closing
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class TTSHubError(Exception):
    """Root of the tree: catch this to catch all."""


class ConfigError(TTSHubError):
    """A configuration value is missing, unknown or wrong."""


class InvalidRequestError(TTSHubError):
    """The request cannot be served as it is; sending it again will not help."""

    def __init__(self, message: str, *, param: str) -> None:
        super().__init__(message)
        self.param = param


class InvalidTextError(InvalidRequestError):
    """The text is empty, holds characters that are not text, or a broken tag."""

    def __init__(self, message: str) -> None:
        super().__init__(message, param="input")


class TextTooLongError(InvalidTextError):
    """The text is longer than the configured limit."""


class UnknownModelError(InvalidRequestError):
    """No engine answers to this model name."""

    def __init__(self, message: str, *, param: str = "model") -> None:
        super().__init__(message, param=param)


class UnknownVoiceError(InvalidRequestError):
    """The engine has no such voice."""

    def __init__(self, message: str) -> None:
        super().__init__(message, param="voice")


class UnknownEmotionError(InvalidRequestError):
    """There is no such emotion profile."""

    def __init__(self, message: str, *, param: str = "emotion") -> None:
        super().__init__(message, param=param)


class NameTakenError(InvalidRequestError):
    """Another voice or profile has the name."""

    def __init__(self, message: str) -> None:
        super().__init__(message, param="name")


class QuotaError(InvalidRequestError):
    """The store has no room for more; removing something makes some."""


class UnsupportedFormatError(InvalidRequestError):
    """No encoder for this audio format."""

    def __init__(self, message: str) -> None:
        super().__init__(message, param="response_format")


class UnsupportedLanguageError(InvalidRequestError):
    """The engine or voice does not speak this language."""

    def __init__(self, message: str) -> None:
        super().__init__(message, param="language")


class UnsupportedOptionError(InvalidRequestError):
    """A field holds a value that is out of range or not offered."""


class OverloadedError(TTSHubError):
    """Too much work at the moment."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds."""


class QueueFullError(OverloadedError):
    """The engine's waiting line is full."""


class QueueTimeoutError(OverloadedError):
    """The request waited too long for its turn."""


class BudgetExceededError(TTSHubError):
    """Speaking would cost more than `[budget]` allows; asking again does not help before that changes."""


class RateLimitedError(OverloadedError):
    """A remote service takes no more requests for now."""


class BackendError(TTSHubError):
    """An engine failed at something it should have done."""

    kind: ClassVar[str] = "engine_failed"
    """The kind of failure, for clients; the message may hold the engine's own words, for the log."""

    def __init__(self, message: str, *, backend: str) -> None:
        super().__init__(message)
        self.backend = backend
        self.position: int | None = None
        """Where the segment that failed begins in the text, in characters; None before any segment."""


class BackendUnavailableError(BackendError):
    """The engine cannot run now."""

    kind = "engine_unavailable"

    def __init__(self, message: str, *, backend: str, remedy: str = "") -> None:
        super().__init__(message, backend=backend)
        self.remedy = remedy
        """A command to type, or empty."""


class EngineRefusedError(BackendError):
    """The engine does not take the request as it is, or not now, and another engine may take it.

    Where no other engine takes it either, the caller gets `original`.
    """

    kind = "engine_refused"

    def __init__(self, original: TTSHubError, backend: str, *, was_named: bool = True) -> None:
        super().__init__(f"engine {backend!r} refused: {original}", backend=backend)
        self.original = original
        self.was_named = was_named
        """The request named the engine, or `auto` chose it first: only then does the user need its reason."""


class GenerationError(BackendError):
    """The engine failed while it was speaking."""

    kind = "generation_failed"


class NoAudioError(BackendError):
    """The engine ended without any audio."""

    kind = "no_audio"


class StalledError(BackendError):
    """The engine gave nothing within its time."""

    kind = "engine_stalled"


class AudioError(TTSHubError):
    """Audio could not be encoded or decoded."""


class StoreError(TTSHubError):
    """The store of voices and emotion profiles cannot be read or written."""


class OutputError(TTSHubError):
    """A file or stream cannot be written."""


class UsageError(TTSHubError):
    """The library was used in a way that cannot work, for instance after closing."""


MOST_SHOWN = 80
"""Characters of a value that are repeated in a message."""


def shown(value: object) -> str:
    """A given value as messages repeat it: in Python's notation, and only its beginning if it is long."""
    text = repr(value[: MOST_SHOWN + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"


def install_command(*extras: str) -> str:
    """What to type to add extras of this package, which is on no index and is installed from its folder."""
    return f"pip install '.[{','.join(extras)}]'  # in the folder of tts-hub"


def update_command() -> str:
    """What to type to get the newest version of this package and the engines in it."""
    return "git pull && pip install .  # in the folder of tts-hub"


def one_of(name: str, choices: Iterable[str], *, most: int = 12) -> str:
    """The end of a message about an unknown name: the nearest match, then what exists, shortened."""
    name = name[:MOST_SHOWN]
    known = list(choices)
    if not known:
        return "there are none"
    folded = {choice.casefold(): choice for choice in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    listed = ", ".join(known[:most]) + (f", … ({len(known)} in all)" if len(known) > most else "")
    hint = f"did you mean {folded[near[0]]!r}? " if near else ""
    return f"{hint}possible: {listed}"
