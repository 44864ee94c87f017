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

from tts_hub.onnx.graph import (
    GRAPH,
    INPUT,
    NODE,
    NODE_INPUT,
    NODE_KIND,
    NODE_NAME,
    NODE_OUTPUT,
    OUTPUT,
    VALUE_NAME,
    Node,
    graph_fields,
    name_of,
    node_of,
)
from tts_hub.onnx.protobuf import fields, message, text, varint

NOISE = "noise"
"""Name of the added input, float32 [any]."""


@dataclass(frozen=True, slots=True)
class EditedGraph:
    """The bytes of a graph, and what was added."""

    data: bytes
    frames: str
    """Name of the output with the frames of each id; empty: the graph has none."""
    lengths: str
    """Name of the output with the frames before rounding; empty: the graph has none."""
    takes_noise: bool


def edit(data: bytes) -> EditedGraph:
    """Add the outputs and the input. A graph of another kind comes back without them.

    Raises:
        ValueError: the bytes are no ONNX file, or it is cut off.
    """
    model = memoryview(data)
    parts = graph_fields(model)
    nodes = {at: node_of(field) for at, field in enumerate(parts) if field.number == NODE}
    present = {name_of(field) for field in parts if field.number == OUTPUT}
    added = bytearray()
    ceils = [node for node in nodes.values() if node.kind == "Ceil"]
    frames, lengths = (ceils[0].outputs[0], ceils[0].inputs[0]) if len(ceils) == 1 else ("", "")
    for name in {frames, lengths} - present - {""}:
        added += message(OUTPUT, text(VALUE_NAME, name))
    random = {at: node for at, node in nodes.items() if node.kind == "RandomNormalLike"}
    kept = [field.raw for at, field in enumerate(parts) if at not in random]
    if random:
        added += message(INPUT, text(VALUE_NAME, NOISE) + _FLOATS)
        for number, node in enumerate(random.values()):
            added += b"".join(_noise_nodes(node, number))
    graph = message(GRAPH, b"".join([*kept, bytes(added)]))
    others = b"".join(field.raw for field in fields(model) if field.number != GRAPH)
    return EditedGraph(others + graph, frames, lengths, bool(random))


def _noise_nodes(node: Node, number: int) -> Iterator[bytes]:
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
        inner = [text(NODE_INPUT, named(name)) for name in needs]
        inner += [text(NODE_OUTPUT, named(result)), text(NODE_NAME, f"tts_hub/{number}/{kind}/{result}")]
        yield message(NODE, b"".join(inner) + text(NODE_KIND, kind))


_FLOATS = message(2, message(1, varint(1 << 3) + varint(1) + message(2, message(1, text(2, NOISE)))))
"""The type of the added input: a tensor of float32 with one dimension of any length."""
