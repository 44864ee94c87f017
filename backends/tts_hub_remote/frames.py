"""The frames of mp3 and aac as services send them: tags around and between them, file behind file.

MPEG audio: ISO/IEC 11172-3 and 13818-3; ADTS: ISO/IEC 13818-7; tags: id3.org (ID3v1, ID3v2), APEv2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from tts_hub.errors import GenerationError

FrameLength = Callable[[bytes], int | None]
"""First bytes of a frame -> its length in bytes; 0: the header does not say it; None: no frame."""
HEADER = 7
"""Bytes that contain the length of a frame."""
ID3V2, ID3V2_FOOTER = 10, 0x10
ID3V1, ID3V1_EXTENDED = 128, 227
APE, APE_IS_HEADER = 32, 1 << 29
MOST_TAG_MARK = 32
"""Bytes that contain the length of a tag."""
_CANDIDATE = re.compile(rb"\xff[\xe0-\xff]|ID3|TAG|APET")
_XING_PLACES = (13, 15, 21, 23, 36, 38)
"""Places of the mark in a frame that describes the file, by channels and version; 2 later behind a CRC."""
_RATES = (44_100, 48_000, 32_000)
"""Sample rates of MPEG 1 in Hz; MPEG 2 has half of them, MPEG 2.5 a quarter."""
_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(version, layer) -> bit rates in kbit/s."""


async def frames_only(
    pieces: AsyncGenerator[bytes, None], container: str, backend: str
) -> AsyncGenerator[bytes, None]:
    """The frames in `pieces`, without tags and other bytes between them.

    Raises:
        GenerationError: the bytes end in the middle of a frame, or in something that is not audio.
    """
    reader = FrameReader(mpeg_frame if container == "mp3" else adts_frame)
    async with aclosing(pieces):
        async for piece in pieces:
            if frames := reader.read(piece):
                yield frames
        try:
            if frames := reader.finish():
                yield frames
        except ValueError as exc:
            raise GenerationError(f"the {container} of {backend} is broken: {exc}", backend=backend) from exc


class FrameReader:
    """Cuts bytes into whole frames. Descriptions of joined files (Xing, LAME, VBRI) are left out."""

    def __init__(self, length_of: FrameLength) -> None:
        self._length_of = length_of
        self._buffer = bytearray()
        self._skip = 0
        """Bytes of a tag that are still to come."""
        self._in_step = True
        """Whether a frame or a tag begins where the buffer does."""
        self._lost = 0
        """Bytes since the last frame or tag that belong to neither."""
        self._begun = False
        self._passes_all = False
        """Whether the headers do not contain the length of the frames, so that all bytes pass."""

    def read(self, data: bytes) -> bytes:
        """Take in `data`; returns the frames that are complete now."""
        self._buffer += data
        return self._take(HEADER, MOST_TAG_MARK)

    def finish(self) -> bytes:
        """The last frames; raises `ValueError` if the bytes end in the middle of a frame or tag."""
        frames = self._take(1, 1)
        rest = bytes(self._buffer).rstrip(b"\0\r\n ")
        if self._skip:
            raise ValueError(f"it ends too early: {self._skip} bytes of a tag are missing")
        if rest and self._in_step:
            raise ValueError("it ends in the middle of a frame")
        if rest or self._lost:
            raise ValueError(f"it ends in {len(rest) + self._lost} bytes that are not audio")
        return frames

    def _take(self, least: int, least_tag: int) -> bytes:
        """All complete frames; a header needs `least` bytes, the beginning of a tag `least_tag`."""
        if self._passes_all:
            frames, self._buffer = bytes(self._buffer), bytearray()
            return frames
        taken = bytearray()
        while self._step(taken, least, least_tag):
            pass
        return bytes(taken)

    def _step(self, taken: bytearray, least: int, least_tag: int) -> bool:
        """Pass one frame, tag or gap; false: more bytes are needed."""
        buffer = self._buffer
        if self._skip:
            skipped = min(self._skip, len(buffer))
            del buffer[:skipped]
            self._skip -= skipped
        if len(buffer) < least:
            return False
        head = bytes(buffer[:MOST_TAG_MARK])
        if head[:1] in {b"I", b"T", b"A"}:
            if len(head) < least_tag:
                return False
            if length := tag_length(head):
                self._skip, self._in_step, self._lost = length, True, 0
                return True
        length_or_none = self._length_of(head)
        if length_or_none is None:
            return self._search()
        if length_or_none == 0 and not self._begun:
            self._passes_all = True
            taken += buffer
            buffer.clear()
            return False
        return self._frame(taken, length_or_none, least)

    def _frame(self, taken: bytearray, length: int, least: int) -> bool:
        buffer = self._buffer
        if len(buffer) < length or length == 0:
            return False if length else self._search()
        if not self._in_step:  # bytes in between may look like a frame: another one must follow
            following = bytes(buffer[length : length + MOST_TAG_MARK])
            if len(following) < HEADER and least > 1:
                return False
            if following and self._length_of(following) is None and not tag_length(following):
                return self._search()
        frame = bytes(buffer[:length])
        del buffer[:length]
        if not (self._begun and _describes_a_file(frame)):
            taken += frame
        self._begun = self._in_step = True
        self._lost = 0
        return True

    def _search(self) -> bool:
        """Skip to the place where the next frame or tag may begin; false: more bytes are needed."""
        found = _CANDIDATE.search(self._buffer, 1)
        place = found.start() if found else max(1, len(self._buffer) - HEADER)
        self._lost += place if any(self._buffer[:place]) else 0
        self._in_step = False
        del self._buffer[:place]
        return found is not None


def tag_length(head: bytes) -> int:
    """Length in bytes of the tag that begins here; 0: no tag."""
    if head.startswith(b"ID3") and len(head) >= ID3V2 and max(head[6:10]) < 0x80:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return ID3V2 + size + (ID3V2 if head[5] & ID3V2_FOOTER else 0)
    if head.startswith(b"TAG"):
        return ID3V1_EXTENDED if head.startswith(b"TAG+") else ID3V1
    if head.startswith(b"APETAGEX") and len(head) >= APE:
        size, _, flags = struct.unpack_from("<III", head, 12)
        return APE + (size if flags & APE_IS_HEADER else 0)
    return 0


def mpeg_frame(head: bytes) -> int | None:
    """Length in bytes of a frame of MPEG audio, as `FrameLength`."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bits, rate_index = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bits == 15 or rate_index == 3:
        return None
    if bits == 0:
        return 0
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    per_second = _KBITS[1 if version == 3 else 2, layer][bits - 1] * 1000
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * per_second // rate + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * per_second // rate + padding


def adts_frame(head: bytes) -> int | None:
    """Length in bytes of a frame of AAC in ADTS, as `FrameLength`."""
    if len(head) < HEADER or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > HEADER else None


def _describes_a_file(frame: bytes) -> bool:
    marks = {frame[place : place + 4] for place in _XING_PLACES}
    return not marks.isdisjoint({b"Xing", b"Info", b"VBRI"})
