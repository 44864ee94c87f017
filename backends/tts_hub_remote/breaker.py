"""A service that fails again and again is left alone for a while, so that fallbacks begin at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from tts_hub.errors import BackendUnavailableError, TTSHubError

LONGEST_PAUSE = 20
"""The pause doubles from look to look, up to this many times `probe_seconds`."""


class Breaker:
    """Closed: requests pass. Open: they are refused at once, until a look at the service goes well.

    The look is taken in the background (`watch`); where nobody runs that, the first request after the
    pause is let through as one.
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
        """Whether the service is left alone."""
        return self._open_until is not None

    def check(self) -> None:
        """Let a request pass.

        Raises:
            BackendUnavailableError: the service is left alone for now.
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
        self._open_until = (
            anyio.current_time() + self._probe_seconds
        )  # one goes ahead, the others wait for it

    def note_answer(self) -> None:
        """It speaks to us again, be it to refuse; whether it speaks to the end is not known yet."""
        self._open_until = None

    def note_success(self) -> None:
        """It has done all that was asked of it."""
        self._failures = 0
        self._open_until = None

    def note_failure(self, error: TTSHubError) -> None:
        """It could not be reached, gave nothing in time, or said that it is broken."""
        self._failures += 1
        self._last_error = str(error)
        if self._failures >= self._most:
            self._open_until = anyio.current_time() + self._probe_seconds
            self._opened.set()

    async def watch(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Look at a service that is left alone, now and then, for ever; `probe` raises if it is not well."""
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
