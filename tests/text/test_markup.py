"""Pause tags."""

from __future__ import annotations

import pytest

from tts_hub.errors import InvalidTextError
from tts_hub.text.markup import PauseTag, check_pauses, is_unfinished_pause, read_pause


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("[pause:1.5s]", 1.5),
        ("[pause:500ms]", 0.5),
        ("[pause:2]", 2.0),
        ("[PAUSE: .5 S ]", 0.5),
        ("[ pause : 60s]", 60.0),
        ("[pause:0]", 0.0),
    ],
)
def test_a_pause_tag_says_how_long(tag: str, seconds: float) -> None:
    assert read_pause(tag + "x", 0) == PauseTag(seconds, len(tag))


@pytest.mark.parametrize("text", ["[laugh]", "[pause]", "[pauses: 3]", "[]", "[", "[pausing]"])
def test_other_brackets_are_no_pause(text: str) -> None:
    assert read_pause(text, 0) is None


@pytest.mark.parametrize(
    "tag",
    ["[pause:abc]", "[pause:]", "[pause:-1s]", "[pause:61s]", "[pause:60001ms]", "[pause:1s", "[pause:1h]"],
)
def test_a_broken_pause_tag_is_quoted_with_an_example(tag: str) -> None:
    with pytest.raises(InvalidTextError) as caught:
        check_pauses("Hello [laugh] " + tag)
    assert tag in str(caught.value)
    assert "[pause:1.5s]" in str(caught.value)


@pytest.mark.parametrize("text", ["[", "[ Pau", "[pause", "[pause:", "[pause:1."])
def test_the_start_of_a_tag_may_still_become_one(text: str) -> None:
    assert is_unfinished_pause("x" + text, 1)


@pytest.mark.parametrize("text", ["[a", "[pause!", "[pause:1s]", "[pause:1\n", "[pause:" + "1" * 60])
def test_what_cannot_become_a_tag_is_not_waited_for(text: str) -> None:
    assert not is_unfinished_pause(text, 0)
