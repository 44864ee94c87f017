"""What plugin code raises, as errors and log lines that name the engine and what it failed to do."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

from tts_hub.containment import contained, contained_call, described
from tts_hub.errors import BackendUnavailableError, TTSHubError

logger = logging.getLogger(__name__)
T = TypeVar("T")


def as_error(engine: str, task: str, exc: BaseException) -> TTSHubError:
    """The exception itself if it is one of the hub's errors, else a `BackendUnavailableError` around it."""
    if isinstance(exc, TTSHubError):
        return exc
    return unavailable(engine, task, exc)


def unavailable(engine: str, task: str, exc: BaseException) -> BackendUnavailableError:
    """An error that names the engine, what it failed to do, and what it raised."""
    message = f"engine {engine!r} failed to {task}: {described(exc)}"
    error = BackendUnavailableError(message, backend=engine)
    error.__cause__ = exc
    return error


def log_failure(engine: str, task: str, exc: BaseException, *, level: int = logging.WARNING) -> None:
    """The same as a line of the log."""
    logger.log(level, "engine %s failed to %s: %s", engine, task, described(exc))


def ask(engine: str, task: str, question: Callable[[], T]) -> T:
    """The answer of plugin code.

    Raises:
        TTSHubError: the plugin's own error, or a `BackendUnavailableError` for anything else that it raised.
    """
    failures: list[BaseException] = []
    with contained_call(failures.append):
        return question()
    raise as_error(engine, task, failures[0])


@asynccontextmanager
async def asking(engine: str, task: str) -> AsyncGenerator[None, None]:
    """`ask` for a block that awaits."""
    failures: list[BaseException] = []
    async with contained(failures.append):
        yield
    if failures:
        raise as_error(engine, task, failures[0])


def logged(engine: str, task: str, *, level: int = logging.WARNING) -> AbstractContextManager[None, bool]:
    """A block of plugin code whose failure is only logged."""
    return contained_call(lambda exc: log_failure(engine, task, exc, level=level))
