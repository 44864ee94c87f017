"""Words that an engine timed in the spoken form, as words of the text that was written."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_hub.text.normalise import WordMapper, spoken_form
from tts_hub.types import AudioChunk, WordTiming

SILENCE = np.zeros(0, np.float32)


def engine_words(text: str) -> list[WordTiming]:
    """The timings of an engine that takes one second for each word between spaces."""
    found = enumerate(re.finditer(r"\w[^\s]*\w|\w", text))
    return [WordTiming(m.group(), float(n), n + 1.0, m.span()) for n, m in found]


def mapped(text: str, language: str = "en", at_once: int = 100) -> list[WordTiming]:
    spoken = spoken_form(text, language)
    mapper, words = WordMapper(spoken), list[WordTiming]()
    given_words = engine_words(spoken.text)
    for start in range(0, len(given_words), at_once):
        chunk = AudioChunk(SILENCE, 24_000, tuple(given_words[start : start + at_once]))
        words += mapper.map(chunk).words
    last = mapper.finish()
    return [*words, *(last.words if last else ())]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("𝗛𝗲𝗹𝗹𝗼 my friend.", "𝗛𝗲𝗹𝗹𝗼 my friend"),
        ("In ２０２４ we met.", "In ２０２４ we met"),
        ("see 40–60 now", "see 40 60 now"),
        ("is 5 > 3 now", "is 5 > 3 now"),
        ("pay $5.50 now", "pay $5.50 now"),
        ("pay $3.5 million now", "pay $3.5 million now"),
        ("pay R$ 35 now", "pay R$ 35 now"),
        ("pay 5 € now", "pay 5 now"),
        ("say x² now", "say x² now"),
        ("my ❤️ is 👍🏽 now", "my ❤️ is 👍🏽 now"),
        ("Hello🎉world now", "Hello🎉world now"),
        ("№ 5 and #1", "№ 5 and #1"),
        ("so\u00adft wo\u200brd", "so\u00adft wo\u200brd"),
        ("One – two", "One two"),
        ("is -.5 or -5 or −5 or (-5)", "is 5 or 5 or −5 or 5"),
        ("Chapter Ⅳ (①)", "Chapter Ⅳ ①"),
    ],
)
def test_each_word_of_the_source_comes_once_and_in_order(text: str, words: str) -> None:
    assert [word.text for word in mapped(text)] == words.split()


def test_several_spoken_words_of_one_are_one_timing() -> None:
    first, second, third = mapped("a $5.50 b")  # 5 dollars and 50 cents
    assert (second.text, second.start, second.end) == ("$5.50", 1.0, 6.0)
    assert (first.end, third.start) == (1.0, 6.0)


def test_words_that_are_said_together_share_the_time_by_their_length() -> None:
    sign, number = mapped("R$ 100")
    assert (sign.start, number.end) == (0.0, 2.0)
    assert sign.end == pytest.approx(2 * 2 / 5)
    assert number.start == sign.end


def test_a_text_that_is_given_as_it_is_keeps_the_chunks_of_the_engine() -> None:
    chunk = AudioChunk(SILENCE, 24_000, tuple(engine_words("just words")))
    mapper = WordMapper(spoken_form("just words", "en"))
    assert mapper.map(chunk) is chunk
    assert mapper.finish() is None


def test_a_word_is_given_when_the_next_one_shows_that_it_is_complete() -> None:
    spoken = spoken_form("$5.50 now", "en")
    mapper = WordMapper(spoken)
    words = engine_words(spoken.text)
    given = [mapper.map(AudioChunk(SILENCE, 24_000, (word,))).words for word in words]
    assert [[word.text for word in few] for few in given] == [[], [], [], [], [], ["$5.50"]]
    last = mapper.finish()
    assert last is not None
    assert [word.text for word in last.words] == ["now"]


def test_estimated_times_stay_marked() -> None:
    spoken = spoken_form("５ kg", "en")
    mapper = WordMapper(spoken)
    mapper.map(AudioChunk(SILENCE, 24_000, tuple(engine_words(spoken.text)), estimated_words=True))
    last = mapper.finish()
    assert last is not None
    assert last.estimated_words


TEXTS = st.lists(
    st.sampled_from(
        [
            "word",
            "𝗛𝗶",
            "２０",
            "$5.50",
            "R$ 35",
            "40–60",
            "–",
            ">",
            "5",
            "❤️",
            "🤣🤣",
            "x²",
            "½",
            "(①)",
            "$3 million",
            "a—b",
            "20 °C",
        ]
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(["en", "de", "ru", "pt", ""]), st.integers(1, 5))
def test_words_are_of_the_source_in_order_and_within_time(text: str, language: str, at_once: int) -> None:
    words = mapped(text, language, at_once)
    assert all(text[slice(*word.span)] == word.text for word in words)
    spans = [word.span for word in words]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert words == mapped(text, language)
