"""Downloading models from the screen of engines."""

from __future__ import annotations

import pytest
from textual.widgets import DataTable
from tts_hub_tui.screens.engines import EnginesScreen

from tests.tui.conftest import OpenStudio
from tests.tui.fetching import Fetching
from tts_hub.errors import BackendUnavailableError

pytestmark = pytest.mark.anyio


@pytest.fixture
def fetching() -> type[Fetching]:
    return type("Fetching", (Fetching,), {})


async def test_a_model_is_pulled_with_progress(open_studio: OpenStudio, fetching: type[Fetching]) -> None:
    fetching.hold_at = 3
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        assert "missing" in [str(cell) for cell in studio.app.screen.query_one(DataTable).get_row_at(0)]
        await studio.pilot.press("p")
        await studio.until(lambda: " of 5 MB" in studio.text("#pull-text"))
        fetching.hold_at = None
        await studio.until(lambda: "fetching is here" in studio.text("#pull-text"))
        await studio.until(
            lambda: "here" in [str(c) for c in studio.app.screen.query_one(DataTable).get_row_at(0)]
        )


async def test_pulling_is_stopped(open_studio: OpenStudio, fetching: type[Fetching]) -> None:
    fetching.hold_at = 3
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        await studio.pilot.press("p")
        await studio.until(lambda: fetching.stopped_at)
        await studio.pilot.press("s")
        await studio.until(lambda: "stopped" in studio.text("#pull-text"))
        assert not fetching.here


async def test_a_pull_continues_when_its_screen_is_left(
    open_studio: OpenStudio, fetching: type[Fetching]
) -> None:
    fetching.hold_at = 3
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        await studio.pilot.press("p")
        await studio.until(lambda: fetching.stopped_at)
        await studio.pilot.press("escape")
        await studio.until(lambda: studio.app.screen is studio.main)
        fetching.hold_at = None
        await studio.until(lambda: "fetching is here" in studio.notes)
        assert fetching.here


async def test_a_pull_that_fails_is_shown_with_its_remedy(
    open_studio: OpenStudio, fetching: type[Fetching]
) -> None:
    fetching.error = BackendUnavailableError("no network", backend="fetching", remedy="export HF_TOKEN=…")
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        await studio.pilot.press("p")
        await studio.until(lambda: "no network. To fix: export HF_TOKEN" in studio.text("#pull-text"))
