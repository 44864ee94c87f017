"""From the speech tokens of one segment to its mel, in passes of the flow, while more tokens come.

Q prompt tokens, S speech tokens of a pass, F mel frames, M mel bins. Frames of the speech are counted from
its beginning, two a token.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tts_hub_chatterbox.nets.flow import Flow, FlowMemory, FlowPast
from tts_hub_chatterbox.nets.units import FRAMES_PER_TOKEN
from tts_hub_chatterbox.render.recorded_passes import LONGEST, RecordedPasses
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories

BLENDED_FRAMES = 8
"""Frames behind a seam over which the difference between two passes is faded out."""


class MelStream:
    """Computes the new frames in each pass, behind the prompt and a bounded past of the speech.

    Prompt and past may each be computed again in each pass, or be remembered. Both then come
    directly before the new frames, as if the speech in between did not exist.

    Every frame starts from the same noise however the tokens are divided into passes.
    """

    def __init__(
        self,
        flow: Flow,
        voice: Conditioning,
        generator: torch.Generator,
        *,
        steps: int,
        context: int,
        memories: VoiceMemories | None,
        keeps_speech: bool,
        passes: RecordedPasses | None = None,
    ) -> None:
        """Begin a segment.

        Args:
            flow: the net.
            voice: the voice, whose prompt comes before the speech.
            chance: a generator of the CPU.
            steps: steps of the integration.
            context: tokens of the speech before the new ones that take part in a pass.
            memories: the store of remembered prompts; None: each pass computes the prompt again.
            keeps_speech: remember the context, too; needs `memories`.
            passes: recorded passes with as many steps, for passes that remember nothing; None: the flow is
                called directly.
        """
        device = flow.embedding.weight.device
        self._flow = flow
        self._xvector = voice.xvector.to(device)
        self._generator = generator
        self._steps = steps
        self._passes = passes
        self._context = context
        self._voice_memory = memories.get(voice, steps).flow if memories else None
        self._keeps_speech = keeps_speech
        self._speech_memory: FlowMemory | None = None
        memory = self._voice_memory
        self._prompt = voice.flow_prompt[:, 0 if memory is None else memory.tokens.frames :].to(device)
        """Shape (1, Q): the tokens to encode; of a remembered prompt only the last ones, which look ahead."""
        frames = 0 if memory is None else memory.steps[0].frames
        self._prompt_mel = voice.flow_mel[:, frames:].to(device)
        """Shape (1, P, M): the frames that the estimator does not remember."""
        # The prompt's noise is drawn first even if it is not used, so that the speech's noise is the same.
        prompt_noise = flow.draw_noise(FRAMES_PER_TOKEN * voice.flow_prompt.shape[1], generator)
        self._prompt_noise = prompt_noise[:, :, frames:].to(device)
        """Shape (1, M, P), for whole tokens."""
        self._tokens: list[int] = []
        """The tokens from `_begin` on."""
        self._noise = self._prompt_noise[:, :, :0]
        """Shape (1, M, 2 a token): the noise of those tokens that have been in a pass."""
        self._begin = 0
        """The first token of the next pass: of its context or, if that is remembered, of the new tokens."""
        self._covered = 0
        """The number of tokens whose frames have been computed."""
        self._seam: Tensor | None = None
        """Shape (1, 1, M): the last frame that was returned."""

    @property
    def waiting(self) -> int:
        """The number of tokens whose frames have not been computed yet."""
        return self._begin + len(self._tokens) - self._covered

    def push(self, tokens: Sequence[int]) -> None:
        """Take ids below 6561."""
        self._tokens += tokens

    def advance(self, *, final: bool) -> Tensor:
        """Run one pass; returns the frames (1, M, F) of all tokens, or unless `final` of all but the last 3.

        If the voice's prompt ends within a token, the speech's first frame belongs to it and is left out.
        """
        end = self._begin + len(self._tokens) - (0 if final else self._flow.config.encoder.lookahead)
        if end <= self._covered:
            return self._prompt_noise[:, :, :0]
        missing = FRAMES_PER_TOKEN * len(self._tokens) - self._noise.shape[2]
        drawn = self._flow.draw_noise(missing, self._generator).to(self._noise)
        self._noise = torch.cat((self._noise, drawn), dim=2)
        frames = self._run_pass(FRAMES_PER_TOKEN * (self._covered - self._begin), final=final)  # (1, F, M)
        if not self._covered:
            frames = frames[:, self._prompt_mel.shape[1] - self._prompt_frames :]
        self._covered = end
        again = 0 if self._keeps_speech else self._context
        forgotten = max(0, end - again) - self._begin
        self._tokens = self._tokens[forgotten:]
        self._noise = self._noise[:, :, FRAMES_PER_TOKEN * forgotten :].clone()
        self._begin += forgotten
        return frames.transpose(1, 2)

    def _run_pass(self, old: int, *, final: bool) -> Tensor:
        """The frames behind the first `old` frames of the kept tokens: (1, F, M)."""
        past = self._past()
        # Only the beginning of the speech can have a frame of the prompt's mel.
        prompt_mel = self._prompt_mel if not self._begin else self._prompt_mel[:, : self._prompt_frames]
        noise = torch.cat((self._prompt_noise, self._noise), dim=2).transpose(1, 2)  # (1, 2(Q + S), M)
        tokens = torch.tensor([self._tokens], device=self._prompt.device)  # (1, S)
        tokens = torch.cat((self._prompt, tokens), dim=1)  # (1, Q + S)
        if past is None and self._passes is not None and tokens.shape[1] <= LONGEST:
            frames = self._passes(tokens, self._xvector, prompt_mel, noise, final=final)  # (1, F, M)
        else:
            encoded = self._encode(tokens, past, final=final)  # (1, F, M)
            condition = self._flow.condition(encoded, self._xvector, prompt_mel)  # (1, F, 3M)
            noise, pasts = noise[:, : condition.shape[1]], () if past is None else past.steps
            frames = self._flow.integrate(noise, condition, None, steps=self._steps, pasts=pasts)
        if self._keeps_speech and past is not None:
            self._prompt = self._prompt[:, :0]
            self._speech_memory = past.memory().after(self._speech_memory, self._context)
        context = self._prompt_frames + old
        joined = self._blend(frames[:, context:], frames[:, max(0, context - 1) : context], old)
        self._seam = joined[:, -1:]
        return joined

    def _past(self) -> FlowPast | None:
        """The remembered frames before the tokens of the pass; None if nothing is remembered."""
        if self._voice_memory is None:
            return None
        memories = (self._voice_memory, self._speech_memory)
        return FlowPast.after(*(one for one in memories if one is not None), steps=self._steps)

    def _encode(self, tokens: Tensor, past: FlowPast | None, *, final: bool) -> Tensor:
        """The features of the frames that the estimator does not remember: (1, Q + S) -> (1, F, M)."""
        if past is None:
            return self._flow.encode(tokens, None, final=final)[0]
        encoded = self._flow.encode_after(tokens, past, final=final)  # (1, 2Q + F, M)
        return encoded[:, FRAMES_PER_TOKEN * self._prompt.shape[1] :]

    def _blend(self, new: Tensor, again: Tensor, old: int) -> Tensor:
        """The new frames without a jump behind the last frame, computed once more as `again`."""
        if self._seam is None or not old or self._keeps_speech:
            return new
        count = min(BLENDED_FRAMES, new.shape[1])
        weights = torch.arange(BLENDED_FRAMES, 0, -1, device=new.device)[:count, None] / (BLENDED_FRAMES + 1)
        return torch.cat((new[:, :count] + weights * (self._seam - again), new[:, count:]), dim=1)

    @property
    def _prompt_frames(self) -> int:
        """The number of prompt frames of whole tokens that the estimator does not remember."""
        return self._prompt_noise.shape[2]
