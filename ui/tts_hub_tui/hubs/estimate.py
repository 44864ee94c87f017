"""What a text will come to, said in one line while it is written."""

from __future__ import annotations

from dataclasses import replace

from tts_hub.errors import TTSHubError
from tts_hub.pricing import usd
from tts_hub.types import SpeechRequest
from tts_hub_tui.hubs.interface import Hub

COUNTED = 20_000
"""Characters that are looked at; what is longer is taken to go on like them."""


async def estimate_line(hub: Hub, request: SpeechRequest) -> str:
    """Characters, minutes and cost; only the characters where nobody knows more."""
    text = str(request.input)
    counted = f"{len(text):,} characters"
    try:
        estimate = await hub.estimate(replace(request, input=text[:COUNTED]))
    except TTSHubError:
        return counted  # it will be told when it is spoken, and where it belongs
    factor = len(text) / min(len(text), COUNTED)
    cost = f"about {usd(estimate.cost * factor)}" if estimate.cost_high else "free"
    return f"{counted} · about {_duration(estimate.audio_seconds * factor)} of speech · {cost}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
