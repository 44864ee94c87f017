"""Every voice and variant of espeak-ng is as loud as the backend says, from the first sentence on."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pyloudnorm
import pytest
from tts_hub_espeak import EspeakBackend
from tts_hub_espeak.levels import LOUD, LOUDNESS_LUFS, VARIANT_DB, VOICE_DB

from tests.backends.espeak_audio import RATE, speak
from tts_hub.audio.track import Track
from tts_hub.types import AudioChunk, Samples

pytestmark = pytest.mark.anyio
TEXTS = {
    "en-us": "The quick brown fox jumps over the lazy dog near the river bank. Nobody knew what would come!",
    "de": "Der schnelle braune Fuchs springt über den faulen Hund am Ufer. Niemand wusste, was kommen würde!",
    "fr-fr": "Le renard brun et rapide saute par-dessus le chien. Personne ne savait ce qui allait arriver!",
    "es": "El rápido zorro marrón salta sobre el perro perezoso. Nadie sabía lo que iba a pasar.",
    "mi": "Ko te katoa o ngā tāngata i te whānaungatanga mai e wātea ana i ngā here katoa.",
}


@pytest.fixture
async def backend() -> AsyncGenerator[EspeakBackend, None]:
    engine = EspeakBackend()
    await engine.load()
    yield engine
    await engine.aclose()


def lufs(samples: Samples, rate: int = RATE) -> float:
    return float(pyloudnorm.Meter(rate).integrated_loudness(samples.astype(np.float64)))


async def test_every_variant_is_as_loud_as_declared(backend: EspeakBackend) -> None:
    voices = await backend.voices()
    assert {name.casefold() for name in voices[0].variants} == set(VARIANT_DB)
    assert set(VARIANT_DB) >= LOUD
    assert {voice.id for voice in voices} >= set(VOICE_DB)
    for variant in voices[0].variants:
        spoken = await speak(backend, TEXTS["en-us"], f"en-us+{variant}")
        assert lufs(spoken.samples) == pytest.approx(LOUDNESS_LUFS, abs=1.6), variant
        assert np.abs(spoken.samples).max() < 0.9, variant


@pytest.mark.parametrize("language", sorted(TEXTS))
@pytest.mark.parametrize("variant", ["", "+klatt", "+iven", "+Hugo", "+UniRobot", "+whisper", "+f3"])
async def test_variants_are_as_loud_in_other_languages(
    backend: EspeakBackend, language: str, variant: str
) -> None:
    spoken = await speak(backend, TEXTS[language], language + variant)
    assert lufs(spoken.samples) == pytest.approx(LOUDNESS_LUFS, abs=2)


@pytest.mark.parametrize("voice", ["en-us", "en-us+klatt", "en-us+iven", "de+UniRobot", "es+Hugo"])
async def test_first_and_second_request_come_out_at_the_target(backend: EspeakBackend, voice: str) -> None:
    known: float | None = backend.capabilities.loudness_lufs
    spoken = await speak(backend, TEXTS[voice.partition("+")[0]], voice)
    for _ in range(2):
        track = Track()
        track.begin_segment(start_lufs=known)
        pieces = [track.push(AudioChunk(spoken.samples, RATE)), track.end_segment(), track.finish()]
        output = np.concatenate([piece.samples for piece in pieces])
        assert lufs(output, pieces[0].sample_rate) == pytest.approx(-19, abs=2)
        known = track.loudness()
