"""English by misaki's phonemes or by espeak-ng's, and inline phonemes in both."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro import KokoroBackend, KokoroSettings
from tts_hub_kokoro.languages import LANGUAGES
from tts_hub_kokoro.phonemes import Phonemizer

from tests.kokoro.test_phonemes import by_word
from tests.kokoro.tiny import write_model
from tts_hub.errors import BackendUnavailableError, InvalidTextError

pytestmark = pytest.mark.anyio
AMERICAN, BRITISH, SPANISH = LANGUAGES["a"], LANGUAGES["b"], LANGUAGES["e"]


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer(Tokenizer(), misaki=True)


def test_english_becomes_misakis_phonemes(phonemizer: Phonemizer) -> None:
    text = "Today, 1,234 boys play at www.example.com!"
    found = by_word(phonemizer.phonemize(text, AMERICAN), text)
    assert list(found) == ["Today", "1,234", "boys", "play", "at", "www.example.com"]
    assert found["play"] == "plˈA"
    assert found["boys"] == "bˈYz"
    assert by_word(phonemizer.phonemize(text, BRITISH), text)["Today"] == "tədˈA"


def test_words_of_no_dictionary_are_read_by_espeak(phonemizer: Phonemizer) -> None:
    text = "Siobhan and Ahmed hear Beethoven."
    found = by_word(phonemizer.phonemize(text, AMERICAN), text)
    assert (found["Siobhan"], found["Ahmed"], found["Beethoven"]) == ("ʃɪvˈɔn", "ˈækmɛd", "bˈAtOvən")


def test_other_languages_stay_espeaks(phonemizer: Phonemizer) -> None:
    text = "Buenos días."
    assert phonemizer.phonemize(text, SPANISH) == Phonemizer(Tokenizer()).phonemize(text, SPANISH)


@pytest.mark.parametrize("written", ["təmˈɑːtoʊ", "təmˈɑtO"])
def test_inline_phonemes_are_misakis_too(phonemizer: Phonemizer, written: str) -> None:
    text = f"A [tomato](/{written}/) is red."
    assert by_word(phonemizer.phonemize(text, AMERICAN), text)["tomato"] == "təmˈɑtO"
    with pytest.raises(InvalidTextError, match="Kokoro does not know the phonemes §"):
        phonemizer.phonemize("A [tomato](/t§/).", AMERICAN)


@pytest.mark.parametrize(
    ("english", "symbols", "phonemes"),
    [("auto", "", "plˈA"), ("misaki", "", "plˈA"), ("espeak", "", "plˈeɪ"), ("auto", "A", "plˈeɪ")],
)
async def test_the_settings_and_the_model_choose(
    english: Any, symbols: str, phonemes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that has not learnt one of misaki's symbols is given espeak-ng's."""
    known = {symbol: token for symbol, token in Tokenizer().vocab.items() if symbol not in list(symbols)}
    monkeypatch.setattr("kokoro_onnx.session.embedded_vocab", lambda session: known)
    backend = KokoroBackend(KokoroSettings(model_path=write_model(tmp_path), english=english))
    await backend.load()
    assert backend._model is not None
    assert backend._model.phonemizer.phonemize("play", AMERICAN).phonemes == phonemes
    await backend.aclose()


@pytest.mark.parametrize("english", ["auto", "misaki"])
async def test_without_the_package_espeak_reads_or_the_remedy_is_named(
    english: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "hibari" else find(name))
    backend = KokoroBackend(KokoroSettings(model_path=write_model(tmp_path), english=english))
    if english == "misaki":
        with pytest.raises(BackendUnavailableError, match="a package that is missing: hibari") as raised:
            await backend.load()
        assert raised.value.remedy == "pip install hibari-tts"
        return
    await backend.load()
    assert backend._model is not None
    assert backend._model.phonemizer.phonemize("play", AMERICAN).phonemes == "plˈeɪ"
