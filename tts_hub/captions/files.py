"""Caption files: SubRip, WebVTT and JSON. `language` is a BCP 47 tag, for the ends of sentences."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tts_hub.captions.cues import captions
from tts_hub.errors import OutputError, UnsupportedFormatError, one_of
from tts_hub.system.temporary import open_temporary, put_in_place, why_not_written
from tts_hub.types import WordTiming


class CaptionWriter(Protocol):
    """A function that makes the content of a file, from words and the text that they were spoken from."""

    def __call__(self, words: Sequence[WordTiming], source: str, *, language: str = "en") -> str:
        """Return the content; `language` is a BCP 47 tag."""


def to_srt(words: Sequence[WordTiming], source: str, *, language: str = "en") -> str:
    """The captions as SubRip: numbered, with times as `HH:MM:SS,mmm`."""
    blocks = (
        f"{number}\n{_clock(caption.start, ',')} --> {_clock(caption.end, ',')}\n"
        + "\n".join(line.replace("-->", "->") for line in caption.lines)
        for number, caption in enumerate(captions(words, source, language=language), 1)
    )
    return "".join(block + "\n\n" for block in blocks)


def to_vtt(words: Sequence[WordTiming], source: str, *, language: str = "en") -> str:
    """The captions as WebVTT (W3C). `&`, `<` and `>` are escaped: no text looks like markup or times."""
    blocks = (
        f"{_clock(caption.start, '.')} --> {_clock(caption.end, '.')}\n"
        + "\n".join(map(_escape, caption.lines))
        for caption in captions(words, source, language=language)
    )
    return "WEBVTT\n\n" + "".join(block + "\n\n" for block in blocks)


def to_json(words: Sequence[WordTiming], source: str, *, language: str = "en") -> str:
    """The words and captions as JSON, with times in seconds and spans in characters of the source text:

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
            for caption in captions(words, source, language=language)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


_WRITERS: Mapping[str, CaptionWriter] = {
    ".srt": to_srt,
    ".vtt": to_vtt,
    ".json": to_json,
}


def caption_writer(path: str | os.PathLike[str]) -> CaptionWriter:
    """The function for the format that the suffix of `path` names, else `UnsupportedFormatError`."""
    target = Path(path)
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise UnsupportedFormatError(
            f"no captions in the format {target.suffix!r} ({target.name}); {one_of(target.suffix, _WRITERS)}"
        )
    return writer


def write_captions(
    path: str | os.PathLike[str],
    words: Sequence[WordTiming],
    source: str,
    *,
    language: str = "en",
    replace: bool = True,
) -> None:
    """Write captions in the format that the suffix of `path` names; the file is complete or not there.

    Raises `UnsupportedFormatError` for another suffix, `OutputError` when the file cannot be written, or
    exists and is not to be replaced.
    """
    target = Path(path)
    text = caption_writer(target)(words, source, language=language)
    try:
        if not replace and target.exists():
            raise FileExistsError
        temporary, file = open_temporary(target)
        try:
            with file:
                file.write(text.encode())
            put_in_place(temporary, target, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise OutputError(f"cannot write the captions to {target}: {why_not_written(target, exc)}") from exc


def _escape(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(seconds, 0.0) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
