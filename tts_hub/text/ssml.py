"""SSML, which is not cut: it goes to the engine as it is, once it is known to be whole and well-formed.

Engines read broken SSML in ways of their own, mostly by leaving out what follows the fault.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from xml.parsers import expat

from tts_hub.errors import InvalidTextError, TextTooLongError
from tts_hub.text.check import check_text, is_visible
from tts_hub.text.segment import Segment

MAX_SSML_CHARS = 32_000
"""The longest document, about 40 minutes of speech: no other engine can take over in the middle of it."""

_ROOT = re.compile(r"(?>\s|<\?.*?\?>|<!--.*?-->|<!\w[^>]*>|\]>)*+<(?:\w+:)?speak[\s/>]", re.DOTALL)
_OPEN, _CLOSE = "<speak>", "</speak>"
_HINTS = {
    expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]: "; in text, & is &amp; and < is &lt;",
    expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "; write the character itself",
}


async def whole_as_segment(
    source: str | AsyncIterable[str], *, max_total_chars: int
) -> AsyncGenerator[Segment, None]:
    """One segment with the whole SSML document, without white space at its ends.

    Raises:
        InvalidTextError: it is not well-formed, has a DTD, has no words, or has characters that are not text.
        TextTooLongError: it has more than `max_total_chars` or `MAX_SSML_CHARS` characters.
    """
    text = source if isinstance(source, str) else await _gathered(source)
    check_text(text, max_chars=max_total_chars)
    _check_length(len(text))
    check_ssml(text)
    spoken = text.strip()
    yield Segment(
        index=0,
        span=(0, len(text)),
        text=spoken,
        offset=text.index(spoken),
        boundary="paragraph",
        pause_after=None,
    )


def check_ssml(text: str) -> None:
    """Refuse a document that an engine would not speak whole; the root `<speak>` may be left out.

    Raises `InvalidTextError` for XML that is not well-formed, for a DTD, and for a document without text.
    """
    reader = _Reader(text, rooted=_ROOT.match(text) is not None)
    reader.read()
    if not is_visible("".join(reader.spoken)):
        raise InvalidTextError("the SSML contains no words to speak")


async def _gathered(source: AsyncIterable[str]) -> str:
    pieces: list[str] = []
    total = 0
    if not isinstance(source, AsyncGenerator):
        source = _generator(source)
    async with aclosing(source) as arriving:
        async for piece in arriving:
            pieces.append(piece)
            total += len(piece)
            _check_length(total)
    return "".join(pieces)


async def _generator(source: AsyncIterable[str]) -> AsyncGenerator[str, None]:
    async for piece in source:
        yield piece


def _check_length(total: int) -> None:
    if total > MAX_SSML_CHARS:
        raise TextTooLongError(
            f"the SSML is too long: {total} characters or more, the limit is {MAX_SSML_CHARS}, because it is "
            "spoken in one piece; send several documents"
        )


class _Reader:
    """Parses one document with expat, which opens no files and, without a DTD, expands no entities."""

    def __init__(self, text: str, *, rooted: bool) -> None:
        self.spoken: list[str] = []
        self._text = text
        self._document = text if rooted else f"{_OPEN}{text}{_CLOSE}"
        self._before = 0 if rooted else len(_OPEN)
        self._open: list[tuple[str, int]] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.CharacterDataHandler = self.spoken.append
        self._parser.StartDoctypeDeclHandler = self._on_doctype

    def read(self) -> None:
        try:
            self._parser.Parse(self._document, True)  # given as a string, its declared encoding has no effect
        except expat.ExpatError as exc:
            hint = _HINTS.get(exc.code, "")
            what = f"{expat.ErrorString(exc.code)}{hint}{self._unclosed()}"
            raise self._fault(self._position(self._parser.ErrorByteIndex), what) from exc

    def _on_start(self, name: str, _attributes: dict[str, str]) -> None:
        self._open.append((name, self._parser.CurrentByteIndex))

    def _on_end(self, _name: str) -> None:
        self._open.pop()

    def _on_doctype(self, *_declaration: object) -> None:
        position = self._position(self._parser.CurrentByteIndex)
        raise self._fault(position, "a DOCTYPE is not allowed; leave it out")

    def _unclosed(self) -> str:
        if len(self._open) <= (1 if self._before else 0):
            return ""
        name, byte_index = self._open[-1]
        return f"; <{name}> from position {self._position(byte_index)} is still open"

    def _position(self, byte_index: int) -> int:
        """The index in the user's text."""
        behind = len(self._document.encode()[:byte_index].decode(errors="ignore"))
        return min(max(0, behind - self._before), len(self._text))

    def _fault(self, position: int, what: str) -> InvalidTextError:
        before = self._text[:position]
        line, column = before.count("\n") + 1, position - before.rfind("\n")
        return InvalidTextError(
            f"the SSML is broken at line {line}, column {column} (position {position}): {what}"
        )
