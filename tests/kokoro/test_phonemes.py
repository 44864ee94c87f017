"""Phonemes of a text by the real reader of kokoro-onnx, and the word that each of them belongs to."""

from __future__ import annotations

import importlib
import sys

import pytest
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro.languages import LANGUAGES, language_of
from tts_hub_kokoro.phonemes import Phonemizer, pieces_of

from tts_hub.errors import InvalidTextError, UnsupportedLanguageError
from tts_hub.text.phonemes.labels import labels_of
from tts_hub.text.phonemes.transcription import Transcription

ENGLISH = LANGUAGES["a"]


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer(Tokenizer())


def by_word(spoken: Transcription, text: str) -> dict[str, str]:
    """Word of the text -> its phonemes."""
    found: dict[str, str] = {}
    for symbol, label in zip(spoken.phonemes, spoken.labels, strict=True):
        if label is not None:
            word = text[slice(*spoken.words[label])]
            found[word] = found.get(word, "") + symbol
    return found


def test_merged_words_and_numbers_keep_their_words(
    phonemizer: Phonemizer, caplog: pytest.LogCaptureFixture
) -> None:
    text = "One of the words, and 1,234 does not fit; www.example.com costs $5.50!"
    found = by_word(phonemizer.phonemize(text, ENGLISH), text)
    assert list(found) == [
        *("One", "of", "the", "words", "and", "1,234", "does", "not"),
        *("fit", "www.example.com", "costs", "$5.50"),
    ]
    assert found["of"] == "ʌv"
    assert found["the"] == "ðə"
    assert found["1,234"].startswith("wˈʌn")
    assert found["1,234"].endswith("fˈɔːɹ")
    assert found["$5.50"].startswith("dˈɑːlɚ")
    assert found["www.example.com"].endswith("dˈɑːtkˈɑːm")
    assert found["costs"] == "kˈɔsts"
    assert not caplog.records


@pytest.mark.parametrize(
    ("letter", "text", "said"),
    [
        ("a", "to a the of", {"to": "tʊ", "a": "ɐ", "the": "ðɪ", "of": "ʌv"}),
        ("a", "50% & more @ home", {"50%": "fˈɪftipɚsˈɛnt", "&": "ænd", "more": "mˈɔːɹ", "@": "æt"}),
        ("a", "I would have to be", {"would": "wʊd", "have": "hˌæv", "to": "tə", "be": "bˈiː"}),
        (
            "a",
            "dog—Rex, e.g. the U.S.A.",
            {"dog": "dˈɑːɡ", "Rex": "ɹˈɛks", "e.g": "fˌɔːɹɛɡzˈæmpəl", "U.S.A": "jˌuːˌɛsˈeɪ"},
        ),
        ("e", "El 25 % de la gente", {"25": "βˌeɪntiθˈinko", "%": "poɾθjˈɛnto", "de": "ðe", "la": "la"}),
        ("f", "c'est-à-dire des gens", {"c'est-à-dire": "sɛtadˈiʁ", "des": "de"}),
    ],
)
def test_each_word_has_its_own_sounds(
    phonemizer: Phonemizer, letter: str, text: str, said: dict[str, str]
) -> None:
    found = by_word(phonemizer.phonemize(text, LANGUAGES[letter]), text)
    assert {word: found.get(word) for word in said} == said


@pytest.mark.parametrize(
    ("letter", "text"),
    [
        ("b", "The colour of the theatre."),
        ("e", "Hola, ¿qué tal estás hoy?"),
        ("f", "Bonjour à tous. L'eau est-elle là ?"),
        ("h", "नमस्ते दुनिया, आप कैसे हैं?"),
        ("i", "Ciao, come stai oggi?"),
        ("p", "Olá, tudo bem com você?"),
    ],
)
def test_every_word_of_other_languages_has_sounds(phonemizer: Phonemizer, letter: str, text: str) -> None:
    spoken = phonemizer.phonemize(text, LANGUAGES[letter])
    assert {label for label in spoken.labels if label is not None} == set(range(len(spoken.words)))


def test_foreign_words_leave_no_language_names(phonemizer: Phonemizer) -> None:
    phonemes = phonemizer.phonemize("Je préfère le software (et toi ?)", LANGUAGES["f"]).phonemes
    assert "(en" not in phonemes
    assert phonemes.count("(") == 1


def test_line_breaks_part_words(phonemizer: Phonemizer) -> None:
    assert (
        phonemizer.phonemize("one\ntwo", ENGLISH).phonemes
        == phonemizer.phonemize("one two", ENGLISH).phonemes
    )


def test_inline_phonemes_are_said_as_written(phonemizer: Phonemizer) -> None:
    text = "I say ([tomato](/təmˈɑːtoʊ/)), you say [New York](/njuː jɔːk/)."
    spoken = phonemizer.phonemize(text, ENGLISH)
    found = by_word(spoken, text)
    assert found["tomato"] == "təmˈɑːtoʊ"
    assert found["New York"] == "njuːjɔːk"
    assert "(təmˈɑːtoʊ), j" in spoken.phonemes
    assert spoken.phonemes.endswith("njuː jɔːk.")


def test_inline_phonemes_may_be_written_otherwise(phonemizer: Phonemizer) -> None:
    assert phonemizer.phonemize("[go](/g'oʊ:/)", ENGLISH).phonemes == "ɡˈoʊː"


def test_phonemes_that_the_model_does_not_know_are_reported(phonemizer: Phonemizer) -> None:
    with pytest.raises(InvalidTextError, match="ǁ ʙ"):
        phonemizer.phonemize("Say [click](/ʙaǁ/).", ENGLISH)


@pytest.mark.parametrize("text", ["[link](http://example.com)", "[laugh]", "a [b](c) d", "[x](//)"])
def test_other_brackets_are_read_as_they_are(phonemizer: Phonemizer, text: str) -> None:
    assert phonemizer.phonemize(text, ENGLISH).phonemes


def test_long_texts_are_cut_in_pieces(phonemizer: Phonemizer) -> None:
    text = "Some sentences are longer than the model can say at once, " * 30
    spoken = phonemizer.phonemize(text, ENGLISH)
    pieces = list(pieces_of(spoken, 510))
    assert len(pieces) > 2
    assert all(len(piece.phonemes) <= 510 for piece in pieces)
    assert "".join(p.phonemes.replace(" ", "") for p in pieces) == spoken.phonemes.replace(" ", "")
    said = {label for piece in pieces for label in piece.labels if label is not None}
    assert said == set(range(len(spoken.words)))


def test_tokens_are_one_for_each_symbol(phonemizer: Phonemizer) -> None:
    spoken = phonemizer.phonemize("Hello, world.", ENGLISH)
    assert phonemizer.tokens(spoken.phonemes) == Tokenizer().tokenize(spoken.phonemes)


@pytest.mark.parametrize("letter", ["j", "z"])
def test_a_language_without_its_reader_names_what_to_install(
    phonemizer: Phonemizer, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("misaki", "misaki.zh", "pyopenjtalk"):
        monkeypatch.setitem(sys.modules, name, None)
    importlib.invalidate_caches()
    language = LANGUAGES[letter]
    with pytest.raises(UnsupportedLanguageError, match=rf"pip install '\.\[{language.package}\]'"):
        Phonemizer(Tokenizer()).phonemize("世界", language)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("en", "en-US"),
        ("en-GB", "en-GB"),
        ("en_us", "en-US"),
        ("es-MX", "es"),
        ("pt", "pt-BR"),
        ("zh-CN", "zh"),
        ("zh-Hant-TW", "zh"),
        ("cmn", "zh"),
        ("en-AU", "en-GB"),
        ("en-IN", "en-GB"),
        ("en-001", "en-GB"),
        ("en-CA", "en-US"),
        ("fr-CA", "fr"),
        ("pt-PT", "pt-BR"),
        ("hi-Latn", "hi"),
    ],
)
def test_languages_are_found_by_tag(tag: str, found: str) -> None:
    language = language_of(tag)
    assert language is not None
    assert language.tag == found


@pytest.mark.parametrize("tag", ["de", "yue", "x", "eng"])
def test_other_languages_are_none_of_them(tag: str) -> None:
    assert language_of(tag) is None


def test_what_matches_nothing_goes_with_its_neighbours() -> None:
    assert labels_of("ab xyz", ["ab", "cd"]) == (0, 0, None, 1, 1, 1)
    assert labels_of("abx", ["ab"]) == (0, 0, 0)
    assert labels_of("ˈa, b.", ["a", "b"]) == (0, 0, None, None, 1, None)
    assert labels_of("...", []) == (None, None, None)
    assert labels_of("xyz abcd efgh", ["abcd", "efgh"])[:3] == (0, 0, 0)
