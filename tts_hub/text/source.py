"""The text of a request, whole or still being written: its beginning and its segments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from tts_hub.errors import InvalidTextError
from tts_hub.text.incoming import IncomingText
from tts_hub.text.segment import Segment, Segmenter, cut, segments_of
from tts_hub.text.sentences import LOOKAHEAD
from tts_hub.text.ssml import whole_as_segment
from tts_hub.types import Markup


@dataclass(frozen=True, slots=True)
class Cutting:
    """The settings by which a text is cut into segments; see `Segmenter`."""

    language: str = "en"
    """A BCP 47 tag, whose rules say where sentences end."""
    max_chars: int = 250
    first_max_chars: int | None = None


class SourceText:
    """The text of a request. Call `opening` at most once, and before `segments`."""

    def __init__(self, text: str | AsyncIterable[str], markup: Markup, *, max_total_chars: int) -> None:
        self._text = text
        self._markup = markup
        self._max_total_chars = max_total_chars
        self._incoming = None if isinstance(text, str) else IncomingText(text)
        self._pieces = None if self._incoming is None else self._incoming.pieces()
        self._arrived: list[str] = []
        """Pieces that `opening` has read already."""
        self._kept: list[Segment] | None = None
        """All segments, once `kept_segments` has cut them."""
        self._error: Exception | None = None
        """The error that the source raised behind them."""

    @property
    def is_incoming(self) -> bool:
        """Whether the text is still being written."""
        return self._incoming is not None

    @property
    def characters(self) -> int:
        """Characters of text taken in so far."""
        return (
            len(self._text)
            if isinstance(self._text, str)
            else 0
            if not self._incoming
            else self._incoming.characters
        )

    async def pump(self) -> None:
        """Take in text that is being written, to its end; runs in a task of its own."""
        if self._incoming is not None:
            await self._incoming.pump()

    async def opening(self, cutting: Cutting) -> str:
        """The whole text; of one that is being written, the part that completes the first segment.

        So the first audio does not come later, and the result does not depend on how the text arrives.
        """
        if isinstance(self._text, str):
            return self._text
        segmenter = Segmenter(
            language=cutting.language, max_chars=cutting.max_chars, first_max_chars=cutting.first_max_chars
        )
        while (piece := await self._next()) is not None:
            self._arrived.append(piece)
            try:
                spoken = [segment for segment in cut(segmenter, piece) if segment.text]
            except (InvalidTextError, TypeError, AttributeError):  # raised again where the text is cut
                break
            if spoken:
                return "".join(self._arrived)[: spoken[0].span[1] + LOOKAHEAD]
        return "".join(piece for piece in self._arrived if isinstance(piece, str))

    def segments(self, cutting: Cutting) -> AsyncGenerator[Segment, None]:
        """The segments, each as soon as the text that has arrived completes it; SSML is one segment.

        Raises:
            InvalidTextError, TextTooLongError: see `segments_of` and `whole_as_segment`.
        """
        if self._kept is not None:
            return _each(self._kept)
        source = self._text if isinstance(self._text, str) else self._all_pieces()
        if self._markup == "ssml":
            return whole_as_segment(source, max_total_chars=self._max_total_chars)
        return segments_of(
            source,
            max_total_chars=self._max_total_chars,
            language=cutting.language,
            max_chars=cutting.max_chars,
            first_max_chars=cutting.first_max_chars,
        )

    async def kept_segments(self, cutting: Cutting) -> AsyncGenerator[Segment, None]:
        """The segments of a whole text, which are kept: `segments` then returns them at once."""
        kept: list[Segment] = []
        async with aclosing(self.segments(cutting)) as segments:
            async for segment in segments:
                kept.append(segment)
                yield segment
        self._kept = kept

    async def aclose(self) -> None:
        """Stop taking in text."""
        if self._pieces is not None:
            await self._pieces.aclose()

    async def _next(self) -> str | None:
        if self._pieces is None:
            return None
        try:
            return await anext(self._pieces, None)
        except Exception as exc:  # noqa: BLE001 - the caller's code; raised again behind the pieces
            self._error = exc
            return None

    async def _all_pieces(self) -> AsyncGenerator[str, None]:
        for piece in self._arrived:
            yield piece
        if self._error is not None:
            raise self._error
        if self._pieces is not None:
            async with aclosing(self._pieces):
                async for piece in self._pieces:
                    yield piece


async def _each(segments: Sequence[Segment]) -> AsyncGenerator[Segment, None]:
    for segment in segments:
        yield segment
