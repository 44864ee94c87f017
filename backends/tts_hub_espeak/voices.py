"""The voices of espeak-ng by every name: ids, variants (`en-us+f3`), language tags and OpenAI's names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tts_hub.backend import may_speak, speaks
from tts_hub.errors import UnknownVoiceError, UnsupportedLanguageError, one_of, shown
from tts_hub.types import Voice
from tts_hub_espeak.engine import LibraryVoice

DEFAULT_VOICE = "en-us"
PREFERRED_TAGS = {"en": "en-us"}
"""Tag -> voice, where the hub's choice differs: the library reads plain English as British."""
PUBLISHED_TAGS = {"cmn": "zh-CN"}
"""The library's tag -> the usual tag."""

_LATIN_AMERICA = "ar bo cl co cr cu do ec gt hn ni pa pe pr py sv us uy ve"
EXTRA_TAGS: Mapping[str, str] = {
    **{f"en-{region}": "en-gb" for region in ("au", "ie", "in", "nz", "uk", "za")},
    **{f"es-{region}": "es-419" for region in _LATIN_AMERICA.split()},
    **{f"zh-{region}": "cmn" for region in ("cn", "hans", "hant", "sg", "tw")},
    **{f"zh-{region}": "yue" for region in ("hk", "mo")},
    "in": "id",
    "iw": "he",
}
"""Tag -> voice, for tags that would lose their nearest voice if the region were cut off."""


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A timbre with a name of its own, in any language."""

    variant: str
    accent: str = ""
    """Voice to prefer if it speaks the language."""


OPENAI_VOICES: Mapping[str, NamedVoice] = {
    "alloy": NamedVoice("Andrea"),
    "ash": NamedVoice("m3"),
    "ballad": NamedVoice("m4"),
    "coral": NamedVoice("f3"),
    "echo": NamedVoice("m1"),
    "fable": NamedVoice("m7", accent="en-gb"),
    "onyx": NamedVoice("m8"),
    "nova": NamedVoice("f4"),
    "sage": NamedVoice("f2"),
    "shimmer": NamedVoice("f1"),
    "verse": NamedVoice("m5"),
    "marin": NamedVoice("Annie"),
    "cedar": NamedVoice("m2"),
}


class VoiceCatalogue:
    """The voices of one library, and every name that leads to them."""

    def __init__(self, voices: Sequence[LibraryVoice], variants: Sequence[LibraryVoice]) -> None:
        self._variants = {_file(v).casefold(): v for v in variants}
        ids = _ids(voices)
        self._identifiers = {voice_id: v.identifier for voice_id, v in ids.items()}
        self._tags = {voice_id: tuple(tag for tag, _ in v.languages) for voice_id, v in ids.items()}
        self._by_tag = _tag_table(ids)
        names = tuple(sorted(map(_file, variants), key=str.casefold))
        listed = {voice_id: self._published(voice_id, v.name, names) for voice_id, v in ids.items()}
        self._voices = {DEFAULT_VOICE: listed[DEFAULT_VOICE], **listed}

    @property
    def voices(self) -> tuple[Voice, ...]:
        """One voice for each language and accent, the default one first."""
        return tuple(self._voices.values())

    @property
    def languages(self) -> tuple[str, ...]:
        """The BCP 47 tags of all voices, each once."""
        return tuple(dict.fromkeys(voice.language for voice in self.voices))

    def find(self, voice: str | None, language: str | None, preferred: str | None = None) -> Voice:
        """The voice for an id, a language, both or neither; without an id, `preferred` if it fits.

        Raises:
            UnknownVoiceError: no such voice or variant.
            UnsupportedLanguageError: no voice of the language, or the voice does not speak it.
        """
        if voice is not None:
            return self._named(voice, language)
        if preferred is not None:
            try:
                return self._named(preferred, language)
            except UnsupportedLanguageError:
                pass
        return self.of_language(language) if language else self._voices[DEFAULT_VOICE]

    def of_language(self, language: str) -> Voice:
        """The voice for a BCP 47 tag, found by cutting off subtags from its end (RFC 4647, lookup)."""
        tag = language.casefold().replace("_", "-")
        while tag:
            if found := self._by_tag.get(tag):
                return self._voices[found]
            tag = tag.rpartition("-")[0]
        known = one_of(language, sorted(self.languages))
        raise UnsupportedLanguageError(f"espeak-ng does not speak {shown(language)}; {known}")

    def identifier(self, voice_id: str) -> str:
        """The library's identifier of a voice, with its variant.

        Raises:
            UnknownVoiceError: no such voice or variant.
        """
        base, variant = self._split(voice_id)
        return self._identifiers[base.id] + (f"+{_file(variant)}" if variant else "")

    def _named(self, voice: str, language: str | None) -> Voice:
        if named := OPENAI_VOICES.get(voice.casefold()):
            return self._with_variant(
                self._accented(named, language), self._variants[named.variant.casefold()]
            )
        base, variant = self._split(voice)
        if language and not self._fits(base, language):
            raise UnsupportedLanguageError(
                f"voice {shown(voice)} speaks {base.language}, not {shown(language)}"
            )
        return self._with_variant(base, variant) if variant else base

    def _accented(self, named: NamedVoice, language: str | None) -> Voice:
        accent = self._voices[named.accent or DEFAULT_VOICE]
        if not language or (named.accent and speaks(accent, language)):
            return accent
        return self.of_language(language)

    def _split(self, voice: str) -> tuple[Voice, LibraryVoice | None]:
        """The base voice and the variant in a name such as `en-us+f3`."""
        base_name, plus, variant_name = voice.partition("+")
        tag = base_name.casefold().replace("_", "-")
        base = None if tag in EXTRA_TAGS else self._voices.get(self._by_tag.get(tag, ""))
        if base is None:
            known = [*self._voices, *OPENAI_VOICES]
            raise UnknownVoiceError(f"unknown voice {shown(voice)}; {one_of(base_name, known)}")
        if not plus:
            return base, None
        variant = self._variants.get(variant_name.casefold())
        if variant is None:
            known = list(base.variants)
            raise UnknownVoiceError(
                f"voice {base.id!r} has no variant {shown(variant_name)}; {one_of(variant_name, known)}"
            )
        return base, variant

    def _fits(self, voice: Voice, language: str) -> bool:
        tag = language.casefold().replace("_", "-")
        if may_speak(voice, tag, self.voices) or self._by_tag.get(tag) == voice.id:
            return True
        return any(own == tag or own.startswith(f"{tag}-") for own in self._tags[voice.id])

    def _published(self, voice_id: str, name: str, variants: tuple[str, ...]) -> Voice:
        aliases = tuple(
            t for t, v in self._by_tag.items() if v == voice_id and t not in {voice_id, *EXTRA_TAGS}
        )
        language = PUBLISHED_TAGS.get(voice_id, _bcp47(self._tags[voice_id][0]))
        return Voice(voice_id, name, language, gender="male", aliases=aliases, variants=variants)

    def _with_variant(self, base: Voice, variant: LibraryVoice) -> Voice:
        return dataclasses.replace(
            base,
            id=f"{base.id}+{_file(variant)}",
            name=f"{base.name}, {variant.name}",
            gender="female" if variant.female else "male",
            aliases=(),
            variants=(),
        )


def _file(voice: LibraryVoice) -> str:
    """The last part of the identifier: the name of a variant, and a short name of a voice."""
    return voice.identifier.rpartition("/")[2]


def _ids(voices: Sequence[LibraryVoice]) -> dict[str, LibraryVoice]:
    """Id -> voice: the first language tag, or the name of its file where the tag is taken."""
    ids: dict[str, LibraryVoice] = {}
    for voice in voices:
        tag = voice.languages[0][0]
        ids[_file(voice).casefold() if tag in ids else tag] = voice
    return ids


def _tag_table(ids: Mapping[str, LibraryVoice]) -> dict[str, str]:
    """Tag or name -> voice id. An id has precedence over a tag, and a tag over the name of a file."""
    ranked = sorted(_claims(ids), key=lambda claim: claim[0], reverse=True)
    table = {tag: voice_id for _, tag, voice_id in ranked}
    table.update(EXTRA_TAGS)
    table.update(PREFERRED_TAGS)
    table.update((voice_id, voice_id) for voice_id in ids)
    return table


def _claims(ids: Mapping[str, LibraryVoice]) -> Iterator[tuple[tuple[int, int], str, str]]:
    """All (rank, tag, voice id); the voice with the lowest rank gets the tag."""
    for order, (voice_id, voice) in enumerate(ids.items()):
        for tag, priority in voice.languages:
            yield (priority, order), tag, voice_id
        yield (256, order), _file(voice).casefold(), voice_id


def _bcp47(tag: str) -> str:
    """A tag in its usual case: `en-US`, `fa-Latn`, `en-GB-x-rp`."""
    first, *rest = tag.split("-")
    parts, private = [first], False
    for part in rest:
        private = private or len(part) == 1
        if private:
            parts.append(part)
        else:
            parts.append({2: part.upper(), 4: part.title()}.get(len(part), part))
    return "-".join(parts)
