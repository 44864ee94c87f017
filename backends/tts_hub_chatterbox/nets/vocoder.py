"""HiFT vocoder: from mel to samples, by shaping a harmonic source.

B batch, F mel frames, M mel bins, N samples, L steps of a stage, C channels, K frequency bins

"HiFTNet" (Li et al., 2023) as CosyVoice 2 trained it for 24 kHz: the mel is upsampled 8 * 5 * 3 times, the
spectrum of the source joins at every stage, and an inverse transform makes the last factor of 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.f0 import F0Predictor
from tts_hub_chatterbox.nets.fast_vocoder import FastDecoder
from tts_hub_chatterbox.nets.harmonics import HarmonicSource
from tts_hub_chatterbox.nets.vocoder_stages import OUTPUT_SLOPE, Stage, VocoderConfig


class Vocoder(nn.Module):
    """Mel to speech. Weights may be of any floating type; source, spectra and samples are float32."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.f0 = F0Predictor(config.f0)
        self.source = HarmonicSource(config.source)
        edge = config.edge_kernel
        self.input_conv = nn.Conv1d(config.mel_bins, config.width, edge, padding=edge // 2)
        self.stages = nn.ModuleList(Stage(config, index) for index in range(len(config.upsampling)))
        channels = config.width >> len(config.upsampling)
        self.output_conv = nn.Conv1d(channels, config.n_fft + 2, edge, padding=edge // 2)
        window = torch.hann_window(config.n_fft, dtype=torch.float64, device="cpu").float()
        self.register_buffer("window", window, persistent=False)  # (n_fft,)
        self.window: Tensor
        self._fast: FastDecoder | None = None

    @torch.no_grad()
    def prepare(self) -> Self:
        """Make `decode` several times faster where that is possible: in float32 on a CPU, with MKL.

        Takes 0.3 GB at the published sizes. Moving or casting the net undoes it: call it again then, and
        after any change of the weights.
        """
        weight = self.input_conv.weight
        in_float = weight.device.type == "cpu" and weight.dtype == torch.float32
        if in_float and torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
            self._fast = FastDecoder(self.config, self.input_conv, self.stages, self.output_conv, self.window)
        return self

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        self._fast = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(
        self, mel: Tensor, phases: Tensor, noise: Tensor, known_source: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Vocode whole mels at once; piece by piece, call the parts `f0`, `source` and `decode`.

        Args:
            mel: (B, M, F).
            phases: (B, H) from `source.draw_phases`.
            noise: (B, N, H) from `source.draw_noise`.
            known_source: (B, up to N), replaces the beginning of the source: that of an earlier piece, for
                frames that come again.

        Returns:
            Samples (B, N) at 24 kHz between -0.99 and 0.99, and the source (B, N); N = 480 F.
        """
        source, _ = self.source(self.f0(mel), phases, noise)
        if known_source is not None:
            source = torch.cat((known_source, source[:, known_source.shape[1] :]), dim=1)  # (B, N)
        return self.decode(mel, source), source

    def decode(self, mel: Tensor, source: Tensor, wanted: range | None = None) -> Tensor:
        """(B, M, F) and its source (B, N) -> samples (B, N), float32, or those of the `wanted` frames."""
        mel = mel.to(self.input_conv.weight)
        wanted = range(mel.shape[2]) if wanted is None else wanted
        if self._fast is not None:
            return torch.stack([self._fast(*row, wanted) for row in zip(mel, source, strict=True)])
        hidden = self.input_conv(mel)  # (B, C, F)
        source_spectrum = self._analyse(source).to(hidden)  # (B, 2K, N / 4 + 1)
        for stage in self.stages:
            hidden = stage(hidden, source_spectrum)  # (B, C / 2, L)
        spectrum = self.output_conv(F.leaky_relu(hidden, OUTPUT_SLOPE))  # (B, 2K, N / 4 + 1)
        hop = self.config.source.hop
        return self._synthesise(spectrum.float())[:, wanted.start * hop : wanted.stop * hop]

    def _analyse(self, source: Tensor) -> Tensor:
        """(B, N) -> (B, 2K, N / 4 + 1), the real parts above the imaginary ones."""
        spectrum = torch.stft(
            source, self.config.n_fft, hop_length=self.config.fft_hop, window=self.window, return_complex=True
        )  # (B, K, N / 4 + 1)
        return torch.cat((spectrum.real, spectrum.imag), dim=1)

    def _synthesise(self, spectrum: Tensor) -> Tensor:
        """(B, 2K, N / 4 + 1), logarithmic magnitudes above the values for the phases, -> (B, N)."""
        logarithms, waves = spectrum.chunk(2, dim=1)  # (B, K, N / 4 + 1) each
        magnitudes = logarithms.exp().clamp(max=self.config.largest_magnitude)
        # In this net the sine of its output is the phase in radians.
        samples = torch.istft(
            torch.polar(magnitudes, waves.sin()),
            self.config.n_fft,
            hop_length=self.config.fft_hop,
            window=self.window,
        )
        return samples.clamp(-self.config.limit, self.config.limit)


def fade_in(samples: Tensor, sample_rate: int) -> Tensor:
    """Fade in samples (..., N), to remove the rest of the voice's clip at their beginning.

    20 ms of silence, then 20 ms of a raised cosine; a shorter signal gets the part that fits.
    """
    length = sample_rate // 50
    rise = (torch.cos(torch.linspace(torch.pi, 0, length, device=samples.device)) + 1) / 2
    envelope = torch.cat((torch.zeros_like(rise), rise)).to(samples)[
        : samples.shape[-1]
    ]  # (up to 2 * length,)
    return torch.cat((samples[..., : len(envelope)] * envelope, samples[..., len(envelope) :]), dim=-1)
