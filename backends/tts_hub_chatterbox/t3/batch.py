"""The batch of T3: rows come and go between two steps, each with its own voice, options and generator.

A step reads the weights once, however many rows it has.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tts_hub.errors import GenerationError, TextTooLongError
from tts_hub_chatterbox.memory import translate_out_of_memory
from tts_hub_chatterbox.nets.kv_cache import KVCache
from tts_hub_chatterbox.nets.t3 import T3
from tts_hub_chatterbox.t3.recorded_steps import RecordedSteps
from tts_hub_chatterbox.t3.sampling import SamplingOptions, sample
from tts_hub_chatterbox.voices.conditioning import Conditioning

MAX_PROMPT = 376
"""The most positions of a voice: its vector and 15 s of speech."""
MAX_TEXT = 520
"""The most text tokens of a row; a segment of 250 characters has 250 at most."""
VOICES_KEPT = 4
"""Voices whose keys and values are kept, 37 MB each for Turbo in bfloat16."""


@dataclass(eq=False, slots=True)
class Row:
    """One segment in the batch."""

    voice: Conditioning
    options: SamplingOptions
    generator: torch.Generator
    """A generator of the CPU, so that a seed gives the same tokens on every device."""
    index: int
    """The row's place in the batch now."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The token that a step gave a row, or the error that the row alone had."""

    row: Row
    token: int = -1
    error: Exception | None = None


class T3Batch:
    """Rows of T3 that are decoded together. For one thread."""

    def __init__(
        self,
        t3: T3,
        device: torch.device,
        *,
        rows: int,
        speech_tokens: int,
        kv_dtype: torch.dtype,
        recorded: bool | None = None,
    ) -> None:
        """Make room for `rows` of up to `speech_tokens` each.

        On processors memory is taken as it is filled; on CUDA at once, 0.19 GB a row of Turbo in bfloat16.

        Args:
            t3: the net.
            device: where the net is.
            rows: the most rows at once.
            speech_tokens: the most speech tokens of a row.
            kv_dtype: number type of the KV cache.
            recorded: record the steps as CUDA graphs; None: on CUDA.
        """
        self._t3 = t3
        self._device = device
        self._kv_dtype = kv_dtype
        self._speech_tokens = speech_tokens
        self._cache = KVCache.empty(
            t3.config.backbone,
            batch=rows,
            capacity=MAX_PROMPT + MAX_TEXT + 1 + speech_tokens,
            dtype=kv_dtype,
            device=device,
        )
        vocabulary = t3.config.speech_vocabulary
        self._said = torch.zeros(rows, vocabulary, dtype=torch.bool, device=device)
        self._last = torch.zeros(rows, dtype=torch.int64, device=device)
        is_recorded = device.type == "cuda" if recorded is None else recorded
        self._recorded = RecordedSteps(t3, self._cache) if is_recorded else None
        self._rows: list[Row] = []
        self._voices: OrderedDict[Conditioning, KVCache] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def is_full(self) -> bool:
        """Whether there is no free row."""
        return len(self._rows) == len(self._last)

    @torch.inference_mode()
    def prefill(
        self,
        voice: Conditioning,
        text: Sequence[int],
        options: SamplingOptions,
        generator: torch.Generator,
    ) -> tuple[Row, int]:
        """Add a row and read a voice and `text` into it; returns the row and its first speech token.

        Raises:
            TextTooLongError: there is no room for the text.
            GenerationError: the net gave no finite numbers.
        """
        if len(text) > MAX_TEXT:
            raise TextTooLongError(f"a segment has {len(text)} tokens; Chatterbox takes {MAX_TEXT} at most")
        index = len(self._rows)
        cache = self._cache.rows(index, index + 1)
        try:
            cache.copy_from(self._voice_cache(voice))
            ids = torch.tensor([text], dtype=torch.int64, device=self._device)  # (1, T)
            logits = self._t3.prefill_text(ids, cache)  # (1, V)
            said = self._said[index : index + 1].zero_()
            token = sample(logits, said, [options], [generator])  # (1,)
        except BaseException:
            cache.clear()
            raise
        self._last[index] = token[0]
        row = Row(voice, options, generator, index)
        self._rows.append(row)
        return row, int(token)

    def step(self) -> list[StepResult]:
        """Decode a token for every row; one with an error must be freed, and the others are not affected."""
        together = self._try_step(0, len(self._rows))
        if len(together) == len(self._rows):
            return together
        # One row made the others fail, or all together are too many.
        return [drawn for row in self._rows for drawn in self._try_step(row.index, row.index + 1)]

    def free(self, row: Row) -> None:
        """Remove a row; the last row moves to its place."""
        last = self._rows.pop()
        if last is not row:
            self._cache.rows(row.index, row.index + 1).copy_from(self._cache.rows(last.index, last.index + 1))
            self._said[row.index] = self._said[last.index]
            self._last[row.index] = self._last[last.index]
            self._rows[row.index] = last
        # Wiped, as NaN or infinity would get past a mask.
        self._cache.rows(last.index, last.index + 1).clear()
        last.index = row.index

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Record the steps of all shapes there can be, where steps are recorded. The batch must be empty."""
        if self._recorded is not None:
            self._recorded.record_all()

    def _try_step(self, start: int, stop: int) -> list[StepResult]:
        """Try a step of some rows; if it fails, the only result is the error, for the first of them."""
        lengths = self._cache.lengths[start:stop].clone()
        try:
            with translate_out_of_memory("chatterbox", self._device):
                return self._step(start, stop)
        except Exception as exc:  # noqa: BLE001 - carried over to the row's request, whatever it is
            self._cache.lengths[start:stop] = lengths
            return [StepResult(self._rows[start], error=exc)]

    @torch.inference_mode()
    def _step(self, start: int, stop: int) -> list[StepResult]:
        rows = self._rows[start:stop]
        cache, last = self._cache.rows(start, stop), self._last[start:stop]
        if self._recorded is not None and len(rows) == len(self._rows):  # the other rows must be free
            logits = self._recorded.step(last)  # (B, V)
        else:
            logits = self._t3.step(last, cache, self._shared(rows))
        fine = torch.isfinite(logits).all(dim=1)  # (B,)
        tokens = sample(
            torch.where(fine[:, None], logits, 0.0),
            self._said[start:stop],
            [row.options for row in rows],
            [row.generator for row in rows],
        )  # (B,)
        self._last[start:stop] = tokens
        return [
            StepResult(row, token) if is_fine else StepResult(row, error=_not_finite())
            for row, token, is_fine in zip(rows, tokens.tolist(), fine.tolist(), strict=True)
        ]

    def _shared(self, rows: Sequence[Row]) -> int:
        """How many positions all rows begin with alike: those of their voice, if all have the same."""
        voice = rows[0].voice
        alike = all(row.voice is voice for row in rows)
        return 1 + voice.t3_prompt.shape[1] if alike else 0

    def _voice_cache(self, voice: Conditioning) -> KVCache:
        """The keys and values of a voice, which are the same in each of its rows."""
        found = self._voices.get(voice)
        if found is None:
            prompt = voice.t3_prompt.to(self._device)
            found = KVCache.empty(
                self._t3.config.backbone,
                capacity=1 + prompt.shape[1],
                dtype=self._kv_dtype,
                device=self._device,
            )
            with torch.inference_mode():
                self._t3.prefill_voice(voice.speaker.to(self._device), prompt, found)
            self._voices[voice] = found
            while len(self._voices) > VOICES_KEPT:
                self._voices.popitem(last=False)
        self._voices.move_to_end(voice)
        return found


def _not_finite() -> GenerationError:
    return GenerationError("the model generated no finite logits", backend="chatterbox")
