"""Word timings, from the lengths of the symbols, or estimated where the graph does not give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tts_hub.text.phonemes.symbols import LENGTH, PUNCTUATION, STRESS
from tts_hub.types import Samples, WordTiming
from tts_hub_piper.reading import Utterance

SILENCE = 1e-2
"""Share of the highest sample below which audio counts as silence."""
WEIGHTS = {" ": 0.3} | dict.fromkeys(LENGTH | STRESS, 0.3) | dict.fromkeys(PUNCTUATION, 2.5)
"""Symbol -> its length as a share of a usual sound's, for estimates."""


class WordTimer:
    """Times the words of a segment, utterance by utterance, each word once."""

    def __init__(self, text: str, words: Sequence[tuple[int, int]], spoken: set[int]) -> None:
        """`words` are places in `text`; a word that is not in `spoken` is a part of the one before it."""
        self._text = text
        wordlike = [
            (n, span)
            for n, span in enumerate(words)
            if n in spoken or any(map(str.isalnum, text[slice(*span)]))
        ]
        self._spans = _joined(wordlike, spoken)
        self._done: set[int] = set()
        self._earliest = 0.0

    def words(
        self, utterance: Utterance, edges: NDArray[np.float64], offset: float, length: float
    ) -> tuple[WordTiming, ...]:
        """The words of one utterance, whose audio begins at `offset` and takes `length` seconds.

        `edges` (N + 1,) are the beginnings of its N symbols in seconds, and the end of the last one.
        """
        found: dict[int, tuple[float, float]] = {}
        for n, label in enumerate(utterance.labels):
            if label is not None and label not in self._done:
                begin = found[label][0] if label in found else float(edges[n])
                found[label] = (begin, float(edges[n + 1]))
        return tuple(self._timed(found, offset, length))

    def _timed(
        self, found: dict[int, tuple[float, float]], offset: float, length: float
    ) -> Iterator[WordTiming]:
        for label, (begin, end) in sorted(found.items()):
            self._done.add(label)
            low, high = self._spans[label]
            start = max(offset + min(begin, length), self._earliest)
            self._earliest = max(offset + min(end, length), start)
            yield WordTiming(self._text[low:high], start, self._earliest, (low, high))


def exact_edges(
    places: Sequence[int], frames: NDArray[np.int64], seconds_per_frame: float
) -> NDArray[np.float64]:
    """The edges of N symbols whose first ids are at `places` (N + 1,), the last being the id behind them."""
    ends = np.concatenate([[0], np.cumsum(frames)])
    edges: NDArray[np.float64] = ends[np.asarray(places)] * seconds_per_frame
    return edges


def estimated_edges(symbols: Sequence[str], samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """The edges of N symbols as shares of the audible part of `samples` (T,), by their usual lengths."""
    weights = np.array([WEIGHTS.get(symbol, 1.0) for symbol in symbols])
    last = max((n for n, symbol in enumerate(symbols) if symbol not in PUNCTUATION | {" "}), default=-1)
    weights[last + 1 :] = 0  # the audible part ends before the last pause
    shares = np.concatenate([[0.0], np.cumsum(weights)]) / max(float(weights.sum()), 1e-9)
    audible = np.flatnonzero(np.abs(samples) > SILENCE * np.abs(samples).max(initial=0.0))
    first, end = (audible[0], audible[-1] + 1) if len(audible) else (0, len(samples))
    edges: NDArray[np.float64] = (first + shares * (end - first)) / sample_rate
    return edges


def _joined(words: Sequence[tuple[int, tuple[int, int]]], spoken: set[int]) -> dict[int, tuple[int, int]]:
    """The places of the spoken words, of which the others become a part."""
    spans: dict[int, tuple[int, int]] = {}
    lead: int | None = None
    last: int | None = None
    for n, (start, end) in words:
        if n in spoken:
            spans[n] = (start if lead is None else lead, end)
            last, lead = n, None
        elif last is not None:
            spans[last] = (spans[last][0], end)
        else:
            lead = start if lead is None else lead
    return spans
