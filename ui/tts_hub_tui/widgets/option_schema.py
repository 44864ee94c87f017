"""The options of an engine, read from the JSON Schema that it declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """One option, as its schema describes it."""

    name: str
    kind: str
    """`number`, `integer`, `boolean`, `string`, `choice`, or `json` for anything else."""
    description: str
    default: object
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    excludes_minimum: bool = False
    excludes_maximum: bool = False

    def parse(self, text: str) -> object:
        """The value that a text stands for.

        Raises:
            ValueError: it is no value of this option; the message says what would be.
        """
        if self.kind in ("string", "choice"):
            return text
        if self.kind == "boolean":
            return text == "true"
        if self.kind == "json":
            return json.loads(text)
        try:
            value = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            raise ValueError(f"a {'whole ' if self.kind == 'integer' else ''}number is needed") from None
        if not self._allows(value):
            raise ValueError(f"{self.range_text} is possible")
        return value

    @property
    def range_text(self) -> str:
        """The range as a text such as `0 to 1`; empty if there is none."""
        if self.minimum is None and self.maximum is None:
            return ""
        if self.maximum is None:
            return f"{'above' if self.excludes_minimum else 'from'} {self.minimum:g}"
        if self.minimum is None:
            return f"{'below' if self.excludes_maximum else 'up to'} {self.maximum:g}"
        return f"{self.minimum:g} to {self.maximum:g}"

    def _allows(self, value: float) -> bool:
        low, high = self.minimum, self.maximum
        above = low is None or value > low or (value == low and not self.excludes_minimum)
        below = high is None or value < high or (value == high and not self.excludes_maximum)
        return above and below


def parse_options(schema: Mapping[str, Any]) -> list[Option]:
    """The options that the JSON Schema of an object declares."""
    required = schema.get("properties", {})
    return [_parse_option(name, _resolve(part, schema)) for name, part in required.items()]


def _resolve(part: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A property with its reference resolved; of a choice with null, the other alternative."""
    merged = dict(part)
    for choice in (part, *part.get("allOf", ()), *part.get("anyOf", ())):
        reference = choice.get("$ref", "")
        found = schema.get("$defs", {}).get(
            reference.rpartition("/")[2], choice if choice is not part else {}
        )
        if found.get("type") != "null":
            merged = {**found, **{k: v for k, v in merged.items() if v is not None}}
            if choice is not part and found:
                break
    return merged


def _parse_option(name: str, part: Mapping[str, Any]) -> Option:
    kind = part.get("type", "json")
    choices = tuple(str(choice) for choice in part.get("enum", ()))
    if choices:
        kind = "choice"
    elif kind not in ("number", "integer", "boolean", "string"):
        kind = "json"
    low, high = part.get("minimum"), part.get("maximum")
    return Option(
        name=name,
        kind=kind,
        description=part.get("description", ""),
        default=part.get("default"),
        choices=choices,
        minimum=part.get("exclusiveMinimum", low),
        maximum=part.get("exclusiveMaximum", high),
        excludes_minimum="exclusiveMinimum" in part,
        excludes_maximum="exclusiveMaximum" in part,
    )
