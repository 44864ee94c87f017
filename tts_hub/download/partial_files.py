"""Parts of files that have arrived: their bytes and ETags on the disk, and the lock that protects them."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from tts_hub.download.folders import Place


class Part:
    """The part of a file that has arrived, and its ETag."""

    def __init__(self, place: Place) -> None:
        self.in_pieces = size_of(place.part) > 0
        """More than one answer brought it."""
        self.digest = ""
        """The digest of the whole file in hexadecimal."""
        self._place = place
        self._refusals = 0
        """The number of times that the server said that the file has changed."""

    @property
    def size(self) -> int:
        """The bytes that have arrived."""
        return size_of(self._place.part)

    def condition(self, begin: int) -> dict[str, str]:
        """The headers that ask for the rest of the file, if it is still the same.

        Several servers behind one name may give different ETags to the same file. An ETag that changed twice
        is ignored; then the digest of the whole file decides.
        """
        if not begin:
            return {}
        etag = self._etag() if self._refusals < 2 else ""
        return {"Range": f"bytes={begin}-"} | ({"If-Range": etag} if etag else {})

    def note_answer(self, etag: str, begin: int) -> None:
        """Take note of an answer whose bytes will be written from `begin` on."""
        self.in_pieces = begin > 0
        if not begin:
            self._refusals += self.size > 0
            self._place.etag.unlink(missing_ok=True)
        if etag and not etag.startswith("W/"):  # a weak one does not stand for the same bytes
            self._place.etag.write_text(etag, encoding="utf-8")

    def put_in_place(self) -> None:
        """Move the part to its place: it is the published file."""
        _put_in_place(self._place)
        self._place.etag.unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete the part: the next try starts from the beginning."""
        for path in (self._place.part, self._place.etag):
            path.unlink(missing_ok=True)

    def _etag(self) -> str:
        try:
            return self._place.etag.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""


def _put_in_place(place: Place) -> None:
    """Rename the part; in a cache, also link to it from the name that it has in the model."""
    place.part.replace(place.content)
    if place.path == place.content:
        return
    place.path.parent.mkdir(parents=True, exist_ok=True)
    place.path.unlink(missing_ok=True)  # damaged, or cut off
    try:
        place.path.symlink_to(os.path.relpath(place.content, place.path.parent))
    except OSError:  # a file system without links
        place.content.replace(place.path)


def size_of(path: Path) -> int:
    """The size of a file in bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def lock_file(lock: Path) -> IO[bytes]:
    """Create and lock the file at `lock`.

    Between opening and locking, another program may remove the file, and a third one make it again. A lock on
    a file without a name would keep no program out, so this tries again.
    """
    while True:
        with ExitStack() as on_failure:
            opened = on_failure.enter_context(lock.open("wb"))
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(opened.fileno()), lock.stat()):
                    on_failure.pop_all()
                    return opened
