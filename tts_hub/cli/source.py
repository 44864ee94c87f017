"""Where the text of `speak` comes from."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import suppress
from pathlib import Path

import anyio

from tts_hub.errors import InvalidTextError

PIECE = 65_536
"""Bytes read at once."""


def read_file(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        InvalidTextError: it cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise InvalidTextError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise InvalidTextError(f"{path} is not UTF-8 text (byte {exc.start})") from exc


async def read_stdin() -> AsyncGenerator[str, None]:
    """The text on stdin, piece by piece as it is written there.

    Raises:
        InvalidTextError: there is no stdin, it cannot be read, or its bytes are not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    ended = False
    while not ended:
        data = await _next_bytes()
        ended = not data
        try:
            text = decoder.decode(data, final=ended)
        except UnicodeDecodeError as exc:
            raise InvalidTextError(f"the text on stdin is not UTF-8: {exc.reason}") from exc
        if text:
            yield text


async def _next_bytes() -> bytes:
    """Read only what is there already: a thread stuck in `read` would outlive Ctrl-C."""
    if sys.stdin is None:
        raise InvalidTextError("cannot read stdin: it is closed")
    try:
        with suppress(PermissionError):  # a regular file cannot be waited for, and need not be
            await anyio.wait_readable(sys.stdin.fileno())
        return os.read(sys.stdin.fileno(), PIECE)
    except OSError as exc:
        raise InvalidTextError(f"cannot read stdin: {exc.strerror}") from exc


class RecordedText:
    """A text that is remembered while it is read: captions need it whole at the end."""

    def __init__(self, text: str | AsyncIterable[str]) -> None:
        self._pieces = [text] if isinstance(text, str) else []
        self.input = text if isinstance(text, str) else self._record(text)

    @property
    def text(self) -> str:
        """What has been read so far."""
        return "".join(self._pieces)

    async def _record(self, pieces: AsyncIterable[str]) -> AsyncGenerator[str, None]:
        async for piece in pieces:
            self._pieces.append(piece)
            yield piece
