"""Text clean-up, beside the published package."""

from __future__ import annotations

import pytest
from chatterbox.tts_turbo import punc_norm
from hypothesis import given, settings
from hypothesis import strategies as st
from tts_hub_chatterbox.t3.text import clean, without_colons

from tests.chatterbox.t3.texts import TEXTS


@pytest.mark.parametrize(
    "text",
    [
        *(text for text in TEXTS if text),
        "hello… world : this — is “quoted” and ‘so’ ’tis",
        " lower after a space",
        "ßtraße",
        "ǆ a",
        "ends with a comma ,",
        "ends with dots…",
        "ends with [laugh]",
        "a  ,b ,, c:: d",
        "a\N{NO-BREAK SPACE}b\n\nc",
        "  ",
    ],
)
def test_clean_up_is_that_of_the_reference(text: str) -> None:
    assert clean(text) == punc_norm(text)


@settings(max_examples=300)
@given(st.text(st.sampled_from("aßZ …:—–“”‘’,.!?-'\"\n\t[]éǆ\N{NO-BREAK SPACE}"), min_size=1))
def test_clean_up_of_any_text_is_that_of_the_reference(text: str) -> None:
    assert clean(text) == punc_norm(text)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("It starts at 9:30.", "It starts at 9 30."),
        ("At 09:05 sharp", "At 9 oh 5 sharp."),
        ("Come at 9:00.", "Come at 9 o'clock."),
        ("At 9:00 a.m. or 10:00pm", "At 9 a.m. or 10pm."),
        ("The 17:00 train", "The 17 hundred hours train."),
        ("From 10:15–11:45", "From 10 15-11 45."),
        ("It took 1:02:03", "It took 1 02 03."),
        ("We won 3:2", "We won 3 2."),
        ("John 3:16", "John 3 16."),
        ("One thing: this", "One thing, this."),
    ],
)
def test_times_and_scores_keep_clear_of_the_clean_up(text: str, given: str) -> None:
    assert clean(without_colons(text)) == given


@given(st.text(st.sampled_from("ab :9…—,.'\"\n"), min_size=1))
def test_only_colons_between_digits_are_touched_before_the_clean_up(text: str) -> None:
    if not any(before.isdigit() and after.isdigit() for before, after in zip(text, text[2:], strict=False)):
        assert without_colons(text) == text


def test_a_text_without_a_word_is_left_without_one() -> None:
    assert clean("") == "."
    assert clean(" \n") == "."
