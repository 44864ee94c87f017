"""Pause tags."""

from __future__ import annotations

import pytest

from tts_hub.errors import InvalidTextError
from tts_hub.text.markup import PauseTag, check_pauses, is_unfinished_pause, read_pause, without_pauses


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("[pause:1.5s]", 1.5),
        ("[pause:500ms]", 0.5),
        ("[pause:2]", 2.0),
        ("[PAUSE: .5 S ]", 0.5),
        ("[ pause : 60s]", 60.0),
        ("[pause:0]", 0.0),
        ("[pause]", 1.0),
        ("[ Pause ]", 1.0),
        ("[short pause]", 0.5),
        ("[long pause]", 2.0),
        ("[long pause: 3s]", 3.0),
        ("[pause 1s]", 1.0),
        ("[pause1s]", 1.0),
        ("[pause=1.5]", 1.5),
        ("[pause = 1.5 sec]", 1.5),
        ("[pause:1,5s]", 1.5),
        ("[pause：2s]", 2.0),
        ("[pause: 500 ms]", 0.5),
        ("[pause 2 seconds]", 2.0),
        ("[pause 250 milliseconds]", 0.25),
        ("[break]", 1.0),
        ("[break 2s]", 2.0),
        ("<break/>", 1.0),
        ('<break time="1.5s" />', 1.5),
        ("<break time='500ms'>", 0.5),
        ('<break strength="strong"/>', 1.0),
    ],
)
def test_a_pause_tag_says_how_long(tag: str, seconds: float) -> None:
    assert read_pause(tag + "x", 0) == PauseTag(seconds, len(tag))


@pytest.mark.parametrize(
    "text",
    [
        "[laugh]",
        "[pauses: 3]",
        "[]",
        "[",
        "[pausing]",
        "[pause for thought]",
        "[Pause button]",
        "[short]",
        "<br>",
        "< 3",
        "<breaker>",
    ],
)
def test_other_brackets_are_no_pause(text: str) -> None:
    assert read_pause(text, 0) is None


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "[pause:abc]",
            "[pause:]",
            "[pause:-1s]",
            "[pause:61s]",
            "[pause:60001ms]",
            "[pause:1s",
            "[pause:1h]",
        ),
        *(
            "[pause 1s",
            "[pause=]",
            "[pause 1 minute]",
            "[pause -1s]",
            "[pause-1s]",
            "[pause_1s]",
            "[pause(1s)]",
        ),
        *(
            "[pause:1:30]",
            "[pause 1,500ms]",
            "[long pause: x]",
            "[break:x]",
            '<break time="x"/>',
            '<break time="61s"/>',
        ),
    ],
)
def test_a_broken_pause_tag_is_quoted_with_an_example(tag: str) -> None:
    with pytest.raises(InvalidTextError) as caught:
        check_pauses("Hello [laugh] " + tag)
    assert tag in str(caught.value)
    assert "[pause:1.5s]" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[ Pau",
        "[pause",
        "[pause:",
        "[pause:1.",
        "[pause ",
        "[pause 1",
        "[pause=",
        "[pause -",
        "[long",
        "[short ",
        "[long pa",
        "[bre",
        "<",
        "<bre",
        "<break",
        '<break time="1',
    ],
)
def test_the_start_of_a_tag_may_still_become_one(text: str) -> None:
    assert is_unfinished_pause("x" + text, 1)


@pytest.mark.parametrize(
    "text",
    [
        "[a",
        "[pause!",
        "[pause:1s]",
        "[pause]",
        "[pause f",
        "[longer",
        "[pause:1\n",
        "[pause:" + "1" * 60,
        "<b>",
        "<break>",
        "<breaks",
    ],
)
def test_text_that_cannot_become_a_tag_is_not_held_back(text: str) -> None:
    assert not is_unfinished_pause(text, 0)


def test_pause_tags_are_blanked_out() -> None:
    text = "One [pause] two [laugh] <break time='1s'/> [pause:x] three."
    assert without_pauses(text).split() == ["One", "two", "[laugh]", "three."]
    assert len(without_pauses(text)) == len(text)
