"""A clock on the terminal that ticks while this process is blocked.

Loading a large library can block all other threads of Python for seconds, the one that draws the progress
included. Then a small process of its own draws the time, in the first column of the cursor's line.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

QUIET = 0.5
"""Seconds without a beat after which the other process draws the time."""
LEAVE_WITHIN = 2.0
"""Seconds that the other process has to end."""
PROGRAM = """
import os, select, sys, time
began = time.monotonic() - float(sys.argv[1])
while True:
    if select.select([0], [], [], float(sys.argv[2]))[0]:
        if not os.read(0, 4096):
            break
        continue
    seconds = int(time.monotonic() - began)
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    os.write(2, f"\\r{clock}\\r".encode())
"""


class Clock:
    """The process that draws the time; it ends with this one, however that ends."""

    def __init__(self, elapsed: float) -> None:
        """Start it; `elapsed` is the time, in seconds, that is shown already."""
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # without it the clock stops now and then
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", PROGRAM, str(elapsed), str(QUIET)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not end it
            )

    def beat(self) -> None:
        """Report that this process draws the time itself."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):
                self._process.stdin.write(b".")
                self._process.stdin.flush()

    def stop(self) -> None:
        """End the process; it draws nothing any more."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(LEAVE_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
