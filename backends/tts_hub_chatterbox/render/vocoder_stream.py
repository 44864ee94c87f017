"""From the mel of one segment to its samples, piece by piece, as if it were vocoded at once.

F mel frames, M mel bins, N samples
"""

from __future__ import annotations

import torch
from torch import Tensor

from tts_hub_chatterbox.nets.vocoder import Vocoder, fade_in
from tts_hub_chatterbox.nets.vocoder_stages import CONTEXT

PITCH_CONTEXT = 5
"""Mel frames on each side that a frame's pitch depends on."""
HELD_BACK = CONTEXT + PITCH_CONTEXT
"""Frames at the end that must wait while more come, as their source depends on the pitch of later frames."""

ROUNDED_TO = 50
"""On CUDA the nets get multiples of so many mel frames, as convolutions of a new length take 0.1 s more."""


class VocoderStream:
    """Keeps what later frames need: some mel, its source, and the source's place in its periods."""

    def __init__(
        self,
        vocoder: Vocoder,
        generator: torch.Generator,
        device: torch.device,
        rounded_to: int | None = None,
    ) -> None:
        """Begin a segment; `generator` is a generator of the CPU.

        The nets get multiples of `rounded_to` frames, with more context; None: the device's default.
        """
        config = vocoder.config
        self._vocoder = vocoder
        self._generator = generator
        self._hop = config.source.hop
        self._rounded_to = rounded_to or (ROUNDED_TO if device.type == "cuda" else 1)
        self._phases = vocoder.source.draw_phases(generator).to(device)
        self._cycles: Tensor | None = None
        self._mel = torch.zeros(1, config.mel_bins, 0, device=device)
        """The mel from the frame `_begin` on."""
        self._source = torch.zeros(1, 0, device=device)
        """The source from the frame `_begin` on, up to HELD_BACK frames shorter than the mel."""
        self._begin = 0
        self._vocoded = 0
        """The number of frames whose samples were returned."""
        length = 2 * (config.source.sample_rate // 50)
        self._rise = fade_in(torch.ones(length, device=device), config.source.sample_rate)
        """The rest of the fade at the segment's beginning."""

    def push(self, mel: Tensor, *, final: bool) -> Tensor:
        """Take a mel (1, M, F); returns the samples (N,) float32 that are final by now: all if `final`."""
        self._mel = torch.cat((self._mel, mel), dim=2)
        self._extend_source(final=final)
        end = self._begin + self._mel.shape[2]
        ready = end if final else end - HELD_BACK
        if ready <= self._vocoded:
            return self._source.new_zeros(0)
        there = self._source.shape[1] // self._hop
        first = self._start_of(self._vocoded - self._begin - CONTEXT, there)
        wanted = range(self._vocoded - self._begin - first, ready - self._begin - first)
        source = self._source[:, first * self._hop :]
        samples = self._vocoder.decode(self._mel[:, :, first:there], source, wanted)[0]  # (N,)
        self._vocoded = ready
        self._forget(max(self._begin, ready - CONTEXT - self._rounded_to + 1))
        return self._apply_fade_in(samples)

    def _extend_source(self, *, final: bool) -> None:
        """Extend the source to all frames whose pitch is final."""
        there = self._source.shape[1] // self._hop
        frames = self._mel.shape[2] - (0 if final else PITCH_CONTEXT)
        if frames <= there:
            return
        first = self._start_of(there - PITCH_CONTEXT, self._mel.shape[2])
        f0 = self._vocoder.f0(self._mel[:, :, first:])[:, there - first : frames - first]  # (1, F)
        noise = self._vocoder.source.draw_noise(frames - there, self._generator).to(f0.device)
        source, self._cycles = self._vocoder.source(f0, self._phases, noise, self._cycles)
        self._source = torch.cat((self._source, source), dim=1)  # (1, N)

    def _start_of(self, needed: int, end: int) -> int:
        """The first frame of a piece up to `end` that holds the frame `needed` and has a rounded length."""
        length = -(-(end - max(0, needed)) // self._rounded_to) * self._rounded_to
        return max(0, end - length)

    def _forget(self, begin: int) -> None:
        """Drop all before the frame `begin`."""
        frames = begin - self._begin
        self._mel = self._mel[:, :, frames:].clone()
        self._source = self._source[:, frames * self._hop :].clone()
        self._begin = begin

    def _apply_fade_in(self, samples: Tensor) -> Tensor:
        rise = self._rise[: len(samples)]
        self._rise = self._rise[len(rise) :]
        return torch.cat((samples[: len(rise)] * rise, samples[len(rise) :]))
