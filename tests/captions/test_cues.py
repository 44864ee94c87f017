"""Captions: what they show, and where their lines break."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captions.timed_words import timed
from tts_hub.captions import captions
from tts_hub.types import WordTiming


def lines(source: str) -> list[tuple[str, ...]]:
    return [caption.lines for caption in captions(timed(source), source)]


def test_captions_show_the_text_as_it_was_written() -> None:
    source = '"It costs $1,234.50 (about half)!"  she\nsaid —  well-known,\n\n"isn\'t it?" [pause:1s] Yes.'
    shown = " ".join(" ".join(caption) for caption in lines(source))
    assert shown == '"It costs $1,234.50 (about half)!" she said — well-known, "isn\'t it?" Yes.'


def test_lines_break_at_a_sentence_end_first() -> None:
    assert lines("This is the first sentence. And this is another one.") == [
        ("This is the first sentence.", "And this is another one.")
    ]


def test_lines_break_at_a_clause_mark_next() -> None:
    assert lines("When the long rain had stopped, we went out to play again") == [
        ("When the long rain had stopped,", "we went out to play again")
    ]


def test_no_orphan_is_left_on_the_second_line() -> None:
    (caption,) = lines("one two three four five six seven eight nine")
    assert min(len(line) for line in caption) > 15


def test_a_long_sentence_is_shared_out_evenly() -> None:
    found = captions(timed("word " * 40), "word " * 40)
    counts = [sum(len(line.split()) for line in caption.lines) for caption in found]
    assert sum(counts) == 40
    assert max(counts) - min(counts) <= 5


def test_a_line_is_as_wide_as_its_characters() -> None:
    source = "今天天气很好我们去公园玩你想不想一起去呢如果你愿意的话我们可以在那里吃午饭"
    found = captions(timed(source, pattern=r"\w"), source)
    assert "".join("".join(caption.lines) for caption in found) == source
    assert all(len(line) <= 21 for caption in found for line in caption.lines)


def test_a_long_pause_starts_a_new_caption() -> None:
    words = [WordTiming("One", 0.0, 0.3, (0, 3)), WordTiming("two", 2.0, 2.3, (4, 7))]
    assert [(c.start, c.end, c.lines) for c in captions(words, "One two")] == [
        (0.0, 1.0, ("One",)),
        (2.0, pytest.approx(2.6), ("two",)),
    ]


def test_a_short_caption_stays_where_audio_follows_but_hardly_beyond_the_last_word() -> None:
    words = [WordTiming("Yes", 0.0, 0.2, (0, 3)), WordTiming("No", 2.5, 2.7, (5, 7))]
    assert [c.end for c in captions(words, "Yes. No.")] == [1.0, pytest.approx(3.0)]


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("He said: Dr. Brown lives here. " * 4, "en"),
        ("Yesterday in the evening Dr. Smith met Prof. J. R. Miller and Mrs. Brown in St. Louis. " * 3, "en"),
        ("Gestern Abend traf Hr. Dr. Müller am 3. Mai z. B. den Bäcker aus der Stadt. " * 3, "de"),
    ],
)
def test_nothing_breaks_behind_an_abbreviation(source: str, language: str) -> None:
    for caption in captions(timed(source), source, language=language):
        for line in caption.lines:
            last = line.split()[-1]
            assert not last.endswith(".") or last in {"here.", "Louis.", "Stadt."}, line


def test_a_caption_does_not_join_the_end_of_a_cut_sentence_with_the_next() -> None:
    first, last = "今日は天気がいいですね。", "どう思いますか。"
    source = f"{first}それでも私たちは明日の朝とても高い山に登る予定ですから早く起きます。{last}"
    found = captions(timed(source, pattern=r"\w"), source)
    assert found[-1].lines == (last,)
    assert found[0].lines == (first,)


def test_a_heading_ends_like_a_sentence() -> None:
    assert lines("A heading of some length\n\nThis is the text below it, at last.") == [
        ("A heading of some length", "This is the text below it, at last.")
    ]


def test_a_long_token_is_cut_between_graphemes() -> None:
    family = "👨‍👩‍👧"
    source = family * 30
    found = captions([WordTiming(source, 0.0, 3.0, (0, len(source)))], source)
    shown = [line for caption in found for line in caption.lines]
    assert "".join(shown) == source
    assert len(shown) > 1
    assert all(len(line) % len(family) == 0 for line in shown)


def test_a_text_that_cannot_be_read_as_sentences_still_has_captions() -> None:
    assert lines("Hello [pause: there, [pause:x] you") == [("Hello [pause: there, you",)]


def test_a_caption_stays_no_longer_than_allowed() -> None:
    source = "slow words are spoken here one by one"
    found = captions(timed(source, seconds=1.2), source, max_seconds=3.0)
    assert all(caption.end - caption.start <= 3.0 for caption in found)


def test_a_sentence_that_was_spoken_twice_is_shown_twice() -> None:
    source = 'He said "yes" to it. Then left.'
    first = timed(source)
    again = [WordTiming(w.text, w.start + 1.5, w.end + 1.5, w.span) for w in first]
    shown = " ".join(" ".join(c.lines) for c in captions(first[:5] + again, source))
    assert shown == f'He said "yes" to it. {source}'


def test_text_that_was_not_spoken_is_not_shown() -> None:
    source = "Not this. But this! And not this."
    words = [word for word in timed(source) if 10 <= word.span[0] < 18]
    assert [c.lines for c in captions(words, source)] == [("But this!",)]


def test_several_timings_of_one_word_show_it_once() -> None:
    words = [WordTiming("1,234", start, start + 0.3, (0, 5)) for start in (0.0, 0.3, 0.6)]
    assert [(c.end, c.lines) for c in captions(words, "1,234.")] == [(1.0, ("1,234.",))]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["word", "Yes.", "a,", "你好。", "x" * 50, "—", '"So"', "\n\n", "[pause:1s]", "é"]),
        max_size=40,
    ),
    st.floats(0.0, 1.0),
)
def test_every_word_is_shown_once_in_lines_that_fit(parts: list[str], seconds: float) -> None:
    source = " ".join(parts)
    words = timed(source, seconds)
    found = captions(words, source)
    shown = "".join("".join(line.split()) for caption in found for line in caption.lines)
    assert re.findall(r"\w", shown) == re.findall(r"\w", "".join(word.text for word in words))
    assert all(len(caption.lines) <= 2 for caption in found)
    assert all(line.strip() and len(line) <= 42 for caption in found for line in caption.lines)
    assert all(caption.start <= caption.end for caption in found)
    assert all(one.end <= two.start for one, two in pairwise(found))


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30),
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9), st.integers(0, 40), st.integers(0, 40))),
)
def test_odd_timings_and_spans_do_no_harm(source: str, rows: list[tuple[float, float, int, int]]) -> None:
    found = captions([WordTiming("w", start, end, (a, b)) for start, end, a, b in rows], source)
    assert all(one.start <= one.end <= two.start for one, two in pairwise(found))


CORPUS = {
    "en": "We will meet at {} in front of the old station and then go on to the museum by the river. ",
    "de": "Wir treffen uns {} vor dem alten Bahnhof und gehen dann weiter zu dem Museum an dem Fluss. ",
    "fr": "Nous nous verrons {} devant la vieille gare et nous irons ensuite au musée près de la rivière. ",
    "es": "Nos veremos {} delante de la vieja estación y luego iremos al museo que está junto al río. ",
}


@pytest.mark.parametrize("columns", [20, 26, 32, 37, 42])
@pytest.mark.parametrize("shift", range(0, 40, 5))
@pytest.mark.parametrize(
    ("thing", "language"),
    [
        ("3:30 p.m.", "en"),
        ("3:30 p.m. Eastern time", "en"),
        ("5 kg", "en"),
        ("5 million", "en"),
        ("12 apples", "en"),
        ("20 °C", "en"),
        ("Dr. Smith", "en"),
        ("J. Smith", "en"),
        ("No. 5", "en"),
        ("vol. 3", "en"),
        ("May 5", "en"),
        ("3. Oktober", "de"),
        ("15 Uhr", "de"),
        ("Hr. Müller", "de"),
        ("M. Dupont", "fr"),
        ("15 h", "fr"),
        ("la Sra. López", "es"),
    ],
)
def test_units_that_belong_together_stand_on_one_line(
    thing: str, language: str, shift: int, columns: int
) -> None:
    source = "x" * shift + " " + CORPUS[language].format(thing) * 3
    words = timed(source, pattern=r"[\w.:,°]+")
    found = captions(words, source, language=language, max_line_chars=columns)
    shown = "\n".join(line for caption in found for line in caption.lines)
    kept = thing.removesuffix(" time").removeprefix("la ")
    assert shown.count(kept) == 3, shown


@pytest.mark.parametrize("columns", [24, 32, 37, 42])
@pytest.mark.parametrize("shift", range(0, 40, 5))
@pytest.mark.parametrize(
    ("language", "hanging"),
    [
        ("en", "the at in of and to by on a"),
        ("de", "dem den und zu an vor"),
        ("fr", "la au et de devant"),
        ("es", "la el al de y que"),
    ],
)
def test_no_line_ends_with_an_article_or_a_preposition(
    language: str, hanging: str, shift: int, columns: int
) -> None:
    source = "x" * shift + " " + CORPUS[language].format("9:30") * 3
    found = captions(timed(source, pattern=r"[\w:]+"), source, language=language, max_line_chars=columns)
    for line in (line for caption in found for line in caption.lines):
        assert line.split()[-1] not in hanging.split(), line


@pytest.mark.parametrize("columns", [30, 37, 42])
def test_no_line_ends_between_an_adjective_and_its_noun(columns: int) -> None:
    source = "She had been waiting there all morning for the hot tea that he had made. " * 3
    found = captions(timed(source), source, max_line_chars=columns)
    lines = [line for caption in found for line in caption.lines]
    assert sum("for the hot tea" in line for line in lines) == 3, lines


def test_scene_breaks_and_pauses_are_not_shown() -> None:
    source = "One here.\n\n* * *\n\nTwo [pause] there.\n~~~"
    assert lines(source) == [("One here. Two there.",)]


def test_long_texts_have_captions_in_time_that_grows_with_the_length() -> None:
    found = captions(timed("of the " * 20_000), "of the " * 20_000)
    assert sum(len(line.split()) for caption in found for line in caption.lines) == 40_000
