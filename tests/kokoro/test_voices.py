"""Voices of a voices file: names, languages, mixes, OpenAI's names, and broken files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tts_hub_kokoro.voices import DEFAULT_VOICE, Styles, VoiceCatalogue, ingredients, voice_names

from tests.kokoro.tiny import PITCHES, write_model
from tts_hub.errors import BackendUnavailableError, UnknownVoiceError, UnsupportedLanguageError

NAMES = ["am_adam", "af_bella", "af_heart", "bf_emma", "bm_fable", "ef_dora", "ff_siwis", "jf_alpha"]


@pytest.fixture
def catalogue() -> VoiceCatalogue:
    return VoiceCatalogue(NAMES)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_model(tmp_path) / "voices-v1.0.bin"


def test_the_default_comes_first_then_by_language(catalogue: VoiceCatalogue) -> None:
    assert [v.id for v in catalogue.voices] == [
        *("af_heart", "af_bella", "am_adam", "bf_emma", "bm_fable", "ef_dora", "ff_siwis", "jf_alpha")
    ]
    dora = catalogue.find("ef_dora", None)
    assert (dora.name, dora.language, dora.gender) == ("Dora", "es", "female")


@pytest.mark.parametrize(
    ("voice", "language", "found"),
    [
        (None, None, "af_heart"),
        (None, "en", "af_heart"),
        (None, "en-GB", "bf_emma"),
        (None, "es-MX", "ef_dora"),
        (None, "en-AU", "bf_emma"),
        (None, "en-CA", "af_heart"),
        (None, "fr-CA", "ff_siwis"),
        ("af_bella", "en-AU", "af_bella"),
        ("bf_emma", "en-IN", "bf_emma"),
        ("ff_siwis", "fr-CA", "ff_siwis"),
        (None, "fr-FR", "ff_siwis"),
        ("AM_Adam", None, "am_adam"),
        ("shimmer", None, "af_bella"),
        ("fable", None, "bm_fable"),
        ("shimmer", "fr", "ff_siwis"),
        ("alloy", None, "af_heart"),
    ],
)
def test_voices_are_found(
    catalogue: VoiceCatalogue, voice: str | None, language: str | None, found: str
) -> None:
    assert catalogue.find(voice, language).id == found


def test_a_preferred_voice_stands_in_where_it_fits(catalogue: VoiceCatalogue) -> None:
    assert catalogue.find(None, None, "am_adam").id == "am_adam"
    assert catalogue.find(None, "es", "am_adam").id == "ef_dora"
    assert catalogue.find(None, "en-AU", "bm_fable").id == "bm_fable"
    assert catalogue.find(None, "en-AU", "am_adam").id == "bf_emma"


def test_languages_that_it_does_not_speak_are_reported(catalogue: VoiceCatalogue) -> None:
    with pytest.raises(UnsupportedLanguageError, match="does not speak 'de'"):
        catalogue.find(None, "de")
    with pytest.raises(UnsupportedLanguageError, match="no voice for language 'it'"):
        catalogue.find(None, "it")
    with pytest.raises(UnsupportedLanguageError, match="'am_adam' speaks en-US"):
        catalogue.find("am_adam", "fr")
    with pytest.raises(UnsupportedLanguageError, match="'am_adam' speaks en-US"):
        catalogue.find("am_adam", "en-GB")


def test_wrong_names_are_reported_with_the_nearest(catalogue: VoiceCatalogue) -> None:
    with pytest.raises(UnknownVoiceError, match="did you mean 'af_bella'"):
        catalogue.find("af_bela", None)
    with pytest.raises(UnknownVoiceError, match="did you mean 'af_bella'"):
        catalogue.find("af_bela(2)+am_adam", None)


def test_mixes(catalogue: VoiceCatalogue) -> None:
    mix = catalogue.find("af_bella(2) + AM_adam(1)", None)
    assert mix.id == "af_bella(0.666667)+am_adam(0.333333)"
    assert (mix.language, mix.gender) == ("en-US", "neutral")
    assert catalogue.find(mix.id, None).id == mix.id
    assert catalogue.find("af_bella-af_heart(0.5)", None).id == "af_bella(2)-af_heart(1)"
    assert catalogue.find("af_bella+ef_dora", "es").language == "es"
    assert catalogue.find("bf_emma+bm_fable", "en").language == "en-GB"


@pytest.mark.parametrize(
    "text",
    ["af_bella-am_adam", "af_bella(0)", "af_bella(-1)+am_adam", "af_bella(2", "af_bella++am_adam", "+"],
)
def test_mixes_that_cannot_be_made_are_reported(catalogue: VoiceCatalogue, text: str) -> None:
    with pytest.raises(UnknownVoiceError):
        catalogue.find(text, None)


def test_a_name_with_a_hyphen_is_no_mix(tmp_path: Path) -> None:
    assert VoiceCatalogue(["my-voice", "my", "voice"]).find("My-Voice", None).id == "my-voice"
    file = tmp_path / "voices.bin"
    with file.open("wb") as opened:
        np.savez(opened, **{"my-voice": np.ones((510, 1, 256), np.float32)})  # type: ignore[arg-type]
    assert Styles(file, ["my-voice"]).of("my-voice", 5)[0, 0] == 1


def test_weights_sum_up_to_one() -> None:
    for text in ("a", "a+b", "a(3)+b(0.5)-c(0.25)"):
        assert sum(part.weight for part in ingredients(text)) == pytest.approx(1)


def test_styles_are_mixed_and_chosen_by_length(file: Path) -> None:
    styles = Styles(file, list(PITCHES))
    assert styles.of("af_bella", 7)[0, :2] == pytest.approx([0.5, 7])
    assert styles.of("af_bella", 2000)[0, 1] == 510
    assert styles.of("af_bella(2)+am_adam(1)", 3)[0, 0] == pytest.approx((2 * 0.5 - 0.4) / 3)
    assert styles.of("af_bella(2)-am_adam(1)", 3)[0, 0] == pytest.approx(2 * 0.5 + 0.4)
    with pytest.raises(UnknownVoiceError, match="nobody"):
        styles.of("nobody", 3)


def test_names_are_read_without_the_voices(file: Path) -> None:
    assert set(voice_names(file)) == set(PITCHES)
    assert DEFAULT_VOICE in voice_names(file)


def test_what_is_no_voices_file_is_reported(file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.bin"
    cut.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BackendUnavailableError, match="not a voices file"):
        voice_names(cut)
    with cut.open("wb") as opened:
        np.savez(opened, af_heart=np.zeros((3, 256), np.float32))
    with pytest.raises(BackendUnavailableError, match="shape"):
        Styles(cut, ["af_heart"]).of("af_heart", 1)
    with cut.open("wb") as opened:
        np.savez(opened, af_heart=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BackendUnavailableError, match="cannot be read"):
        Styles(cut, ["af_heart"]).of("af_heart", 1)


@pytest.mark.parametrize(
    ("voice", "language", "found"),
    [
        (None, "en-AU", "en-GB"),
        (None, "en-NZ", "en-GB"),
        (None, "en-CA", "en-US"),
        ("alloy", "en-AU", "en-GB"),
        ("af_bella", "en-AU", "en-US"),
        ("af_bella+am_adam", "en-AU", "en-US"),
        (None, "es-MX", "es"),
    ],
)
def test_a_variety_that_no_voice_speaks_is_spoken_by_the_nearest(
    catalogue: VoiceCatalogue, voice: str | None, language: str, found: str
) -> None:
    assert catalogue.find(voice, language).language == found
