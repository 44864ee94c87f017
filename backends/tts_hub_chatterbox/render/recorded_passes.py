"""Passes of the flow as recorded CUDA graphs, for rows of any length, padded to one of a few.

A pass is some 3500 small operations, which a GPU finishes in a fifth of the time that Python takes to start
them.

Q prompt tokens, S speech tokens, P mel frames of the prompt, F mel frames, M mel bins
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tts_hub_chatterbox.nets.cuda_graphs import GraphRecorder
from tts_hub_chatterbox.nets.flow import Flow
from tts_hub_chatterbox.nets.units import FRAMES_PER_TOKEN

PADDED_TO = 64
"""Passes are recorded for multiples of so many tokens."""
LONGEST = 512
"""The most tokens of a recorded pass: 10 s of prompt and as much speech."""


class RecordedPasses:
    """Recorded passes of one flow, one row at a time. For one thread."""

    def __init__(self, flow: Flow, steps: int) -> None:
        """Prepare passes with so many `steps` from noise to mel."""
        device, bins = flow.embedding.weight.device, flow.config.estimator.mel_bins
        frames = FRAMES_PER_TOKEN * LONGEST
        self._flow = flow
        self._steps = steps
        self._tokens = torch.zeros(1, LONGEST, dtype=torch.int64, device=device)
        self._is_token = torch.ones(1, LONGEST, dtype=torch.bool, device=device)
        self._is_frame = torch.ones(1, frames, dtype=torch.bool, device=device)
        self._xvector = torch.zeros(1, flow.config.speaker_width, device=device)
        self._prompt_mel = torch.zeros(1, frames, bins, device=device)
        self._noise = torch.zeros(1, frames, bins, device=device)
        self._recorder = GraphRecorder(device)
        self._passes: dict[int, Callable[[], Tensor]] = {}
        """Recorded passes by the number of tokens of the padded row."""

    @torch.inference_mode()
    def record_all(self) -> None:
        """Record every length."""
        for length in range(PADDED_TO, LONGEST + PADDED_TO, PADDED_TO):
            self._pass_over(length)()

    def __call__(
        self, tokens: Tensor, xvector: Tensor, prompt_mel: Tensor, noise: Tensor, *, final: bool
    ) -> Tensor:
        """Tokens (1, Q + S), (1, 192), (1, P, M), (1, 2(Q + S), M) to a mel (1, F, M).

        F is 2(Q + S), or unless `final` 6 less: the last 3 tokens only serve to look ahead. There must be
        no more than `LONGEST` tokens.
        """
        count = tokens.shape[1]
        frames = FRAMES_PER_TOKEN * (count - (0 if final else self._flow.config.encoder.lookahead))
        self._tokens[:, :count] = tokens
        self._is_token[:, :count], self._is_token[:, count:] = True, False
        self._is_frame[:, :frames], self._is_frame[:, frames:] = True, False
        self._xvector.copy_(xvector)
        self._prompt_mel[:, : prompt_mel.shape[1]] = prompt_mel
        self._prompt_mel[:, prompt_mel.shape[1] :] = 0.0
        self._noise[:, :frames] = noise[:, :frames]
        return self._pass_over(-(-count // PADDED_TO) * PADDED_TO)()[:, :frames].clone()

    def _pass_over(self, length: int) -> Callable[[], Tensor]:
        """A function that computes a row of so many tokens from the current inputs: (1, 2 a token, M)."""
        if length not in self._passes:
            self._passes[length] = self._recorder.record(lambda: self._run_pass(length))
        return self._passes[length]

    def _run_pass(self, length: int) -> Tensor:
        frames = FRAMES_PER_TOKEN * length
        encoded, _ = self._flow.encode(self._tokens[:, :length], self._is_token[:, :length], final=True)
        condition = self._flow.condition(encoded, self._xvector, self._prompt_mel[:, :frames])
        return self._flow.integrate(
            self._noise[:, :frames], condition, self._is_frame[:, :frames], steps=self._steps
        )
