"""The list of an engine's voices."""

from __future__ import annotations

import pytest

from tts_hub import TTSBackendManager
from tts_hub.config import parse_config

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("configured", [None, "de", "fr-fr", "de+f3"])
async def test_the_default_voice_comes_first(configured: str | None) -> None:
    config = parse_config({"backends": {"espeak": {"voice": configured} if configured else {}}})
    async with TTSBackendManager(config) as manager:
        listed = [voice.id for voice in (await manager.voices("espeak"))["espeak"]]
    assert listed[0] == (configured or "en-us")
    assert len(set(listed)) == len(listed) > 100


async def test_a_configured_voice_that_is_wrong_does_not_hide_the_others() -> None:
    config = parse_config({"backends": {"espeak": {"voice": "klingon-9"}}})
    async with TTSBackendManager(config) as manager:
        assert len((await manager.voices("espeak"))["espeak"]) > 100
