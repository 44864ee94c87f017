"""What values a setting can have, read from the JSON Schema that pydantic makes of the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core.core_schema import CoreSchema

from tts_hub.config_file.keys import Key

Kind = Literal["bool", "int", "float", "text", "path", "choice", "list", "table", "any"]
"""`choice`: one of a few words; `table`: names of the user's own with a value each; `any`: not said."""
OFF = "off"
"""TOML has no null: what a number is called that is none, where its model takes the word."""
_KINDS: Mapping[str, Kind] = {
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "string": "text",
    "array": "list",
    "object": "table",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The values that a place in the config can have."""

    kind: Kind | Literal["section"]
    description: str = ""
    choices: tuple[Any, ...] = ()
    """Words; of a list, for each of its items; of a number, besides numbers."""
    minimum: float | None = None
    open_minimum: bool = False
    maximum: float | None = None
    secret: bool = False
    nullable: bool = False
    members: Mapping[str, Shape] = field(default_factory=dict)
    """What is in a section, or known to be in a table."""
    items: Shape | None = None
    """What everything else in a table is like; None: nothing else may be in it."""

    def at(self, name: str) -> Shape | None:
        """What is in it under a name, or would be."""
        return self.members.get(name, ANY if self.kind == "any" else self.items)


ANY = Shape("any")


def shape_of(model: type[BaseModel]) -> Shape:
    """What can be in the section that a model checks."""
    schema = model.model_json_schema(schema_generator=_Lenient)
    return _with_off(_shape(schema, schema.get("$defs", {})), model)


class _Lenient(GenerateJsonSchema):
    """A stranger's engine may have settings that JSON does not know; they can be anything then."""

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:
        """Nothing is said of it."""
        return {}

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Defaults are not taken from the schema."""


def _shape(
    node: Mapping[str, Any], definitions: Mapping[str, Any], inside: frozenset[str] = frozenset()
) -> Shape:
    node = _resolved(node, definitions)
    variants = list(_variants(node, definitions))
    words = tuple(word for each in variants for word in _words(each))
    typed = [each for each in variants if not _words(each) and each.get("type") != "null"]
    about = node.get("description", "")
    nullable = any(each.get("type") == "null" for each in variants)
    if words and not typed:
        return Shape("choice", about, words, nullable=nullable)
    if len({each.get("type") for each in typed}) != 1:
        return replace(ANY, description=about, choices=words, nullable=nullable)
    (one, *_) = typed
    if one.get("$ref") in inside:  # a model within itself
        return replace(ANY, description=about)
    found = _of_type(one, definitions, inside | {one.get("$ref", "")} - {""})
    return replace(found, description=about, choices=words or found.choices, nullable=nullable)


def _of_type(node: Mapping[str, Any], definitions: Mapping[str, Any], inside: frozenset[str]) -> Shape:
    kind = _KINDS.get(node.get("type", ""))
    if "properties" in node:
        members = {name: _shape(inner, definitions, inside) for name, inner in node["properties"].items()}
        return Shape("section", members=members)
    if kind == "table":
        items = node.get("additionalProperties", True)
        return Shape(kind, items=_shape(items, definitions, inside) if isinstance(items, dict) else ANY)
    if kind == "list":
        return Shape(kind, choices=_shape(node.get("items", {}), definitions, inside).choices)
    if kind == "text" and node.get("format") == "path":
        return Shape("path")
    return Shape(
        kind or "any",
        minimum=node.get("minimum", node.get("exclusiveMinimum")),
        open_minimum="exclusiveMinimum" in node,
        maximum=node.get("maximum", node.get("exclusiveMaximum")),
        secret=node.get("format") == "password",
    )


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of the field goes before what is said of its model."""
    if "$ref" not in node:
        return node
    return {**definitions[node["$ref"].rpartition("/")[2]], **node}


def _variants(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "anyOf" not in node:
        yield node
        return
    for each in node["anyOf"]:
        yield from _variants(_resolved(each, definitions), definitions)


def _words(node: Mapping[str, Any]) -> list[Any]:
    words: list[Any] = node.get("enum", [node["const"]] if "const" in node else [])
    return words


def _with_off(shape: Shape, model: type[BaseModel], key: Key = ()) -> Shape:
    """No schema tells that `off` is taken for none: it is tried."""
    if shape.kind == "section":
        members = {name: _with_off(inner, model, (*key, name)) for name, inner in shape.members.items()}
        return replace(shape, members=members)
    if shape.nullable and shape.kind in {"int", "float"} and _takes_off(model, key):
        return replace(shape, choices=(*shape.choices, OFF))
    return shape


def _takes_off(model: type[BaseModel], key: Key) -> bool:
    values: Any = OFF
    for part in reversed(key):
        values = {part: values}
    try:
        made: Any = model.model_validate(values)
    except ValidationError:
        return False
    for part in key:
        made = getattr(made, part)
    return made is None
