"""Nets that speak, small enough for many runs: the published shape at the edges, little in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn
from tts_hub_chatterbox.nets.conformer import ConformerConfig
from tts_hub_chatterbox.nets.estimator import EstimatorConfig
from tts_hub_chatterbox.nets.f0 import F0Config
from tts_hub_chatterbox.nets.flow import Flow, FlowConfig
from tts_hub_chatterbox.nets.vocoder import Vocoder
from tts_hub_chatterbox.nets.vocoder_stages import VocoderConfig
from tts_hub_chatterbox.voices.conditioning import Conditioning

from tests.chatterbox.random_weights import fill_randomly

FLOW = FlowConfig(
    encoder=ConformerConfig(width=16, heads=2, hidden_width=32, token_layers=1, frame_layers=1),
    estimator=EstimatorConfig(
        width=16, time_width=24, mid_blocks=1, layers=1, heads=2, head_width=8, hidden_width=32
    ),
)
VOCODER = VocoderConfig(
    width=32, f0=F0Config(width=16), block_kernels=(3, 11), source_kernels=(3, 3, 3), dilations=(1, 5)
)


@dataclass(frozen=True)
class SmallNets:
    flow: Flow
    vocoder: Vocoder

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")


def small_nets(seed: int = 1) -> SmallNets:
    """Random weights; the pitch lies between 60 and 200 Hz and the level of the samples at about 0.1."""
    flow, vocoder = _filled(Flow(FLOW), seed), _filled(Vocoder(VOCODER), seed)
    vocoder.f0.output.weight.mul_(20)
    vocoder.f0.output.bias.fill_(120)
    vocoder.output_conv.weight.mul_(0.3)
    assert vocoder.output_conv.bias is not None
    vocoder.output_conv.bias[:9] -= 2
    return SmallNets(flow, vocoder)


def some_voice(seed: int = 1, *, tokens: int = 30, more_frames: int = 0) -> Conditioning:
    chance = torch.Generator().manual_seed(seed)
    return Conditioning(
        speaker=torch.randn(1, 256, generator=chance),
        t3_prompt=torch.randint(6561, (1, 5), generator=chance),
        flow_prompt=torch.randint(6561, (1, tokens), generator=chance),
        flow_mel=torch.randn(1, 2 * tokens + more_frames, 80, generator=chance) - 4,
        xvector=torch.randn(1, 192, generator=chance),
    )


def some_tokens(seed: int, count: int) -> list[int]:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(6561, (count,), generator=chance).tolist()


Net = TypeVar("Net", bound=nn.Module)


def _filled(net: Net, seed: int) -> Net:
    tables = {name: buffer.clone() for name, buffer in net.named_buffers()}
    fill_randomly(net, seed)
    for name, buffer in net.named_buffers():
        buffer.copy_(tables[name])
    return net.requires_grad_(requires_grad=False)
