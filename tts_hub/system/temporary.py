"""Temporary files beside the files that they become, and the removal of those that a killed program left.

A temporary file is locked as long as it is open, so that no program takes it for a leftover meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

LEFTOVER_AFTER = 86_400.0
"""Seconds since the last write after which a temporary file without a lock counts as a leftover."""
_NAME = re.compile(r"\.tts-hub-[0-9a-f]{12}\.part")


def open_temporary(target: Path, *, mode: int = 0o666) -> tuple[Path, IO[bytes]]:
    """A new temporary file in the folder of `target`, open for writing; leftovers in that folder are removed.

    Raises:
        OSError: no file can be created in the folder.
    """
    remove_leftovers(target.parent)
    path = target.with_name(f".tts-hub-{secrets.token_hex(6)}.part")
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "w+b")
    with suppress(OSError):  # a file system without locks: the age alone protects the file
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return path, file


def put_in_place(temporary: Path, target: Path, *, replace: bool = True) -> None:
    """Give a finished temporary file its name.

    Raises:
        FileExistsError: the target exists and is not to be replaced.
        OSError: it cannot be renamed.
    """
    if replace:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the empty file reserves the name
        target.open("xb").close()
        temporary.replace(target)
    else:
        temporary.unlink()


def why_not_written(path: Path, exc: OSError) -> str:
    """The reason, in words, of an error while a file was written."""
    if isinstance(exc, FileExistsError):
        return "it exists already and must not be replaced"
    if isinstance(exc, IsADirectoryError):
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return exc.strerror or str(exc)


def remove_leftovers(folder: Path) -> None:
    """Delete this user's temporary files in a folder that a killed program left there."""
    with suppress(OSError):
        for path in _old_ones(folder):
            _remove_unless_locked(path)


def _old_ones(folder: Path) -> Iterator[Path]:
    latest = time.time() - LEFTOVER_AFTER
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name):
                continue
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mtime < latest:
                yield Path(entry.path)


def _remove_unless_locked(path: Path) -> None:
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
