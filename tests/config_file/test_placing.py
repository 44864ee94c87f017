"""The place of a changed setting in a person's file, where nothing else may move."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_hub.config_file.keys import join_key
from tts_hub.config_file.placing import same, with_setting
from tts_hub.errors import ConfigError

FILE = """\
# My settings.

model = "auto"   # the best

[audio]
# What I like:
sample_rate = 24000
# Not set: the level.
# loudness = -19.0
trim_silence = true

# What is said.
[text]
"""


def edited(text: str, key: tuple[str, ...], value: Any) -> str:
    """The new text, which has the new value and all old lines except those of the setting."""
    new = with_setting(text, key, value)
    found: Any = tomllib.loads(new)
    for part in key:
        found = found.get(part, {}) if isinstance(found, dict) else {}
    assert same(found, {} if value is None else value)
    return new


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        (("model",), "espeak", 'model = "auto"   # the best', 'model = "espeak"   # the best'),
        (("audio", "sample_rate"), 48000, "sample_rate = 24000", "sample_rate = 48000"),
        (("audio", "loudness"), "off", "# loudness = -19.0\n", '# loudness = -19.0\nloudness = "off"\n'),
        (
            ("audio", "clause_pause"),
            0.5,
            "trim_silence = true\n",
            "trim_silence = true\nclause_pause = 0.5\n",
        ),
        (("fallback",), ["é", 'a"b'], "# the best\n", '# the best\nfallback = ["é", "a\\"b"]\n'),
        (("text", "max_characters"), 9, "[text]\n", "[text]\nmax_characters = 9\n"),
        (("limits", "max_queue"), 0, "[text]\n", "[text]\n\n[limits]\nmax_queue = 0\n"),
        (("aliases", "gpt-4.1"), "a", "[text]\n", '[text]\n\n[aliases]\n"gpt-4.1" = "a"\n'),
        (("model",), None, 'model = "auto"   # the best\n', ""),
        (("audio", "trim_silence"), None, "trim_silence = true\n", ""),
        (("server", "port"), None, "", ""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_place_changes_and_all_else_stays_to_the_byte(
    key: tuple[str, ...], value: Any, old: str, new: str, end: str
) -> None:
    before, old, new = (text.replace("\n", end) for text in (FILE, old, new))
    assert before.count(old) == 1 or not old
    assert edited(before, key, value) == (before.replace(old, new) if old else before)


@pytest.mark.parametrize(
    ("old", "key", "value", "new"),
    [
        ("a.b = 1  # c\n", ("a", "b"), 2, "a.b = 2  # c\n"),
        ("a . 'b'=1\n", ("a", "b"), 2, "a . 'b'=2\n"),
        ("a.b = 1\n[c]\n", ("a", "d"), 2, "a.b = 1\na.d = 2\n[c]\n"),
        ("# a.d = 2\nx = 1\n", ("a", "d"), 3, "# a.d = 2\na.d = 3\nx = 1\n"),
        ("[a]\n  b.c = 1\n", ("a", "b", "d"), 2, "[a]\n  b.c = 1\n  b.d = 2\n"),
        ("a = { b = 1, c = 2 } # d\n", ("a", "b"), 3, "a = { b = 3, c = 2 } # d\n"),
        ("a = {b = 1, c = 2} # d\n", ("a", "b"), None, "a = { c = 2} # d\n"),
        ("a = {}\n", ("a", "b", "c"), 1, "a = {b = {c = 1}}\n"),
        ('a = """\n[b]\n# c = 1\n"""\n', ("b", "c"), 2, 'a = """\n[b]\n# c = 1\n"""\n\n[b]\nc = 2\n'),
        ("a = 1", ("b",), 2, "a = 1\nb = 2\n"),
        ("", ("a", "b"), 1, "[a]\nb = 1\n"),
        ("", ("a",), 1, "a = 1\n"),
        ("# mine\n\n# c\n[c]\n", ("a",), 1, "# mine\n\na = 1\n\n# c\n[c]\n"),
        ("[a.b]\nc = 1\n", ("a", "d"), 2, "[a.b]\nc = 1\n\n[a]\nd = 2\n"),
        ("[a]\n# b = 1 or so\n", ("a", "b"), 2, "[a]\nb = 2\n# b = 1 or so\n"),
        ("[a]\nx = 1\n# [b]\n# c = 1\n", ("a", "c"), 2, "[a]\nx = 1\nc = 2\n# [b]\n# c = 1\n"),
        ("[a]\nb = 1\n\n[c]\n", ("a",), None, "\n[c]\n"),
        ("x = 1\n\n[a]\n# of a\nb = 1\n", ("a",), None, "x = 1\n# of a\n"),
        ("[a]\nb = 1 # b\nc = 2 # c\n", ("a",), {"c": 2, "d": 3}, "[a]\nc = 2 # c\nd = 3\n"),
        ("a = 1\n", ("a",), True, "a = true\n"),
        ("a = 'x' # y\n", ("a",), "it's\n", 'a = "it\'s\\n" # y\n'),
    ],
)
def test_a_persons_own_style_stays(old: str, key: tuple[str, ...], value: Any, new: str) -> None:
    assert edited(old, key, value) == new


LIST = "a = [\n  'x', # of x\n  'y', # of y\n  'z',\n]\n"


@pytest.mark.parametrize(
    ("value", "new"),
    [
        (["x", "z"], "a = [\n  'x', # of x\n  'z',\n]\n"),
        (["x", "y", "z", "w"], "a = [\n  'x', # of x\n  'y', # of y\n  'z',\n  \"w\",\n]\n"),
        (["z", "x"], 'a = ["z", "x"]\n'),
        ([], "a = []\n"),
    ],
)
def test_comments_between_the_items_that_stay_stay(value: list[str], new: str) -> None:
    assert edited(LIST, ("a",), value) == new
    assert edited(LIST.replace("\n", "\r\n"), ("a",), value) == new.replace("\n", "\r\n")


def test_a_value_that_is_already_set_stays_as_it_is_written() -> None:
    text = "a = 0x10\nb = 'x'\n"
    assert with_setting(text, ("a",), 16) == text
    assert with_setting(text, ("b",), "x") == text


def test_an_array_of_tables_is_left_to_its_owner() -> None:
    with pytest.raises(ConfigError, match="'a' cannot be changed here without changing other settings"):
        with_setting("[[a]]\nb = 1\n", ("a",), None)
    with pytest.raises(ConfigError, match=r"no setting 'a\.b': 'a' is a single value"):
        with_setting("[[a]]\nb = 1\n", ("a", "b"), 2)


# --- any file at all --------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "b c", "x.y", "é", ""])
VALUES = (
    st.integers(-5, 5)
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.lists(st.sampled_from(["x", "y#", "]"]), max_size=3)
)
TREES = st.dictionaries(
    NAMES,
    VALUES | st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=2), max_size=3),
    max_size=4,
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """TOML in a mix of all styles, a numbered comment on every other line."""
    comments = iter(range(1000))
    sections: list[str] = []

    def lines(tree: Mapping[str, Any], path: tuple[str, ...], dotted: tuple[str, ...] = ()) -> list[str]:
        own = []
        for name, value in tree.items():
            if not isinstance(value, dict):
                own += [f"# comment {next(comments)}", f"{join_key((*dotted, name))} = {inline(value)} # it"]
                continue
            style = draw(st.sampled_from(["inline", "dotted"] if dotted else ["inline", "dotted", "section"]))
            if style == "inline":
                own.append(f"{join_key((*dotted, name))} = {inline(value)}")
            elif style == "dotted":
                own += lines(value, (*path, name), (*dotted, name))
            else:
                inner = lines(value, (*path, name))
                head = ["", f"# comment {next(comments)}", f"[{join_key((*path, name))}]"]
                sections.append("\n".join([*head, *inner]))
        return own

    text = "\n".join([*lines(draw(TREES), ()), *sections]) + draw(st.sampled_from(["", "\n", "\n\n# end\n"]))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{join_key([k])} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {inline(each)}, # item\n" for each in value) + "]"
    if isinstance(value, str):
        return join_key([value + "."])[:-2] + '"'
    return str(value).lower()


@settings(max_examples=300)
@given(files(), st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.none() | VALUES)
def test_any_file_says_what_it_should_and_keeps_its_other_lines(
    text: str, key: tuple[str, ...], value: Any
) -> None:
    try:
        new = edited(text, key, value)
    except ConfigError as exc:
        assert "single value" in str(exc)
        return
    kept = iter(new.splitlines())
    lost = [line for line in text.splitlines() if line.startswith("# comment") and line not in kept]
    assert not lost
    assert new.count("\r\n") in {0, new.count("\n")}
