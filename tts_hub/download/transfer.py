"""The transfer of a model's files, in several tries; a later process resumes one that was stopped.

A file has the ending `.incomplete` until its size and digest are the published ones. Its ETag (RFC 9110,
section 8.8.3) lies in a file beside it: a later try asks for the rest on condition that the
file on the server is still the same (If-Range), and gets the whole file otherwise.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
from anyio import to_thread

from tts_hub.download.folders import Place
from tts_hub.download.partial_files import Part, lock_file, size_of
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressCallback, ProgressEvent

CHUNK = 262_144
"""Bytes between two writes, unless the answer ends or breaks off before."""
ATTEMPTS = 5
"""Tries in a row that may bring nothing before the file is given up."""
PAUSE = 1.0
"""Seconds before the second try; longer before each further one that brings nothing."""
LONGEST_PAUSE = 60.0
"""Seconds that a server may ask us to wait (Retry-After)."""
PASSING = {408, 429, 500, 502, 503, 504}
"""Statuses of answers that may be others a moment later."""
REPORT_EVERY = 0.1
"""Seconds between two events."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of files: the client, their addresses, and how its answers are checked."""

    client: Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]
    url_of: Callable[[str], str]
    """Address of a file by its name."""
    raise_for_status: Callable[[httpx.Response], object]
    """A function that raises an `httpx.HTTPError` with a `response` for an answer that is no file."""
    timeout: httpx.Timeout | float
    """Seconds, for connecting and for each read."""
    headers: Mapping[str, str] = field(default_factory=dict)


async def transfer(
    model: str, places: Sequence[Place], source: Source, on_progress: ProgressCallback, *, remedy: str
) -> None:
    """Fetch files of a model into their places. Cancelling it keeps what has arrived.

    Raises:
        BackendUnavailableError: no space, another program downloads them, or a file is not the published one.
        httpx.HTTPError: there is no network, or the answer is an error.
        OSError: the files cannot be written.
    """
    folder = places[0].content.parent
    await to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
    with _exclusive(folder / ".tts-hub-pull.lock", model, remedy):
        _require_space(model, places, remedy)
        await _Transfer(model, places, source, on_progress, remedy=remedy).run()


def unavailable(model: str, text: str, remedy: str) -> BackendUnavailableError:
    """The error for a model whose files cannot be fetched."""
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
                await self._fetch(client, place)
                self._gauge.file_done(place.file.size)

    async def _fetch(self, client: httpx.AsyncClient, place: Place) -> None:
        """Receive a file, and put it in place once it is known to be whole.

        A file that came in several pieces may consist of two, if the one on the server was changed in
        between: it is fetched once more from its beginning before it counts as wrong.
        """
        part = Part(place)
        for tries_left in (1, 0):
            if await self._is_published(client, place, part):
                part.put_in_place()
                return
            part.delete()
            if not (part.in_pieces and tries_left):
                break
            self._note_restart(place)
        label = {"sha256": "SHA-256", "md5": "MD5", "sha1": "SHA-1"}[place.file.algorithm]
        raise self._mismatch(place, f"{label} {part.digest} instead of {place.file.digest}")

    async def _is_published(self, client: httpx.AsyncClient, place: Place, part: Part) -> bool:
        """Receive a file in as many tries as bring bytes, and compare it with the published one."""
        failures = 0
        while (had := part.size) != place.file.size:
            try:
                await self._receive(client, place, part)
            except httpx.HTTPError as exc:
                failures = 0 if part.size > had else failures + 1
                if not _is_passing(exc) or failures == ATTEMPTS:
                    raise
                await anyio.sleep(_pause(exc, failures))
        self._gauge.report(place.file.name, place.file.size, message="checking")
        part.digest = await to_thread.run_sync(place.file.digest_of, place.part, abandon_on_cancel=True)
        return part.digest == place.file.digest

    async def _receive(self, client: httpx.AsyncClient, place: Place, part: Part) -> None:
        """Make one try, from where the last one stopped."""
        file = place.file
        begin = part.size if part.size < file.size else 0
        headers = self._headers | part.condition(begin)
        url, timeout = self._source.url_of(file.name), self._source.timeout
        async with client.stream("GET", url, headers=headers, timeout=timeout) as response:
            if begin and _is_unfit(response, begin, file.size):
                part.delete()
                raise httpx.RemoteProtocolError(f"the rest of {file.name} cannot be had, only the whole file")
            if response.is_error:
                await response.aread()
            self._source.raise_for_status(response)
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                begin = 0
            is_encoded = _is_encoded(response)
            self._require_file(place, response, begin, is_encoded=is_encoded)
            if not begin and part.size:
                self._note_restart(place)
            part.note_answer("" if is_encoded else response.headers.get("ETag", ""), begin)
            # A proxy may compress it although we asked it not to: then the unpacked bytes count.
            pieces = response.aiter_bytes() if is_encoded else response.aiter_raw()
            await self._write(pieces, place, begin)

    def _require_file(self, place: Place, response: httpx.Response, begin: int, *, is_encoded: bool) -> None:
        """Refuse an answer that cannot be the file, before the part on disk is given up for it."""
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise self._mismatch(place, "a web page")
        if not is_encoded:
            size = begin + int(response.headers.get("Content-Length", place.file.size - begin))
            if size != place.file.size:
                raise self._mismatch(place, f"{size:,} bytes instead of {place.file.size:,}")

    async def _write(self, pieces: AsyncIterator[bytes], place: Place, begin: int) -> None:
        """Write every byte that arrives, also where the answer breaks off or is cancelled."""
        arrived = begin
        waiting = bytearray()
        part = await to_thread.run_sync(lambda: place.part.open("ab" if begin else "wb"))
        try:
            async for piece in pieces:
                waiting += piece
                arrived += len(piece)
                if arrived > place.file.size:
                    raise self._mismatch(place, f"more than {place.file.size:,} bytes")
                if len(waiting) >= CHUNK:
                    data, waiting = waiting, bytearray()
                    with anyio.CancelScope(shield=True):  # a write is done whole, or not begun
                        await to_thread.run_sync(part.write, data)
                self._gauge.report(place.file.name, arrived)
        finally:
            with part:
                part.write(waiting)
        if arrived < place.file.size:
            raise httpx.RemoteProtocolError(f"{place.file.name} ended after {arrived:,} bytes")

    def _note_restart(self, place: Place) -> None:
        """Report that the part of a file that was here is of no use."""
        logger.warning(
            "%s: the file on the server has changed; it is fetched from its beginning", place.file.name
        )
        self._gauge.report(place.file.name, 0, message="fetching from the beginning:")

    def _mismatch(self, place: Place, how: str) -> BackendUnavailableError:
        return unavailable(
            self._model,
            f"the download of {place.file.name} is not the published file: {how}; "
            "a proxy may have changed it",
            self._remedy,
        )


@dataclass(slots=True)
class _Gauge:
    """The progress of all files together, in bytes."""

    on_progress: ProgressCallback
    model: str
    total: int
    before: int = 0
    """Bytes of the finished files."""
    reported_at: float = 0.0
    """Time of the last event."""

    def file_done(self, size: int) -> None:
        self.before += size

    def report(self, file: str, arrived: int, *, message: str = "") -> None:
        now = anyio.current_time()
        done = self.before + arrived
        if not message and now - self.reported_at < REPORT_EVERY and done < self.total:
            return
        self.reported_at = now
        self.on_progress(
            ProgressEvent(
                "downloading",
                backend=self.model,
                message=f"{message} {file}".lstrip(),
                fraction=done / self.total,
                details={"file": file, "bytes": done, "total_bytes": self.total},
            )
        )


def _is_unfit(response: httpx.Response, begin: int, size: int) -> bool:
    """Whether an answer is not the rest of the published file: another range, or none."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
    given = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    is_rest = given is None or (int(given[1]), int(given[2])) == (begin, size)
    return _is_encoded(response) or not is_rest


def _is_encoded(response: httpx.Response) -> bool:
    return str(response.headers.get("Content-Encoding", "identity")) != "identity"


def _pause(exc: httpx.HTTPError, failures: int) -> float:
    """Seconds before the next try: as the server asks, else more after each try that brought nothing."""
    response = getattr(exc, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(asked), LONGEST_PAUSE) if asked.isdecimal() else PAUSE * max(1, failures)


def _is_passing(exc: httpx.HTTPError) -> bool:
    """Whether another try a moment later may succeed."""
    response = getattr(exc, "response", None)
    return isinstance(exc, httpx.TransportError) or (response is not None and response.status_code in PASSING)


def _require_space(model: str, places: Sequence[Place], remedy: str) -> None:
    needed = sum(place.file.size - min(size_of(place.part), place.file.size) for place in places)
    folder = places[0].content.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise unavailable(
            model,
            f"{needed / 1e9:.1f} GB are still missing, and {folder} has {free / 1e9:.1f} GB of free space",
            remedy,
        )


@contextmanager
def _exclusive(lock: Path, model: str, remedy: str) -> Generator[None, None, None]:
    """Keep other programs out: two that write to the same part would spoil it."""
    try:
        opened = lock_file(lock)
    except BlockingIOError as exc:
        raise unavailable(model, f"another program is downloading it into {lock.parent}", remedy) from exc
    with opened:
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()  # before the lock is released: the next holder sees that its file has gone
