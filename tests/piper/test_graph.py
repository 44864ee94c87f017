"""The graph of a voice: the additions before it is loaded, and scales for speeds."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from tts_hub_piper.onnx_edit import NOISE, edit
from tts_hub_piper.speed import TYPICAL, scale_for

from tests.piper.tiny import KINDS, graph


@pytest.mark.parametrize("name", KINDS)
def test_an_edited_graph_is_a_valid_model(name: str) -> None:
    original = graph(KINDS[name])
    edited = edit(original.SerializeToString())
    model = onnx.load_from_string(edited.data)
    kinds = [node.op_type for node in model.graph.node]
    outputs = [each.name for each in model.graph.output]
    assert (edited.frames, edited.lengths) == (
        ("rounded", "lengths") if KINDS[name].rounding == "Ceil" else ("", "")
    )
    assert {edited.frames, edited.lengths} - {""} <= set(outputs)
    assert outputs[0] == "output"
    assert len(outputs) == len(set(outputs))
    assert edited.takes_noise == KINDS[name].draws_noise
    assert (NOISE in [each.name for each in model.graph.input]) == KINDS[name].draws_noise
    assert "RandomNormalLike" not in kinds
    assert model.opset_import == original.opset_import
    assert model.graph.initializer == original.graph.initializer


@pytest.mark.parametrize("data", [b"", b"no model", b"\x3a\xff\xff\xff\xff\x0f", bytes(100)])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no ONNX file|cut off"):
        edit(data)


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("usual", [0.9, 1.0, 1.3])
def test_the_scale_gives_the_length_wanted(speed: float, usual: float) -> None:
    scale = scale_for(speed, usual, TYPICAL)
    lengths = [np.ceil(TYPICAL * np.float32(s)).sum() for s in (usual, scale)]
    assert lengths[1] * speed == pytest.approx(lengths[0], rel=0.06)


def test_a_speed_that_cannot_be_had_gives_the_nearest() -> None:
    assert scale_for(50.0, 1.0, TYPICAL) == pytest.approx(0.05, abs=0.2)
