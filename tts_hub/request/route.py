"""The engines that a request may go through, in order, and what else is settled before any of them works."""

from __future__ import annotations

from dataclasses import dataclass

from tts_hub.engines.engine import Engine
from tts_hub.errors import UnknownVoiceError, UnsupportedLanguageError, UnsupportedOptionError, one_of, shown
from tts_hub.request.cast import NOBODY, Cast
from tts_hub.request.options import checked_options
from tts_hub.text.languages import nearness
from tts_hub.text.source import Cutting
from tts_hub.types import SpeechRequest, Voice


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine and a model that may speak a request."""

    engine: Engine
    model: str
    is_fallback: bool = False
    """The request did not ask for it first: it may not know the request's voice and options."""
    only_at_start: bool = False
    """It takes over only while there has been no audio."""
    cast: Cast = NOBODY
    """The stored voice and the emotion of the request."""

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice that the engine takes for a name, a language, both or neither; nothing is loaded for it.

        Raises:
            BackendUnavailableError: the engine cannot run, or does not list its voices.
            UnknownVoiceError: no voice of that name.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        capabilities = self.engine.capabilities_for(self.model)
        found = self.cast.cloned(voice, capabilities) or await self._own_voice(voice, language)
        known = capabilities.languages
        if language and not found.language and known and all(nearness(k, language) is None for k in known):
            message = (
                f"engine {self.engine.name!r} does not speak {shown(language)}; {one_of(language, known)}"
            )
            raise UnsupportedLanguageError(message)
        return found

    async def _own_voice(self, voice: str | None, language: str | None) -> Voice:
        try:
            return await self.engine.find_voice(voice, language)
        except UnknownVoiceError as exc:
            if voice is None or self.cast.voice is None:
                raise
            raise UnknownVoiceError(
                f"voice {shown(voice)} is a recording, and engine {self.engine.name!r} clones no voices"
            ) from exc

    async def voice_for(self, request: SpeechRequest, language: str | None) -> Voice:
        """The voice for a request; its markup and options are checked too.

        Raises:
            UnsupportedOptionError: the engine does not know the markup or an option.
        """
        voice = await self.find_voice(request.voice, language)
        self.require_markup(request)
        if not self.is_fallback and (options := self.engine.options_model):
            checked_options(self.engine.name, options, request.options)
        return voice

    def require_markup(self, request: SpeechRequest) -> None:
        """Check that the engine understands the markup of a request.

        Raises:
            UnsupportedOptionError: it does not.
        """
        if request.markup == "ssml" and not self.engine.capabilities_for(self.model).ssml:
            raise UnsupportedOptionError(
                f"engine {self.engine.name!r} does not understand SSML", param="markup"
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is settled about a request before its text is cut and an engine is loaded."""

    request: SpeechRequest
    """The request, with the language that engines are asked for."""
    route: tuple[Candidate, ...]
    """The first speaks; each later one takes over when the one before it fails."""
    cutting: Cutting
    """How the text is cut, by the rules of the language that it is spoken in."""
    cast: Cast = NOBODY
    """The stored voice and the emotion that the request names."""
    detected: str = ""
    """The language of the text as a BCP 47 tag, if it was looked for and is plain; else empty."""
    notices: tuple[str, ...] = ()
    """What the user ought to know about the choice."""
