"""The installed voices by every name: their own, Kokoro's and OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_hub.backend import fitting, pick_voice, preferred_voice
from tts_hub.errors import UnknownVoiceError
from tts_hub.types import Voice
from tts_hub_hibari.files import PublishedVoice

OPENAI_VOICES: Mapping[str, str] = {
    "alloy": "heart",
    "ash": "fenrir",
    "ballad": "fable",
    "fable": "fable",
    "coral": "kore",
    "echo": "fenrir",
    "onyx": "fenrir",
    "nova": "heart",
    "sage": "emma",
    "shimmer": "kore",
    "verse": "fenrir",
    "marin": "kore",
    "cedar": "fenrir",
}
"""OpenAI's name -> voice; where that is not installed, one of its gender, or the default one."""


class VoiceCatalogue:
    """The installed voices by every name that a request may use."""

    def __init__(self, published: Mapping[str, PublishedVoice], installed: Sequence[PublishedVoice]) -> None:
        self.voices = tuple(map(_voice, installed))
        """The default voice first."""
        self._published = published

    def find(self, voice: str | None, language: str | None, preferred: str | None = None) -> Voice:
        """The voice for a name, a language, both or neither; without a name, `preferred`.

        Raises:
            UnknownVoiceError: no such voice, or one that is not downloaded.
            UnsupportedLanguageError: no voice of the language, or not the one named.
        """
        if voice is not None:
            return self._named(voice, language)
        if preferred is not None:
            return preferred_voice(self.voices, self._named(preferred, None), language)
        return pick_voice(self.voices, None, language)

    def _named(self, name: str, language: str | None) -> Voice:
        name = name.casefold()
        if name in OPENAI_VOICES:
            return self._standing_for(OPENAI_VOICES[name], language)
        wanted = self._published.get(name)
        if wanted is not None and all(voice.id != name for voice in self.voices):
            raise UnknownVoiceError(f"voice {name!r} is not downloaded yet: {wanted.remedy}")
        return pick_voice(self.voices, name, language)

    def _standing_for(self, target: str, language: str | None) -> Voice:
        """The voice for one of OpenAI's names: `target`, else one of its gender, else the default one."""
        fit = fitting(self.voices, language or "")
        gender = self._published[target].gender if target in self._published else None
        order = sorted(fit, key=lambda voice: (voice.id != target, voice.gender != gender))
        return order[0] if order else pick_voice(self.voices, None, language)


def _voice(published: PublishedVoice) -> Voice:
    openai = (name for name, target in OPENAI_VOICES.items() if target == published.name != name)
    return Voice(
        id=published.name,
        name=published.name.title(),
        language=published.language,
        gender=published.gender,
        description=f"{published.accent}, as Kokoro's {published.kokoro}",
        aliases=(published.kokoro, *openai),
    )
