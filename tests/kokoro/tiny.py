"""A Kokoro of a few kilobytes, which plays a tone for every phoneme, with the signature of each export.

Durations are those of a table, divided by the speed; one frame is 600 samples. The marks around a text and
spaces are silent. The first number of the style shifts the pitch, so that voices can be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SYMBOLS = 178
SILENT = (0, 16)
"""Tokens of the marks and of the space."""
FRAME = 600
RATE = 24_000
PITCHES = {"af_heart": 0.0, "af_bella": 0.5, "am_adam": -0.4, "bf_emma": 0.3, "ef_dora": 0.2, "ff_siwis": 0.1}
"""Voice -> share of the pitch above the usual one."""


@dataclass(frozen=True, slots=True)
class Family:
    """One of the published kinds of export."""

    tokens: str = "input_ids"
    audio: str = "waveform"
    durations: str = ""
    """Name of the output; empty: there is none."""
    speed: int = TensorProto.FLOAT
    rows: bool = False
    """Whether the audio has the shape [1, T] instead of [T]."""
    durations_first: bool = False
    ambiguous: bool = False
    """Whether another tensor inside could be the durations, so that they cannot be made an output."""


FAMILIES = {
    "first-release": Family(tokens="tokens", audio="audio"),
    "whole-speed": Family(tokens="tokens", audio="audio", speed=TensorProto.INT32),
    "kokoro-onnx": Family(durations="duration"),
    "community": Family(rows=True),
    "timestamped": Family(durations="durations", rows=True),
    "other-order": Family(durations="duration", durations_first=True),
    "ambiguous": Family(tokens="tokens", audio="audio", ambiguous=True),
}


def frames_of(tokens: Any, speed: float = 1.0) -> np.ndarray[Any, Any]:
    """The durations that the graph predicts for tokens, marks included."""
    table = _durations()
    frames: np.ndarray[Any, Any] = np.maximum(np.round(table[np.asarray(tokens)] / np.float32(speed)), 1)
    return frames.astype(np.int64)


def write_model(
    folder: Path, family: Family = FAMILIES["kokoro-onnx"], name: str = "kokoro-v1.0.onnx", extra: str = ""
) -> Path:
    """A graph and a voices file in `folder`. `extra` is a further input that no Kokoro has."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(family, extra), str(folder / name))
    with (folder / "voices-v1.0.bin").open("wb") as file:
        packs: dict[str, Any] = {voice: _pack(pitch) for voice, pitch in PITCHES.items()}
        np.savez(file, **packs)
    return folder


def graph(family: Family, extra: str = "") -> onnx.ModelProto:
    """The model itself."""
    tables = {
        "duration_table": _durations(),
        "pitch_table": _pitches(),
        "loudness_table": np.array([0.0 if n in SILENT else 0.3 for n in range(SYMBOLS)], np.float32),
        "clock": (2 * np.pi * np.arange(FRAME, dtype=np.float32) / RATE)[None],
        "one": np.array([1], np.int64),
        "zero": np.array([0], np.int64),
        "start": np.array(0, np.int64),
        "step": np.array(1, np.int64),
        "shortest": np.array([1.0], np.float32),
        "all": np.array([1, -1] if family.rows else [-1], np.int64),
    }
    inputs = [
        helper.make_tensor_value_info(family.tokens, TensorProto.INT64, [1, "N"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", family.speed, [1]),
    ]
    if extra:
        inputs.append(helper.make_tensor_value_info(extra, TensorProto.FLOAT, [1]))
    outputs = [helper.make_tensor_value_info(family.audio, TensorProto.FLOAT, None)]
    if family.durations:
        outputs.append(helper.make_tensor_value_info(family.durations, TensorProto.INT64, None))
    if family.durations_first:
        outputs.reverse()
    made = helper.make_graph(
        _nodes(family),
        "tiny-kokoro",
        inputs,
        outputs,
        [numpy_helper.from_array(np.asarray(table), key) for key, table in tables.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _nodes(family: Family) -> list[onnx.NodeProto]:
    durations = family.durations or "frames_of_each"
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Squeeze", [family.tokens, "zero"], "ids", {}),
        ("Cast", ["speed"], "tempo", {"to": TensorProto.FLOAT}),
        ("Gather", ["duration_table", "ids"], "usual", {}),
        ("Div", ["usual", "tempo"], "scaled", {}),
        ("Round", ["scaled"], "rounded", {}),
        ("Max", ["rounded", "shortest"], "lasting", {}),
        ("Cast", ["lasting"], durations, {"to": TensorProto.INT64}),
        ("CumSum", [durations, "start"], "ends", {}),
        ("ReduceSum", [durations], "total", {"keepdims": 0}),
        ("Range", ["start", "total", "step"], "frames", {}),
        ("Unsqueeze", ["ends", "zero"], "ends_row", {}),
        ("Unsqueeze", ["frames", "one"], "frames_column", {}),
        ("LessOrEqual", ["ends_row", "frames_column"], "passed", {}),
        ("Cast", ["passed"], "passed_numbers", {"to": TensorProto.INT64}),
        ("ReduceSum", ["passed_numbers", "one"], "which", {"keepdims": 0}),
        ("Gather", ["ids", "which"], "ids_of_frames", {}),
        ("Gather", ["pitch_table", "ids_of_frames"], "pitches", {}),
        ("Gather", ["loudness_table", "ids_of_frames"], "loudness", {}),
        ("Squeeze", ["style", "zero"], "style_numbers", {}),
        ("Gather", ["style_numbers", "zero"], "shift", {}),
        ("Add", ["shift", "shortest"], "factor", {}),
        ("Mul", ["pitches", "factor"], "sounding", {}),
        ("Unsqueeze", ["sounding", "one"], "sounding_column", {}),
        ("Mul", ["sounding_column", "clock"], "phase", {}),
        ("Sin", ["phase"], "waves", {}),
        ("Unsqueeze", ["loudness", "one"], "loudness_column", {}),
        ("Mul", ["waves", "loudness_column"], "sound", {}),
        ("Reshape", ["sound", "all"], family.audio, {}),
    ]
    if family.ambiguous:
        steps.append(("Max", ["rounded", "scaled"], "another", {}))
    return [helper.make_node(kind, needs, [gives], **more) for kind, needs, gives, more in steps]


def _durations() -> np.ndarray[Any, Any]:
    return np.array([4 if n == 0 else 2 + n % 4 for n in range(SYMBOLS)], np.float32)


def _pitches() -> np.ndarray[Any, Any]:
    return np.array([200.0 + 40 * (n % 12) for n in range(SYMBOLS)], np.float32)


def _pack(pitch: float) -> np.ndarray[Any, Any]:
    """Shape (510, 1, 256); the second number says how many phonemes a row is for."""
    pack = np.zeros((510, 1, 256), np.float32)
    pack[:, 0, 0] = pitch
    pack[:, 0, 1] = np.arange(1, 511)
    return pack
