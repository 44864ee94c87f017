"""The words of a text, each with its place."""

from __future__ import annotations

import pytest

from tts_hub.text.words import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("had—as", "had as"),
        ("He had—as they say—won.", "He had as they say won"),
        ("foo--bar and foo---bar", "foo bar and foo bar"),
        ("well...no and wait…what", "well no and wait what"),
        ("—No —dijo él—.", "No dijo él"),
        ("(so)—“yes”—‘no’", "so yes no"),
        ("Hello,world!yes", "Hello world yes"),
        ("and/or he/she red/green/blue", "and or he she red green blue"),
        ("Paris–London 1939–1945", "Paris London 1939 1945"),
        ("km/h m/s 1/2 n/a 24/7", "km/h m/s 1/2 n/a 24/7"),
        (
            "https://x.org/one/two?a=bc&d!e example.org/path/file",
            "https://x.org/one/two?a=bc&d!e example.org/path/file",
        ),
        ("9:30 3.5 1,234 well-known don't e.g. U.S. --help", "9:30 3.5 1,234 well-known don't e.g U.S help"),
        ("x——— ...y", "x y"),
        ("你好…世界", "你 好 世 界"),
    ],
)
def test_every_spoken_word_is_a_token(text: str, expected: str) -> None:
    found = [token for token in tokens(text) if token.wordlike]
    assert [text[token.start : token.end] for token in found] == expected.split()


def test_a_joint_belongs_to_the_word_behind_it() -> None:
    assert [(token.start, token.end, token.reach) for token in tokens("had—as")] == [(0, 3, 0), (4, 6, 3)]


def test_an_entity_joins_words_too() -> None:
    text = "had&mdash;as &#8230; so"
    found = [token for token in tokens(text, ssml=True) if token.wordlike]
    assert [text[token.start : token.end] for token in found] == ["had", "as", "so"]
