"""The costs of a request along its way: estimated, allowed or refused by the budget, counted."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, fields

from anyio.lowlevel import checkpoint

from tts_hub.cost.budget import Account, Bill
from tts_hub.cost.pricing import FREE, CostEstimate, EngineEstimate, Price, Work, expected_work
from tts_hub.errors import TTSHubError
from tts_hub.report import EngineCost
from tts_hub.request.prepared_engine import native_speed
from tts_hub.request.route import Candidate
from tts_hub.text.segment import Segment
from tts_hub.types import SpeechRequest

SEGMENTS_BETWEEN_CHECKPOINTS = 64
"""Segments that are counted before other tasks get their turn."""
logger = logging.getLogger(__name__)


class RequestCosts:
    """What engines may charge for one request, and what they did charge."""

    def __init__(self, request: SpeechRequest, request_id: str, account: Account) -> None:
        self.passed_over: list[str] = []
        """Engines that could have taken over, and why they did not."""
        self._request = request
        self._request_id = request_id
        self._account = account

    @property
    def dollars(self) -> float:
        """US dollars, in all."""
        return self._account.dollars

    @property
    def by_engine(self) -> tuple[EngineCost, ...]:
        """What each engine charged; free ones are not in it."""
        return self._account.costs

    async def allow_all(self, candidate: Candidate, segments: AsyncGenerator[Segment, None]) -> None:
        """Make sure that the budget has enough for a whole text at an engine.

        Raises:
            BudgetExceededError: it has not.
        """
        price = _price(candidate)
        if not price.is_free:
            work = (await _count(self._request, [candidate], segments)).works[0]
            await self._account.allow(price.estimate(work).high)

    def bill(self, candidate: Candidate, text: str) -> AbstractAsyncContextManager[Bill]:
        """The bill of a segment at one engine; see `Account.bill`."""
        return self._account.bill(
            candidate.engine.name,
            candidate.model,
            _price(candidate),
            _work_of(candidate, self._request, text),
        )

    async def may_take_over(self, candidate: Candidate, rest: str) -> bool:
        """Whether the budget has enough for the rest of the text at another engine; if not, it is logged."""
        try:
            work = _work_of(candidate, self._request, rest)
            await self._account.allow(_price(candidate).estimate(work).high)
        except TTSHubError as exc:
            name = candidate.engine.name
            logger.warning("request %s: engine %s is skipped: %s", self._request_id, name, exc)
            self.passed_over.append(f"engine {name!r} was skipped: {exc}")
            return False
        return True

    async def close(self) -> None:
        """All work has ended."""
        await self._account.close()


async def estimate_of(
    request: SpeechRequest, route: Sequence[Candidate], segments: AsyncGenerator[Segment, None]
) -> CostEstimate:
    """What speaking the segments of a request would cost at each engine of its route.

    Raises:
        InvalidTextError: there is a broken tag in the text.
        BackendUnavailableError: an engine does not state its price.
    """
    counted = await _count(request, route, segments)
    works = zip(route, counted.works, strict=True)
    first, *others = [_engine_estimate(candidate, work) for candidate, work in works]
    work = counted.works[0]
    return CostEstimate(
        **{field.name: getattr(first, field.name) for field in fields(first)},
        requested_model=request.model or "",
        characters=work.characters,
        segments=counted.segments,
        audio_seconds=work.seconds * _speed(route[0], request) / request.speed + counted.pauses,
        fallbacks=tuple(others),
    )


def _work_of(candidate: Candidate, request: SpeechRequest, text: str) -> Work:
    """What an engine has to do for a piece of a request's text."""
    return expected_work(text, speed=_speed(candidate, request), instructions=request.instructions)


@dataclass(slots=True)
class _Counted:
    """What counting found in a text."""

    works: list[Work]
    """The work for the whole text, for each engine."""
    segments: int = 0
    """Segments with words in them."""
    pauses: float = 0.0
    """Seconds of pauses that the text asks for."""


async def _count(
    request: SpeechRequest, candidates: Sequence[Candidate], segments: AsyncGenerator[Segment, None]
) -> _Counted:
    counted = _Counted([Work()] * len(candidates))
    async with aclosing(segments):
        async for segment in segments:
            counted.pauses += segment.pause_after or 0.0
            if segment.text:
                counted.segments += 1
                works = zip(counted.works, candidates, strict=True)
                counted.works = [
                    work + _work_of(candidate, request, segment.text) for work, candidate in works
                ]
            if segment.index % SEGMENTS_BETWEEN_CHECKPOINTS == 0:
                await checkpoint()
    return counted


def _engine_estimate(candidate: Candidate, work: Work) -> EngineEstimate:
    price = _price(candidate)
    bounds = price.estimate(work)
    return EngineEstimate(
        backend=candidate.engine.name,
        model=candidate.model,
        cost=bounds.likely,
        cost_low=bounds.low,
        cost_high=bounds.high,
        price_source=price.source,
        price_checked=price.checked,
    )


def _price(candidate: Candidate) -> Price:
    return candidate.engine.price(candidate.model) or FREE


def _speed(candidate: Candidate, request: SpeechRequest) -> float:
    return native_speed(candidate.engine.capabilities_for(candidate.model), request.speed)
