"""Messages of Protocol Buffers, the format of ONNX files, field by field.

The format is described at https://protobuf.dev/programming-guides/encoding/. The package `onnx` reads it too,
and is larger than most engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LENGTH_DELIMITED = 2
"""Wire type of texts and embedded messages."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    number: int
    content: memoryview
    """The bytes of a text or of an embedded message."""
    raw: memoryview
    """The same with number, type and length in front."""


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message, in their order.

    Raises:
        ValueError: it is cut off, or no message.
    """
    at = 0
    while at < len(data):
        begin = at
        key, at = _varint(data, at)
        match key & 7:
            case 0:  # a number of variable length
                _, end = _varint(data, at)
            case 1:  # 8 bytes
                end = at + 8
            case 2:  # LENGTH_DELIMITED
                size, at = _varint(data, at)
                end = at + size
            case 5:  # 4 bytes
                end = at + 4
            case kind:
                raise ValueError(f"it is no ONNX file: a field of the type {kind}")
        if end > len(data):
            raise ValueError("it is cut off")
        yield Field(key >> 3, data[at:end], data[begin:end])
        at = end


def text_of(field: Field) -> str:
    """The text in a field."""
    return bytes(field.content).decode()


def message(number: int, content: bytes) -> bytes:
    """A field with an embedded message."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def text(number: int, content: str) -> bytes:
    """A field with a text."""
    return message(number, content.encode())


def varint(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first; the highest bit of a byte says that more follow."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups[-1] |= 0x80
        groups.append(value & 0x7F)
    return bytes(groups)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length, and the place behind it."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("it is cut off")
