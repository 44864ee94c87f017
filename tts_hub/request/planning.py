"""Planning a request before anything is loaded: its engines, its language, and how its text is cut."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import anyio
from anyio import to_thread

from tts_hub.config import Config
from tts_hub.engines.pool import ANSWER_WITHIN, EnginePool
from tts_hub.errors import (
    MOST_SHOWN,
    BackendError,
    BackendUnavailableError,
    InvalidRequestError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
    one_of,
)
from tts_hub.request.cast import Cast
from tts_hub.request.route import Candidate, Plan
from tts_hub.text.detection import detect_language, is_model_loaded, load_model
from tts_hub.text.languages import Nearness, more_exact, nearness, primary_language
from tts_hub.text.source import Cutting
from tts_hub.types import AUTO, SpeechRequest, Voice

DEFAULT_LANGUAGE = "en"
MOST_SIMILAR = 5
"""Voices that the error for an unknown one names."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Answers:
    """What the engines said that were asked for a voice."""

    refused: dict[str, InvalidRequestError] = field(default_factory=dict)
    """Engine -> why it cannot speak the request."""
    failed: dict[str, BackendError] = field(default_factory=dict)
    """Engine -> why it did not say."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """The first engine that can speak a request."""

    candidate: Candidate
    voice: Voice | None
    """None: it did not say."""
    wanted: str | None
    """The language that it is asked for."""
    notice: str = ""


class Planner:
    """Chooses engines by model, voice and language, without loading any."""

    def __init__(self, config: Config, pool: EnginePool) -> None:
        self._config = config
        self._pool = pool

    def may_detect(self, request: SpeechRequest) -> bool:
        """Whether the language of the text is looked for: the request and its markup do not name one."""
        text = request.input
        names_one = request.markup == "ssml" and (not isinstance(text, str) or "xml:lang" in text)
        return self._config.text.detect_language and request.language is None and not names_one

    def is_model(self, name: str) -> bool:
        """Whether an engine has a model of exactly this name, in any case, or an alias stands for one."""
        known = [*self._config.aliases, *(model for entry in self._pool.registry for model in entry.models())]
        return name.casefold() in {model.casefold() for model in known}

    async def plan(self, request: SpeechRequest, opening: str | None, cast: Cast) -> Plan:
        """Settle the engines and the language of a request.

        Args:
            request: the request.
            opening: text to detect the language in, if there is any yet.
            cast: the stored voice and the emotion that the request names.

        Raises:
            InvalidRequestError: no such model, voice or language.
            BackendUnavailableError: `auto` finds no engine that is ready.
        """
        candidates = [replace(found, cast=cast) for found in self.candidates(request.model or AUTO)]
        fallbacks = [replace(found, cast=cast) for found in self._fallbacks(request.fallback or ())]
        detected = await self._detected(request, opening)
        answers = _Answers()
        choice = await self._choose(candidates, request, detected, answers)
        route = _route(candidates, choice.candidate, fallbacks)
        spoken = more_exact(choice.voice.language if choice.voice else "", choice.wanted or "")
        notices = [
            *_passed_over(answers, choice, candidates, request),
            choice.notice or _variety(choice, request),
        ]
        return Plan(
            request=replace(request, language=choice.wanted or (spoken or None)),
            route=tuple(route),
            cutting=self._cutting(spoken or detected or DEFAULT_LANGUAGE, route),
            detected=detected,
            cast=cast,
            notices=tuple(notice for notice in notices if notice),
        )

    def candidates(self, name: str) -> list[Candidate]:
        """The engine of a model or alias, or the ones that `auto` may choose, best first.

        Raises:
            UnknownModelError: no engine has such a model.
            BackendUnavailableError: none is ready.
        """
        return [Candidate(engine, model) for engine, model in self._pool.find(name)]

    def _fallbacks(self, names: Iterable[str]) -> list[Candidate]:
        found: list[Candidate] = []
        for name in names:
            try:
                found += [replace(candidate, is_fallback=True) for candidate in self.candidates(name)[:1]]
            except UnknownModelError as exc:
                raise UnknownModelError(f"fallback: {exc}", param="fallback") from exc
        return found

    async def _detected(self, request: SpeechRequest, opening: str | None) -> str:
        if opening is None or not self.may_detect(request):
            return ""
        if not is_model_loaded():
            await to_thread.run_sync(load_model)
        return detect_language(opening) or ""

    async def _choose(
        self, candidates: Sequence[Candidate], request: SpeechRequest, detected: str, answers: _Answers
    ) -> _Choice:
        if detected:
            by_text = await self._by_text(candidates, request, detected)
            if by_text is not None:
                return by_text
        for candidate in candidates:
            voice = await _asked(candidate, request, request.language, answers)
            if voice is not None:
                notice = _unspoken(candidate, voice, request, detected)
                return _Choice(candidate, voice, request.language, notice)
        is_named = self._config.alias_target(request.model or AUTO) != AUTO
        if is_named and answers.failed:  # loading it fails as well, and a fallback takes over
            return _Choice(candidates[0], None, request.language)
        raise await self._none_can(candidates, request, answers)

    async def _by_text(
        self, candidates: Sequence[Candidate], request: SpeechRequest, detected: str
    ) -> _Choice | None:
        """The first engine whose voice speaks the language of the text. A configured voice stays."""
        for candidate in candidates:
            named = replace(request, voice=request.voice or candidate.engine.configured_voice)
            voice = await _asked(candidate, named, detected, _Answers())
            if voice is None:
                continue
            if not voice.language and not candidate.engine.capabilities_for(candidate.model).languages:
                return _Choice(candidate, voice, None)  # it does not say what it speaks, and sees for itself
            usual = await _asked(candidates[0], request, None, _Answers())
            language = more_exact(voice.language, detected)
            return _Choice(candidate, voice, language, _seen(candidate, voice, usual, detected))
        return None

    async def _none_can(
        self, candidates: Sequence[Candidate], request: SpeechRequest, answers: _Answers
    ) -> TTSHubError:
        """What to raise when no engine can speak a request."""
        if not answers.refused:
            reasons = "; ".join(f"{name}: {error}" for name, error in answers.failed.items())
            return BackendUnavailableError(f"no engine is ready to speak: {reasons}", backend=AUTO)
        refusals = list(answers.refused.values())
        wrong = [error for error in refusals if isinstance(error, UnsupportedOptionError)]
        if len(candidates) == 1 or wrong or (request.voice is None and request.language is None):
            return (wrong or refusals)[0]
        stored = candidates[0].cast.voice
        if stored is not None and not any(c.engine.capabilities_for(c.model).cloning for c in candidates):
            return UnknownVoiceError(
                f"voice {stored.name!r} is a recording, and no engine that is ready clones voices; "
                "`tts-hub doctor` shows which ones can and what they need"
            )
        missing = [f"engine {name!r} did not list its voices" for name in answers.failed]
        if request.voice is None:
            voices = [voice for candidate in candidates for voice in await _voices(candidate)]
            languages = {voice.language for voice in voices if voice.language}
            known = one_of(request.language or "", sorted(languages))
            text = f"no engine that is ready speaks {request.language!r}; {known}"
            return UnsupportedLanguageError("; ".join([text, *missing]))
        for candidate in candidates:
            error = answers.refused.get(candidate.engine.name)
            is_known = await _asked(candidate, request, None, _Answers()) is not None
            if is_known and isinstance(error, UnsupportedLanguageError):
                return error
        named = request.voice[:MOST_SHOWN]
        listed = [(candidate.engine.name, await _voices(candidate)) for candidate in candidates]
        similar = _similar(named, listed)
        return UnknownVoiceError("; ".join([f"unknown voice {named!r}", similar, *missing]))

    def _cutting(self, language: str, route: Sequence[Candidate]) -> Cutting:
        """Segments that every engine of the route takes."""
        text = self._config.text
        all_capabilities = [candidate.engine.capabilities_for(candidate.model) for candidate in route]
        first = all_capabilities[0]
        limits = [c.max_chars for c in all_capabilities if c.max_chars is not None]
        return Cutting(
            language=language,
            max_chars=min([text.segment_characters, *limits]),
            first_max_chars=None if first.streaming else first.first_chars or text.first_segment_characters,
        )


async def _asked(
    candidate: Candidate, request: SpeechRequest, language: str | None, answers: _Answers
) -> Voice | None:
    """The voice that an engine would take; None where it has none or does not say, which is noted."""
    name = candidate.engine.name
    try:
        with anyio.fail_after(ANSWER_WITHIN):
            return await candidate.voice_for(request, language)
    except InvalidRequestError as exc:
        answers.refused[name] = exc
    except BackendError as exc:
        answers.failed[name] = exc
    except TTSHubError as exc:
        answers.failed[name] = BackendUnavailableError(str(exc), backend=name)
    except TimeoutError:
        message = f"engine {name!r} did not list its voices within {ANSWER_WITHIN:g} s"
        answers.failed[name] = BackendUnavailableError(message, backend=name)
    return None


async def _voices(candidate: Candidate) -> Sequence[Voice]:
    """The voices of an engine, for an error to name; none when it does not list them."""
    try:
        with anyio.fail_after(ANSWER_WITHIN):
            return await candidate.engine.voices()
    except (TTSHubError, TimeoutError):
        return ()


def _route(
    candidates: Sequence[Candidate], chosen: Candidate, fallbacks: Sequence[Candidate]
) -> list[Candidate]:
    """The engines to go through, none of them twice.

    What `auto` would move on to at the start, and is named as a fallback, is the latter: it may take over
    at any time, in its order.
    """
    named = {candidate.engine.name for candidate in fallbacks}
    behind = candidates[candidates.index(chosen) + 1 :]
    others = [
        replace(candidate, only_at_start=True) for candidate in behind if candidate.engine.name not in named
    ]
    route = [chosen, *others, *fallbacks]
    return list({candidate.engine.name: candidate for candidate in reversed(route)}.values())[::-1]


def _passed_over(
    answers: _Answers, choice: _Choice, candidates: Sequence[Candidate], request: SpeechRequest
) -> list[str]:
    """Notices of the better engines that `auto` could not take; what they raised is in the log."""
    if len(candidates) == 1:
        return []
    for name, error in answers.failed.items():
        logger.warning("engine %s is skipped: %s", name, error)
    reasons = dict.fromkeys(answers.failed, "did not list its voices")
    if request.voice is None and request.language is None:  # by its configuration it cannot speak anything
        own = {name: error for name, error in answers.refused.items() if isinstance(error, UnknownVoiceError)}
        reasons |= {
            name: f"cannot use the voice of its configuration ({error})" for name, error in own.items()
        }
    speaks = choice.candidate.engine.name
    return [f"engine {name!r} {reason}: {speaks} is used instead" for name, reason in reasons.items()]


def _variety(choice: _Choice, request: SpeechRequest) -> str:
    """What to say when the voice speaks another variety of the language than was asked for."""
    if choice.voice is None or not request.language or not choice.voice.language:
        return ""
    near = nearness(choice.voice.language, request.language)
    if near is None or near < Nearness.SAME_GROUP:
        return ""
    name, spoken = choice.candidate.engine.name, choice.voice.language
    return f"engine {name!r} has no voice for {request.language}; {spoken} is the nearest it has"


def _seen(candidate: Candidate, voice: Voice, usual: Voice | None, detected: str) -> str:
    """What to say when the language of the text has led to another voice than the usual one."""
    if usual is not None and (
        not usual.language or primary_language(usual.language) == primary_language(detected)
    ):
        return ""
    name = f"voice {voice.id!r} of {candidate.engine.name}"
    return f"the text seems to be in {detected!r}: {name} speaks it; name a language to choose another"


def _unspoken(candidate: Candidate, voice: Voice, request: SpeechRequest, detected: str) -> str:
    """What to say when a text is read in another language than its own, without a request for that."""
    if not detected or request.voice is not None or not voice.language:
        return ""
    if primary_language(voice.language) == primary_language(detected):
        return ""
    return (
        f"the text seems to be in {detected!r}, for which there is no voice: "
        f"{candidate.engine.name} reads it as {voice.language}, with voice {voice.id!r}"
    )


def _similar(voice: str, listed: Sequence[tuple[str, Sequence[Voice]]]) -> str:
    """The names of voices that are most like an unknown one, the nearest first."""
    base, plus, _ = voice.casefold().partition("+")
    owners: dict[str, tuple[str, str]] = {}
    for engine, voices in listed:
        for known in voices:
            for name in (known.id, *known.aliases):
                owners.setdefault(name.casefold(), (name, engine))
            if plus and known.id.casefold() == base:
                owners |= {f"{base}+{v}".casefold(): (f"{known.id}+{v}", engine) for v in known.variants}
    near = difflib.get_close_matches(voice.casefold(), owners, n=MOST_SIMILAR)
    if not near:
        counts = " and ".join(f"{len(voices)} of {engine}" for engine, voices in listed)
        return f"none of the voices ({counts}) has a similar name"
    first, *others = [f"{name!r} ({engine})" for name, engine in map(owners.__getitem__, near)]
    return f"did you mean {first}?" + (f" similar: {', '.join(others)}" if others else "")
