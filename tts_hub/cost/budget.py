"""What may be spent and what has been: held back before an engine is called, counted after."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import anyio

from tts_hub.config import BudgetConfig
from tts_hub.cost.ledger import ROUNDING, Ledger, check_sum, is_sum, today
from tts_hub.cost.pricing import Cost, Price, Work, usd
from tts_hub.errors import BudgetExceededError, OutputError
from tts_hub.report import EngineCost
from tts_hub.system.folders import user_data_folder
from tts_hub.types import AudioChunk, Usage

EngineModel = tuple[str, str]
"""(engine, model)"""
logger = logging.getLogger(__name__)


class Budget:
    """The limits of the hub, and what all requests together have cost."""

    def __init__(self, config: BudgetConfig) -> None:
        self._config = config
        self._spent: dict[EngineModel, float] = {}

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._config.per_request is not None or self._config.per_day is not None

    @property
    def spent(self) -> Mapping[EngineModel, float]:
        """(engine, model) -> US dollars since the manager was made; free ones are not in it."""
        return MappingProxyType(self._spent)

    def account(self) -> Account:
        """A new account for one request."""
        return Account(self._config, self._spent)


class Account:
    """The money of one request: what it has cost, and what is held back for segments under way."""

    def __init__(self, config: BudgetConfig, total: dict[EngineModel, float]) -> None:
        """`total` is what all requests add to."""
        self._config = config
        self._total = total
        self._costs: dict[EngineModel, EngineCost] = {}
        self._held = 0.0
        self._reserved = 0.0
        """US dollars of the day's sum that are reserved for this request."""
        self._day: dt.date | None = None
        self._refusal: BudgetExceededError | None = None
        self._lock = anyio.Lock()

    @property
    def costs(self) -> tuple[EngineCost, ...]:
        """What each engine and model charged."""
        return tuple(self._costs.values())

    @property
    def dollars(self) -> float:
        """What all of it has cost so far."""
        return sum(cost.dollars for cost in self._costs.values())

    async def allow(self, dollars: float) -> None:
        """Make sure that so much more may be spent, over what is spent and held back.

        Raises:
            BudgetExceededError: it may not.
            OutputError: the day's sum cannot be kept.
            UsageError: it is no sum of money.
        """
        async with self._lock:
            await self._allow(dollars)

    @asynccontextmanager
    async def bill(self, backend: str, model: str, price: Price, work: Work) -> AsyncGenerator[Bill, None]:
        """Hold back what a segment will cost at most; at the end of the block, count what it did cost.

        Once a segment was refused all later ones are, even cheaper ones: the audio would have a hole.

        Raises:
            BudgetExceededError: it may not be spent.
            OutputError: the day's sum cannot be kept.
        """
        bill = Bill(price, work)
        async with self._lock:
            await self._allow_segment(bill.most)
            self._held += bill.most
        try:
            yield bill
        finally:
            self._held -= bill.most
            self._count(backend, model, bill.cost)

    async def close(self) -> None:
        """Correct the day's sum by what was spent in the end. A text that is spoken past midnight counts for
        the last day on which it needed money."""
        if self._day is None:
            return
        difference = self.dollars - self._reserved
        with anyio.CancelScope(shield=True):
            try:
                await anyio.to_thread.run_sync(self._ledger.correct, self._day, difference)
            except OutputError as exc:
                logger.error("%s; today's sum is wrong by $%.4f", exc, difference)

    @property
    def _ledger(self) -> Ledger:
        return Ledger(Path(self._config.folder).expanduser() if self._config.folder else user_data_folder())

    async def _allow_segment(self, dollars: float) -> None:
        if self._refusal is not None and dollars:
            raise self._refusal
        try:
            await self._allow(dollars)
        except BudgetExceededError as exc:
            self._refusal = exc
            raise

    async def _allow(self, dollars: float) -> None:
        check_sum(dollars)
        if not dollars:
            return
        most, per_day = self._config.per_request, self._config.per_day
        wanted = self.dollars + self._held + dollars
        if most is not None and wanted > most + ROUNDING:
            raise BudgetExceededError(
                f"the request may come to {usd(wanted)}, over the {usd(most)} that a request may cost "
                "(budget.per_request)"
            )
        missing = wanted - self._reserved
        if per_day is not None and missing > 0:
            day = today()
            await anyio.to_thread.run_sync(self._ledger.reserve, day, missing, per_day)
            self._reserved, self._day = wanted, day

    def _count(self, backend: str, model: str, cost: Cost) -> None:
        if not cost.dollars:
            return
        key = (backend, model)
        before = self._costs.get(key, EngineCost(backend, model, 0.0, estimated=False))
        self._costs[key] = replace(
            before,
            dollars=before.dollars + cost.dollars,
            estimated=before.estimated or cost.estimated,
        )
        self._total[key] = self._total.get(key, 0.0) + cost.dollars


class Bill:
    """The cost of one segment at one engine."""

    def __init__(self, price: Price, work: Work) -> None:
        self.most = price.estimate(work).high
        """US dollars that are held back for it."""
        self._price = price
        self._work = work
        self._usage = Usage()
        self._seconds = 0.0
        self._is_sent = self._is_answered = self._is_whole = False

    @contextmanager
    def sent(self) -> Generator[None, None, None]:
        """The engine is at work on it. A failure before any answer was a refusal, which costs nothing."""
        self._is_sent = True
        try:
            yield
        except Exception:
            self._is_sent = self._is_answered
            raise
        self._is_whole = True

    def note(self, chunk: AudioChunk) -> None:
        """Count a chunk that the engine gave."""
        self._is_answered = True
        self._seconds += chunk.seconds
        self._usage = chunk.usage or self._usage

    @property
    def cost(self) -> Cost:
        """What it has cost: by the usage that the engine reported, else by the text and by its audio.

        A segment that broke off counts with the audio that all of it would have had: services bill the whole
        of a text that they have begun to speak.
        """
        if not self._is_sent:
            return Cost()
        seconds = self._seconds if self._is_whole else max(self._seconds, self._work.seconds)
        cost = self._price.cost(self._usage, replace(self._work, seconds=seconds))
        return cost if is_sum(cost.dollars) else Cost(self.most, estimated=True)
