"""The value of a setting from the text that was typed for it."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from tts_hub.config_file.listing import Setting
from tts_hub.config_file.shape import Kind
from tts_hub.errors import ConfigError, one_of

TRUE = {"true", "yes", "on", "1"}
FALSE = {"false", "no", "off", "0"}


def parse_value(setting: Setting, text: str) -> Any:
    """The value that a text means; None: the setting is to be unset.

    A list is written `a, b` or `["a", "b"]`, a table `{"a": 1}` or `{a = 1}`. An empty text unsets a setting
    that can be unset; else it is the empty text or the empty list.

    Raises:
        ConfigError: the text is no value of this setting; the message says which values are possible.
    """
    bare = text.strip()
    if not bare and setting.nullable:
        return None
    if setting.kind in {"text", "path"}:
        return text
    if setting.kind != "list":
        for choice in setting.choices:
            if bare.casefold() == str(choice).casefold():
                return choice
    return _PARSERS[setting.kind](setting, bare)


def _choice(setting: Setting, text: str) -> Any:
    raise _wrong(setting, text, one_of(text, map(str, setting.choices)))


def _bool(setting: Setting, text: str) -> bool:
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise _wrong(setting, text, "true or false is possible")


def _number(setting: Setting, text: str) -> float:
    words = "".join(f" or {word}" for word in setting.choices)
    try:
        number = int(text) if setting.kind == "int" else float(text)
    except ValueError:
        what = "a whole number" if setting.kind == "int" else "a number"
        raise _wrong(setting, text, f"{what}{words} is possible") from None
    least, most = setting.minimum, setting.maximum
    if not math.isfinite(number):
        raise _wrong(setting, text, f"a finite number{words} is possible")
    if least is not None and (number < least or (setting.open_minimum and number == least)):
        raise _wrong(
            setting, text, f"it must be {'more than' if setting.open_minimum else 'at least'} {least:g}"
        )
    if most is not None and number > most:
        raise _wrong(setting, text, f"it must be at most {most:g}")
    return number


def _list(setting: Setting, text: str) -> list[Any]:
    if text.startswith("["):
        value = _literal(text)
        if not isinstance(value, list):
            raise _wrong(setting, text, 'a list is written a, b or ["a", "b"]')
    else:
        value = [item.strip() for item in text.split(",") if item.strip()]
    for item in value:
        if setting.choices and item not in setting.choices:
            raise _wrong(setting, item, one_of(str(item), map(str, setting.choices)))
    return value


def _table(setting: Setting, text: str) -> dict[str, Any]:
    value = _literal(text) if text else {}
    if not isinstance(value, dict):
        raise _wrong(setting, text, 'a table is written {"a": 1} or {a = 1}')
    return value


def _any(setting: Setting, text: str) -> Any:
    value = _literal(text)
    return text if value is None else value


def _literal(text: str) -> Any:
    """A value written in JSON or TOML; None for anything else."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        values = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return None
    return values["value"] if len(values) == 1 else None


def _wrong(setting: Setting, value: object, why: str) -> ConfigError:
    given = "not valid" if setting.is_secret else repr(value)
    return ConfigError(f"setting {setting.key!r} is {given}: {why}")


_PARSERS: Mapping[Kind, Callable[[Setting, str], Any]] = {
    "bool": _bool,
    "int": _number,
    "float": _number,
    "choice": _choice,
    "list": _list,
    "table": _table,
    "any": _any,
}
"""Kind -> parser, for kinds that are more than their text. A choice gets here only if it is a wrong one."""
