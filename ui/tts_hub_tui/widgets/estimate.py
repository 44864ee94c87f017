"""The length and cost that a text will have, in one line while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio
from textual import work
from textual.widgets import Static

from tts_hub.cost.pricing import usd
from tts_hub.errors import TTSHubError
from tts_hub.types import SpeechRequest
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.widgets.closing import ignore_closed

DELAY = 0.4
"""Seconds without typing after which a text is estimated."""
MAX_CHARACTERS = 20_000
"""Characters that are estimated; the rest of a longer text is taken to be like them."""


class EstimateLine(Static):
    """Shows the estimate of a request."""

    def __init__(self, hub: Hub, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id, markup=False)
        self._hub = hub

    @work(exclusive=True, group="estimate")
    async def show_soon(self, request: Callable[[], SpeechRequest | None]) -> None:
        """Show the estimate once the user has stopped typing; `request` returns what there is to estimate."""
        await anyio.sleep(DELAY)
        with ignore_closed(self):
            wanted = request()
            self.update(await estimate_line(self._hub, wanted) if wanted is not None else "")


async def estimate_line(hub: Hub, request: SpeechRequest) -> str:
    """Characters, minutes and cost; only the characters if the hub has no estimate."""
    text = str(request.input)
    counted = f"{len(text):,} characters"
    try:
        estimate = await hub.estimate(replace(request, input=text[:MAX_CHARACTERS]))
    except TTSHubError:
        return counted  # the error is shown, at its field, when the text is spoken
    factor = len(text) / min(len(text), MAX_CHARACTERS)
    cost = f"about {usd(estimate.cost * factor)}" if estimate.cost_high else "free"
    return f"{counted} · about {_duration(estimate.audio_seconds * factor)} of speech · {cost}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
