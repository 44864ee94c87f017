"""A circuit breaker: a service that fails again and again is paused, so that fallbacks begin at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from tts_hub.errors import BackendUnavailableError, TTSHubError

LONGEST_PAUSE = 20
"""The pause doubles with every failed check, up to this many times `probe_seconds`."""


class Breaker:
    """While it is closed, requests pass. While it is open, they are refused at once, until a check succeeds.

    `watch` checks in the background. Without it, the first request after the pause passes as a check.
    """

    def __init__(self, name: str, failures: int, probe_seconds: float) -> None:
        self._name = name
        self._most = failures
        self._probe_seconds = probe_seconds
        self._failures = 0
        self._last_error = ""
        self._open_until: float | None = None
        self._opened = anyio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the service is paused."""
        return self._open_until is not None

    def check(self) -> None:
        """Let a request pass.

        Raises:
            BackendUnavailableError: the service is paused.
        """
        if self._open_until is None:
            return
        left = self._open_until - anyio.current_time()
        if left > 0:
            raise BackendUnavailableError(
                f"{self._name} failed {self._failures} times in a row, last by: {self._last_error}; "
                f"it is not asked for {left:.0f} s more",
                backend=self._name,
            )
        # This request passes as a check; the others are refused until it has an answer.
        self._open_until = anyio.current_time() + self._probe_seconds

    def note_answer(self) -> None:
        """Note that the service answers, even if it refuses; the audio of the answer may still break off."""
        self._open_until = None

    def note_success(self) -> None:
        """Note that the service has answered a request completely."""
        self._failures = 0
        self._open_until = None

    def note_failure(self, error: TTSHubError) -> None:
        """Note that the service could not be reached, sent nothing in time, or reported a failure."""
        self._failures += 1
        self._last_error = str(error)
        if self._failures >= self._most:
            self._open_until = anyio.current_time() + self._probe_seconds
            self._opened.set()

    async def watch(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Check a paused service now and then, until cancelled; `probe` raises while the service fails."""
        while True:
            await self._opened.wait()
            self._opened = anyio.Event()
            pause = self._probe_seconds
            await anyio.sleep(pause)
            while self.is_open:  # unless a request has closed it meanwhile
                try:
                    await probe()
                except TTSHubError as exc:
                    self._last_error = str(exc)
                    pause = min(pause * 2, self._probe_seconds * LONGEST_PAUSE)
                    self._open_until = anyio.current_time() + pause * 1.5
                    await anyio.sleep(pause)
                else:
                    self.note_answer()
