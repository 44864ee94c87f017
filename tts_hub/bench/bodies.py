"""The bodies of the answers, kept out of memory until the clock has stopped."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import anyio

from tts_hub.bench.arrivals import Part
from tts_hub.errors import OutputError


@dataclass(frozen=True, slots=True)
class Body:
    """The place of a body in the file, and the arrival of its parts."""

    start: int
    arrivals: tuple[tuple[float, int], ...]
    """For each part: seconds since the request was sent, and the number of bytes."""


class Bodies:
    """A temporary file, so that bodies do not count as memory of the measured process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._lock = anyio.Lock()
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    async def keep(self, parts: Sequence[Part]) -> Body:
        """Append a body to the file.

        Raises:
            OutputError: the disk is full.
        """
        data = b"".join(part.data for part in parts)
        async with self._lock:
            body = Body(self._end, tuple((part.at, len(part.data)) for part in parts))
            try:
                await anyio.to_thread.run_sync(self._file.write, data)
            except OSError as exc:
                raise OutputError(f"no room to store the answer: {exc.strerror}") from exc
            self._end += len(data)
        return body

    def parts(self, body: Body) -> list[Part]:
        """The parts of a body as they arrived. Call it only when all bodies are kept."""
        self._file.seek(body.start)
        return [Part(at, self._file.read(size)) for at, size in body.arrivals]
