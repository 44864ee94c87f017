"""T3 ("token to token") of Chatterbox Turbo and Nano: from text to speech tokens in a voice, one by one.

B batch, P prompt tokens (speech of the voice), T text tokens, D width, V speech vocabulary

The sequence: speaker vector | prompt | text | start of speech | speech tokens ...
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tts_hub_chatterbox.nets.gpt2 import GPT2
from tts_hub_chatterbox.nets.gpt2_config import GPT2_MEDIUM, GPT2_SMALL, GPT2Config
from tts_hub_chatterbox.nets.kv_cache import KVCache, Places
from tts_hub_chatterbox.nets.units import CODEBOOK_SIZE

START_SPEECH = CODEBOOK_SIZE
STOP_SPEECH = CODEBOOK_SIZE + 1


@dataclass(frozen=True, slots=True)
class T3Config:
    """The sizes of Turbo."""

    backbone: GPT2Config = GPT2_MEDIUM
    text_vocabulary: int = 50276
    """50257 tokens of GPT-2 and 19 tags."""
    speech_vocabulary: int = CODEBOOK_SIZE + 2
    """The codebook, start and stop."""
    speaker_width: int = 256
    """The width of the voice encoder's vector."""
    start_speech: int = START_SPEECH


TURBO = T3Config()
NANO = T3Config(backbone=GPT2_SMALL)


class T3(nn.Module):
    """Gives the logits of the next speech token."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.config = config
        width = config.backbone.width
        self.speaker_projection = nn.Linear(config.speaker_width, width)
        self.text_embedding = nn.Embedding(config.text_vocabulary, width)
        self.speech_embedding = nn.Embedding(config.speech_vocabulary, width)
        self.backbone = GPT2(config.backbone)
        self.speech_head = nn.Linear(width, config.speech_vocabulary)

    def prefill(self, speaker: Tensor, prompt: Tensor, text_tokens: Tensor, cache: KVCache) -> Tensor:
        """Read voice and text into empty rows; returns logits (B, V), float32, of the first speech token.

        Rows whose prompts or texts differ in length are prefilled one by one: `cache.rows(i, i + 1)`.

        Args:
            speaker: (B, 256), the voice encoder's vector.
            prompt: (B, P) int64, speech tokens of the voice's clip; P may be 0.
            text_tokens: (B, T) int64.
            cache: B empty rows.

        Raises:
            GenerationError: the cache is too small.
        """
        voice, text = self._embed_voice(speaker, prompt), self._embed_text(text_tokens)
        return self._last_logits(torch.cat([voice, text], dim=1), cache)  # (B, 1 + P + T + 1, D)

    def prefill_voice(self, speaker: Tensor, prompt: Tensor, cache: KVCache) -> None:
        """Read only a voice into empty rows, to be copied for each of its texts; see `prefill`."""
        self.backbone(self._embed_voice(speaker, prompt), cache)

    def prefill_text(self, text_tokens: Tensor, cache: KVCache) -> Tensor:
        """Read texts (B, T) into rows that hold a voice; returns logits (B, V), float32."""
        return self._last_logits(self._embed_text(text_tokens), cache)

    def step(self, tokens: Tensor, cache: KVCache, shared: int = 0) -> Tensor:
        """Append one speech token (B,) to every row; returns logits (B, V), float32, of the next one.

        All rows begin with the same `shared` positions, such as those of one voice.

        Raises:
            GenerationError: the cache is full.
        """
        return self._last_logits(self.speech_embedding(tokens)[:, None], cache, shared)  # (B, D) -> (B, 1, D)

    def step_at(self, tokens: Tensor, lengths: Tensor, end: int, cache: KVCache) -> Tensor:
        """A step that can be recorded: row i has `lengths[i]` positions, among the first `end` columns.

        The lengths of the cache itself are neither read nor changed.

        Args:
            tokens: (B,) int64.
            lengths: (B,) int64 on the device of the cache.
            end: more than the longest length.
            cache: the cache of the B rows.
        """
        places = Places.fixed(lengths, end, cache.keys.dtype)
        hidden = self.backbone.at(places, self.speech_embedding(tokens)[:, None], cache)[:, -1]  # (B, D)
        return self.speech_head(hidden).float()  # type: ignore[no-any-return]  # (B, V)

    def _embed_voice(self, speaker: Tensor, prompt: Tensor) -> Tensor:
        said = self.speech_embedding(prompt)  # (B, P, D)
        who = self.speaker_projection(speaker.to(said.dtype))[:, None]  # (B, 1, D)
        return torch.cat([who, said], dim=1)  # (B, 1 + P, D)

    def _embed_text(self, text_tokens: Tensor) -> Tensor:
        text = self.text_embedding(text_tokens)  # (B, T, D)
        start = self.speech_embedding.weight[self.config.start_speech].expand(len(text), 1, -1)  # (B, 1, D)
        return torch.cat([text, start], dim=1)  # (B, T + 1, D)

    def _last_logits(self, inputs: Tensor, cache: KVCache, shared: int = 0) -> Tensor:
        hidden = self.backbone(inputs, cache, shared)[:, -1]  # (B, D)
        return self.speech_head(hidden).float()  # type: ignore[no-any-return]  # (B, V)
