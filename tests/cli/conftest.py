"""No program outlives its test."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.cli.running import end_all


@pytest.fixture(autouse=True)
def no_survivors() -> Generator[None, None, None]:
    yield
    end_all()
