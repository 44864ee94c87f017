"""Text files, as the editor can show them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from anyio.to_thread import run_sync

from tts_hub.errors import InvalidTextError

SENTENCE_END = re.compile(r"[.!?…][\"”’»)]* |[。！？]")
LONGEST_LINE = 4_000
"""Characters; a line that is longer makes the editor slow."""
MAX_BYTES = 20_000_000
"""The largest file; the longest text that a hub takes by default has 5 million characters."""


async def read_text(path: Path) -> str:
    """The text of a UTF-8 or UTF-16 file.

    Raises:
        InvalidTextError: it cannot be read, is no text, or is too long for any request.
    """
    return await run_sync(_read, path)


def _read(path: Path) -> str:
    try:
        if not path.is_file():  # reading a device or a pipe may never end
            raise InvalidTextError(
                f"cannot read {path}: {'not a file' if path.exists() else 'it is not there'}"
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise InvalidTextError(f"cannot read {path}: {exc.strerror}") from exc
    if len(data) > MAX_BYTES:
        raise InvalidTextError(
            f"{path.name} is too long: {MAX_BYTES / 1e6:.0f} MB is the most that is opened"
        )
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise InvalidTextError(f"{path.name} is not UTF-8 text (byte {exc.start})") from exc
    if "\0" in text:
        raise InvalidTextError(f"{path.name} is not a text file: it holds NUL characters")
    return text


def break_long_lines(text: str) -> str:
    """The text with lines broken at `LONGEST_LINE`: after a sentence, else at a space, else anywhere."""
    if all(len(line) <= LONGEST_LINE for line in text.splitlines()):
        return text
    return "".join("".join(_pieces(line)) for line in text.splitlines(keepends=True))


def _pieces(line: str) -> Iterator[str]:
    while len(line) > LONGEST_LINE:
        part = line[:LONGEST_LINE]
        ends = [match.end() for match in SENTENCE_END.finditer(part)]
        cut = ends[-1] if ends else part.rfind(" ") + 1 or LONGEST_LINE
        yield line[:cut].removesuffix(" ") + "\n"
        line = line[cut:]
    yield line
