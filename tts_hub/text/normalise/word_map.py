"""Word timings mapped from the text that an engine got to the text that the user wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tts_hub.text.normalise.edits import SpokenText
from tts_hub.text.words import Token, tokens
from tts_hub.types import AudioChunk, WordTiming


@dataclass(slots=True)
class _Group:
    """Spoken words that belong together, and the words of the source that they stand for."""

    start: float
    """Seconds, as in `end`."""
    end: float
    spans: list[tuple[int, int]]
    """Spans of the source; empty until a spoken word stands for one."""


class WordMapper:
    """Maps the word timings of one segment to its source, chunk by chunk.

    Each word of the source comes once, in order. Several spoken words of one word are one timing; a spoken
    word that was inserted joins the word before it, or the first one behind it. The last word is held back
    until the next one shows that it is complete; `finish` returns it.
    """

    def __init__(self, spoken: SpokenText) -> None:
        self._spoken = spoken
        self._tokens = list(tokens(spoken.source)) if spoken.changed else []
        self._kept = spoken.kept() if spoken.changed else bytearray()
        self._next_token = 0
        self._group: _Group | None = None
        self._last = AudioChunk(np.zeros(0, np.float32), 1)

    def map(self, chunk: AudioChunk) -> AudioChunk:
        """Map the words of a chunk; returns it with the words that are now complete."""
        if not self._spoken.changed:
            return chunk
        self._last = chunk
        words = tuple(done for word in chunk.words for done in self._add(word))
        return replace(chunk, words=words)

    def finish(self) -> AudioChunk | None:
        """The last word in a chunk without samples; None if there is none left."""
        words = tuple(self._close())
        if not words:
            return None
        nothing = np.zeros(0, np.float32)
        return AudioChunk(nothing, self._last.sample_rate, words, estimated_words=self._last.estimated_words)

    def _add(self, word: WordTiming) -> Iterator[WordTiming]:
        group, spans = self._group, self._spans_of(word)
        if group is not None and (not spans or not group.spans or spans[0][0] < group.spans[-1][1]):
            group.end = max(group.end, word.end)
            known = group.spans[-1][1] if group.spans else 0
            group.spans += [span for span in spans if span[0] >= known]
            return
        yield from self._close()
        self._group = _Group(word.start, word.end, spans)

    def _spans_of(self, word: WordTiming) -> list[tuple[int, int]]:
        """The spans of the source that a spoken word stands for; none for an inserted word."""
        region = self._spoken.origin(*word.span)
        if region is None:
            return []
        met = self._tokens_in(*region) or self._token_behind(region[1])
        first = min([region[0], *(token.start for token in met)])
        last = max([region[1], *(token.end for token in met)])
        if all(self._kept[first:last]):
            return [region]
        wordlike = [token for token in met if token.wordlike] or met
        return [(token.start, token.end) for token in wordlike] or [region]

    def _token_behind(self, position: int) -> list[Token]:
        """The token behind a mark without a space, such as the 5 of `-5`, to which the mark belongs."""
        if self._next_token == len(self._tokens):
            return []
        token = self._tokens[self._next_token]
        between = self._spoken.source[position : token.start]
        return [token] if not any(map(str.isspace, between)) else []

    def _tokens_in(self, start: int, end: int) -> list[Token]:
        """The tokens of the source that overlap `[start, end)`."""
        while self._next_token < len(self._tokens) and self._tokens[self._next_token].end <= start:
            self._next_token += 1
        met, at = list[Token](), self._next_token
        while at < len(self._tokens) and self._tokens[at].start < end:
            met.append(self._tokens[at])
            at += 1
        return met

    def _close(self) -> Iterator[WordTiming]:
        """End the group; its words, which share its time by their length."""
        group, self._group = self._group, None
        if group is None or not group.spans:
            return
        length = sum(end - start for start, end in group.spans)
        per_character = (group.end - group.start) / max(length, 1)
        at = group.start
        for start, end in group.spans:
            until = at + (end - start) * per_character
            yield WordTiming(self._spoken.source[start:end], at, min(until, group.end), (start, end))
            at = min(until, group.end)
