"""The places of a model's published files on this machine, and checks of what lies there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tts_hub.errors import UsageError


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a model as it was published."""

    name: str
    size: int
    """The size in bytes."""
    sha256: str
    """The SHA-256 digest in hexadecimal; empty where only another one is published."""
    md5: str = ""
    git_blob: str = ""
    """The name that git gives to the content: the SHA-1 digest of its size and itself."""

    @property
    def algorithm(self) -> str:
        """The name of the published digest, as `hashlib` writes it."""
        return "sha256" if self.sha256 else "md5" if self.md5 else "sha1"

    @property
    def digest(self) -> str:
        """The published digest in hexadecimal."""
        return self.sha256 or self.md5 or self.git_blob

    def digest_of(self, path: Path) -> str:
        """The digest of a file's content, in hexadecimal, by the algorithm of the published one."""
        if self.algorithm != "sha1":
            return _digest_of(path, self.algorithm)
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one file on this machine."""

    file: PublishedFile
    path: Path
    """The path under which the file is read."""
    content: Path
    """The path of its bytes: `path` itself, or one in the store of a cache, to which `path` links."""
    own: bool
    """The folder is the user's own: the file that lies there is the right one, whatever its content."""

    @property
    def part(self) -> Path:
        """The path of a file that has not arrived whole yet."""
        return self.content.with_name(f"{self.content.name}.incomplete")

    @property
    def etag(self) -> Path:
        """The path that holds the ETag of the part."""
        return self.part.with_name(f"{self.part.name}.etag")

    def is_filled(self) -> bool:
        """Whether the file is there and, outside the user's own folder, has the right size."""
        try:
            size = self.path.stat().st_size
        except OSError:
            return False
        return size > 0 if self.own else size == self.file.size

    def is_sound(self) -> bool:
        """Whether the file is there and is the published one. Reads all of it."""
        return self.is_filled() and (self.own or self.file.digest_of(self.path) == self.file.digest)


def missing_of(places: Sequence[Place]) -> tuple[str, ...]:
    """The names of the files that are not there, or not whole."""
    return tuple(place.file.name for place in places if not place.is_filled())


def unsound_of(places: Sequence[Place]) -> list[Place]:
    """The places whose files are not there, or not the published ones. Reads all files.

    It deletes the part of a file that is sound by now because another program fetched it.
    """
    unsound = [place for place in places if not place.is_sound()]
    for place in places:
        if place not in unsound:
            for leftover in (place.part, place.etag):
                with suppress(OSError):
                    leftover.unlink()
    return unsound


def remove(places: Sequence[Place]) -> int:
    """Delete the files, their parts, and folders that are empty then; returns the bytes freed.

    Raises:
        UsageError: the folder is the user's own.
        OSError: one of them cannot be deleted.
    """
    if any(place.own for place in places):
        raise UsageError(
            f"{places[0].path.parent} is your own folder (model_path): delete the files in it yourself"
        )
    freed = 0
    for place in places:
        for path in dict.fromkeys((place.content, place.part, place.etag, place.path)):
            with suppress(FileNotFoundError):
                freed += 0 if path.is_symlink() else path.stat().st_size
                path.unlink()
    for folder in {place.path.parent for place in places} | {place.content.parent for place in places}:
        with suppress(OSError):  # not empty: it holds something else
            folder.rmdir()
    return freed


def sha256_of(path: Path) -> str:
    """The SHA-256 digest of a file's content, in hexadecimal."""
    return _digest_of(path, "sha256")


def _digest_of(path: Path, algorithm: str) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, algorithm).hexdigest()
