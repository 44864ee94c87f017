"""What was spent on each day, in a file that all programs of a user share."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tts_hub.cost.pricing import usd
from tts_hub.errors import BudgetExceededError, OutputError, UsageError

FILE_NAME = "spending.sqlite3"
LOCKED_FOR = 10.0
"""Seconds to wait for other programs, which hold the file for milliseconds."""
ROUNDING = 1e-9
"""US dollars that sums may be off by."""
MOST = 1e9
"""US dollars beyond which a sum is a mistake."""


def today() -> dt.date:
    """The day that is running in UTC, as services count days."""
    return dt.datetime.now(dt.UTC).date()


class Ledger:
    """US dollars of each day. Its methods wait for the disk: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written before there is something to count."""
        self._folder = folder

    def reserve(self, day: dt.date, dollars: float, limit: float) -> None:
        """Count a sum as spent before it is, so that no other program spends it too.

        Raises:
            BudgetExceededError: the day's sum would go beyond `limit`.
            OutputError: the file cannot be kept, or holds no sum of money for the day.
            UsageError: it is no sum of money from 0.
        """
        check_sum(dollars)
        check_sum(limit, most=math.inf)
        with self._opened() as file:
            spent = _spent(file, day)
            if spent + dollars > limit + ROUNDING:
                raise BudgetExceededError(
                    f"{usd(dollars)} more would go over the {usd(limit)} of a day (budget.per_day): "
                    f"{usd(spent)} are spent or reserved since midnight UTC"
                )
            _put(file, day, spent + dollars)

    def correct(self, day: dt.date, dollars: float) -> None:
        """Add what was spent beyond what was reserved, or give back (negative) what was not spent.

        Raises:
            OutputError: the file cannot be kept, or holds no sum of money for the day.
            UsageError: it is no sum of money.
        """
        check_sum(dollars, least=-MOST)
        with self._opened() as file:
            _put(file, day, max(0.0, _spent(file, day) + dollars))

    def spent(self, day: dt.date) -> float:
        """The sum of the day, with what is reserved for requests that are under way.

        Raises:
            OutputError: the file cannot be kept, or holds no sum of money for the day.
        """
        with self._opened() as file:
            return _spent(file, day)

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection, None, None]:
        """The file, locked; changes are kept if the block ends without an error."""
        path = self._folder / FILE_NAME
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=LOCKED_FOR, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                file.execute(
                    "CREATE TABLE IF NOT EXISTS spent (day TEXT PRIMARY KEY, "
                    "dollars REAL NOT NULL CHECK (typeof(dollars) = 'real' AND dollars >= 0))"
                )
                yield file
                file.execute("COMMIT")
        except (OSError, sqlite3.Error, _NoSumError) as exc:
            raise OutputError(
                f"cannot keep what was spent today (budget.per_day) in {path}: {exc}; "
                "no paid engine is used until it can be"
            ) from exc


class _NoSumError(Exception):
    """The file holds something for a day that is no sum of money."""


def _spent(file: sqlite3.Connection, day: dt.date) -> float:
    row = file.execute("SELECT dollars FROM spent WHERE day = ?", (day.isoformat(),)).fetchone()
    if row is None:
        return 0.0
    if not is_sum(row[0]):
        shown = repr(row[0])[:40]
        raise _NoSumError(
            f"the sum of {day} is {shown}, which is not a sum of money; delete that row or the file"
        )
    return float(row[0])


def check_sum(dollars: Any, *, least: float = 0.0, most: float = MOST) -> None:
    """Raise `UsageError` for what is no sum of money, in US dollars."""
    if not is_sum(dollars, least, most):
        raise UsageError(f"{dollars!r} is not a sum of money: give US dollars as a number, {least:g} or more")


def is_sum(dollars: Any, least: float = 0.0, most: float = MOST) -> bool:
    """Whether it is a number, and not too small or large. (SQLite keeps whatever a column is given.)"""
    return type(dollars) in {int, float} and least <= dollars <= most


def _put(file: sqlite3.Connection, day: dt.date, dollars: float) -> None:
    file.execute("INSERT OR REPLACE INTO spent VALUES (?, ?)", (day.isoformat(), dollars))
