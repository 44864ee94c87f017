"""A clock on the terminal that ticks while this process cannot.

Loading a large library can keep Python from running any other thread for seconds, the one that draws the
progress included. A small process of its own then goes on drawing the time, in the first column of the line
that the cursor is in.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

QUIET = 0.5
"""Seconds without a beat after which the process draws the time itself."""
LEAVE_WITHIN = 2.0
"""Seconds that the process has to end."""
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
    """The process that draws; it ends with this one, however that ends."""

    def __init__(self, elapsed: float) -> None:
        """`elapsed`: seconds that the clock has shown already."""
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # without it the clock stands still now and then
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", PROGRAM, str(elapsed), str(QUIET)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is not meant for it
            )

    def beat(self) -> None:
        """Say that this process is drawing the time itself."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):
                self._process.stdin.write(b".")
                self._process.stdin.flush()

    def stop(self) -> None:
        """End it; nothing is drawn from then on."""
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
