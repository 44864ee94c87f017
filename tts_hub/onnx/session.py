"""Sessions of onnxruntime, and calls that another thread can stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

FATAL_ONLY = 4
"""onnxruntime's level of what it writes to stderr: errors are raised as well."""


class Run:
    """The calls of a graph for one segment, which another thread can stop."""

    def __init__(self) -> None:
        import onnxruntime  # slow to import

        self.options = onnxruntime.RunOptions()
        self.stopped = False

    def stop(self) -> None:
        """End the running call at its next node, and let none begin."""
        self.stopped = True
        self.options.terminate = True


def session_options(threads: int | None) -> onnxruntime.SessionOptions:
    """The options of a session for speech, whose inputs have another length in each call.

    `threads` is the number of processor threads of one call; None: all cores.
    """
    import onnxruntime  # slow to import

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # With it, each length of text would leave a memory plan behind.
    options.enable_mem_pattern = False
    options.log_severity_level = FATAL_ONLY
    return options
