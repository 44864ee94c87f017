"""A Piper voice of a few kilobytes, which plays a tone for every symbol.

The length of a symbol is that of a table, times the length scale, rounded up; one frame is 256 samples. Marks
and spaces are silent. The speaker shifts the pitch. As in the real graphs, both noises are drawn by
`RandomNormalLike`: one lengthens symbols, the other hisses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE = 22_050
FRAME = 256
MARKS = " !'(),-.:;?"
SYMBOLS = "_^$" + MARKS + "abcdefhijklmnopqrstuvwxyzæçðøŋœɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθᵻ\u0303\u0329"
IDS = {symbol: [n] for n, symbol in enumerate(SYMBOLS)}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of export."""

    rounding: str = "Ceil"
    """The operator that makes whole frames; only `Ceil` is recognised, so others give no lengths."""
    hands_out_frames: bool = False
    """As newer exports do."""
    draws_noise: bool = True
    speakers: tuple[str, ...] = ()


KINDS = {
    "usual": Kind(),
    "newer": Kind(hands_out_frames=True),
    "without lengths": Kind(rounding="Floor"),
    "without noise": Kind(draws_noise=False),
    "two speakers": Kind(speakers=("anna", "ben")),
}


def write_voice(
    folder: Path, name: str = "en_US-tiny-medium", kind: Kind = KINDS["usual"], **config: Any
) -> Path:
    """A voice in `folder`, with fields of its description replaced by `config`."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(kind), str(folder / f"{name}.onnx"))
    described = description(kind) | config
    (folder / f"{name}.onnx.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def description(kind: Kind = KINDS["usual"]) -> dict[str, Any]:
    return {
        "audio": {"sample_rate": RATE, "quality": "medium"},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": IDS,
        "num_symbols": len(IDS),
        "num_speakers": max(1, len(kind.speakers)),
        "speaker_id_map": {name: n for n, name in enumerate(kind.speakers)},
    }


def lengths() -> np.ndarray[Any, Any]:
    """The length of each symbol in frames at the scale 1."""
    short = "_ˈˌː"
    return np.array([0.6 if s in short else 0.4 + 1.7 * (n % 4) for n, s in enumerate(SYMBOLS)], np.float32)


def graph(kind: Kind) -> onnx.ModelProto:
    tables = {
        "length_table": lengths(),
        "pitch_table": np.array([150.0 + 45 * (n % 13) for n in range(len(SYMBOLS))], np.float32),
        "loudness_table": np.array([0.0 if s in "_^$" + MARKS else 0.3 for s in SYMBOLS], np.float32),
        "clock": (2 * np.pi * np.arange(FRAME, dtype=np.float32) / RATE)[None],
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
        "start": np.array(0, np.int64),
        "step": np.array(1, np.int64),
        "little": np.array([0.1], np.float32),
        "hiss": np.array([0.01], np.float32),
        "shift": np.array([1.0, 1.4], np.float32),
        "shape": np.array([1, 1, 1, -1], np.int64),
        "all": np.array([-1], np.int64),
        "row": np.array([1, 1, -1], np.int64),
        "least": np.array([1.0], np.float32),
    }
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "N"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if kind.speakers:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)]
    if kind.hands_out_frames:
        outputs.append(helper.make_tensor_value_info("frames", TensorProto.FLOAT, None))
    constants = [numpy_helper.from_array(np.asarray(table), name) for name, table in tables.items()]
    made = helper.make_graph(_nodes(kind), "tiny-piper", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def _nodes(kind: Kind) -> list[onnx.NodeProto]:
    draw = "RandomNormalLike" if kind.draws_noise else "Sign"
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Squeeze", ["input", "zero"], "ids", {}),
        ("Gather", ["scales", "zero"], "noise_scale", {}),
        ("Gather", ["scales", "one"], "length_scale", {}),
        ("Gather", ["scales", "two"], "rhythm_scale", {}),
        ("Gather", ["length_table", "ids"], "usual", {}),
        (draw, ["usual"], "rhythm", {}),
        ("Mul", ["rhythm", "rhythm_scale"], "much", {}),
        ("Mul", ["much", "little"], "a_little", {}),
        ("Exp", ["a_little"], "factor", {}),
        ("Mul", ["usual", "factor"], "varied", {}),
        ("Mul", ["varied", "length_scale"], "scaled", {}),
        ("Reshape", ["scaled", "row"], "lengths", {}),
        (kind.rounding, ["lengths"], "rounded", {}),
        ("Max", ["rounded", "least"], "frames", {}),
        ("Reshape", ["frames", "all"], "flat_frames", {}),
        ("Cast", ["flat_frames"], "durations", {"to": TensorProto.INT64}),
        ("CumSum", ["durations", "start"], "ends", {}),
        ("ReduceSum", ["durations"], "total", {"keepdims": 0}),
        ("Range", ["start", "total", "step"], "clock_frames", {}),
        ("Unsqueeze", ["ends", "zero"], "ends_row", {}),
        ("Unsqueeze", ["clock_frames", "one"], "frames_column", {}),
        ("LessOrEqual", ["ends_row", "frames_column"], "passed", {}),
        ("Cast", ["passed"], "passed_numbers", {"to": TensorProto.INT64}),
        ("ReduceSum", ["passed_numbers", "one"], "which", {"keepdims": 0}),
        ("Gather", ["ids", "which"], "ids_of_frames", {}),
        ("Gather", ["pitch_table", "ids_of_frames"], "pitches", {}),
        ("Gather", ["loudness_table", "ids_of_frames"], "loudness", {}),
        ("Gather", ["shift", "sid" if kind.speakers else "zero"], "higher", {}),
        ("Mul", ["pitches", "higher"], "sounding", {}),
        ("Unsqueeze", ["sounding", "one"], "sounding_column", {}),
        ("Mul", ["sounding_column", "clock"], "phase", {}),
        ("Sin", ["phase"], "waves", {}),
        ("Unsqueeze", ["loudness", "one"], "loudness_column", {}),
        ("Mul", ["waves", "loudness_column"], "tones", {}),
        (draw, ["tones"], "hissing", {}),
        ("Mul", ["hissing", "loudness_column"], "audible", {}),
        ("Mul", ["audible", "noise_scale"], "hissed", {}),
        ("Mul", ["hissed", "hiss"], "quiet", {}),
        ("Add", ["tones", "quiet"], "sound", {}),
        ("Reshape", ["sound", "shape"], "output", {}),
    ]
    return [helper.make_node(operator, needs, [gives], **more) for operator, needs, gives, more in steps]
