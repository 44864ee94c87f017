"""The distance of our nets from the published ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tts_hub_chatterbox.files.weights import Layout, load_net

Record = Callable[[str, object], None]
"""pytest's `record_property`."""
TOLERANCE = 1e-4
Net = TypeVar("Net", bound=nn.Module)


def relative_error(ours: Tensor, reference: Tensor) -> float:
    """The largest difference, in parts of the reference's largest value."""
    assert ours.shape == reference.shape
    assert torch.isfinite(reference).all()
    return ((ours - reference).abs().max() / reference.abs().max()).item()


def assert_close(ours: Tensor, reference: Tensor, record: Record, *, tolerance: float = TOLERANCE) -> None:
    error = relative_error(ours, reference)
    record("relative_error", error)
    assert error <= tolerance


def load_from_reference(make: Callable[[], Net], reference: nn.Module, layout: Layout, folder: Path) -> Net:
    """Our net, filled from a file with the reference's tensors under their official names."""
    file = folder / "official.safetensors"
    tensors = {layout.prefix + name: tensor.contiguous() for name, tensor in reference.state_dict().items()}
    save_file(tensors, file)
    with torch.device("meta"):
        net = make()
    load_net(net, file, layout)
    return net
