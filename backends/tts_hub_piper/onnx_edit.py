"""Two changes of a voice's graph before it is loaded, in the bytes of its file (ONNX is Protocol Buffers).

1. The lengths of the symbols, which most published graphs compute and do not hand out, become outputs: the
   output of the only `Ceil` (frames), and its input (the same, before rounding).
2. The noise that the graph draws (`RandomNormalLike`) becomes an input `noise` of any length, which is used
   again from its start where it is too short. So a seed gives the same speech, whatever else runs.

Fields are appended where that is enough: a message that occurs twice in a file is merged by its readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NOISE = "noise"
"""Name of the added input, float32 [any]."""
# Numbers of the fields in onnx.proto3: of the model, of its graph, and of nodes.
GRAPH = 7
NODE, INPUT, OUTPUT = 1, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_KIND = 1, 2, 3, 4
BYTES = 2
"""The wire type of texts and messages."""


@dataclass(frozen=True, slots=True)
class EditedGraph:
    """The bytes of a graph, and what was added."""

    data: bytes
    frames: str
    """Name of the output with the frames of each id; empty: the graph has none."""
    lengths: str
    """Name of the output with the frames before rounding; empty: the graph has none."""
    takes_noise: bool


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def edit(data: bytes) -> EditedGraph:
    """Add the outputs and the input. A graph of another kind comes back without them.

    Raises:
        ValueError: the bytes are no ONNX file, or it is cut off.
    """
    model = [(number, value) for number, value, _ in _fields(memoryview(data)) if number == GRAPH]
    if len(model) != 1:
        raise ValueError("it is no ONNX file")
    fields = list(_fields(model[0][1]))
    nodes = {at: _node(value) for at, (number, value, _) in enumerate(fields) if number == NODE}
    present = {_name(value) for number, value, _ in fields if number == OUTPUT}
    added = bytearray()
    ceils = [node for node in nodes.values() if node.kind == "Ceil"]
    frames, lengths = (ceils[0].outputs[0], ceils[0].inputs[0]) if len(ceils) == 1 else ("", "")
    for name in {frames, lengths} - present - {""}:
        added += _message(OUTPUT, _text(1, name))
    random = {at: node for at, node in nodes.items() if node.kind == "RandomNormalLike"}
    parts = [raw for at, (_, _, raw) in enumerate(fields) if at not in random]
    if random:
        added += _message(INPUT, _text(1, NOISE) + _FLOATS)
        for number, node in enumerate(random.values()):
            added += b"".join(_noise_nodes(node, number))
    graph = _message(GRAPH, b"".join([*parts, bytes(added)]))
    others = b"".join(raw for number, _, raw in _fields(memoryview(data)) if number != GRAPH)
    return EditedGraph(others + graph, frames, lengths, bool(random))


def _noise_nodes(node: _Node, number: int) -> Iterator[bytes]:
    """Nodes that fill the shape of the node's input with the noise, in place of the node."""
    steps: Sequence[tuple[str, tuple[str, ...], str]] = (
        ("Size", node.inputs, "size"),
        ("Sub", ("size", "size"), "zero"),
        ("Div", ("size", "size"), "one"),
        ("Range", ("zero", "size", "one"), "places"),
        ("Size", (NOISE,), "period"),
        ("Mod", ("places", "period"), "indices"),
        ("Gather", (NOISE, "indices"), "flat"),
        ("Shape", node.inputs, "shape"),
        ("Reshape", ("flat", "shape"), node.outputs[0]),
    )
    made = {result for _, _, result in steps[:-1]}

    def named(name: str) -> str:
        return f"tts_hub/{number}/{name}" if name in made else name

    for kind, needs, result in steps:
        fields = [_text(NODE_INPUT, named(name)) for name in needs]
        fields += [_text(NODE_OUTPUT, named(result)), _text(NODE_NAME, f"tts_hub/{number}/{kind}/{result}")]
        yield _message(NODE, b"".join(fields) + _text(NODE_KIND, kind))


def _node(data: memoryview) -> _Node:
    texts: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [], NODE_KIND: []}
    for number, value, _ in _fields(data):
        if number in texts:
            texts[number].append(bytes(value).decode())
    return _Node("".join(texts[NODE_KIND]), tuple(texts[NODE_INPUT]), tuple(texts[NODE_OUTPUT]))


def _name(data: memoryview) -> str:
    return next((bytes(value).decode() for number, value, _ in _fields(data) if number == 1), "")


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """The fields of a message: number, content, and the bytes with their head."""
    at = 0
    while at < len(data):
        begin = at
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                _, after = _varint(data, at)
            case 1:
                after = at + 8
            case 2:
                size, at = _varint(data, at)
                after = at + size
            case 5:
                after = at + 4
            case kind:
                raise ValueError(f"it is no ONNX file: a field of the type {kind}")
        if after > len(data):
            raise ValueError("it is cut off")
        yield key >> 3, data[at:after], data[begin:after]
        at = after


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


def _number(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _message(field: int, content: bytes) -> bytes:
    return _number(field << 3 | BYTES) + _number(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


_FLOATS = _message(2, _message(1, _number(1 << 3) + _number(1) + _message(2, _message(1, _text(2, NOISE)))))
"""The type of the added input: a tensor of float32 with one dimension of any length."""
