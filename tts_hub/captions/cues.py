"""Captions from word timings: which lines stand on the screen, from when to when.

A caption shows the text as the user wrote it: a word brings the marks around it, up to the next word. Text
before the first word and behind the last one was not spoken, and is not shown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from tts_hub.captions.unbreakable import Binder, Ending, Unit
from tts_hub.captions.widths import width
from tts_hub.text.clauses import cut_point
from tts_hub.text.lines import without_scene_breaks
from tts_hub.text.markup import without_pauses
from tts_hub.text.segment import Segmenter
from tts_hub.types import WordTiming

_CLAUSE_END = re.compile(r"(?:[,;:—–،؛、，；：!?…。！？｡؟۔।॥][\"'”’»)\]」』）]*|[)\]」』）])$")
# Seconds: a longer silence between two words starts a new caption.
_LONG_PAUSE = 1.5
# Seconds: a shorter caption cannot be read; it stays on the screen longer where audio follows.
_MIN_SECONDS = 1.0
# Seconds that the last caption stays behind its last word, at most: the audio may be over.
_LAST_HOLD = 0.3
# Columns by which a line may be worse than an even split, to end where the sense does; negative where it must
# be better, so that it does not end behind "the hot" of "the hot tea".
_BREAK_BONUS = {"sentence": 16, "clause": 10, "phrase": 5, None: 0, "open": -8, "abbreviation": -12}


@dataclass(frozen=True, slots=True)
class Caption:
    """Lines that stand on the screen for a while."""

    start: float
    """Seconds from the start of the audio."""
    end: float
    lines: tuple[str, ...]


def captions(
    words: Sequence[WordTiming],
    source: str,
    *,
    max_line_chars: int = 42,
    max_lines: int = 2,
    max_seconds: float = 7.0,
    language: str = "en",
) -> list[Caption]:
    """Group words into captions, in time order and never overlapping.

    `max_line_chars` counts columns: a wide character of Chinese, Japanese or Korean takes two. `max_seconds`
    is the longest a caption stays, unless one word alone takes longer. `language` is a BCP 47 tag: the rules
    by which sentences end.
    """
    fits = _Fits(max(max_line_chars, 2), max(max_lines, 1), max_seconds)
    shown = without_scene_breaks(without_pauses(source))
    binder = Binder(language, fits.columns, seconds=fits.seconds, gap=_LONG_PAUSE)
    units = list(binder.bind(list(_tokens(words, shown, fits.columns, language))))
    groups = [group for sentences in _by_pause(units) for group in _pack(sentences, fits)]
    return [
        Caption(group[0].start, _end(group, until), tuple(_lines(group, fits)))
        for group, until in zip_longest(groups, (later[0].start for later in groups[1:]))
    ]


@dataclass(frozen=True, slots=True)
class _Fits:
    """Whether tokens fit into one caption."""

    columns: int
    lines: int
    seconds: float

    def __call__(self, tokens: Sequence[Unit]) -> bool:
        return tokens[-1].end - tokens[0].start <= self.seconds and len(self.wrap(tokens)) <= self.lines

    def wrap(self, tokens: Sequence[Unit]) -> list[int]:
        """The starts of lines that are filled as far as possible; it stops when there are too many."""
        starts, used = [0], 0
        for index, token in enumerate(tokens):
            columns = width(token.text)
            space = int(token.spaced and used > 0)
            if used and used + space + columns > self.columns:
                starts.append(index)
                used = columns
                if len(starts) > self.lines:
                    break
            else:
                used += space + columns
        return starts


def _tokens(words: Sequence[WordTiming], source: str, columns: int, language: str) -> Iterator[Unit]:
    """The text in time order, cut at white space, with times; a word that is spoken twice comes twice."""
    ordered = _merged(sorted(words, key=lambda word: word.start), len(source))
    ends = _sentence_ends(source, language)
    clock, reached = 0.0, -1
    for index, word in enumerate(ordered):
        start, end = _whole_span(ordered, index, source)
        pieces = [
            piece for part in re.finditer(r"\S+", source[start:end]) for piece in _narrow(part, columns)
        ]
        begin = max(word.start, clock)
        per_char = max(word.end - begin, 0.0) / max(pieces[-1][0] + len(pieces[-1][1]), 1) if pieces else 0.0
        for at, text in pieces:
            spaced = start + at != reached
            reached = start + at + len(text)
            clock = begin + per_char * (at + len(text))
            ending = _ending(text, _last_in(ends, source, reached - len(text), reached))
            yield Unit(text, begin + per_char * at, clock, spaced, ending)


def _sentence_ends(source: str, language: str) -> list[int]:
    """The indexes behind the last character of every sentence, heading and paragraph."""
    segmenter = Segmenter(language=language)
    # Pause tags are gone, and a broken one was refused before speaking began: other brackets mean nothing
    # here.
    segments = segmenter.push(source.replace("[", "(")) + segmenter.finish()
    return [one.offset + len(one.text) for one in segments if one.text and one.boundary != "clause"]


def _last_in(ends: Sequence[int], source: str, start: int, end: int) -> bool:
    """Whether a sentence ends in `source[start:end]` with no word behind it."""
    last = bisect_right(ends, end) - 1
    return last >= 0 and start < ends[last] and not any(map(str.isalnum, source[ends[last] : end]))


def _ending(text: str, ends_sentence: bool) -> Ending | None:
    if ends_sentence:
        return "sentence"
    if _CLAUSE_END.search(text):
        return "clause"
    return "abbreviation" if text.endswith(".") else None


def _merged(words: Sequence[WordTiming], length: int) -> list[WordTiming]:
    """The words with spans within the source; several in a row that share a span (`1,234`) become one."""
    merged: list[WordTiming] = []
    for word in words:
        start = min(max(word.span[0], 0), length)
        span = (start, min(max(word.span[1], start), length))
        last = merged[-1] if merged else None
        if last and last.span[0] <= span[0] < last.span[1]:
            # Also for a span that only overlaps the one before: no character is shown twice.
            both = (last.span[0], max(last.span[1], span[1]))
            merged[-1] = replace(last, end=max(last.end, word.end), span=both)
        else:
            merged.append(replace(word, span=span, end=max(word.end, word.start)))
    return merged


def _whole_span(words: Sequence[WordTiming], index: int, source: str) -> tuple[int, int]:
    """The span of a word with the marks around it: opening marks go with the word behind them."""
    start, end = words[index].span
    before = words[index - 1].span[1] if index else 0
    first = _opening(source, before if before <= start else 0, start)
    following = words[index + 1].span[0] if index + 1 < len(words) else -1
    last = _opening(source, end, following) if end <= following else _closing(source, end)
    return first, last


def _opening(source: str, low: int, start: int) -> int:
    """The index of the first mark directly before `start`, behind the last white space from `low` on."""
    at = start
    while at > low and not source[at - 1].isspace() and not source[at - 1].isalnum():
        at -= 1
    # Without white space between the words, the marks belong to the word before them, as in `well-known`.
    return at if at == 0 or source[at - 1].isspace() else start


def _closing(source: str, end: int) -> int:
    while end < len(source) and not source[end].isspace() and not source[end].isalnum():
        end += 1
    return end


def _narrow(part: re.Match[str], columns: int) -> Iterator[tuple[int, str]]:
    """The pieces of a stretch without white space, each no wider than a line, with their indexes."""
    text, start = part[0], 0
    while (most := _fitting(text, start, columns)) < len(text) - start:
        cut = start + cut_point(text[start : start + most + 2], max(most // 2, 1), most, most)
        yield part.start() + start, text[start:cut]
        start = cut
    yield part.start() + start, text[start:]


def _fitting(text: str, start: int, columns: int) -> int:
    """The number of characters from `start` on that fit into a line, at least one."""
    used = 0
    for index in range(start, len(text)):
        used += width(text[index])
        if used > columns:
            return max(index - start, 1)
    return len(text) - start


def _by_pause(tokens: Sequence[Unit]) -> Iterator[list[list[Unit]]]:
    """The sentences, in groups between long pauses."""
    if not tokens:
        return
    group: list[list[Unit]] = [[tokens[0]]]
    for last, token in pairwise(tokens):
        if token.start - last.end > _LONG_PAUSE:
            yield group
            group = [[token]]
        elif last.ending == "sentence":
            group.append([token])
        else:
            group[-1].append(token)
    yield group


def _pack(sentences: Sequence[list[Unit]], fits: _Fits) -> Iterator[list[Unit]]:
    """The captions: short sentences share one, a long one is cut into several of its own."""
    open_group: list[Unit] = []
    for sentence in sentences:
        if open_group and fits([*open_group, *sentence]):
            open_group += sentence
            continue
        if open_group:
            yield open_group
        pieces = _cut(sentence, fits)
        open_group = pieces.pop() if len(pieces) == 1 else []
        yield from pieces
    if open_group:
        yield open_group


def _cut(sentence: list[Unit], fits: _Fits) -> list[list[Unit]]:
    """The pieces of a sentence that fit: about equally long, and cut at clause marks where possible."""
    pieces: list[list[Unit]] = []
    start = 0
    capacity = fits.columns * fits.lines
    while len(sentence) - start > 1 and (len(sentence) - start > capacity or not fits(sentence[start:])):
        most = 1
        while start + most < len(sentence) and fits(sentence[start : start + most + 1]):
            most += 1
        # A little of what follows is enough to see whether the rest would be a leftover.
        ahead, room = _measure(sentence[start : start + 4 * most]), _measure(sentence[start : start + most])
        target = ahead / max(-(-ahead // room), 1)
        first = sentence[start : start + most]
        size = _best_size(first, range(1, most + 1), target)
        pieces.append(first[:size])
        start += size
    return [*pieces, sentence[start:]]


def _measure(tokens: Sequence[Unit]) -> int:
    return width(_joined(tokens))


def _best_size(tokens: Sequence[Unit], sizes: Iterable[int], target: float) -> int:
    """The number of tokens to break after: near an even split, preferably where the sense allows it."""

    def badness(size: int) -> float:
        return abs(_measure(tokens[:size]) - target) - _BREAK_BONUS[tokens[size - 1].ending]

    return min(sizes, key=badness)


def _lines(tokens: Sequence[Unit], fits: _Fits) -> list[str]:
    """The fewest lines of a caption; they end where the sense does, or are about equally long."""
    lines: list[str] = []
    rest = list(tokens)
    count = len(fits.wrap(rest))
    while count > 1:
        target = _measure(rest) / count
        sizes = [
            size
            for size in range(1, len(rest))
            if _measure(rest[:size]) <= fits.columns and len(fits.wrap(rest[size:])) <= count - 1
        ]
        size = _best_size(rest, sizes, target)
        lines.append(_joined(rest[:size]))
        rest = rest[size:]
        count = len(fits.wrap(rest))
    return [*lines, _joined(rest)]


def _joined(tokens: Sequence[Unit]) -> str:
    return "".join(" " + token.text if token.spaced else token.text for token in tokens).lstrip()


def _end(group: Sequence[Unit], until: float | None) -> float:
    last, readable = group[-1].end, group[0].start + _MIN_SECONDS
    if until is None:
        return max(last, min(readable, last + _LAST_HOLD))
    return min(max(last, readable), until)
