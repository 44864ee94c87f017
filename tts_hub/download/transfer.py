"""The transfer of a model's files: in several tries, resumable by a later process, and stopped half way.

A file keeps the ending `.incomplete` until its size and SHA-256 are those that were published.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import anyio
import httpx
from anyio import to_thread

from tts_hub.download.places import Place, sha256_of
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressCallback, ProgressEvent

CHUNK = 262_144
"""Bytes between two writes."""
ATTEMPTS = 5
"""Tries in a row that bring nothing before it is given up."""
PAUSE = 1.0
"""Seconds before the second try; longer before each further one."""
PASSING = {408, 429, 500, 502, 503, 504}
"""Answers that may be others a moment later."""
TELL_EVERY = 0.1
"""Seconds between two events."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where files come from, and how they are asked for."""

    client: Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]
    url_of: Callable[[str], str]
    """Address of a file by its name."""
    raise_for_status: Callable[[httpx.Response], object]
    """Raises an `httpx.HTTPError` with a `response` for an answer that is no file."""
    timeout: httpx.Timeout | float
    """Seconds."""
    headers: Mapping[str, str] = field(default_factory=dict)


async def transfer(
    model: str, places: Sequence[Place], source: Source, on_progress: ProgressCallback, *, remedy: str
) -> None:
    """Bring files of a model to their places. Cancelling keeps what has arrived.

    Raises:
        BackendUnavailableError: no space, another program is at it, or not what was published.
        httpx.HTTPError: no network, or the answer is an error.
        OSError: the files cannot be written.
    """
    folder = places[0].content.parent
    await to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
    with _alone(folder / ".tts-hub-pull.lock", model, remedy):
        _require_space(model, places, remedy)
        await _Transfer(model, places, source, on_progress, remedy=remedy).run()


def unavailable(model: str, text: str, remedy: str) -> BackendUnavailableError:
    """The error of a model whose files cannot be had."""
    return BackendUnavailableError(f"model {model}: {text}", backend=model, remedy=remedy)


class _Transfer:
    """The files of one model, one after the other."""

    def __init__(
        self,
        model: str,
        places: Sequence[Place],
        source: Source,
        on_progress: ProgressCallback,
        *,
        remedy: str,
    ) -> None:
        self._model = model
        self._places = places
        self._source = source
        self._remedy = remedy
        self._gauge = _Gauge(on_progress, model, sum(place.file.size for place in places))
        self._headers = {"User-Agent": "tts-hub", "Accept-Encoding": "identity"} | dict(source.headers)

    async def run(self) -> None:
        async with self._source.client() as client:
            for place in self._places:
                await self._bring(client, place)
                self._gauge.file_done(place.file.size)

    async def _bring(self, client: httpx.AsyncClient, place: Place) -> None:
        """Receive a file, in several tries if need be, and put it in place once it has proved whole."""
        failures = 0
        while (had := _size(place.part)) != place.file.size:
            try:
                await self._receive(client, place, had)
            except httpx.HTTPError as exc:
                failures = 1 if _size(place.part) > had else failures + 1
                if not _is_passing(exc) or failures == ATTEMPTS:
                    raise
                await anyio.sleep(PAUSE * failures)
        self._gauge.tell(place.file.name, place.file.size, message="checking")
        found = await to_thread.run_sync(sha256_of, place.part, abandon_on_cancel=True)
        if found != place.file.sha256:
            place.part.unlink()
            raise self._differs(place, f"SHA-256 {found} instead of {place.file.sha256}")
        _put_in_place(place)

    async def _receive(self, client: httpx.AsyncClient, place: Place, had: int) -> None:
        """One try, from where the last one stopped."""
        file = place.file
        begin = had if had < file.size else 0
        headers = self._headers | ({"Range": f"bytes={begin}-"} if begin else {})
        url, timeout = self._source.url_of(file.name), self._source.timeout
        async with client.stream("GET", url, headers=headers, timeout=timeout) as response:
            if response.is_error:
                await response.aread()
            self._source.raise_for_status(response)
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                begin = 0
            coming = int(response.headers.get("Content-Length", file.size - begin))
            if begin + coming != file.size:
                raise self._differs(place, f"{begin + coming:,} bytes instead of {file.size:,}")
            await self._write(response, place, begin)

    async def _write(self, response: httpx.Response, place: Place, begin: int) -> None:
        arrived = begin
        part = await to_thread.run_sync(lambda: place.part.open("ab" if begin else "wb"))
        try:
            async for chunk in response.aiter_raw(CHUNK):
                await to_thread.run_sync(part.write, chunk)
                arrived += len(chunk)
                if arrived > place.file.size:
                    raise self._differs(place, f"more than {place.file.size:,} bytes")
                self._gauge.tell(place.file.name, arrived)
        finally:
            part.close()
        if arrived < place.file.size:
            raise httpx.RemoteProtocolError(f"{place.file.name} ended after {arrived:,} bytes")

    def _differs(self, place: Place, how: str) -> BackendUnavailableError:
        return unavailable(
            self._model,
            f"what came for {place.file.name} is not the published file: {how}; "
            "something between here and its source may have changed it",
            self._remedy,
        )


@dataclass(slots=True)
class _Gauge:
    """Bytes of all files that have arrived."""

    on_progress: ProgressCallback
    model: str
    total: int
    before: int = 0
    """Bytes of the files that are done."""
    told: float = 0.0

    def file_done(self, size: int) -> None:
        self.before += size

    def tell(self, file: str, arrived: int, *, message: str = "") -> None:
        now = anyio.current_time()
        done = self.before + arrived
        if not message and now - self.told < TELL_EVERY and done < self.total:
            return
        self.told = now
        self.on_progress(
            ProgressEvent(
                "downloading",
                backend=self.model,
                message=f"{message} {file}".lstrip(),
                fraction=done / self.total,
                details={"file": file, "bytes": done, "total_bytes": self.total},
            )
        )


def _put_in_place(place: Place) -> None:
    """Under its own name at last, and in the cache also under its name in the model."""
    place.part.replace(place.content)
    if place.path == place.content:
        return
    place.path.parent.mkdir(parents=True, exist_ok=True)
    place.path.unlink(missing_ok=True)  # damaged, or cut off
    try:
        place.path.symlink_to(os.path.relpath(place.content, place.path.parent))
    except OSError:  # a file system without links
        place.content.replace(place.path)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_passing(exc: httpx.HTTPError) -> bool:
    """Whether it may be otherwise a moment later."""
    response = getattr(exc, "response", None)
    return isinstance(exc, httpx.TransportError) or (response is not None and response.status_code in PASSING)


def _require_space(model: str, places: Sequence[Place], remedy: str) -> None:
    needed = sum(place.file.size - min(_size(place.part), place.file.size) for place in places)
    folder = places[0].content.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise unavailable(
            model,
            f"{needed / 1e9:.1f} GB are still to come, and {folder} has {free / 1e9:.1f} GB of space left",
            remedy,
        )


@contextmanager
def _alone(lock: Path, model: str, remedy: str) -> Generator[None, None, None]:
    """Two that write to the same part would spoil it."""
    try:
        opened = _locked(lock)
    except BlockingIOError as exc:
        raise unavailable(model, f"another program is pulling it into {lock.parent}", remedy) from exc
    with opened:
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()  # before the lock is let go: who gets it then sees that it is of no use


def _locked(lock: Path) -> IO[bytes]:
    """The file at `lock`, made and locked.

    Between opening and locking it, another program may have removed it and a third one made it again: a lock
    on a file without a name keeps nobody out.
    """
    while True:
        with ExitStack() as on_failure:
            opened = on_failure.enter_context(lock.open("wb"))
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(opened.fileno()), lock.stat()):
                    on_failure.pop_all()
                    return opened
