"""The voices that are here, by every name."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from tts_hub_piper import PiperBackend, PiperSettings
from tts_hub_piper.voice_config import VoiceConfig, language_of, title_of

from tests.piper.tiny import KINDS, description, write_voice
from tts_hub.errors import BackendUnavailableError, UnknownVoiceError, UnsupportedLanguageError

pytestmark = pytest.mark.anyio


async def test_voices_are_listed_with_language_and_speakers(backend: PiperBackend) -> None:
    listed = {voice.id: voice for voice in await backend.voices()}
    assert list(listed) == ["en_US-tiny-medium", "de_DE-klein-medium", "en_GB-duo-low"]
    assert listed["en_GB-duo-low"].language == "en-GB"
    assert listed["en_GB-duo-low"].name == "Duo (low)"
    assert listed["en_GB-duo-low"].variants == ("anna", "ben")
    assert listed["en_US-tiny-medium"].variants == ()


@pytest.mark.parametrize(
    ("asked", "language", "found"),
    [
        (None, None, "en_US-tiny-medium"),
        (None, "de", "de_DE-klein-medium"),
        (None, "en-AU", "en_GB-duo-low"),
        ("duo", None, "en_GB-duo-low"),
        ("KLEIN-medium", "de", "de_DE-klein-medium"),
        ("duo+ben", "en-GB", "en_GB-duo-low+ben"),
        ("duo+1", None, "en_GB-duo-low+1"),
        ("alloy", None, "en_US-tiny-medium"),
        ("shimmer", "de", "de_DE-klein-medium"),
    ],
)
async def test_a_voice_is_found(
    backend: PiperBackend, asked: str | None, language: str | None, found: str
) -> None:
    assert (await backend.find_voice(asked, language)).id == found


async def test_the_configured_voice_may_name_a_speaker(voices_folder: Path) -> None:
    backend = PiperBackend(PiperSettings(voices_folder=voices_folder, voice="duo+ben"))
    assert (await backend.find_voice(None, None)).id == "en_GB-duo-low+ben"
    assert (await backend.find_voice(None, "de")).id == "de_DE-klein-medium"


async def test_wrong_names_and_languages_are_errors(backend: PiperBackend) -> None:
    with pytest.raises(UnknownVoiceError, match="en_US-tiny-medium"):
        await backend.find_voice("en_US-tiny-high", None)
    with pytest.raises(UnsupportedLanguageError):
        await backend.find_voice(None, "fr")
    with pytest.raises(UnsupportedLanguageError, match="speaks de-DE, not 'en'"):
        await backend.find_voice("klein", "en")
    with pytest.raises(UnsupportedLanguageError):
        await backend.find_voice("alloy", "fr")


async def test_a_short_name_that_two_voices_share_is_none(tmp_path: Path) -> None:
    write_voice(tmp_path, "en_US-amy-low")
    write_voice(tmp_path, "en_US-amy-medium")
    backend = PiperBackend(PiperSettings(voices_folder=tmp_path))
    assert [voice.aliases for voice in await backend.voices()] == [("amy-medium",), ("amy-low",)]


async def test_speakers_without_names_are_numbered(tmp_path: Path) -> None:
    write_voice(tmp_path, "xx", KINDS["two speakers"], speaker_id_map={}, language={"code": "nl_BE"})
    (voice,) = await PiperBackend(PiperSettings(voices_folder=tmp_path)).voices()
    assert (voice.variants, voice.language, voice.name) == (("0", "1"), "nl-BE", "xx")


async def test_voices_that_come_later_are_found(tmp_path: Path) -> None:
    backend = PiperBackend(PiperSettings(voices_folder=write_voice(tmp_path)))
    assert len(await backend.voices()) == 1
    write_voice(tmp_path, "fr_FR-petit-low", espeak={"voice": "fr"})
    assert (await backend.find_voice(None, "fr")).id == "fr_FR-petit-low"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Invalid JSON"),
        (
            json.dumps(description() | {"phoneme_type": "pinyin"}),
            "phoneme_type: Input should be 'espeak' or 'text'",
        ),
        (json.dumps({"audio": {"sample_rate": 22050}}), "phoneme_id_map: Field required"),
    ],
)
async def test_a_description_that_cannot_be_used_is_logged_and_named(
    voices_folder: Path, tmp_path: Path, content: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_voice(tmp_path)
    write_voice(tmp_path, "zh_CN-broken-medium")
    (tmp_path / "zh_CN-broken-medium.onnx.json").write_text(content)
    backend = PiperBackend(PiperSettings(voices_folder=tmp_path))
    with caplog.at_level(logging.WARNING):
        assert [voice.id for voice in await backend.voices()] == ["en_US-tiny-medium"]
    assert reason in caplog.text
    with pytest.raises(BackendUnavailableError, match="does not describe a voice"):
        await backend.find_voice("zh_CN-broken-medium", None)


async def test_without_a_voice_the_remedy_is_named(tmp_path: Path) -> None:
    backend = PiperBackend(PiperSettings(voices_folder=tmp_path))
    found = backend.availability(backend.settings)
    assert not found.ready
    assert str(tmp_path) in found.reason
    assert found.remedy == "tts-hub models pull piper"
    with pytest.raises(BackendUnavailableError) as raised:
        await backend.voices()
    assert raised.value.remedy == "tts-hub models pull piper"


@pytest.mark.parametrize(
    ("name", "espeak", "code", "tag"),
    [
        ("en_US-joe-medium", "de", "", "en-US"),
        ("mine", "en-us", "", "en-US"),
        ("mine", "en-gb-x-rp", "en_GB", "en-GB"),
        ("mine", "cmn", "", "cmn"),
        ("mine", "es-419", "", "es"),
        ("mine", "", "", ""),
    ],
)
def test_the_language_of_a_voice(name: str, espeak: str, code: str, tag: str) -> None:
    fields = description() | {"espeak": {"voice": espeak}, "language": {"code": code}}
    assert language_of(name, VoiceConfig.model_validate(fields)) == tag


@pytest.mark.parametrize(
    ("name", "title"),
    [("pt_PT-tugão-medium", "Tugão (medium)"), ("ca_ES-upc_ona-x_low", "Upc Ona (x low)"), ("my", "my")],
)
def test_the_name_for_people(name: str, title: str) -> None:
    assert title_of(name) == title
