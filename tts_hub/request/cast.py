"""Who speaks a request, and in what manner: the stored voice and the emotion profile that it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from tts_hub.audio.limits import SPEEDS
from tts_hub.emotions.lowering import Lowered, Lowering, lower
from tts_hub.emotions.profile import AS_USUAL, EmotionSettings
from tts_hub.errors import UnknownEmotionError, UnknownVoiceError, UnsupportedOptionError, one_of, shown
from tts_hub.store.names import Names
from tts_hub.store.records import SEPARATOR, StoredProfile, StoredVoice, folded
from tts_hub.text.languages import nearness
from tts_hub.types import Capabilities, SpeechRequest, Voice, VoiceSample


@dataclass(frozen=True, slots=True)
class Cast:
    """A stored voice, an emotion profile, both or neither."""

    voice: StoredVoice | None = None
    profile: StoredProfile | None = None
    settings: EmotionSettings = AS_USUAL
    """The settings of the profile, and over them those of the request."""

    @property
    def emotion(self) -> str:
        """The full name of the profile; empty if there is none."""
        return self.profile.full_name if self.profile else ""

    @property
    def samples(self) -> tuple[VoiceSample, ...]:
        """The recordings to clone, the newest first: the profile's own, or else the voice's."""
        stored = (self.profile.samples if self.profile else ()) or (self.voice.samples if self.voice else ())
        return tuple(sample.for_engines() for sample in reversed(stored))

    def cloned(self, voice: str | None, capabilities: Capabilities) -> Voice | None:
        """The voice for an engine that clones; None where it speaks with one of its own."""
        if not capabilities.cloning or not self.samples or (voice is None and self.voice is not None):
            return None
        name = self.voice.name if self.voice else (voice or self.emotion)
        language = _spoken(self.voice.language if self.voice else "", capabilities.languages)
        return Voice(name, name, language, samples=self.samples)

    def manner(self, table: Lowering, names: Sequence[str], capabilities: Capabilities) -> Lowered:
        """What the emotion asks of an engine that is known under `names`."""
        lowered = lower(self.settings, table, names=names, takes_instructions=capabilities.instructions)
        has_samples = self.profile is not None and bool(self.profile.samples)
        unused = ("samples",) if has_samples and not capabilities.cloning else ()
        return replace(lowered, ignored=(*lowered.ignored, *unused))


NOBODY = Cast()


def cast_request(
    request: SpeechRequest, names: Names, is_model: Callable[[str], bool]
) -> tuple[SpeechRequest, Cast]:
    """Look up the voice and the emotion of a request.

    `sarah:excited` as the voice, or `engine:calm` as the model, names an emotion unless something has the
    whole name. Speed and seed of the emotion go into the request that is returned.

    Raises:
        UnknownEmotionError: no such emotion, or none of that voice.
    """
    request, profile = _profile_of(request, names, is_model)
    voice = names.voice(request.voice) if request.voice else None
    settings = _settings_of(request, profile)
    speed = request.speed * (settings.speed or 1.0)
    request = replace(
        request,
        speed=min(max(speed, SPEEDS[0]), SPEEDS[1]),
        seed=settings.seed if request.seed is None else request.seed,
    )
    return request, Cast(voice, profile, settings)


def _settings_of(request: SpeechRequest, profile: StoredProfile | None) -> EmotionSettings:
    """The settings of a profile, and over them those of the request.

    Raises:
        UnsupportedOptionError: a setting of the request is unknown or wrong.
    """
    stored = profile.settings if profile is not None else AS_USUAL
    if not request.emotion_settings:
        return stored
    try:
        return EmotionSettings.model_validate(
            {**stored.model_dump(exclude_defaults=True), **request.emotion_settings}
        )
    except ValidationError as exc:
        error = exc.errors()[0]
        name = ".".join(map(str, error["loc"]))
        message = f"emotion setting {shown(name)} is {shown(error['input'])}: {error['msg'].lower()}"
        if error["type"] == "extra_forbidden":
            message = f"no emotion setting {shown(name)}; {one_of(name, EmotionSettings.model_fields)}"
        raise UnsupportedOptionError(message, param=f"emotion_settings.{name}") from exc


def names_something(request: SpeechRequest) -> bool:
    """Whether a request may name something that is stored, or has settings of an emotion."""
    named = request.voice or request.emotion or SEPARATOR in (request.model or "")
    return bool(named or request.emotion_settings)


def _profile_of(
    request: SpeechRequest, names: Names, is_model: Callable[[str], bool]
) -> tuple[SpeechRequest, StoredProfile | None]:
    character = request.voice or ""
    if character and names.voice(character) is None:
        before, separator, emotion = character.rpartition(SEPARATOR)
        profile = names.profile(emotion, before) if separator else None
        if profile is not None and request.emotion is None:
            return replace(request, voice=before), profile
        if separator and names.voice(before) is not None:
            raise _unknown(emotion, before, names, param="voice")
    if request.emotion is not None:
        named = names.voice(character)
        profile = names.profile(request.emotion, named.name if named else character)
        if profile is None:
            raise _unknown(request.emotion, character, names, param="emotion")
        return request, profile
    model, separator, emotion = (request.model or "").rpartition(SEPARATOR)
    if not separator or is_model(request.model or ""):
        return request, None
    profile = names.profile(emotion, character)
    return (replace(request, model=model), profile) if profile is not None else (request, None)


def _unknown(emotion: str, character: str, names: Names, *, param: str) -> UnknownEmotionError:
    fitting = [p for p in names.profiles if not p.character or folded(p.character) == folded(character)]
    whose = f" of voice {shown(character)}" if character else ""
    known = one_of(emotion, [profile.name for profile in fitting])
    return UnknownEmotionError(f"unknown emotion {shown(emotion)}{whose}; {known}", param=param)


def _spoken(language: str, known: Sequence[str]) -> str:
    """The language of a cloned voice: its samples' own if the engine speaks it, or the engine's only one."""
    if language and (not known or any(nearness(each, language) is not None for each in known)):
        return language
    return known[0] if len(known) == 1 else ""


def listed_voices(voices: Sequence[Voice], names: Names, capabilities: Capabilities) -> list[Voice]:
    """The voices of an engine, with the stored ones if it clones, and each with its own emotions."""
    stored = [voice for voice in names.voices if capabilities.cloning and voice.samples]
    cloned = [
        Voice(v.name, v.name, _spoken(v.language, capabilities.languages), description=v.description)
        for v in stored
    ]
    taken = {folded(voice.name) for voice in stored}
    every = [*(voice for voice in voices if folded(voice.id) not in taken), *cloned]
    by_name = {folded(name): voice for voice in reversed(every) for name in (*voice.aliases, voice.id)}
    moods = [
        Voice(
            profile.full_name,
            f"{voice.name} ({profile.name})",
            voice.language,
            gender=voice.gender,
            description=profile.description,
        )
        for profile in names.profiles
        if (voice := by_name.get(folded(profile.character))) is not None
    ]
    return [*every, *moods]


def stored_voice(name: str, names: Names) -> Voice:
    """A stored voice with its recordings, by a name as requests have it.

    Raises:
        UnknownVoiceError: there is none, or it has no recording.
        UnknownEmotionError: it has no such emotion.
    """
    _, cast = cast_request(SpeechRequest("", voice=name), names, lambda _: False)
    if not cast.samples:
        known = one_of(name, [voice.name for voice in names.voices if voice.samples])
        raise UnknownVoiceError(f"no recording of voice {shown(name)} is stored; {known}")
    return Voice(name, name, "", samples=cast.samples)
