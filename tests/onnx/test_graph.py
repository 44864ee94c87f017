"""Graphs are read, and inner tensors become outputs, as the package onnx and onnxruntime understand it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from tts_hub.onnx.graph import Node, copy_with_outputs, read_graph
from tts_hub.onnx.session import Run, session_options


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A graph that gives y = -2 x."""
    nodes = [helper.make_node("Add", ["x", "x"], ["twice"]), helper.make_node("Neg", ["twice"], ["y"])]
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy"}
    graph = helper.make_graph(nodes, "g", [values["x"]], [values["y"]])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, tmp_path / "doubling.onnx")
    return tmp_path / "doubling.onnx"


def test_the_nodes_and_outputs_are_read(file: Path) -> None:
    nodes, outputs = read_graph(file)
    assert nodes == [Node("Add", ("x", "x"), ("twice",)), Node("Neg", ("twice",), ("y",))]
    assert outputs == {"y"}


def test_any_tensor_can_be_an_output(file: Path) -> None:
    with copy_with_outputs(file, ("twice",)) as copy:
        session = onnxruntime.InferenceSession(
            str(copy), session_options(1), providers=["CPUExecutionProvider"]
        )
    assert not copy.exists()
    y, twice = session.run(None, {"x": np.array([1.5], np.float32)}, Run().options)
    assert (y[0], twice[0]) == (-3, 3)
    assert read_graph(file)[1] == {"y"}


@pytest.mark.parametrize("content", [b"", b"no model", b"\x3a\xff\xff\xff\xff\x0f", bytes(100)])
def test_what_is_no_graph_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"no ONNX file|cut off|empty"):
        read_graph(tmp_path / "other.onnx")


def test_a_stopped_run_ends_with_an_error(file: Path) -> None:
    session = onnxruntime.InferenceSession(str(file), session_options(1), providers=["CPUExecutionProvider"])
    run = Run()
    run.stop()
    assert run.stopped
    with pytest.raises(Exception, match="terminate"):
        session.run(None, {"x": np.array([1.5], np.float32)}, run.options)
