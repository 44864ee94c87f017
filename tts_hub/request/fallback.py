"""Which engine takes over when one has failed, and what to raise when none is left."""

from __future__ import annotations

from collections.abc import Sequence

from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    EngineRefusedError,
    GenerationError,
    InvalidRequestError,
    TTSHubError,
)
from tts_hub.request.costs import RequestCosts
from tts_hub.request.route import Candidate


class FallbackChoice:
    """The engines of one request that have failed, and the choice of the next."""

    def __init__(self, costs: RequestCosts) -> None:
        self._costs = costs
        self._failures: list[BackendError] = []
        """The errors of engines that speak no more of the request."""
        self._of_segment: list[BackendError] = []
        """The errors of engines that continue behind the segment."""

    async def choose(
        self,
        later: Sequence[Candidate],
        error: BackendError,
        *,
        text: str,
        only_segment: bool,
        has_given_audio: bool,
    ) -> Candidate:
        """The first of the later engines of a route that may take over, and that the budget has enough for.

        Args:
            later: the engines behind the one that failed.
            error: its failure.
            text: what the next engine is to speak.
            only_segment: the next engine speaks the failed segment only.
            has_given_audio: the reader has got audio of the request.

        Raises:
            TTSHubError: the failure itself, or all of them in one, when no engine can take over.
        """
        self._note(error, only_segment=only_segment)
        for candidate in later:
            # To change the voice for good, the other choices of `auto` are not good enough once there has
            # been audio.
            if candidate.only_at_start and has_given_audio and not only_segment:
                continue
            if await self._costs.may_take_over(candidate, text):
                return candidate
        raise _all_failed([*self._failures, *self._of_segment], self._costs.passed_over)

    def _note(self, error: BackendError, *, only_segment: bool) -> None:
        self._of_segment = [other for other in self._of_segment if other.position == error.position]
        (self._of_segment if only_segment else self._failures).append(error)


def refuses_segment(error: BackendError) -> bool:
    """Whether an engine refused a segment for what is in it, such as letters that it cannot read."""
    return isinstance(error, EngineRefusedError) and isinstance(error.original, InvalidRequestError)


def _all_failed(errors: Sequence[BackendError], passed_over: Sequence[str]) -> TTSHubError:
    """What to raise when no engine is left: the failure itself, or all of them in one line.

    `passed_over` says of engines why they were not tried.
    """
    errors = [e for e in errors if not isinstance(e, EngineRefusedError) or e.was_named] or errors
    first, last = errors[0], errors[-1]
    all_refused = all(isinstance(error, EngineRefusedError) for error in errors)
    if all_refused and isinstance(first, EngineRefusedError):
        return first.original
    if len(errors) == 1 and not passed_over:
        return first
    message = "; then ".join([*(str(error) for error in errors), *passed_over])
    unavailable = isinstance(last, BackendUnavailableError | EngineRefusedError)
    failure = (BackendUnavailableError if unavailable else GenerationError)(message, backend=first.backend)
    failure.position = last.position
    failure.__cause__ = last
    return failure
