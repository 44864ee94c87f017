"""More outputs for an ONNX graph, without the package onnx.

A model is a message of Protocol Buffers. Parsers merge what is written behind one: an embedded message with
the same field is joined to it, and its repeated fields grow
(https://protobuf.dev/programming-guides/encoding/#last-one-wins). So a graph gets outputs by some bytes
behind the file: `ModelProto { graph { output { name } } }`. The runtime infers type and shape itself.
"""

from __future__ import annotations

from collections.abc import Sequence

MODEL_GRAPH = 7
"""Field `graph` of `ModelProto` in onnx.proto."""
GRAPH_OUTPUT = 12
"""Field `output` of `GraphProto`."""
VALUE_NAME = 1
"""Field `name` of `ValueInfoProto`."""
LENGTH_DELIMITED = 2
"""Wire type of strings and embedded messages."""


def with_outputs(model: bytes, tensors: Sequence[str]) -> bytes:
    """The model with inner tensors as its last outputs."""
    values = (_field(VALUE_NAME, tensor.encode()) for tensor in tensors)
    return model + _field(MODEL_GRAPH, b"".join(_field(GRAPH_OUTPUT, value) for value in values))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | LENGTH_DELIMITED]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first; the highest bit of a byte says that more follow."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups[-1] |= 0x80
        groups.append(value & 0x7F)
    return bytes(groups)
