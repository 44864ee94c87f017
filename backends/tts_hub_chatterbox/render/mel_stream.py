"""Speech tokens of one segment to its mel, pass by pass of the flow, while more tokens come.

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
"""Behind a seam, over which what the passes disagree about fades away."""


class MelStream:
    """Each pass computes the new frames behind the prompt and a bounded past of the speech.

    Of these either may be computed anew in each pass or be remembered. Remembered ones stand as close to the
    new ones as if what lies in between had never been, as do those that are computed anew.

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
        """For one segment.

        Args:
            flow: the net.
            voice: whose prompt stands before the speech.
            chance: a generator of the CPU.
            steps: of the integration.
            context: tokens of the speech before the new ones that take part in a pass.
            memories: where the prompt is remembered; none: each pass computes it anew.
            keeps_speech: the context is not computed anew either; needs `memories`.
            passes: of the flow and of so many steps, for what computes all anew; none: the flow's own calls.
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
        """Shape (1, Q): what is to be encoded; of a remembered one the last tokens, which look ahead."""
        frames = 0 if memory is None else memory.steps[0].frames
        self._prompt_mel = voice.flow_mel[:, frames:].to(device)
        """Shape (1, P, M), of what the estimator does not remember."""
        # The prompt's noise is drawn first even if it is not used: the speech's is the same then.
        prompt_noise = flow.draw_noise(FRAMES_PER_TOKEN * voice.flow_prompt.shape[1], generator)
        self._prompt_noise = prompt_noise[:, :, frames:].to(device)
        """Shape (1, M, P), without what is left of half a token."""
        self._tokens: list[int] = []
        """From `_begin` on."""
        self._noise = self._prompt_noise[:, :, :0]
        """Shape (1, M, 2 a token), of the tokens that have been in a pass."""
        self._begin = 0
        """The first token of the next pass, of its context or, if that is remembered, of the new ones."""
        self._covered = 0
        """Tokens whose frames are made."""
        self._seam: Tensor | None = None
        """Shape (1, 1, M): the last frame that was given."""

    @property
    def waiting(self) -> int:
        """Tokens whose frames are not made yet."""
        return self._begin + len(self._tokens) - self._covered

    def push(self, tokens: Sequence[int]) -> None:
        """Take ids below 6561."""
        self._tokens += tokens

    def advance(self, *, final: bool) -> Tensor:
        """One pass: the frames (1, M, F) of all tokens, or unless `final` of all but the last 3.

        Of a voice whose prompt ends within a token the speech has its first frame from there: it is left out.
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
        """The frames behind the first `old` of the kept tokens: (1, F, M)."""
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
        """What comes before the tokens of the pass; none if all is computed anew."""
        if self._voice_memory is None:
            return None
        memories = (self._voice_memory, self._speech_memory)
        return FlowPast.after(*(one for one in memories if one is not None), steps=self._steps)

    def _encode(self, tokens: Tensor, past: FlowPast | None, *, final: bool) -> Tensor:
        """The features of what the estimator does not remember: (1, Q + S) -> (1, F, M)."""
        if past is None:
            return self._flow.encode(tokens, None, final=final)[0]
        encoded = self._flow.encode_after(tokens, past, final=final)  # (1, 2Q + F, M)
        return encoded[:, FRAMES_PER_TOKEN * self._prompt.shape[1] :]

    def _blend(self, new: Tensor, again: Tensor, old: int) -> Tensor:
        """Without a jump behind the frame given last, which this pass has computed once more as `again`."""
        if self._seam is None or not old or self._keeps_speech:
            return new
        count = min(BLENDED_FRAMES, new.shape[1])
        weights = torch.arange(BLENDED_FRAMES, 0, -1, device=new.device)[:count, None] / (BLENDED_FRAMES + 1)
        return torch.cat((new[:, :count] + weights * (self._seam - again), new[:, count:]), dim=1)

    @property
    def _prompt_frames(self) -> int:
        """Of whole tokens, that the estimator does not remember."""
        return self._prompt_noise.shape[2]
