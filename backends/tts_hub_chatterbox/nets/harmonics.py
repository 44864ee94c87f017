"""Harmonic source: the buzz of a voice and the hiss of its breath, as samples that the vocoder shapes.

B batch, F mel frames, N samples, H harmonics

The source of the "neural source filter" (Wang et al., 2019) in the form that CosyVoice 2 trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class HarmonicConfig:
    """Sizes and levels; the defaults are the published ones."""

    sample_rate: int = 24_000
    hop: int = 480
    """Samples per mel frame."""
    harmonics: int = 9
    """The fundamental and its overtones, all at the same level."""
    amplitude: float = 0.1
    """The amplitude of each harmonic."""
    voiced_noise: float = 0.003
    """Standard deviation of the noise in each harmonic's channel where there is a voice."""
    unvoiced_noise: float = 0.1 / 3
    """The same where there is none."""
    voiced_above: float = 10.0
    """Hz; a frame with a pitch of at most this has no voice."""


class HarmonicSource(nn.Module):
    """Sines at the multiples of the pitch, mixed into one signal.

    The place in the periods (`cycles`) is an explicit argument and result, so that a source made piece by
    piece is the same as one made at once.
    """

    def __init__(self, config: HarmonicConfig) -> None:
        super().__init__()
        self.config = config
        self.mix = nn.Linear(config.harmonics, 1)
        multiples = torch.arange(1, config.harmonics + 1, dtype=torch.float32, device="cpu")
        self.register_buffer("multiples", multiples, persistent=False)  # (H,)
        self.multiples: Tensor

    def draw_phases(self, generator: torch.Generator) -> Tensor:
        """The first phases of an utterance's harmonics: (1, H) radians, uniform, 0 for the fundamental."""
        turns = torch.rand(1, self.config.harmonics, generator=generator, device=generator.device)
        phases = (2 * turns - 1) * math.pi
        phases[:, 0] = 0.0
        return phases

    def draw_noise(self, frames: int, generator: torch.Generator) -> Tensor:
        """Standard normal (1, N, H) for so many frames; on the CPU successive draws equal one long draw."""
        shape = (1, frames * self.config.hop, self.config.harmonics)
        return torch.randn(shape, generator=generator, device=generator.device)

    def forward(
        self, f0: Tensor, phases: Tensor, noise: Tensor, cycles: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The source of some frames.

        Args:
            f0: (B, F) in Hz.
            phases: (B, H) from `draw_phases`, the same for all pieces of an utterance.
            noise: (B, N, H) with N = 480 F, from `draw_noise`.
            cycles: (B, H) from the piece before; None at the beginning.

        Returns:
            (B, N) float32 between -1 and 1, and the cycles (B, H) for the next piece.
        """
        config = self.config
        turned, after = self._cycles(f0, cycles)  # (B, H, N), (B, H)
        # Rounded before whole turns are dropped, as in the reference: that gives late harmonics their jitter.
        angles = torch.add(phases[..., None], turned.float().frac_(), alpha=2 * math.pi)
        weights = self.mix.weight.float()[0]  # (H,)
        buzz = (config.amplitude * weights) @ angles.sin_()  # (H,) @ (B, H, N) -> (B, N)
        hiss = noise @ weights  # (B, N, H) -> (B, N)
        voiced = (f0 > config.voiced_above).repeat_interleave(config.hop, dim=1)  # (B, N)
        mixed = torch.where(voiced, buzz + config.voiced_noise * hiss, config.unvoiced_noise * hiss)
        return (mixed + self.mix.bias.float()).tanh_(), after

    def _cycles(self, f0: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, F) -> (B, H, N) and (B, H): the periods of each harmonic at each sample, and at the end."""
        # Sums over a minute need more than float32 has; MPS has no more.
        exact = torch.float32 if f0.device.type == "mps" else torch.float64
        hop = self.config.hop
        steps = f0[:, None] * self.multiples[:, None] / self.config.sample_rate  # (B, H, F)
        steps = steps.to(exact)
        ends = steps * hop
        if before is not None:
            ends[..., 0] += before
        ends = ends.cumsum(dim=2)
        starts = F.pad(ends[..., :-1], (1, 0))
        if before is not None:
            starts[..., 0] = before
        samples = torch.arange(1, hop + 1, dtype=exact, device=f0.device)
        turned = torch.addcmul(starts[..., None], steps[..., None], samples)  # (B, H, F, hop)
        return turned.flatten(2), ends[..., -1]  # (B, H, N), (B, H)
