"""A document that is not cut: SSML goes to the engine as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable

from tts_hub.text.check import check_text
from tts_hub.text.segment import Segment


async def whole_as_segment(
    source: str | AsyncIterable[str], *, max_total_chars: int
) -> AsyncGenerator[Segment, None]:
    """One segment that holds all of the text, edge white space aside.

    Raises:
        InvalidTextError: nothing in it, or characters that are not text.
    """
    text = source if isinstance(source, str) else "".join([piece async for piece in source])
    check_text(text, max_chars=max_total_chars)
    spoken = text.strip()
    yield Segment(
        index=0,
        span=(0, len(text)),
        text=spoken,
        offset=text.index(spoken),
        boundary="paragraph",
        pause_after=None,
    )
