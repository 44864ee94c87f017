"""What went wrong, in words for people."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tts_hub.errors import BackendError, BackendUnavailableError, InvalidRequestError, TTSHubError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the studio shows it."""

    message: str
    remedy: str = ""
    """A command that fixes it, or empty."""
    field: str = ""
    """The field of the request that caused it, or empty."""
    position: int | None = None
    """The place in the text where it happened, in characters; None if it is unknown."""

    @property
    def line(self) -> str:
        """The message, and what to do about it."""
        return f"{self.message}.{f' To fix: {self.remedy}' if self.remedy else ''}"


def failure_of(exc: Exception) -> Failure:
    """The failure behind an error. An error that is not the hub's own is written to the log in full."""
    if not isinstance(exc, TTSHubError):
        logger.error("an unexpected error", exc_info=exc)
        return Failure(
            f"an unexpected error (details in the log): {' '.join(str(exc).split()) or type(exc).__name__}"
        )
    return Failure(
        " ".join(str(exc).split()),
        remedy=exc.remedy if isinstance(exc, BackendUnavailableError) else "",
        field=exc.param if isinstance(exc, InvalidRequestError) else "",
        position=exc.position if isinstance(exc, BackendError) else None,
    )
