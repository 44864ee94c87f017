"""The nodes of an ONNX graph, and inner tensors that become its outputs, in the bytes of its file.

Readers of Protocol Buffers merge what is written behind a message: an embedded message with the same field is
joined to it, and its repeated fields grow (https://protobuf.dev/programming-guides/encoding/#last-one-wins).
So a graph gets outputs by some bytes behind its file: `ModelProto { graph { output { name } } }`. The runtime
infers type and shape itself.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tts_hub.onnx.protobuf import Field, fields, message, text, text_of

# Numbers of fields in onnx.proto3: of the model, of its graph, of nodes, and of the values of a graph.
GRAPH = 7
NODE, INPUT, OUTPUT = 1, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_KIND = 1, 2, 3, 4
VALUE_NAME = 1


@dataclass(frozen=True, slots=True)
class Node:
    """One operation."""

    kind: str
    """Such as `Conv`."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def graph_fields(model: memoryview) -> list[Field]:
    """The fields of the graph in a model.

    Raises:
        ValueError: the bytes are no ONNX file, or it is cut off.
    """
    graphs = [field for field in fields(model) if field.number == GRAPH]
    if len(graphs) != 1:
        raise ValueError("it is no ONNX file")
    return list(fields(graphs[0].content))


def node_of(field: Field) -> Node:
    """The node in a field of a graph."""
    texts: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [], NODE_KIND: []}
    for part in fields(field.content):
        if part.number in texts:
            texts[part.number].append(text_of(part))
    return Node("".join(texts[NODE_KIND]), tuple(texts[NODE_INPUT]), tuple(texts[NODE_OUTPUT]))


def read_graph(file: Path) -> tuple[list[Node], set[str]]:
    """The nodes of a model's graph and the names of its outputs, without reading its weights.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no ONNX file, or cut off.
    """
    with file.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)  # closed with the last view of it
    parts = graph_fields(memoryview(mapped))
    outputs = {name_of(field) for field in parts if field.number == OUTPUT}
    return [node_of(field) for field in parts if field.number == NODE], outputs


def name_of(field: Field) -> str:
    """The name of the value in a field of a graph."""
    return next((text_of(part) for part in fields(field.content) if part.number == VALUE_NAME), "")


def added_outputs(tensors: Sequence[str]) -> bytes:
    """The bytes to write behind a model so that inner tensors are its last outputs."""
    return message(GRAPH, b"".join(message(OUTPUT, text(VALUE_NAME, tensor)) for tensor in tensors))


@contextmanager
def copy_with_outputs(file: Path, tensors: Sequence[str]) -> Generator[Path, None, None]:
    """A copy of a model's file with inner tensors as its last outputs, deleted behind the block.

    It is a file because onnxruntime keeps the bytes of a model that it is not given as a file.

    Raises:
        OSError: there is no space for it.
    """
    with tempfile.TemporaryDirectory(prefix="tts-hub-") as folder:
        copy = Path(folder) / file.name
        shutil.copyfile(file, copy)
        with copy.open("ab") as written:
            written.write(added_outputs(tensors))
        yield copy
