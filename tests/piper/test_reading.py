"""Texts in the symbols of a voice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tts_hub_piper.espeak import Espeak
from tts_hub_piper.ids import ids_of
from tts_hub_piper.reading import Reader, Utterance
from tts_hub_piper.voice_config import VoiceConfig

from tests.piper.tiny import IDS, SYMBOLS, description
from tts_hub.errors import UnsupportedLanguageError


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


def reader(espeak: Espeak, language: str = "en-US", voice: str = "en-us", **fields: Any) -> Reader:
    config = VoiceConfig.model_validate(description() | {"espeak": {"voice": voice}} | fields)
    return Reader(config, language, espeak)


def said(utterances: tuple[Utterance, ...]) -> list[str]:
    return ["".join(utterance.symbols) for utterance in utterances]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello, world! Yes.", ["həlˈoʊ, wˈɜːld!", "jˈɛs."]),
        ("Dr. Smith left", ["dˈɑːktɚ smˈɪθ lˈɛft"]),
        ("Go: now; or — never…", ["ɡˈoʊ: nˈaʊ; ɔːɹ; nˈɛvɚ;"]),
        ("Is it good?", ["ɪz ɪt ɡˈʊd?"]),
        ("He said “no.” Then he left.", ["hiː sˈɛd nˈoʊ.", "ðˈɛn hiː lˈɛft."]),
        ("What?! No way!!!", ["wˌʌt?", "nˈoʊ wˈeɪ!"]),
        ("cats\n\ndogs", ["kˈæts", "dˈɑːɡz"]),
        ("cats\ndogs", ["kˈæts dˈɑːɡz"]),
        ("null\0byte", ["nˈʌl bˈaɪt"]),
        ("...", []),
        ("", []),
    ],
)
def test_sentences_have_the_marks_that_voices_know(espeak: Espeak, text: str, sentences: list[str]) -> None:
    assert said(reader(espeak).read(text).utterances) == sentences


@pytest.mark.parametrize(
    ("voice", "text", "marks"),
    [
        ("cmn", "你好,世界。今天！", [None, None]),
        ("hi", "आप। हैं?", [None, "?"]),
        ("ar", "مرحبا، كيف؟ لا.", ["?", "."]),
    ],
)
def test_marks_of_other_scripts_are_those_that_voices_have_learnt(
    espeak: Espeak, voice: str, text: str, marks: list[str | None]
) -> None:
    """Piper's own reader, by which voices are trained, drops those of Chinese and Hindi."""
    ids = {chr(n): [n] for n in range(0x20, 0x400)}
    utterances = reader(espeak, voice, voice, phoneme_id_map=ids).read(text).utterances
    ends = [(utterance.symbols[-1], utterance.labels[-1]) for utterance in utterances]
    assert [symbol if label is None else None for symbol, label in ends] == marks


def test_each_symbol_belongs_to_its_word(espeak: Espeak) -> None:
    text = "One of the 1,234 best, isn't it? www.example.com"
    reading = reader(espeak).read(text)
    found: dict[str, str] = {}
    for utterance in reading.utterances:
        for symbol, label in zip(utterance.symbols, utterance.labels, strict=True):
            if label is not None:
                word = text[slice(*reading.words[label])]
                found[word] = found.get(word, "") + symbol
    assert list(found) == ["One", "of", "the", "1,234", "best", "isn't", "it", "www.example.com"]
    assert (found["of"], found["the"]) == ("ʌv", "ðə")
    assert found["1,234"].startswith("wˈʌn")
    assert found["1,234"].endswith("fˈoːɹ") or found["1,234"].endswith("fˈɔːɹ")


def test_accents_are_symbols_of_their_own(espeak: Espeak) -> None:
    (utterance,) = reader(espeak, "fr-FR", "fr").read("bon").utterances
    assert "\u0303" in utterance.symbols


def test_foreign_words_come_without_the_code_of_their_language(espeak: Espeak) -> None:
    ids = {s: [1] for s in [*SYMBOLS, "ʲ", "ʂ", "ɭ", "ɕ"]}
    (utterance,) = reader(espeak, "ru-RU", "ru", phoneme_id_map=ids).read("привет hello").utterances
    assert "(" not in utterance.symbols
    assert utterance.labels[-1] == 1


def test_letters_are_the_symbols_of_a_voice_that_reads_letters(espeak: Espeak) -> None:
    ids = {symbol: [n] for n, symbol in enumerate("_^$ .abcdefghijklmnopqrstuvwxyz\u0301")}
    reading = reader(espeak, phoneme_type="text", phoneme_id_map=ids).read("café, ok.")
    (utterance,) = reading.utterances
    assert "".join(utterance.symbols) == "cafe\u0301 ok."
    assert utterance.labels == (0, 0, 0, 0, 0, None, 1, 1, None)
    assert reading.unknown == (",",)


def test_clusters_of_vowels_are_one_symbol(espeak: Espeak) -> None:
    fields: dict[str, Any] = {"vowel_clusters": [["a", "ɪ"]], "phoneme_id_map": IDS | {"aɪ": [90]}}
    (utterance,) = reader(espeak, **fields).read("my eye").utterances
    assert utterance.symbols == ("m", "aɪ", " ", "ˈ", "aɪ")
    assert utterance.labels == (0, 0, None, 1, 1)


def test_a_long_sentence_is_cut_between_words(espeak: Espeak) -> None:
    reading = reader(espeak).read("some words without any mark " * 40)
    pieces = [utterance.symbols for utterance in reading.utterances]
    assert len(pieces) > 2
    assert all(len(piece) <= 400 for piece in pieces)
    assert all(piece[0] != " " and piece[-1] != " " for piece in pieces[:-1])
    labels = [label for u in reading.utterances for label in u.labels if label is not None]
    assert labels == sorted(labels)
    assert len(set(labels)) == 200


def test_long_words_are_read_to_their_end(espeak: Espeak) -> None:
    text = f"a {'ba' * 120}, end"
    clauses = espeak.clauses(text, "en-us")
    assert sum(clause.phonemes.count("b") for clause in clauses) == 120
    assert [(clause.start, clause.end) for clause in clauses] == [(0, 244), (244, 247)]
    assert clauses[-1].phonemes == "ˈɛnd"


@pytest.mark.parametrize(
    "text", ["Hello, world. Ünïcödé — «wörds»! ok", "日本語。テスト、です。", "a,b;c. D"]
)
def test_clauses_cover_the_text(espeak: Espeak, text: str) -> None:
    clauses = espeak.clauses(text, "en-us")
    assert clauses[0].start == 0
    assert clauses[-1].end == len(text)
    assert all(one.end == other.start for one, other in itertools.pairwise(clauses))


def test_ids_have_pads_between_symbols() -> None:
    config = VoiceConfig.model_validate(
        description() | {"phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [7], "b": [8, 9]}}
    )
    ids, places = ids_of(["a", "b"], config)
    assert ids == [1, 0, 7, 0, 8, 9, 0, 2]
    assert places == [2, 4, 7]


def test_a_language_that_espeak_does_not_read_is_an_error(espeak: Espeak) -> None:
    with pytest.raises(UnsupportedLanguageError, match="no voice 'xx-none'"):
        reader(espeak, voice="xx-none").read("Hello")
    assert said(reader(espeak).read("Yes.").utterances) == ["jˈɛs."]
