"""Official files into our nets: every tensor is accounted for, and nothing of a file is executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.files.weights import Layout, load_net

from tts_hub.errors import BackendUnavailableError


class Net(nn.Module):
    """Two layers with names of our own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Conv1d(4, 5, 3)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))


LAYOUT = Layout(
    prefix="net.",
    beside=("net.", "other."),
    renames=((r"^fc\.", "first."), (r"^conv\.", "second.")),
    transposed=(r"^first\.weight$",),
    unused=(r"^table$",),
)


def official() -> dict[str, Tensor]:
    return {
        "net.fc.weight": torch.randn(3, 4),
        "net.fc.bias": torch.randn(4),
        "net.conv.parametrizations.weight.original0": torch.rand(5, 1, 1) + 0.5,
        "net.conv.parametrizations.weight.original1": torch.randn(5, 4, 3),
        "net.conv.bias": torch.randn(5),
        "net.count": torch.tensor(7),
        "net.table": torch.randn(2),
        "other.weight": torch.randn(2),
    }


def loaded(tensors: dict[str, Tensor], folder: Path, dtype: torch.dtype = torch.float32) -> Net:
    file = folder / "weights.safetensors"
    save_file(tensors, file)
    with torch.device("meta"):
        net = Net()
    load_net(net, file, LAYOUT, dtype=dtype)
    return net


def test_names_transposition_and_weight_norm(tmp_path: Path) -> None:
    tensors = official()
    net = loaded(tensors, tmp_path)
    assert torch.equal(net.first.weight, tensors["net.fc.weight"].T)
    length, direction = (tensors[f"net.conv.parametrizations.weight.original{part}"] for part in (0, 1))
    torch.testing.assert_close(
        net.second.weight.detach(), length * direction / direction.flatten(1).norm(dim=1)[:, None, None]
    )
    assert net.count == 7
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_floats_take_the_type_and_integers_keep_theirs(tmp_path: Path) -> None:
    net = loaded(official(), tmp_path, torch.bfloat16)
    assert net.first.weight.dtype == torch.bfloat16
    assert net.count.dtype == torch.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net.fc.bias": None}, r"without first\.bias"),
        ({"net.conv.parametrizations.weight.original1": None}, r"without second\.weight"),
        ({"net.conv.parametrizations.weight.original0": None}, r"without second\.weight"),
        ({"net.more": torch.zeros(1)}, r"unknown more"),
        ({"surprise.weight": torch.zeros(1)}, r"unknown surprise\.weight"),
        (
            {"net.conv.parametrizations.weight.original0": torch.ones(2, 1, 1)},
            r"second\.weight of \(2, 1, 1\)",
        ),
        (
            {"net.fc.bias": torch.zeros(4, dtype=torch.int64)},
            r"first\.bias of \(4,\) integers instead of \(4,\)",
        ),
        ({"net.first.bias": torch.zeros(4)}, r"two of first\.bias"),
        ({"net.fc.weight": torch.zeros(4, 4)}, r"first\.weight of \(4, 4\) instead of \(4, 3\)"),
    ],
)
def test_what_is_missing_surplus_or_misshapen_is_named(
    tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    tensors = {name: tensor for name, tensor in (official() | change).items() if tensor is not None}
    with pytest.raises(BackendUnavailableError, match=message):
        loaded(tensors, tmp_path)


def test_the_nets_of_one_official_file_know_of_each_other() -> None:
    together = (layouts.S3_TOKENIZER, layouts.SPEAKER_ENCODER, layouts.FLOW, layouts.VOCODER)
    for layout in together:
        assert set(layout.beside) == {one.prefix for one in together}


def test_a_truncated_file_is_reported(tmp_path: Path) -> None:
    loaded(official(), tmp_path)
    file = tmp_path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(BackendUnavailableError, match=r"cannot read weights\.safetensors"):
        load_net(Net(), file, LAYOUT)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="none"):
        load_net(Net(), tmp_path / "none.safetensors", LAYOUT)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(pickle.dumps(Trap(tmp_path / "executed")))
    with pytest.raises(BackendUnavailableError, match="cannot read"):
        load_net(Net(), file, LAYOUT)
    assert not (tmp_path / "executed").exists()
