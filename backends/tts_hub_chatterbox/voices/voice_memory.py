"""The voice's part of a flow pass: how much of its clip takes part, and what the flow remembers of it.

Q prompt tokens, P mel frames of the prompt
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import torch

from tts_hub_chatterbox.nets.flow import Flow, FlowMemory
from tts_hub_chatterbox.nets.units import FRAMES_PER_TOKEN, TOKENS_PER_SECOND
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.voices.conditioning import Conditioning


def cut_prompt(voice: Conditioning, seconds: float) -> Conditioning:
    """Cut a voice's prompt for the flow to the first `seconds` of its clip; at least one token stays.

    The published pipeline takes the first 10 s of a clip, so the result is what it would make of a shorter
    clip. A voice whose prompt is not longer is returned as it is.
    """
    tokens = max(1, int(seconds * TOKENS_PER_SECOND))
    if voice.flow_prompt.shape[1] <= tokens:
        return voice
    return replace(
        voice,
        flow_prompt=voice.flow_prompt[:, :tokens].clone(),  # (1, Q)
        flow_mel=voice.flow_mel[:, : FRAMES_PER_TOKEN * tokens].clone(),  # (1, 2Q, 80)
    )


@dataclass(frozen=True, slots=True, eq=False)
class VoiceMemory:
    """The memory that a voice's prompt leaves in the flow."""

    flow: FlowMemory

    @property
    def nbytes(self) -> int:
        """Bytes: about 487 kB for each frame of the prompt in float32 and two steps, so 244 MB for 10 s."""
        return self.flow.nbytes

    @classmethod
    @torch.inference_mode()
    def of(cls, flow: Flow, voice: Conditioning, steps: int) -> VoiceMemory:
        """Compute the memory on the flow's device, in about the time of a pass over the prompt.

        The noise comes from a seed of the voice's own, so that a voice always has the same memory.
        """
        frames = FRAMES_PER_TOKEN * voice.flow_prompt.shape[1]
        noise = flow.draw_noise(frames, generator_for(int(_digest(voice)[:15], 16), 0, "prompt"))
        prompt, mel, xvector, noise = (
            tensor.to(flow.embedding.weight.device)
            for tensor in (voice.flow_prompt, voice.flow_mel, voice.xvector, noise)
        )
        return cls(flow.remember(prompt, mel, xvector, noise, steps=steps))


class VoiceMemories:
    """The memories of one flow that were used last, up to `most_bytes`. Threads may share it."""

    def __init__(self, flow: Flow, *, most_bytes: int = 1_000_000_000) -> None:
        self._flow = flow
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, int], VoiceMemory] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()
        """Held to compute one memory at a time, as each takes all cores."""

    def get(self, voice: Conditioning, steps: int) -> VoiceMemory:
        """The memory of a voice; equal voices have the same one. It is computed if it is not kept.

        However many threads ask at once, it is computed once. A memory larger than `most_bytes` is returned
        and not kept.
        """
        key = _digest(voice), steps
        found = self._look_up(key)
        if found is not None:
            return found
        with self._making:
            found = self._look_up(key)
            if found is None:
                found = VoiceMemory.of(self._flow, voice, steps)
                self._keep(key, found)
            return found

    @property
    def nbytes(self) -> int:
        """Bytes of all memories that are kept."""
        with self._lock:
            return self._nbytes()

    def clear(self) -> None:
        """Drop all memories; those in use stay alive as long as they are used."""
        with self._lock:
            self._kept.clear()

    def _look_up(self, key: tuple[str, int]) -> VoiceMemory | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: tuple[str, int], memory: VoiceMemory) -> None:
        with self._lock:
            self._kept[key] = memory
            while self._nbytes() > self._most_bytes:
                self._kept.popitem(last=False)

    def _nbytes(self) -> int:
        return sum(memory.nbytes for memory in self._kept.values())


def _digest(voice: Conditioning) -> str:
    """A digest of the tensors that the flow uses."""
    digest = hashlib.blake2b(digest_size=16)
    for tensor in (voice.flow_prompt, voice.flow_mel, voice.xvector):
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
