"""A voice as one file, to hand on or to keep: a ZIP of its samples and `voice.json`. All calls block.

What is imported was written by strangers: members are read by the names that `voice.json` gives, never
extracted, and no more of them than their limit.
"""

from __future__ import annotations

import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_hub.clips.decoding import CLIP_SUFFIXES, MAX_BYTES
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import InvalidRequestError
from tts_hub.store.records import StoredProfile, StoredSample, StoredVoice
from tts_hub.store.samples import MOST_SAMPLES

FORMAT = "tts-hub voice"
VERSION = 1
DESCRIPTION = "voice.json"
MOST_JSON = 1_000_000
"""Bytes of a description."""
DAMAGES = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError),
    *(zlib.error, lzma.LZMAError),
)
"""What reading a ZIP raises, besides our own errors."""
MOST_MEMBERS = 1_000
MOST_BYTES = 200_000_000
"""Bytes of all recordings of an archive together."""
MOST_EMOTIONS = 200
OTHER_NAMES: Mapping[str, Sequence[str]] = {
    "name": ("name", "voice_name", "voice", "speaker", "title", "id"),
    "description": ("description", "notes"),
    "language": ("language", "lang", "language_code"),
    "transcript": ("transcript", "ref_text", "reference_text", "prompt_text", "text"),
    "consent": ("consent", "license", "licence"),
}
"""Our field -> the names under which the descriptions of other programs have it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ArchivedSample(_Part):
    """A recording in an archive."""

    file: str
    """The name of the member."""
    origin: str = ""
    transcript: str = ""


class ArchivedEmotion(_Part):
    """An emotion profile of the voice."""

    name: str
    description: str = ""
    settings: EmotionSettings = EmotionSettings()
    samples: Annotated[tuple[ArchivedSample, ...], Field(max_length=MOST_SAMPLES)] = ()


class ArchivedVoice(_Part):
    """The content of `voice.json`."""

    format: str = FORMAT
    version: int = VERSION
    name: str
    description: str = ""
    language: str = ""
    consent: str = ""
    samples: Annotated[tuple[ArchivedSample, ...], Field(max_length=MOST_SAMPLES)] = ()
    emotions: Annotated[tuple[ArchivedEmotion, ...], Field(max_length=MOST_EMOTIONS)] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """A voice that was read from an archive: its description, and the bytes of its recordings."""

    voice: ArchivedVoice
    files: Mapping[str, bytes] = field(default_factory=dict)


def write_archive(voice: StoredVoice, profiles: Sequence[StoredProfile]) -> bytes:
    """The archive of a voice and of the profiles that belong to it.

    Raises:
        OSError: a sample cannot be read.
    """
    described = ArchivedVoice(
        name=voice.name,
        description=voice.description,
        language=voice.language,
        consent=voice.consent,
        samples=tuple(map(_archived, voice.samples)),
        emotions=tuple(
            ArchivedEmotion(
                name=profile.name,
                description=profile.description,
                settings=profile.settings,
                samples=tuple(map(_archived, profile.samples)),
            )
            for profile in profiles
        ),
    )
    samples = [*voice.samples, *(sample for profile in profiles for sample in profile.samples)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(DESCRIPTION, described.model_dump_json(indent=1))
        for name, path in {_member(sample): sample.path for sample in samples}.items():
            archive.writestr(name, Path(path).read_bytes())
    return file.getvalue()


def read_archive(data: bytes, *, name: str = "", description: bytes | None = None) -> Archive:
    """Read an archive of ours, a ZIP with one recording and a JSON file, or a plain recording.

    Args:
        data: the file.
        name: the name of the voice where the file does not say.
        description: the JSON file that belongs to a plain recording, in any program's words.

    Raises:
        InvalidRequestError: it is none of these, is damaged, or is larger than what is allowed.
    """
    if not data.startswith(b"PK\x03\x04"):
        found = _in_other_words(_json(description) if description is not None else {}, "clip", name)
        return Archive(found, {"clip": data})
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _from_zip(archive, name)
    except DAMAGES as exc:
        if isinstance(exc, InvalidRequestError):
            raise
        raise _unusable(f"is damaged: {exc}") from exc


def _from_zip(archive: zipfile.ZipFile, name: str) -> Archive:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise _unusable(f"has {len(members)} files; at most {MOST_MEMBERS} are possible")
    by_name = {member.filename: member for member in members if not member.is_dir()}
    if DESCRIPTION in by_name:
        values = _json(_read(archive, by_name[DESCRIPTION], MOST_JSON))
        if values.get("format") == FORMAT:
            voice = _checked(values, name)
            samples = [*voice.samples, *(sample for emotion in voice.emotions for sample in emotion.samples)]
            files: dict[str, bytes] = {}
            for sample in samples:
                if sample.file not in files:
                    files[sample.file] = _sample(archive, by_name, sample.file)
                if sum(map(len, files.values())) > MOST_BYTES:
                    raise _unusable(f"has more than {MOST_BYTES // 1_000_000} MB of recordings")
            return Archive(voice, files)
    clips = [member for member in by_name if Path(member).suffix.casefold() in CLIP_SUFFIXES]
    texts = [member for member in by_name if Path(member).suffix.casefold() == ".json"]
    if len(clips) != 1 or len(texts) > 1:
        raise _unusable(
            f"is neither a voice of tts-hub nor one recording with a JSON file: it has {len(clips)} "
            f"recordings and {len(texts)} JSON files"
        )
    values = _json(_read(archive, by_name[texts[0]], MOST_JSON)) if texts else {}
    found = _in_other_words(values, clips[0], name or Path(clips[0]).stem)
    return Archive(found, {clips[0]: _sample(archive, by_name, clips[0])})


def _checked(values: Mapping[str, Any], name: str) -> ArchivedVoice:
    if values.get("version") != VERSION:
        raise _unusable(f"has version {values.get('version')!r}; this version reads {VERSION}")
    try:
        return ArchivedVoice.model_validate({**values, **({"name": name} if name else {})})
    except ValidationError as exc:
        error = exc.errors()[0]
        where = ".".join(map(str, error["loc"]))
        raise _unusable(f"has a wrong value in {DESCRIPTION}, {where}: {error['msg'].lower()}") from exc


def _in_other_words(values: Mapping[str, Any], clip: str, name: str) -> ArchivedVoice:
    """A description in the words of any program."""
    found: dict[str, str] = {}
    for ours, others in OTHER_NAMES.items():
        texts = [value for other in others if isinstance(value := values.get(other), str) and value]
        found[ours] = texts[0] if texts else ""
    sample = ArchivedSample(file=clip, origin=clip, transcript=found.pop("transcript"))
    found["name"] = name or found["name"]
    if not found["name"]:
        raise _unusable("does not say what the voice is called; name it")
    return ArchivedVoice(samples=(sample,), **found)


def _sample(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    if name not in members:
        raise _unusable(f"names a sample that is not in it: {name!r}")
    return _read(archive, members[name], MAX_BYTES)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of a member, counted as they come and not as its header says."""
    if member.flag_bits & 1:
        raise _unusable("is encrypted")
    with archive.open(member) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise _unusable(f"has a file of more than {most // 1_000_000} MB")
    return data


def _json(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise _unusable("has a JSON file that cannot be read") from exc
    if not isinstance(values, dict):
        raise _unusable("has a JSON file that describes no voice")
    return values


def _archived(sample: StoredSample) -> ArchivedSample:
    return ArchivedSample(file=_member(sample), origin=sample.origin, transcript=sample.transcript)


def _member(sample: StoredSample) -> str:
    return f"samples/{sample.hash[:16]}.flac"


def _unusable(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"the file {reason}", param="file")
