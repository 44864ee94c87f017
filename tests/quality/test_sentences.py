"""The sets of sentences are whole, and a part of one is taken from all of it."""

from __future__ import annotations

import pytest

from tts_hub.errors import UnsupportedLanguageError
from tts_hub.quality.sentences import LANGUAGES, evenly, parse_sentences, sentences
from tts_hub.quality.words import spoken_words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_sentences(language: str) -> None:
    found = sentences(language)
    assert len(found) == (200 if language == "en" else 20)
    assert len({sentence.text for sentence in found}) == len(found)
    assert all(sentence.kind for sentence in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_a_sentence_are_what_its_numbers_say(language: str) -> None:
    """So a transcript that writes a number as the text does has no error."""
    for sentence in sentences(language):
        assert spoken_words(sentence.text, language) == spoken_words(sentence.spoken, language)


def test_a_part_has_sentences_of_all_kinds() -> None:
    assert {s.kind for s in sentences("en", 20)} == {s.kind for s in sentences("en")}
    assert len(sentences("en", 7)) == 7
    assert sentences("en", 1_000) == sentences("en")


def test_a_part_is_always_the_same() -> None:
    assert sentences("en", 10) == sentences("en", 10)
    assert [s.text for s in evenly(parse_sentences("[a]\n1\n2\n3\n4\n"), 2)] == ["2", "4"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnsupportedLanguageError, match="no sentences in 'tlh'"):
        sentences("tlh")
