"""The records of the store."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import InvalidRequestError, shown
from tts_hub.types import VoiceSample

MOST_OF_A_NAME = 64
MOST_OF_A_TEXT = 2_000
"""Characters of a description or a note of consent."""
SEPARATOR = ":"
"""Stands between a voice and an emotion in a request, so it is in no name."""
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
FORBIDDEN = re.compile(r"[:/\\<>\"|*?\[\]{}]")


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A recording of a voice."""

    id: int
    hash: str
    """SHA-256 of the stored file, in hexadecimal."""
    path: str
    """The stored FLAC file."""
    seconds: float
    sample_rate: int
    """Hz."""
    bytes: int
    origin: str
    """The name of the file that was given, for people to read."""
    transcript: str
    """What is said in it, if its owner has said so."""
    warnings: tuple[str, ...]
    """What may spoil the voice."""
    created: float
    """Seconds since 1970, as all times here."""

    def for_engines(self) -> VoiceSample:
        """The recording as engines get it."""
        return VoiceSample(self.hash, self.path, self.seconds, self.transcript)


@dataclass(frozen=True, slots=True)
class StoredVoice:
    """A voice that a user has made of recordings."""

    id: str
    name: str
    description: str
    language: str
    """BCP 47 tag of the samples; empty: not known."""
    consent: str
    """Who has agreed to the use of the voice, and when."""
    created: float
    updated: float
    removed: float | None
    """When it was removed; it can be restored for a while."""
    samples: tuple[StoredSample, ...]
    """The oldest first. Engines that take one sample take the newest."""


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """An emotion profile."""

    id: str
    name: str
    character: str
    """The voice that it belongs to; empty: it suits any voice."""
    description: str
    settings: EmotionSettings
    created: float
    updated: float
    removed: float | None
    samples: tuple[StoredSample, ...]
    """Recordings of the voice in this emotion. They take the place of the voice's own."""

    @property
    def full_name(self) -> str:
        """What a client may send as `voice`: `sarah:excited`; just the name where it suits any voice."""
        return f"{self.character}{SEPARATOR}{self.name}" if self.character else self.name


def checked_name(name: str, *, param: str = "name") -> str:
    """A name as it is stored: NFC, without space around it.

    Raises:
        InvalidRequestError: it is empty or too long, or has characters that no name can have.
    """
    found = " ".join(unicodedata.normalize("NFC", name).split())
    if not found or len(found) > MOST_OF_A_NAME:
        raise InvalidRequestError(
            f"{param} {shown(name)} has to have 1 to {MOST_OF_A_NAME} characters", param=param
        )
    odd = FORBIDDEN.search(found) or next(
        (character for character in found if unicodedata.category(character)[0] == "C"), None
    )
    if odd or found.startswith((".", "-")):
        raise InvalidRequestError(
            f'{param} {shown(name)} cannot be used: leave out : / \\ < > " | * ? [ ] {{ }} and control '
            "characters, and do not begin with . or -",
            param=param,
        )
    return found


def checked_text(text: str, *, param: str) -> str:
    """A description as it is stored.

    Raises:
        InvalidRequestError: it is too long.
    """
    if len(text) > MOST_OF_A_TEXT:
        raise InvalidRequestError(f"{param} is longer than {MOST_OF_A_TEXT} characters", param=param)
    return text.strip()


def checked_language(language: str) -> str:
    """A BCP 47 tag, or an empty string.

    Raises:
        InvalidRequestError: it is no tag.
    """
    if language and not LANGUAGE.fullmatch(language):
        raise InvalidRequestError(
            f"language {shown(language)} is no language tag; write one such as en or pt-BR", param="language"
        )
    return language


def folded(name: str) -> str:
    """A name as it is looked up: in any case."""
    return unicodedata.normalize("NFC", name).strip().casefold()
