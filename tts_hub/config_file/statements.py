"""The statements of a TOML file: headers, settings, comments and blank lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tts_hub.config_file.keys import Key, split_key

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_SETTING = re.compile(rf"[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*=")
_COMMENT_MARK = re.compile(r"[ \t]*#+[ \t]?")


@dataclass(frozen=True, slots=True)
class Statement:
    """The lines `[first, end)` of a file."""

    kind: Literal["header", "setting", "comment", "blank"]
    first: int
    end: int
    section: Key | None
    """The table that the statement belongs to; None: an element of an array of tables."""
    key: Key = ()
    """The full key of a header, a setting, or a setting that is commented out; else empty."""


def lines_of(text: str) -> list[str]:
    """The lines with their ends; TOML knows fewer of them than `str.splitlines`."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def scan(lines: Sequence[str]) -> list[Statement]:
    """The statements of a file that is valid TOML."""
    return list(_scan(lines))


def _scan(lines: Sequence[str]) -> Iterator[Statement]:
    section: Key | None = ()
    arrays: set[Key] = set()
    under_commented_header = False
    first = 0
    while first < len(lines):
        line, end = lines[first].strip(), first + 1
        if not line:
            yield Statement("blank", first, end, section)
        elif line.startswith("#"):
            under_commented_header |= _is_header(_uncommented(line))
            key = None if under_commented_header else _commented_key(line)
            yield Statement("comment", first, end, section, _joined(section, key))
        elif line.startswith("["):
            key, under_commented_header = _table(lines[first]), False
            if line.startswith("[["):
                arrays.add(key)
            section = None if any(key[:n] in arrays for n in range(1, len(key) + 1)) else key
            yield Statement("header", first, end, section, key)
        else:
            # The value of a setting may continue on the lines below.
            while _parsed("".join(lines[first:end])) is None and end < len(lines):
                end += 1
            yield Statement("setting", first, end, section, _joined(section, _setting_key(lines[first])))
        first = end


def _joined(section: Key | None, key: Key | None) -> Key:
    return () if section is None or key is None else (*section, *key)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _setting_key(line: str) -> Key | None:
    found = _SETTING.match(line)
    return split_key(found[1]) if found else None


def _uncommented(line: str) -> str:
    return _COMMENT_MARK.sub("", line, count=1)


def _commented_key(line: str) -> Key | None:
    text = _uncommented(line)
    return _setting_key(text) if _parsed(text) else None


def _is_header(text: str) -> bool:
    return text.startswith("[") and _parsed(text) is not None


def _table(line: str) -> Key:
    """The key of a header: `(a, b)` for `[a.b]` and `[[a.b]]`."""
    values: Any = tomllib.loads(line)
    key = []
    while isinstance(values, dict) and values:
        ((name, values),) = values.items()
        key.append(name)
    return tuple(key)
