"""The possible values of each setting, read from the JSON Schema that pydantic makes of the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core.core_schema import CoreSchema

from tts_hub.config_file.keys import Key

Kind = Literal["bool", "int", "float", "text", "path", "choice", "list", "table", "any"]
"""The kind of a value. `choice`: one of a few words; `table`: the user's own names, each with a value;
`any`: not known."""
OFF = "off"
"""The word for no number, where the model accepts it: TOML has no null."""
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
    """The words of a choice, the words for each item of a list, or words that a number may be instead."""
    minimum: float | None = None
    open_minimum: bool = False
    maximum: float | None = None
    secret: bool = False
    nullable: bool = False
    members: Mapping[str, Shape] = field(default_factory=dict)
    """The settings of a section, or the known entries of a table."""
    items: Shape | None = None
    """The shape of all other entries of a table; None: it has no others."""

    def at(self, name: str) -> Shape | None:
        """The shape of an entry by its name, whether it exists or not; None: it may not exist."""
        return self.members.get(name, ANY if self.kind == "any" else self.items)


ANY = Shape("any")


def shape_of(model: type[BaseModel]) -> Shape:
    """The shape of the section that a model checks."""
    schema = model.model_json_schema(schema_generator=_Lenient)
    return _with_off(_shape(schema, schema.get("$defs", {})), model)


class _Lenient(GenerateJsonSchema):
    """A schema that allows anything where a plugin's setting has a type that JSON does not know."""

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:
        """Return a schema without restrictions."""
        return {}

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Ignore it: defaults are not taken from the schema."""


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
    """The node with the model that it refers to; where both say something, the field's own counts."""
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
    """Add the choice `off` where the model accepts it as None, which no schema says: it is tried."""
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
