"""Speech tokens of one segment to its mel, pass by pass of the flow, while more tokens come.

Q prompt tokens, S speech tokens of a pass, F mel frames, M mel bins. Frames of the speech are counted from
its beginning, two a token.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tts_hub_chatterbox.conditioning import Conditioning
from tts_hub_chatterbox.nets.flow import Flow
from tts_hub_chatterbox.nets.past import Memory, Past
from tts_hub_chatterbox.units import FRAMES_PER_TOKEN
from tts_hub_chatterbox.voice_memory import VoiceMemories

BLENDED_FRAMES = 8
"""Behind a seam, over which what the passes disagree about fades away."""


class MelStream:
    """Each pass computes the new frames behind the prompt and a bounded past of the speech.

    Every frame starts from the same noise however the tokens are divided into passes.
    """

    def __init__(
        self,
        flow: Flow,
        voice: Conditioning,
        chance: torch.Generator,
        *,
        steps: int,
        context: int,
        memories: VoiceMemories | None,
        keeps_speech: bool,
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
        """
        device = flow.speaker.weight.device
        self._flow = flow
        self._prompt = voice.flow_prompt.to(device)  # (1, Q)
        self._prompt_mel = voice.flow_mel.to(device)  # (1, P, M)
        self._xvector = voice.xvector.to(device)
        self._chance = chance
        self._steps = steps
        self._context = context
        self._voice_memory = memories.get(voice, steps).steps if memories else ()
        self._keeps_speech = keeps_speech
        self._speech_memory: tuple[Memory, ...] = ()
        self._tokens: list[int] = []
        """From `_begin` on."""
        # The prompt's noise is drawn first even if it is not used: the speech's is the same then.
        self._prompt_noise = flow.draw_noise(self._prompt_frames, chance).to(device)  # (1, M, 2Q)
        self._noise = self._prompt_noise[:, :, :0]
        """Shape (1, M, 2 a token), of the tokens that have been in a pass."""
        self._begin = 0
        """The token where the next pass's context begins."""
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
        drawn = self._flow.draw_noise(missing, self._chance).to(self._noise)
        self._noise = torch.cat((self._noise, drawn), dim=2)
        frames = self._passed(FRAMES_PER_TOKEN * (self._covered - self._begin), final=final)  # (1, F, M)
        if not self._covered:
            frames = frames[:, self._prompt_mel.shape[1] - self._prompt_frames :]
        self._covered = end
        forgotten = max(0, end - self._context) - self._begin
        self._tokens = self._tokens[forgotten:]
        self._noise = self._noise[:, :, FRAMES_PER_TOKEN * forgotten :].clone()
        self._begin += forgotten
        return frames.transpose(1, 2)

    def _passed(self, old: int, *, final: bool) -> Tensor:
        """The frames behind the first `old` of the kept tokens: (1, F, M)."""
        tokens = torch.tensor([self._tokens], device=self._prompt.device)  # (1, S)
        # Only the beginning of the speech can have a frame of the prompt's mel.
        prompt_mel = self._prompt_mel if not self._begin else self._prompt_mel[:, : self._prompt_frames]
        encoded, _ = self._flow.encode(torch.cat((self._prompt, tokens), dim=1), None, final=final)
        condition = self._flow.condition(encoded, self._xvector, prompt_mel)  # (1, F, 3M)
        noise = torch.cat((self._prompt_noise, self._noise), dim=2).transpose(1, 2)
        noise = noise[:, : condition.shape[1]]  # (1, F, M)
        known = self._prompt_frames if self._voice_memory else 0
        if self._keeps_speech:
            known += old
        pasts = [Past(*memories) for memories in self._remembered()]
        frames = self._flow.integrate(
            noise[:, known:], condition[:, known:], None, steps=self._steps, pasts=pasts
        )  # (1, F, M)
        if self._keeps_speech:
            self._remember(pasts)
        context = self._prompt_frames + old - known
        joined = self._blended(frames[:, context:], frames[:, max(0, context - 1) : context], old)
        self._seam = joined[:, -1:]
        return joined

    def _blended(self, new: Tensor, again: Tensor, old: int) -> Tensor:
        """Without a jump behind the frame given last, which this pass has computed once more as `again`."""
        if self._seam is None or not old or self._keeps_speech:
            return new
        count = min(BLENDED_FRAMES, new.shape[1])
        weights = torch.arange(BLENDED_FRAMES, 0, -1, device=new.device)[:count, None] / (BLENDED_FRAMES + 1)
        return torch.cat((new[:, :count] + weights * (self._seam - again), new[:, count:]), dim=1)

    def _remembered(self) -> list[tuple[Memory, ...]]:
        """Of each step what comes before the frames of the pass; nothing if all is computed anew."""
        if not self._voice_memory:
            return []
        if not self._speech_memory:
            return [(voice,) for voice in self._voice_memory]
        return list(zip(self._voice_memory, self._speech_memory, strict=True))

    def _remember(self, pasts: Sequence[Past]) -> None:
        most = FRAMES_PER_TOKEN * self._context
        before = self._speech_memory or len(pasts) * (None,)
        self._speech_memory = tuple(
            past.memory().behind(earlier, most) for past, earlier in zip(pasts, before, strict=True)
        )

    @property
    def _prompt_frames(self) -> int:
        return FRAMES_PER_TOKEN * self._prompt.shape[1]
