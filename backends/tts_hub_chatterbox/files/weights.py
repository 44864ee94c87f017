"""Loads official weight files into our nets, mapped into memory; every tensor must be accounted for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tts_hub_chatterbox.files.errors import UnusableFileError

WEIGHT_NORM = re.compile(r"\.parametrizations\.weight\.original([01])$")
SHOWN = 5
"""The most names in an error message."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The names and shapes of one net's tensors in an official file."""

    prefix: str = ""
    """The prefix of the net's tensors."""
    beside: Sequence[str] = ()
    """Prefixes of the other nets in the file. A tensor with none of these prefixes is an error."""
    renames: Sequence[tuple[str, str]] = ()
    """(pattern, replacement), applied one after the other to the official name without its prefix."""
    transposed: Sequence[str] = ()
    """Patterns of our names, for matrices that the file has as (in, out)."""
    unused: Sequence[str] = ()
    """Patterns of official names, without their prefix, of tensors that are not needed."""

    def rename(self, official: str) -> str:
        """Our name of an official tensor, without its prefix."""
        name = official
        for pattern, replacement in self.renames:
            name = re.sub(pattern, replacement, name)
        return name


def load_net(net: nn.Module, file: Path, layout: Layout, *, dtype: torch.dtype = torch.float32) -> None:
    """Fill `net`, best made on the device `meta`, with its tensors of a safetensors file.

    Tensors that need no change stay mapped from the file. Integers keep their type.

    Raises:
        UnusableFileError: the file cannot be read, or a tensor is missing, surplus or misshapen.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            names = list(opened.keys())
            official = {name: opened.get_tensor(name) for name in names if name.startswith(layout.prefix)}
    except (SafetensorError, OSError) as exc:
        raise UnusableFileError(f"cannot read {file.name}: {exc}", file) from exc
    pairs = list(_rename_tensors(official, layout))
    state = dict(pairs)
    twice = sorted(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    strays = sorted(name for name in names if not name.startswith((layout.prefix, *layout.beside)))
    _check(net, state, twice, strays, file)
    net.load_state_dict({name: _cast(tensor, dtype) for name, tensor in state.items()}, assign=True)
    net.eval().requires_grad_(requires_grad=False)


def _rename_tensors(official: Mapping[str, Tensor], layout: Layout) -> Iterator[tuple[str, Tensor]]:
    """Yield our names and tensors; weight norm is folded into plain weights."""
    for full_name, tensor in official.items():
        name = full_name.removeprefix(layout.prefix)
        if any(re.search(pattern, name) for pattern in layout.unused):
            continue
        part = WEIGHT_NORM.search(name)
        if part is not None and part[1] == "1":
            continue  # read together with its other half
        if part is not None:
            direction = official.get(full_name[:-1] + "1")
            if direction is None:
                continue  # reported as a missing weight
            name, tensor = WEIGHT_NORM.sub(".weight", name), _fold_weight_norm(tensor, direction)  # noqa: PLW2901
        name = layout.rename(name)
        if any(re.search(pattern, name) for pattern in layout.transposed):
            tensor = tensor.T  # noqa: PLW2901
        yield name, tensor


def _fold_weight_norm(length: Tensor, direction: Tensor) -> Tensor:
    """Weight norm: `length` (C, 1, ...) times the unit vector of `direction` (C, ...), over all but C.

    It is computed by torch's own operator, which the published nets call at every step: the vocoder sums its
    pitch over the whole speech, so the last bit of a weight becomes audible as another phase.
    """
    fitting = length.shape == (len(direction), *[1] * (direction.dim() - 1)) if direction.dim() else False
    if not (fitting and length.is_floating_point() and direction.is_floating_point()):
        return length  # the operator would read past its end; reported as a weight of a wrong shape
    return torch._weight_norm(direction, length, 0)


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _check(
    net: nn.Module, state: Mapping[str, Tensor], twice: Sequence[str], strays: Sequence[str], file: Path
) -> None:
    wanted = {name: _kind(tensor) for name, tensor in net.state_dict().items()}
    found = {name: _kind(tensor) for name, tensor in state.items()}
    problems = [
        _describe("with two of", twice),
        _describe("without", sorted(wanted.keys() - found.keys())),
        _describe("with the unknown", [*sorted(found.keys() - wanted.keys()), *strays]),
        _describe(
            "with",
            [
                f"{name} of {found[name]} instead of {wanted[name]}"
                for name in sorted(wanted.keys() & found.keys())
                if wanted[name] != found[name]
            ],
        ),
    ]
    found_problems = [problem for problem in problems if problem]
    if found_problems:
        raise UnusableFileError(
            f"{file.name} is not what {type(net).__name__} needs: it comes {' and '.join(found_problems)}",
            file,
        )


def _kind(tensor: Tensor) -> str:
    """A tensor's shape, and whether it holds integers; any floating type will do where floats are wanted."""
    return f"{tuple(tensor.shape)}{'' if tensor.is_floating_point() else ' integers'}"


def _describe(word: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{word} {', '.join(names[:SHOWN])}{more}"
