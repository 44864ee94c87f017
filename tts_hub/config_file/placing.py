"""A change of one setting in the text of a TOML file; all other lines stay as they are, byte for byte.

The new text is parsed and compared with the values that it should have: this module never returns a text with
other values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array

from tts_hub.config_file.keys import Key, join_key
from tts_hub.config_file.statements import Statement, lines_of, scan
from tts_hub.errors import ConfigError


def with_setting(text: str, key: Key, value: Any) -> str:
    """The text of a valid TOML file with one setting changed; None removes it.

    Raises:
        ConfigError: the setting cannot be changed without changing others.
    """
    old = tomllib.loads(text)
    for inner, each in _leaves(_at(old, key), key, value):
        wanted = _changed(tomllib.loads(text), inner, each)
        if not same(wanted, tomllib.loads(text)):
            text = _placed(text, inner, each, wanted)
    return text


def same(one: Any, other: Any) -> bool:
    """Whether two values of TOML are of the same type and equal: 1, 1.0 and true differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _leaves(old: Any, key: Key, value: Any) -> Iterator[tuple[Key, Any]]:
    """The single changes that make up the change of a table."""
    if not isinstance(value, Mapping) or not (old is None or isinstance(old, Mapping)):
        yield key, value
        return
    for name in old or ():
        if name not in value:
            yield (*key, name), None
    for name, inner in value.items():
        yield from _leaves(_at(old or {}, (name,)), (*key, name), inner)


def _at(values: Any, key: Key) -> Any:
    for part in key:
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _changed(values: dict[str, Any], key: Key, value: Any) -> dict[str, Any]:
    table = values
    for number, part in enumerate(key[:-1], start=1):
        if part not in table and value is None:
            return values
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"no setting {join_key(key)!r}: {join_key(key[:number])!r} is a single value")
    if isinstance(table.get(key[-1]), dict) and value is not None:
        raise ConfigError(f"{join_key(key)!r} is a section, not a single value")
    if value is None:
        table.pop(key[-1], None)
    else:
        table[key[-1]] = value
    return values


def _placed(text: str, key: Key, value: Any, wanted: Mapping[str, Any]) -> str:
    for lines in _candidates(lines_of(text), key, value):
        candidate = "".join(lines)
        with suppress(tomllib.TOMLDecodeError):
            if same(_without_empty(tomllib.loads(candidate)), _without_empty(wanted)):
                return candidate
    raise ConfigError(
        f"{join_key(key)!r} cannot be changed here without changing other settings; edit the file by hand"
    )


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without empty tables: a header without settings means the same as none."""
    inner = {k: _without_empty(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    return {name: value for name, value in inner.items() if value != {}}


def _candidates(lines: list[str], key: Key, value: Any) -> Iterator[list[str]]:
    """New texts to try, the best first; some may be wrong for this file."""
    statements = scan(lines)
    if value is None:
        yield _without(lines, statements, key)
    holders = [s for s in statements if s.kind == "setting" and s.key and s.key == key[: len(s.key)]]
    for keep_items in (True, False):
        for holder in holders:
            with suppress(TOMLKitError):
                yield _rewritten(lines, holder, key, value, keep_items=keep_items)
    if value is not None and not holders:
        for place in _neighbours(statements, key):
            yield _below(lines, place, key, value)
        yield (
            _at_the_root(lines, statements, key, value)
            if len(key) == 1
            else _in_new_section(lines, key, value)
        )


def _without(lines: Sequence[str], statements: Sequence[Statement], key: Key) -> list[str]:
    """The lines without those of a setting, or without those of a table except its comments."""
    left = list(lines)
    for statement in reversed(statements):
        if statement.kind in {"setting", "header"} and statement.key[: len(key)] == key:
            first = statement.first
            if statement.kind == "header" and first and not left[first - 1].strip():
                first -= 1
            del left[first : statement.end]
    return left


def _rewritten(
    lines: Sequence[str], holder: Statement, key: Key, value: Any, *, keep_items: bool
) -> list[str]:
    """The lines with another value in the statement that holds the setting, also in an inline table."""
    document = tomlkit.parse("".join(lines[holder.first : holder.end]))
    table: Any = document
    *outer, name = key[len(holder.section or ()) :]
    for part in outer:
        if part not in table:
            table[part] = tomlkit.inline_table()
        table = table[part]
    if value is None:
        del table[name]
    elif not (keep_items and _change_items(table.get(name), value)):
        table[name] = tomlkit.value(_toml(value))
    return [*lines[: holder.first], document.as_string(), *lines[holder.end :]]


def _change_items(array: Any, value: Any) -> bool:
    """Change items of a list in place, so that comments between the others stay; False if that fails."""
    if not isinstance(array, Array) or not isinstance(value, list):
        return False
    stay = [item for item in array.unwrap() if item in value]
    if not stay or stay != value[: len(stay)]:
        return False
    for index in reversed(range(len(array))):
        if array[index] not in value:
            del array[index]
    for item in value[len(stay) :]:
        array.append(tomlkit.value(_toml(item)))
    return True


def _neighbours(statements: Sequence[Statement], key: Key) -> Iterator[Statement]:
    """The statements below which a new setting may stand, the best first."""
    *table, _ = key
    known = [s for s in statements if s.section is not None]
    yield from (s for s in known if s.kind == "comment" and s.key == key)
    own = [s for s in known if list(s.section or ()) == table]
    yield from reversed([s for s in own if s.kind == "setting"][-1:])
    yield from (s for s in own if s.kind == "header")
    for depth in range(len(table), 0, -1):  # the table may be written as `a.b = 1` in an outer one
        inside = [s for s in known if s.kind == "setting" and list(s.key[:depth]) == table[:depth]]
        yield from [s for s in inside if len(s.section or ()) < depth][-1:]


def _below(lines: Sequence[str], place: Statement, key: Key, value: Any) -> list[str]:
    near = lines[place.first]
    indent = near[: len(near) - len(near.lstrip())] if near.strip() else ""
    line = f"{indent}{join_key(key[len(place.section or ()) :])} = {_toml(value)}"
    return _inserted(lines, place.end, [line])


def _at_the_root(lines: Sequence[str], statements: Sequence[Statement], key: Key, value: Any) -> list[str]:
    """The lines with a new setting above the first header and its comment."""
    headers = [number for number, s in enumerate(statements) if s.kind == "header"]
    at = headers[0] if headers else len(statements)
    while headers and at and statements[at - 1].kind == "comment":
        at -= 1
    line = f"{join_key(key)} = {_toml(value)}"
    position = statements[at].first if at < len(statements) else len(lines)
    return _inserted(lines, position, [line, ""] if headers else [line])


def _in_new_section(lines: Sequence[str], key: Key, value: Any) -> list[str]:
    apart = [""] if lines and lines[-1].strip() else []
    new = [*apart, f"[{join_key(key[:-1])}]", f"{join_key(key[-1:])} = {_toml(value)}"]
    return _inserted(lines, len(lines), new)


def _inserted(lines: Sequence[str], at: int, new: Sequence[str]) -> list[str]:
    end = "\r\n" if lines and lines[max(at - 1, 0)].endswith("\r\n") else "\n"
    if at == len(lines) and len(lines) > 1 and lines[0].endswith("\r\n"):
        end = "\r\n"  # the last line may have no end
    before = list(lines[:at])
    if before and not before[-1].endswith("\n"):
        before[-1] += end
    return [*before, *(line + end for line in new), *lines[at:]]


def _toml(value: Any) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, Mapping):
        inner = (f"{join_key([name])} = {_toml(each)}" for name, each in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    written: str = tomlkit.item(value).as_string()
    return written
