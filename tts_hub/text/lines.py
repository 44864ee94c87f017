"""Ends of sentences by layout: blank lines, scene breaks, list items, headings, pause tags.

`BreakScanner` reads a growing text once, forwards. Its results depend on the characters alone, never on how
the text was cut into pieces: a line break whose meaning depends on what follows stays unresolved.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from tts_hub.text.markup import is_unfinished_pause, read_pause
from tts_hub.text.sentences import ends_sentence

Boundary = Literal["clause", "sentence", "paragraph"]
_Verdict = Literal["sentence", "paragraph", "none", "unknown"]

_EVENT = re.compile(r"[\n\f\u2029\[<]")
_LINE = re.compile(r"[^\n\f\u2029]+")
_LINE_END = re.compile(r"[\n\f\u2029]")
_MARKER = re.compile(r"(?:[-*+•‣◦▪–—>]|[0-9]{1,3}[.)]|#{1,6})[ \t]")
_MARKER_START = re.compile(r"[-*+•‣◦▪–—>]|[0-9]{1,3}[.)]?|#{1,6}")
_BLANKS = " \t\r"
# Characters behind a line break in which the next line has to start.
_LOOKAHEAD = 80
# Characters of a line that show a list marker.
_HEAD_CHARS = 12
# A line of such a length was probably broken by an editor, not by the writer: after a full stop there, only
# the next line shows whether a new paragraph begins.
_WRAPPED_LINE = range(55, 81)
_HEADING_CHARS = 40
# In scripts without capitals only a really short line counts as a heading.
_UNICASE_HEADING_CHARS = 20
# Characters of scene breaks and rules; one or two of the second kind have a meaning of their own.
_ORNAMENTS = frozenset("*_-‐‑‒–—―⸺⸻~.…·•‣◦▪⁂⁕❦❧☙※#")
_ROWS_OF = frozenset("=+<>^|`/\\✦✧✩✪✫✶✷✸✹✺✻✼✽✾❀❁❖◆◇◈●○■□★☆♦♢")
_SHORTEST_ROW = 3
_SCENE_CHARS = 256
# A line that ends with one of these continues on the next line, so it is no heading.
_ENDS_OF_UNFINISHED_LINES = frozenset(",;:-–—、，；：،؛(\"'“‘„«「")


@dataclass(frozen=True, slots=True)
class Break:
    """A break of the text, which no sentence crosses."""

    start: int
    end: int
    """Index behind the line break or the tag."""
    boundary: Boundary | None
    """None for a pause tag."""
    seconds: float = 0.0
    """Length of a pause tag."""


def is_scene_break(line: str) -> bool:
    """Whether a line is only a drawing, such as `* * *`, `---` or `⁂`: a pause that is never read aloud."""
    drawn = "".join(line.split())
    characters = set(drawn)
    if characters <= _ORNAMENTS:
        return bool(drawn)
    return len(drawn) >= _SHORTEST_ROW and characters <= _ORNAMENTS | _ROWS_OF


def without_scene_breaks(text: str) -> str:
    """The text with spaces in place of its scene breaks."""
    return _LINE.sub(lambda line: " " * len(line[0]) if is_scene_break(line[0]) else line[0], text)


def _may_be_scene_break(start: str) -> bool:
    return set(start) <= _ORNAMENTS | _ROWS_OF | set(_BLANKS)


class BreakScanner:
    """Finds the next break of a growing text. All indexes are into the text handed to `scan`."""

    def __init__(self) -> None:
        self.at = 0
        """No break before this index, apart from `found`."""
        self.found: Break | None = None
        self._line_start = 0
        self._line_head = ""
        self._at_line_start = True

    def scan(self, text: str, *, final: bool) -> None:
        """Continue to the next break, or as far as the text allows."""
        while self.found is None and self._step(text, final):
            pass

    def cross(self) -> None:
        """Drop the break that was found; `scan` continues behind it."""
        self.found = None

    def forget(self, count: int) -> None:
        """Adjust the indexes after the caller removed `count` characters before `at` from the text."""
        self.at -= count
        self._line_start -= count

    def _remember_head(self, text: str) -> None:
        if self._line_start >= 0:
            self._line_head = text[self._line_start : self._line_start + _HEAD_CHARS]

    def _step(self, text: str, final: bool) -> bool:
        """Pass the start of a line, or go to the next event and pass it; False when that needs more text."""
        if self._at_line_start:
            return self._pass_scene_break(text, final)
        event = _EVENT.search(text, self.at)
        self._remember_head(text)
        self.at = event.start() if event else len(text)
        return event is not None and self._resolve(text, event[0], final)

    def _pass_scene_break(self, text: str, final: bool) -> bool:
        """Pass a scene break that begins at `at`, if one does; False when that needs more text."""
        line = text[self.at : self.at + _SCENE_CHARS]
        end = _LINE_END.search(line)
        if end is None and not final and len(line) < _SCENE_CHARS and _may_be_scene_break(line):
            return False
        self._at_line_start = False
        line = line[: end.start()] if end else line
        if (end is not None or len(line) < _SCENE_CHARS) and is_scene_break(line):
            self.found = Break(self.at, self.at + len(line) + (end is not None), "paragraph")
            self.at = self._line_start = self.found.end
            self._at_line_start = end is not None
        return True

    def _resolve(self, text: str, event: str, final: bool) -> bool:
        """Decide on the event at `at` and pass it; False when that needs more text."""
        at = self.at
        if event in "[<":
            if not final and is_unfinished_pause(text, at):
                return False
            tag = read_pause(text, at)
            self.at = tag.end if tag else at + 1
            if tag:
                self.found = Break(at, tag.end, None, tag.seconds)
            return True
        verdict: _Verdict = "paragraph" if event != "\n" else self._judge(text, final)
        if verdict == "unknown":
            return False
        if verdict != "none":
            self.found = Break(at, at + 1, verdict)
        self.at = self._line_start = at + 1
        self._at_line_start = True
        return True

    def _judge(self, text: str, final: bool) -> _Verdict:
        length = self.at - self._line_start
        if length == 0:
            return "none"  # an empty line: the line break before it was the break
        line_end = text[max(self.at - _HEADING_CHARS, self._line_start, 0) : self.at].rstrip(_BLANKS)
        if ends_sentence(line_end) and length not in _WRAPPED_LINE:
            return "paragraph"
        behind = text[self.at + 1 : self.at + 1 + _LOOKAHEAD]
        complete = final or len(behind) == _LOOKAHEAD
        return _judge_lines(self._line_head.split("\n")[0], length, line_end, behind, complete)


def _judge_lines(head: str, length: int, line_end: str, behind: str, complete: bool) -> _Verdict:
    """The meaning of the line break between two lines; `complete`: `behind` will not grow any more."""
    next_line = behind.lstrip(_BLANKS)
    if not next_line:
        return "none" if complete else "unknown"
    if next_line[0] in "\n\f\u2029":
        return "paragraph"
    line, ended, _ = next_line.partition("\n")
    if _may_be_scene_break(line) and not (ended or complete):
        return "unknown"
    if is_scene_break(line):
        return "none"  # the scene break itself ends the line before it
    return _judge_words(head, length, line_end, behind, complete)


def _judge_words(head: str, length: int, line_end: str, behind: str, complete: bool) -> _Verdict:
    """The meaning of a line break before a line with words."""
    next_line = behind.lstrip(_BLANKS)
    if not complete and _MARKER_START.fullmatch(next_line):
        return "unknown"
    if head.lstrip().startswith("#") or next_line.startswith("#"):
        return "paragraph"
    if _MARKER.match(next_line) or (_MARKER.match(head.lstrip()) and behind[0] not in _BLANKS):
        return "sentence"
    return "sentence" if _is_heading(length, line_end, next_line[0]) else "none"


def _is_heading(length: int, line_end: str, next_char: str) -> bool:
    """Whether a line is a heading: short, and without a mark at its end; verses and addresses count too."""
    if not line_end or line_end[-1] in _ENDS_OF_UNFINISHED_LINES or ends_sentence(line_end):
        return False
    if next_char.isupper():
        return length <= _HEADING_CHARS
    return unicodedata.category(next_char) == "Lo" and length <= _UNICASE_HEADING_CHARS
