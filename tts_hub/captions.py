"""Captions from word timings, and the files they go to: SubRip, WebVTT and JSON.

A caption shows the text as the user wrote it: a word takes along the marks around it, up to the next word.
Text before the first word and behind the last one was not spoken, and is not shown.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Literal

from tts_hub.errors import OutputError, UnsupportedFormatError, one_of
from tts_hub.types import WordTiming

_PAUSE_TAG = re.compile(r"\[[ \t]*pause[ \t]*:[^\[\]\n]*\]", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…。！？｡؟۔।॥][\"'”’»)\]」』）]*$")
_CLAUSE_END = re.compile(r"(?:[,;:—–،؛、，；：][\"'”’»)\]」』）]*|[)\]」』）])$")
# A silence of so many seconds between two words starts a new caption.
_LONG_PAUSE = 1.5
# Shorter than this a caption cannot be read; it stays on the screen longer where there is room.
_MIN_SECONDS = 1.0
# How much worse than an even split a line may be, in columns, to end where the sense does.
_BREAK_BONUS = {"sentence": 16, "clause": 10, None: 0}
_Ending = Literal["sentence", "clause"]


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands on the screen for a while."""

    start: float
    """Seconds from the start of the audio."""
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    """A stretch of text without white space: what a line break never cuts."""

    text: str
    start: float
    end: float
    spaced: bool
    """White space stood before it."""

    @property
    def ending(self) -> _Ending | None:
        if _SENTENCE_END.search(self.text):
            return "sentence"
        return "clause" if _CLAUSE_END.search(self.text) else None


def captions(
    words: Sequence[WordTiming],
    source: str,
    *,
    max_line_chars: int = 42,
    max_lines: int = 2,
    max_seconds: float = 7.0,
) -> list[Caption]:
    """Group words into captions, in time order and never overlapping.

    `max_line_chars` counts columns: a wide character of Chinese, Japanese or Korean takes two. `max_seconds`
    is the longest a caption stays, unless one word alone takes longer.
    """
    fits = _Fits(max(max_line_chars, 2), max(max_lines, 1), max_seconds)
    shown = _PAUSE_TAG.sub(lambda tag: " " * len(tag[0]), source)
    groups = [
        group
        for sentences in _by_pause(list(_tokens(words, shown, fits.columns)))
        for group in _pack(sentences, fits)
    ]
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

    def __call__(self, tokens: Sequence[_Token]) -> bool:
        return tokens[-1].end - tokens[0].start <= self.seconds and len(self.wrap(tokens)) <= self.lines

    def wrap(self, tokens: Sequence[_Token]) -> list[int]:
        """Where lines start when each is filled as far as it goes; stops when they are too many."""
        starts, used = [0], 0
        for index, token in enumerate(tokens):
            width = _width(token.text)
            space = int(token.spaced and used > 0)
            if used and used + space + width > self.columns:
                starts.append(index)
                used = width
                if len(starts) > self.lines:
                    break
            else:
                used += space + width
        return starts


def _tokens(words: Sequence[WordTiming], source: str, columns: int) -> Iterator[_Token]:
    """The text in time order, cut at white space, with times; a word spoken twice comes twice."""
    ordered = _merged(sorted(words, key=lambda word: word.start), len(source))
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
            yield _Token(text, begin + per_char * at, clock, spaced)


def _merged(words: Sequence[WordTiming], length: int) -> list[WordTiming]:
    """Spans within the source, and one word where several in a row stand for the same span (`1,234`)."""
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
    """A word with what stands between it and its neighbours: opening marks go with the word behind them."""
    start, end = words[index].span
    before = words[index - 1].span[1] if index else 0
    first = _opening(source, before if before <= start else 0, start)
    following = words[index + 1].span[0] if index + 1 < len(words) else -1
    last = _opening(source, end, following) if end <= following else _closing(source, end)
    return first, last


def _opening(source: str, low: int, start: int) -> int:
    """Where the marks directly before `start` begin: behind the last white space from `low` on."""
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
    """A stretch without white space, cut where it is wider than a line; each piece with its index."""
    start, used = 0, 0
    text = part[0]
    for index, char in enumerate(text):
        width = _width(char)
        if index > start and width and used + width > columns:
            yield part.start() + start, text[start:index]
            start, used = index, 0
        used += width
    yield part.start() + start, text[start:]


def _by_pause(tokens: Sequence[_Token]) -> Iterator[list[list[_Token]]]:
    """Sentences, in groups between long pauses."""
    if not tokens:
        return
    group: list[list[_Token]] = [[tokens[0]]]
    for last, token in pairwise(tokens):
        if token.start - last.end > _LONG_PAUSE:
            yield group
            group = [[token]]
        elif last.ending == "sentence":
            group.append([token])
        else:
            group[-1].append(token)
    yield group


def _pack(sentences: Sequence[list[_Token]], fits: _Fits) -> Iterator[list[_Token]]:
    """Short sentences share a caption; a long one is cut into several."""
    open_group: list[_Token] = []
    for sentence in sentences:
        if open_group and fits([*open_group, *sentence]):
            open_group += sentence
            continue
        if open_group:
            yield open_group
        *full, open_group = _cut(sentence, fits)
        yield from full
    yield open_group


def _cut(sentence: list[_Token], fits: _Fits) -> list[list[_Token]]:
    """Pieces of a sentence that fit, about equally long, at clause marks where possible."""
    pieces: list[list[_Token]] = []
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


def _measure(tokens: Sequence[_Token]) -> int:
    return _width(_joined(tokens))


def _best_size(tokens: Sequence[_Token], sizes: Iterable[int], target: float) -> int:
    """After how many tokens to break: near an even split, or rather where the sense allows it."""

    def badness(size: int) -> float:
        return abs(_measure(tokens[:size]) - target) - _BREAK_BONUS[tokens[size - 1].ending]

    return min(sizes, key=badness)


def _lines(tokens: Sequence[_Token], fits: _Fits) -> list[str]:
    """As few lines as possible; they end where the sense does, or are about equally long."""
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


def _joined(tokens: Sequence[_Token]) -> str:
    return "".join(" " + token.text if token.spaced else token.text for token in tokens).lstrip()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _end(group: Sequence[_Token], until: float | None) -> float:
    end = max(group[-1].end, group[0].start + _MIN_SECONDS)
    return end if until is None else min(end, until)


def to_srt(words: Sequence[WordTiming], source: str) -> str:
    """SubRip: numbered captions, times as `HH:MM:SS,mmm`."""
    blocks = (
        f"{number}\n{_clock(caption.start, ',')} --> {_clock(caption.end, ',')}\n"
        + "\n".join(line.replace("-->", "->") for line in caption.lines)
        for number, caption in enumerate(captions(words, source), 1)
    )
    return "".join(block + "\n\n" for block in blocks)


def to_vtt(words: Sequence[WordTiming], source: str) -> str:
    """WebVTT (W3C): `&`, `<` and `>` escaped, so that no text can look like markup or a time line."""
    blocks = (
        f"{_clock(caption.start, '.')} --> {_clock(caption.end, '.')}\n"
        + "\n".join(map(_escape, caption.lines))
        for caption in captions(words, source)
    )
    return "WEBVTT\n\n" + "".join(block + "\n\n" for block in blocks)


def to_json(words: Sequence[WordTiming], source: str) -> str:
    """JSON, times in seconds and spans in characters of the source text:

    `{"words": [{"text": str, "start": float, "end": float, "span": [int, int]}],
    "captions": [{"start": float, "end": float, "lines": [str]}]}`
    """
    document = {
        "words": [
            {"text": word.text, "start": word.start, "end": word.end, "span": list(word.span)}
            for word in words
        ],
        "captions": [
            {"start": caption.start, "end": caption.end, "lines": list(caption.lines)}
            for caption in captions(words, source)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


_WRITERS: dict[str, Callable[[Sequence[WordTiming], str], str]] = {
    ".srt": to_srt,
    ".vtt": to_vtt,
    ".json": to_json,
}


def caption_writer(path: str | os.PathLike[str]) -> Callable[[Sequence[WordTiming], str], str]:
    """The function for the format that the suffix of `path` names, else `UnsupportedFormatError`."""
    target = Path(path)
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise UnsupportedFormatError(
            f"no captions in the format {target.suffix!r} ({target.name}); {one_of(target.suffix, _WRITERS)}"
        )
    return writer


def write_captions(path: str | os.PathLike[str], words: Sequence[WordTiming], source: str) -> None:
    """Write captions in the format that the suffix of `path` names; the file is complete or not there.

    Raises `UnsupportedFormatError` for another suffix, `OutputError` when it cannot be written.
    """
    target = Path(path)
    text = caption_writer(target)(words, source)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise OutputError(f"cannot write the captions to {target}: {exc.strerror or exc}") from exc


def _escape(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(seconds, 0.0) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
