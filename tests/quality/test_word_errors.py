"""Planted word errors are counted, each as what it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_hub.quality.measuring import transcript_errors
from tts_hub.quality.scores.word_errors import WordErrors, aligned, count_errors, word_errors

SAID = ["the", "last", "train", "was", "full", "but", "a", "kind", "man", "gave", "her", "his", "seat"]
SOME_WORDS = st.lists(st.sampled_from("abcd"), max_size=7)


def test_the_same_words_have_no_errors() -> None:
    assert word_errors(SAID, SAID) == WordErrors(13, 0, 0, 0)


@pytest.mark.parametrize("place", range(len(SAID)))
def test_a_deleted_word_is_missing(place: int) -> None:
    heard = SAID[:place] + SAID[place + 1 :]
    assert word_errors(SAID, heard) == WordErrors(13, 0, 1, 0)
    assert [step.said for step in aligned(SAID, heard) if step.kind == "missing"] == [SAID[place]]


def test_other_errors() -> None:
    assert word_errors(SAID, [*SAID, "again"]) == WordErrors(13, 0, 0, 1)
    assert word_errors(SAID, ["a", *SAID[1:]]) == WordErrors(13, 1, 0, 0)
    assert word_errors(SAID, []) == WordErrors(13, 0, 13, 0)
    assert word_errors([], ["what"]).rate == 1.0


def test_errors_of_several_transcripts_add_up() -> None:
    both = word_errors(SAID, SAID[:-1]) + word_errors(["yes"], ["no"])
    assert (both.said, both.count) == (14, 2)
    assert both.rate == pytest.approx(1 / 7)


@given(SOME_WORDS, SOME_WORDS)
def test_an_alignment_has_every_word_of_both_sides(said: list[str], heard: list[str]) -> None:
    steps = aligned(said, heard)
    assert [step.said for step in steps if step.said] == said
    assert [step.heard for step in steps if step.heard] == heard
    assert count_errors(steps).count <= max(len(said), len(heard))
    assert count_errors(steps).count == word_errors(heard, said).count


def test_transcripts_are_compared_as_spoken_words() -> None:
    assert transcript_errors("It costs 45 dollars.", "it costs $45", "en").count == 0
    assert transcript_errors("今日は雨です。", "今日は雪です", "ja") == WordErrors(6, 1, 0, 0)


@pytest.mark.parametrize(
    ("text", "transcript", "right"),
    [
        ("It starts at 9:30 in room 12.", "It starts at 9.30 in room 12.", True),
        ("The village has 1,250 inhabitants.", "The village has 1250 inhabitants.", True),
        ("He was born in 1999.", "He was born in 1999.", True),
        ("It is 3.5 m long.", "It is 3:50 m long.", False),
        ("It costs $9.30.", "It costs 9:30.", False),
        ("It starts at 9:30.", "It starts at 9.45.", False),
    ],
)
def test_figures_of_a_transcript_are_meant_in_the_nearest_way(
    text: str, transcript: str, right: bool
) -> None:
    assert (transcript_errors(text, transcript, "en").count == 0) == right
