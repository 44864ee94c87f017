"""A recording that somebody gives becomes a sample: decoded apart, measured, encoded anew. Calls block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from tts_hub.clips.decoding import clip_error, decode_clip, read_clip
from tts_hub.clips.encoding import encode_clip
from tts_hub.clips.inspection import inspect_clip
from tts_hub.store.records import MOST_OF_A_TEXT, checked_text
from tts_hub.store.samples import NewSample

MOST_OF_AN_ORIGIN = 100
"""Characters of a file's name that are kept."""


def take_in(
    clip: bytes | Path,
    *,
    origin: str = "",
    transcript: str = "",
    shortest: Mapping[str, float] | None = None,
) -> NewSample:
    """Make a sample of a file.

    The file itself is not kept: what is stored is sound that this hub has encoded, so nothing else that was
    in the file (other streams, pictures, places) is handed on.

    Args:
        clip: the file, or its bytes.
        origin: the name of the file, for people to read.
        transcript: what is said in it.
        shortest: engine -> seconds that its samples must be longer than.

    Raises:
        InvalidRequestError: it is no audio, is too long, too short or silent; the message has the value.
        AudioError: it cannot be decoded or encoded on this machine.
    """
    data = clip if isinstance(clip, bytes) else read_clip(clip)
    decoded = decode_clip(data)
    report = inspect_clip(decoded)
    too_short = {name: least for name, least in (shortest or {}).items() if report.seconds <= least}
    if shortest and too_short.keys() == shortest.keys():
        least = min(too_short.values())
        raise clip_error(f"has {report.seconds:.1f} s of sound; more than {least:g} s are needed")
    warnings = [
        f"{name} needs more than {least:g} s of sound, and this clip has {report.seconds:.1f} s"
        for name, least in too_short.items()
    ]
    return NewSample(
        data=encode_clip(decoded),
        seconds=report.seconds,
        sample_rate=decoded.sample_rate,
        origin=plain_file_name(origin or (clip.name if isinstance(clip, Path) else "")),
        transcript=checked_text(transcript, param="transcript")[:MOST_OF_A_TEXT],
        warnings=(*warnings, *report.warnings),
    )


def plain_file_name(name: str) -> str:
    """The last part of a path, whichever system wrote it, as text that can be shown. It is never opened."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return "".join(character for character in last if character.isprintable())[:MOST_OF_AN_ORIGIN]
