"""Files from the Hugging Face hub: gone on with where they stopped, checked, and put in place whole.

Access, token, offline mode and mirrors are those of `huggingface_hub`. Its own downloads cannot be
resumed by a later process or stopped half way, and ours are up to two gigabytes a file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import httpx
from anyio import to_thread
from huggingface_hub import constants, get_async_session, get_token, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined] # documented, not in __all__

from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub_chatterbox.download import Place, sha256_of
from tts_hub_chatterbox.variants import Variant

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
UPGRADE = "pip install --upgrade tts-hub"


async def fetch(
    variant: Variant, places: Sequence[Place], on_progress: ProgressCallback, *, remedy: str
) -> None:
    """Bring files of a model to their places. Cancelling keeps what has arrived.

    Raises:
        BackendUnavailableError: no network, no access, no space, or not what was published.
    """
    with _explained(variant, remedy):
        folder = places[0].content.parent
        await to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
        with _alone(folder / ".tts-hub-pull.lock", variant, remedy):
            _require_space(variant, places, remedy)
            await _Transfer(variant, places, on_progress, remedy).run()


class _Transfer:
    """The files of one model, one after the other."""

    def __init__(
        self, variant: Variant, places: Sequence[Place], on_progress: ProgressCallback, remedy: str
    ) -> None:
        self._variant = variant
        self._places = places
        self._remedy = remedy
        self._gauge = _Gauge(on_progress, variant.model, sum(place.file.size for place in places))
        self._headers = {"User-Agent": "tts-hub", "Accept-Encoding": "identity"}

    async def run(self) -> None:
        token = await to_thread.run_sync(get_token)  # HF_TOKEN, or what `hf auth login` has left
        if token and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
            self._headers["Authorization"] = f"Bearer {token}"
        async with get_async_session() as client:
            for place in self._places:
                await self._bring(client, place)
                self._gauge.file_done(place.file.size)

    async def _bring(self, client: httpx.AsyncClient, place: Place) -> None:
        """Receive a file, in several tries if need be, and put it in place once it has proved whole."""
        failures = 0
        while (had := _size(place.part)) != place.file.size:
            try:
                await self._receive(client, place, had)
            except (httpx.TransportError, HfHubHTTPError) as exc:
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
        url = hf_hub_url(self._variant.repository, file.name, revision=self._variant.revision)
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        async with client.stream("GET", url, headers=headers, timeout=timeout) as response:
            if response.is_error:
                await response.aread()
            hf_raise_for_status(response)
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
        return _unavailable(
            self._variant,
            f"what came for {place.file.name} is not the published file: {how}; "
            "something between here and the hub may have changed it",
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


def _is_passing(exc: httpx.TransportError | HfHubHTTPError) -> bool:
    return not isinstance(exc, HfHubHTTPError) or exc.response.status_code in PASSING


def _require_space(variant: Variant, places: Sequence[Place], remedy: str) -> None:
    needed = sum(place.file.size - min(_size(place.part), place.file.size) for place in places)
    folder = places[0].content.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise _unavailable(
            variant,
            f"{needed / 1e9:.1f} GB are still to come, and {folder} has {free / 1e9:.1f} GB of space left",
            remedy,
        )


@contextmanager
def _alone(lock: Path, variant: Variant, remedy: str) -> Generator[None, None, None]:
    """Two that write to the same part would spoil it."""
    try:
        opened = _locked(lock)
    except BlockingIOError as exc:
        raise _unavailable(variant, f"another program is pulling it into {lock.parent}", remedy) from exc
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


@contextmanager
def _explained(variant: Variant, remedy: str) -> Generator[None, None, None]:
    """What can go wrong on the way, in words and with what to do about it."""
    repository = f"{constants.ENDPOINT}/{variant.repository}"
    try:
        yield
    except OfflineModeIsEnabled as exc:
        raise _unavailable(
            variant, "files are missing, and HF_HUB_OFFLINE forbids to get them", f"HF_HUB_OFFLINE=0 {remedy}"
        ) from exc
    except GatedRepoError as exc:
        text = f"{repository} is open only to those who have accepted its terms there"
        raise _unavailable(variant, text, "hf auth login") from exc
    except RevisionNotFoundError as exc:
        text = f"{repository} has no revision {variant.revision}"
        raise _unavailable(variant, text, UPGRADE) from exc
    except RemoteEntryNotFoundError as exc:
        text = f"{repository} has not all of the model's files: nothing at {exc.response.url}"
        raise _unavailable(variant, text, UPGRADE) from exc
    except RepositoryNotFoundError as exc:
        text = f"{repository} does not exist, or not for you"
        raise _unavailable(variant, text, "hf auth login") from exc
    except HfHubHTTPError as exc:
        status = exc.response.status_code
        text = f"{repository} answers with status {status}"
        refused = status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
        text += ": it does not take your token" if refused else ""
        raise _unavailable(variant, text, "hf auth login" if refused else remedy) from exc
    except httpx.HTTPError as exc:
        text = f"cannot reach {constants.ENDPOINT}: {exc or type(exc).__name__}; what has arrived is kept"
        raise _unavailable(variant, text, remedy) from exc
    except OSError as exc:
        full = "; what has arrived is kept" if exc.errno == errno.ENOSPC else ""
        raise _unavailable(variant, f"cannot write the files: {exc}{full}", remedy) from exc


def _unavailable(variant: Variant, text: str, remedy: str) -> BackendUnavailableError:
    return BackendUnavailableError(f"model {variant.model}: {text}", backend=variant.model, remedy=remedy)
