"""Outputs that are added to the bytes of a graph, held to the package onnx."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hibari.dsp import HOP, SR
from onnx import TensorProto, helper
from tts_hub_hibari.dimensions import FRAME_SAMPLES, SAMPLE_RATE
from tts_hub_hibari.graph import DURATIONS, LENGTHS, SPECTRA, Run, load_graph
from tts_hub_hibari.outputs import with_outputs
from tts_hub_hibari.tempo import frames_at

from tts_hub.errors import BackendUnavailableError

IDS = [0, 50, 156, 86, 54, 31, 4, 0]


def without_durations(heart: Path) -> bytes:
    """The same graph as a later version may have it: its inner tensors have other names."""
    data = heart.read_bytes()
    for tensor in (DURATIONS, LENGTHS):
        data = data.replace(tensor.encode(), tensor.replace("output", "result").encode())
    return data


def test_the_added_outputs_are_read_as_outputs(heart: Path) -> None:
    model = onnx.load_from_string(with_outputs(heart.read_bytes(), (DURATIONS, "x" * 300)))
    assert [output.name for output in model.graph.output] == [*SPECTRA, DURATIONS, "x" * 300]
    assert len(model.graph.node) == len(onnx.load(heart).graph.node)


def test_any_tensor_can_be_an_output() -> None:
    nodes = [helper.make_node("Add", ["x", "x"], ["twice"]), helper.make_node("Neg", ["twice"], ["y"])]
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy"}
    graph = helper.make_graph(nodes, "g", [values["x"]], [values["y"]])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    data = with_outputs(model.SerializeToString(), ("twice",))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    y, twice = session.run(None, {"x": np.array([1.5], np.float32)})
    assert (y[0], twice[0]) == (-3, 3)


def test_the_durations_are_those_of_the_audio(heart: Path) -> None:
    graph, run = load_graph(heart, 1, ""), Run()
    lengths = graph.lengths(IDS, run)
    for speed in (0.5, 1.0, 1.7):
        made = graph.infer(IDS, speed, (0,), run)
        assert made.durations is not None
        assert len(made.durations) == len(IDS)
        assert made.durations.sum() * FRAME_SAMPLES == len(made.samples)
        assert frames_at(speed, lengths) == made.durations.sum()


def test_the_frames_are_hibaris() -> None:
    assert (2 * HOP, SR) == (FRAME_SAMPLES, SAMPLE_RATE)


def test_a_graph_without_the_tensors_has_no_durations(heart: Path, tmp_path: Path) -> None:
    (tmp_path / "later.onnx").write_bytes(without_durations(heart))
    graph = load_graph(tmp_path / "later.onnx", 1, "")
    assert not graph.has_durations
    made = graph.infer(IDS, 1.0, (0,), Run())
    assert made.durations is None
    assert len(made.samples) > 10_000


def test_a_file_that_is_no_graph_of_hibari_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(b"half a file")
    with pytest.raises(BackendUnavailableError, match="cannot be loaded") as raised:
        load_graph(tmp_path / "cut.onnx", 1, "get another")
    assert raised.value.remedy == "get another"
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(BackendUnavailableError, match="not a graph of hibari: inputs x, outputs y"):
        load_graph(tmp_path / "other.onnx", 1, "")
