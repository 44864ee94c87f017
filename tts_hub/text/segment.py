"""The segments of a text, whole or still being written: the pieces that are spoken one after the other.

Every decision looks at the same characters however the text arrives: from the start of a piece up to a
checkpoint and `LOOKAHEAD` characters behind it, or up to a break that ends it. So the segments do not depend
on how the text was cut, and work and memory per character stay the same for a text of any length.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from anyio.lowlevel import checkpoint

from tts_hub.errors import InvalidTextError, UsageError
from tts_hub.text.check import TextCheck, check_text, has_words
from tts_hub.text.clauses import cut_point, first_cut, split_points
from tts_hub.text.lines import Boundary, Break, BreakScanner
from tts_hub.text.markup import check_pauses
from tts_hub.text.sentences import LOOKAHEAD, SentenceFinder, candidates, ends_sentence
from tts_hub.types import FLUSH, PAUSED

_SPACE = re.compile(r"\s*")
# Characters that are pushed at once: few, so that the first segment is ready soon and other tasks get their
# turn on the event loop.
_WINDOW = 512
# Characters of consumed text that are kept, for rules that look back over a line.
_KEPT = 64
# Characters by which a sentence may exceed the limit of the first piece and still be left whole.
_FIRST_SLACK = 10
# The limit of `max_chars`: a piece is searched in twice as many characters, again with every push.
_MAX_CHARS_LIMIT = 4000


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the text that is spoken in one go."""

    index: int
    span: tuple[int, int]
    """Characters `[start, end)` of the source. The spans of all segments join and cover the source."""
    text: str
    """The words to speak: `source[offset:offset + len(text)]`, without pause tags and white space around.
    Empty when the span has no words, only white space, pause tags, scene breaks or marks."""
    offset: int
    boundary: Boundary
    """The boundary at its end; `clause` is a cut within a sentence."""
    pause_after: float | None
    """Seconds, the sum of the pause tags behind it; None for the usual pause of the boundary."""


@dataclass(slots=True)
class _Held:
    """A segment before a pause tag, held back because further tags may add to its pause."""

    text: str
    start: int
    boundary: Boundary
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """A length, in characters, at which a piece may end."""

    length: int
    mark: re.Match[str] | None = None
    """The mark that may end a sentence there."""
    is_limit: bool = False
    """The piece must be cut there at the latest."""


class Segmenter:
    """Cuts a text into segments as it arrives: `push` every piece of it, then `finish`.

    `max_chars` is the length of the longest segment; above 4000 it has no further effect. With
    `first_max_chars` the first spoken segment ends at a clause mark within so many characters, if there is
    one; a sentence of more than twice as many is cut at white space instead. A lone line break behind a full
    stop ends a paragraph at once, because a writer who stops there wants to hear it. Only where the line is
    as long as editors wrap lines (55 to 80 characters) does that depend on the next line.
    """

    def __init__(
        self, *, language: str = "en", max_chars: int = 250, first_max_chars: int | None = None
    ) -> None:
        if max_chars < 1 or (first_max_chars is not None and first_max_chars < 1):
            raise UsageError(
                f"max_chars and first_max_chars must be positive: {max_chars}, {first_max_chars}"
            )
        self._sentences = SentenceFinder(language)
        self._max_chars = min(max_chars, _MAX_CHARS_LIMIT)
        self._first_max = None if first_max_chars is None else min(first_max_chars, self._max_chars)
        self._scanner = BreakScanner()
        self._text = ""
        self._base = 0  # position of _text[0] in the source
        self._at = 0  # index into _text: all before it is consumed
        self._span_start = 0  # position in the source
        self._tried = 0  # up to here, from _at on, no sentence ends
        self._index = 0
        self._held: _Held | None = None
        self._finished = False
        self._fault: InvalidTextError | None = None

    def push(self, text: str) -> list[Segment]:
        """Add text; returns the segments that are complete now.

        Raises `InvalidTextError` for a broken pause tag; the segments before it are returned first,
        and the next call raises the error.
        """
        if self._finished:
            raise UsageError("this Segmenter is finished; make a new one for another text")
        self._text += text
        segments = self._ready(final=False)
        surplus = self._at - _KEPT
        if surplus > 0:
            self._text = self._text[surplus:]
            self._base += surplus
            self._at -= surplus
            self._scanner.forget(surplus)
        return segments

    def finish(self) -> list[Segment]:
        """End the text; returns the segments that are left. An empty text has none."""
        if self._finished:
            return []
        segments = self.flush()
        self._finished = self._fault is None
        return segments

    @property
    def looks_complete(self) -> bool:
        """Whether the rest of the text ends like a sentence, so that it may be spoken if nothing follows."""
        return ends_sentence(self._text[self._at :].rstrip())

    def flush(self) -> list[Segment]:
        """The segments of the rest so far, as if the text ended here; more text may follow."""
        segments = self._ready(final=True)
        if self._fault:
            return segments
        end = self._base + len(self._text)
        if self._held:
            segments.append(self._release(end))
        elif self._span_start < end:
            segments.append(self._segment("", end, "paragraph", None, end))
        self._scanner = BreakScanner()
        self._text, self._base = "", end
        self._at = self._tried = 0
        return segments

    def _ready(self, *, final: bool) -> list[Segment]:
        if self._fault:
            raise self._fault
        segments: list[Segment] = []
        try:
            segments.extend(self._advance(final=final))
        except InvalidTextError as exc:
            if not segments:
                raise
            self._fault = exc
        return segments

    def _advance(self, *, final: bool) -> Iterator[Segment]:
        while True:
            self._scanner.scan(self._text, final=final)
            found = self._scanner.found
            end = found.start if found else self._scanner.at
            self._skip_space(end)
            if self._at < end:
                if self._held:
                    yield self._release(self._base + self._at)
                window = self._text[self._at : min(end, self._at + 2 * self._max_chars + LOOKAHEAD)]
                complete = (found is not None or final) and self._at + len(window) == end
                piece = self._next_piece(window, complete)
                if piece is None or self._may_end_here(window, piece[0], end, complete):
                    return
                yield from self._take(window, *piece, complete, found)
            elif found:
                self._cross(found)
            else:
                return

    def _skip_space(self, end: int) -> None:
        space = _SPACE.match(self._text, self._at, end)
        if space:
            self._at = space.end()

    def _cross(self, found: Break) -> None:
        """Consume a break that no words come before."""
        self._scanner.cross()
        if found.boundary is None:
            self._held = self._held or _Held("", self._base + found.start, "sentence")
            self._held.seconds += found.seconds
        self._at = found.end

    def _may_end_here(self, window: str, length: int, end: int, complete: bool) -> bool:
        """Whether only white space follows the piece so far: the next character may be a break."""
        is_all = self._at + len(window) == end
        return is_all and not complete and length < len(window) and window[length:].isspace()

    def _next_piece(self, text: str, complete: bool) -> tuple[int, Boundary] | None:
        """The length and boundary of the first piece of `text`; None if more text is needed."""
        for at in heapq.merge(*self._schedule(text), key=_length):
            if at.length + LOOKAHEAD > len(text):
                if not complete:
                    return None
                if at.mark is None:
                    continue
            piece = self._piece_at(text, at)
            if piece:
                return piece
        if not complete:
            return None
        return self._cut_first(text, len(text)) or (len(text), "sentence")

    def _piece_at(self, text: str, at: _Checkpoint) -> tuple[int, Boundary] | None:
        """The piece that ends at a checkpoint, if one does."""
        if at.mark is not None:
            end = self._sentences.end_at(text, at.mark)
            if end is not None:
                return self._cut_first(text, end) or (end, "sentence")
            if at.length + LOOKAHEAD <= len(text):
                self._tried = at.length
            return None
        if at.is_limit:
            return cut_point(text, self._max_chars // 2 or 1, self._max_chars, self._max_chars), "clause"
        return self._cut_first(text, at.length)

    def _schedule(self, text: str) -> Iterator[Iterator[_Checkpoint]]:
        """The checkpoints of a piece, in three rising series; lengths count from its start."""
        if self._first_max is not None:
            early = (self._first_max + _FIRST_SLACK + 1, 2 * self._first_max + 1)
            yield (_Checkpoint(length) for length in early)
        yield iter([_Checkpoint(2 * self._max_chars, is_limit=True)])
        yield (_Checkpoint(mark.end(), mark) for mark in candidates(text, self._tried))

    def _cut_first(self, text: str, length: int) -> tuple[int, Boundary] | None:
        """The early end of the very first piece, out of a sentence of at least `length` characters."""
        first_max = self._first_max
        length = len(text[:length].rstrip())
        if first_max is None or length <= min(first_max + _FIRST_SLACK, 2 * first_max):
            return None
        cut = first_cut(text, first_max, at_space=length > 2 * first_max)
        return None if cut is None else (cut, "clause")

    def _take(
        self, window: str, length: int, boundary: Boundary, complete: bool, found: Break | None
    ) -> Iterator[Segment]:
        """Consume the first `length` characters of `window`, and the break behind them if they reach it."""
        self._tried = 0
        sentence = window[:length].rstrip()
        start = 0
        for cut in split_points(sentence, self._max_chars):
            yield self._speak(sentence[start:cut], "clause", self._base + self._at + cut, self._at + start)
            start = cut
        rest, rest_at = sentence[start:], self._at + start
        if not complete or window[length:].strip():
            self._at += length
            yield self._speak(rest, boundary, self._base + self._at, rest_at)
        elif found and found.boundary is None:
            self._first_max = None
            self._at = found.start
            boundary = "sentence" if ends_sentence(rest) else "clause"
            self._held = _Held(rest.strip(), self._base + rest_at + _indent(rest), boundary)
        elif found:
            self._scanner.cross()
            self._at = found.end
            yield self._speak(rest, found.boundary or boundary, self._base + self._at, rest_at)
        else:
            self._at = len(self._text)
            yield self._speak(rest, "paragraph", self._base + self._at, rest_at)

    def _speak(self, text: str, boundary: Boundary, span_end: int, start: int) -> Segment:
        self._first_max = None
        return self._segment(text.strip(), self._base + start + _indent(text), boundary, None, span_end)

    def _release(self, span_end: int) -> Segment:
        held, self._held = self._held or _Held("", span_end, "sentence"), None
        return self._segment(held.text, held.start, held.boundary, held.seconds, span_end)

    def _segment(
        self, text: str, offset: int, boundary: Boundary, pause: float | None, span_end: int
    ) -> Segment:
        text = text if has_words(text) else ""
        segment = Segment(self._index, (self._span_start, span_end), text, offset, boundary, pause)
        self._index += 1
        self._span_start = span_end
        return segment


def _length(checkpoint: _Checkpoint) -> int:
    return checkpoint.length


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


async def segments_of(
    source: str | AsyncIterable[str],
    *,
    max_total_chars: int,
    language: str = "en",
    max_chars: int = 250,
    first_max_chars: int | None = None,
) -> AsyncGenerator[Segment, None]:
    """Check a text and cut it into segments; each comes as soon as the text that has arrived completes it.

    Raises `InvalidTextError` and `TextTooLongError`: for a whole text before the first segment (but at the
    end if it has only pause tags), for pieces when the fault arrives. A source that is an async generator is
    closed at the end.
    """
    segmenter = Segmenter(language=language, max_chars=max_chars, first_max_chars=first_max_chars)
    spoken = False
    since = 0  # characters since other tasks had their turn
    async with aclosing(_pieces(source, max_total_chars)) as pieces:
        async for piece in pieces:
            for segment in cut(segmenter, piece):
                spoken = spoken or bool(segment.text)
                yield segment
            since += len(piece)
            if since >= _WINDOW:
                since = 0
                await checkpoint()
    while rest := segmenter.finish():
        for segment in rest:
            spoken = spoken or bool(segment.text)
            yield segment
    if not spoken:
        raise InvalidTextError("the text contains no words to speak, only pauses and punctuation")


def cut(segmenter: Segmenter, piece: str) -> list[Segment]:
    """The segments that a piece of text completes, or `FLUSH` or `PAUSED` in its place."""
    if piece is FLUSH:
        return segmenter.flush()
    if piece is PAUSED:
        return segmenter.flush() if segmenter.looks_complete else []
    return segmenter.push(piece)


async def _pieces(source: str | AsyncIterable[str], max_total_chars: int) -> AsyncGenerator[str, None]:
    """The text in pieces of at most `_WINDOW` characters, checked."""
    if isinstance(source, str):
        check_text(source, max_chars=max_total_chars)
        check_pauses(source)
        for window in _windows(source):
            yield window
        return
    check = TextCheck(max_chars=max_total_chars)
    if isinstance(source, AsyncGenerator):
        async with aclosing(source):
            async for piece in source:
                check.add(piece)
                for window in _windows(piece):
                    yield window
    else:
        async for piece in source:
            check.add(piece)
            for window in _windows(piece):
                yield window
    check.finish()


def _windows(piece: str) -> Iterator[str]:
    if len(piece) <= _WINDOW:
        yield piece  # the same object: `FLUSH` and `PAUSED` are known by identity
        return
    for start in range(0, len(piece), _WINDOW):
        yield piece[start : start + _WINDOW]
