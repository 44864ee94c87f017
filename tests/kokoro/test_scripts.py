"""The parts of a text that different languages read, and words that cover all of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro.languages import LANGUAGES
from tts_hub_kokoro.phonemes import Phonemizer
from tts_hub_kokoro.scripts import ENGLISH, stretches, unknown_letters

from tts_hub.text.phonemes.transcription import Transcription, covering
from tts_hub.text.scripts import foreign_script, script_of

Stretches = Callable[[str, str], list[tuple[str, str]]]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Stretches:
    """The parts of a text and their readers: all are installed, and the Japanese one knows iPhone."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)

    def parts(text: str, letter: str) -> list[tuple[str, str]]:
        def reads(whole: str, start: int, end: int) -> bool:
            return letter == "j" and whole[start:end] == "iPhone"

        return [(part.text, part.language.tag) for part in stretches(text, LANGUAGES[letter], reads)]

    return parts


@pytest.mark.parametrize(
    ("letter", "text", "parts"),
    [
        (
            "z",
            "我用iPhone和Wi-Fi上网。",
            [("我用", "zh"), ("iPhone", "en-US"), ("和", "zh"), ("Wi-Fi", "en-US"), ("上网。", "zh")],
        ),
        ("z", "OK，我去", [("OK", "en-US"), ("，我去", "zh")]),
        ("z", "我爱コーヒー", [("我爱", "zh"), ("コーヒー", "ja")]),
        ("z", "I have 3 apples. Good!", [("I have 3 apples. Good!", "en-US")]),
        ("z", "他说“Hello, my friend”。", [("他说“", "zh"), ("Hello, my friend", "en-US"), ("”。", "zh")]),
        ("z", "5G和α", [("5", "zh"), ("G", "en-US"), ("和", "zh"), ("α", "en-US")]),
        ("z", "我爱Привет", [("我爱", "zh"), ("Привет", "en-US")]),
        ("z", "1,200", [("1,200", "zh")]),
        ("j", "iPhoneとPythonを買う", [("iPhoneと", "ja"), ("Python", "en-US"), ("を買う", "ja")]),
        ("j", "The weather is nice.", [("The weather is nice.", "en-US")]),
        ("j", "明日、New Yorkに", [("明日、", "ja"), ("New York", "en-US"), ("に", "ja")]),
        (
            "a",
            "I love コーヒー and नमस्ते.",
            [*(("I love ", "en-US"), ("コーヒー", "ja"), (" and ", "en-US"), ("नमस्ते", "hi"), (".", "en-US"))],
        ),
        ("a", "They say 世界, π times.", [("They say ", "en-US"), ("世界", "zh"), (", π times.", "en-US")]),
        ("a", "日本のひと", [("日本のひと", "ja")]),
        ("e", "El n.º 5 y Привет", [("El n.º 5 y Привет", "es")]),
        ("h", "मैं iPhone", [("मैं iPhone", "hi")]),
        ("a", "", []),
        ("a", "... 5", [("... 5", "en-US")]),
    ],
)
def test_each_script_has_its_reader(
    cut: Stretches, letter: str, text: str, parts: list[tuple[str, str]]
) -> None:
    assert cut(text, letter) == parts


@given(st.text("aZ 5.,我爱コーヒのПनम्ß\u0301\n"), st.sampled_from("abefhijpz"))
def test_the_parts_are_the_text(text: str, letter: str) -> None:
    parts = list(stretches(text, LANGUAGES[letter], lambda *_: False))
    assert "".join(part.text for part in parts) == text
    assert all(text[part.start :].startswith(part.text) and part.text for part in parts)


def test_without_its_reader_a_script_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for letter, reader in (("a", "en-US"), ("z", "en-US")):
        parts = list(stretches("好 コーヒー", LANGUAGES[letter], lambda *_: False))
        assert parts[-1].language.tag == reader
        assert list(unknown_letters(parts[-1])) == (["好", "コーヒー"] if letter == "a" else ["コーヒー"])


@pytest.mark.parametrize(
    ("letter", "script"),
    [
        ("a", "LATIN"),
        ("𝗛", "LATIN"),
        ("º", "LATIN"),
        ("ʼ", ""),
        ("я", "CYRILLIC"),
        ("ー", "KATAKANA-HIRAGANA"),
        ("5", ""),
    ],
)
def test_scripts_of_letters(letter: str, script: str) -> None:
    assert script_of(letter) == script


def test_a_text_with_one_own_letter_is_not_foreign() -> None:
    assert foreign_script("Привет, a", ENGLISH.scripts) == ""
    assert foreign_script("Привет, 5", ENGLISH.scripts) == "CYRILLIC"
    assert foreign_script("Hello", LANGUAGES["z"].scripts) == ""


def test_what_gets_no_symbol_joins_its_neighbour() -> None:
    text = "明日は、x帰る"
    spoken = Transcription("a ta k", (0, None, 2, 2, None, 3), ((0, 1), (2, 3), (4, 5), (5, 6)))
    covered = covering(spoken, text, [(0, len(text))])
    assert [text[slice(*word)] for word in covered.words] == ["明日は", "x", "帰る"]
    assert covered.labels == (0, None, 1, 1, None, 2)


def test_letters_before_the_first_word_join_it() -> None:
    covered = covering(Transcription("a", (0,), ((2, 3),)), "一 二", [(0, 3)])
    assert covered.words == ((0, 3),)


def test_what_is_not_to_be_read_is_not_covered() -> None:
    assert covering(Transcription("a", (0,), ((1, 2),)), "[a](/x/)", [(1, 2)]).words == ((1, 2),)


TEXTS = [
    ("a", "It is 0.5, or ② of them; Привет and info@example.org."),
    ("a", "[tomato](/təmˈɑːtoʊ/) and 🙂 ½ n.º"),
    ("e", "¿Qué tal? Cuesta 3.500 € y ③."),
    ("f", "L'eau, c'est-à-dire 50 % d'eau"),
    ("h", "मैं 3.5 किलो iPhone लाया।"),
]


@pytest.mark.parametrize(("letter", "text"), TEXTS)
def test_every_letter_and_digit_is_in_a_word_in_order(letter: str, text: str) -> None:
    spoken = Phonemizer(Tokenizer()).phonemize(text, LANGUAGES[letter])
    edges = [edge for word in spoken.words for edge in word]
    assert edges == sorted(edges)
    covered = {place for start, end in spoken.words for place in range(start, end)}
    inline = text.find("](/"), text.find("/)")
    read = [at for at in range(len(text)) if text[at].isalnum() and not inline[0] < at < inline[1]]
    assert covered.issuperset(read)
    labels = [label for label in spoken.labels if label is not None]
    assert labels == sorted(labels)
    assert set(labels) == set(range(len(spoken.words)))
