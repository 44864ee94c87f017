"""The check of a text: which characters and lengths can be spoken."""

from __future__ import annotations

import pytest

from tts_hub.errors import InvalidTextError, TextTooLongError
from tts_hub.text.check import TextCheck, check_text


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b\ufeff", " \u200d \u2060 "])
def test_a_text_without_anything_visible_is_refused(text: str) -> None:
    with pytest.raises(InvalidTextError, match="words to speak"):
        check_text(text, max_chars=100)


@pytest.mark.parametrize(
    ("char", "named"), [("\x00", "NUL"), ("\x1b", "U\\+001B"), ("\ud800", "lone surrogate")]
)
def test_a_character_that_is_no_text_is_named_with_its_position(char: str, named: str) -> None:
    with pytest.raises(InvalidTextError, match=f"{named}.* position 300000;"):
        check_text("é" * 300_000 + char + "tail", max_chars=1_000_000)


def test_usual_white_space_and_all_scripts_pass() -> None:
    check_text("Tab\there,\r\nline\fpage. 你好 नमस्ते مرحبا 😀\u200d", max_chars=100)


def test_a_text_that_is_too_long_says_both_figures() -> None:
    with pytest.raises(TextTooLongError, match=r"11 .* 10"):
        check_text("a" * 11, max_chars=10)


def test_the_longest_allowed_text_passes() -> None:
    check_text("a" * 10, max_chars=10)


def test_pieces_are_counted_together() -> None:
    check = TextCheck(max_chars=5)
    check.add("abc")
    with pytest.raises(TextTooLongError, match="6"):
        check.add("def")


def test_positions_count_from_the_start_of_all_pieces() -> None:
    check = TextCheck(max_chars=50)
    check.add("abc")
    with pytest.raises(InvalidTextError, match="position 4"):
        check.add("d\x00")


def test_pieces_may_be_empty_as_long_as_words_come() -> None:
    check = TextCheck(max_chars=50)
    for piece in ["", " ", "word", ""]:
        check.add(piece)
    check.finish()


def test_pieces_that_end_empty_are_refused() -> None:
    check = TextCheck(max_chars=50)
    check.add(" ")
    with pytest.raises(InvalidTextError, match="white space"):
        check.finish()
