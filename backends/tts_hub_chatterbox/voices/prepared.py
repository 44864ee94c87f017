"""Conditionings of voices, computed once and kept in memory and on disk."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import to_thread

from tts_hub.errors import BackendUnavailableError, OutputError
from tts_hub.store.prepared import PreparedFiles, PreparedKey
from tts_hub_chatterbox.voices.conditioning import Conditioning

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Turn:
    """The lock for one key, and how many hold or await it."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    users: int = 0


class PreparedVoices:
    """Conditionings by key: those used last in memory, many more in files.

    For use from one event loop. Different voices are computed one after the other, as each takes all cores.
    """

    def __init__(self, files: PreparedFiles, *, most: int = 16, most_bytes: int = 64_000_000) -> None:
        """`most` and `most_bytes` bound what is in memory."""
        self._files = files
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[PreparedKey, Conditioning] = OrderedDict()
        self._turns: dict[PreparedKey, _Turn] = {}
        self._maker = anyio.CapacityLimiter(1)
        self.found = 0
        """Times that a conditioning was in memory or in a file."""
        self.computed = 0
        """Times that it was not."""

    async def get(self, key: PreparedKey, compute: Callable[[], Conditioning]) -> Conditioning:
        """The conditioning of `key`: from memory, from disk, or from `compute`, which runs in a thread.

        However many tasks ask at once, it is computed once. A task that is cancelled meanwhile waits for the
        end of the computation, and the result is kept. What `compute` raises is raised here and nothing is
        kept; the next task that waits for the same key tries again. A damaged file is written again; a file
        that cannot be written is logged.
        """
        found = self._look_up(key)
        if found is not None:
            self.found += 1
            return found
        async with self._turn(key):
            found = self._look_up(key) or await to_thread.run_sync(_read, self._files, key)
            if found is not None:
                self.found += 1
            else:
                self.computed += 1
                found = await to_thread.run_sync(self._make, key, compute, limiter=self._maker)
            self._keep(key, found)
            return found

    @property
    def count(self) -> int:
        """The number of conditionings in memory."""
        return len(self._kept)

    def clear(self) -> None:
        """Drop all conditionings in memory; the files stay."""
        self._kept.clear()

    @asynccontextmanager
    async def _turn(self, key: PreparedKey) -> AsyncGenerator[None, None]:
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]

    def _look_up(self, key: PreparedKey) -> Conditioning | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def _keep(self, key: PreparedKey, conditioning: Conditioning) -> None:
        self._kept[key] = conditioning
        size = sum(kept.nbytes for kept in self._kept.values())
        while self._kept and (len(self._kept) > self._most or size > self._most_bytes):
            _, dropped = self._kept.popitem(last=False)
            size -= dropped.nbytes

    def _make(self, key: PreparedKey, compute: Callable[[], Conditioning]) -> Conditioning:
        made = compute()
        path = self._files.path(key)
        try:
            made.save(path)
        except OutputError as exc:
            logger.warning("a prepared voice is not kept on disk: %s", exc)
        else:
            self._files.thin_out(keep=path)
        return made


def _read(files: PreparedFiles, key: PreparedKey) -> Conditioning | None:
    """The conditioning in a file, which is marked as used now; None if there is no usable file."""
    path = files.find(key)
    if path is None:
        return None
    try:
        return Conditioning.load(path)
    except BackendUnavailableError as exc:
        logger.warning("a prepared voice is being prepared again: %s", exc)
        return None
