"""Random numbers in every parameter and buffer: a zero or a one that stays would hide a mistake."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

TABLES = ("_mel_filters", "window")


def fill_randomly(module: nn.Module, seed: int, *, gain: float = 1.0) -> None:
    """Fill a module in place so that signals keep about their size through it.

    Matrices and kernels get a standard deviation of `gain` / sqrt(fan in), norm scales lie around 1,
    biases and running means around 0, running variances and lengths of weight norm between 0.5 and 1.5.
    Integers and the tables of the mel are left alone: the official ones are what we compute.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_floating_point() and not name.endswith(TABLES):
                tensor.copy_(_random(name, tensor, generator, gain))


def tame_vocoder(vocoder: Any) -> None:
    """Bring a random vocoder to where speech is: 0 to 400 Hz of pitch, magnitudes whose exp() is sane."""
    pitch, output = vocoder.f0_predictor.classifier, vocoder.conv_post
    with torch.no_grad():
        pitch.weight.mul_(100.0)
        pitch.bias.fill_(120.0)
        output.parametrizations.weight.original0.mul_(0.1)
        output.bias[:9] -= 2.5


def end_speech(t3: Any, positions: int) -> None:
    """Let a random T3 stop: from so many positions behind the voice on, text and speech counted.

    The embeddings of these positions get a direction of their own, to which only the stop token responds.
    """
    stop, prompt = 6562, 376
    table, head = t3.tfmr.wpe.weight, t3.speech_head
    chance = torch.Generator().manual_seed(7)
    direction = torch.nn.functional.normalize(torch.randn(table.shape[1], generator=chance), dim=0)
    with torch.no_grad():
        table[prompt + positions :] += 1_000 * direction
        head.weight[stop] = 2 * direction / t3.tfmr.ln_f.weight
        head.bias[stop] = -float(2 * direction @ (t3.tfmr.ln_f.bias / t3.tfmr.ln_f.weight)) - 25.0


def _random(name: str, tensor: Tensor, generator: torch.Generator, gain: float) -> Tensor:
    noise = torch.randn(tensor.shape, generator=generator)
    if name.endswith(("running_var", "weight.original0", "weight_g")):
        return torch.rand(tensor.shape, generator=generator) + 0.5
    if name.endswith("running_mean") or "bias" in name.rpartition(".")[2]:
        return 0.1 * noise
    if tensor.dim() <= 1:
        return 1 + 0.1 * noise
    fan_in = math.prod(tensor.shape[1:])
    return gain * noise / math.sqrt(fan_in)
