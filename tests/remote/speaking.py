"""Helpers for tests of remote engines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from tts_hub_remote import OpenAIBackend
from tts_hub_remote.openai.settings import OpenAISettings

from tts_hub.backend import TTSBackend
from tts_hub.types import AudioChunk, SegmentRequest

B = TypeVar("B", bound=TTSBackend)
TEXT = "The quick brown fox jumps."
EXACT = 2 / 32768
"""Tolerance for audio that went through 16-bit samples."""
SETTINGS: dict[str, Any] = {
    "connect_timeout": 20.0,
    "first_byte_timeout": 20.0,
    "answer_timeout": 20.0,
    "read_timeout": 20.0,
    "retries": 0,
}
"""Settings of an engine in tests: one try, and limits that no working server reaches."""
IMPATIENT: dict[str, Any] = SETTINGS | {"first_byte_timeout": 2.0, "read_timeout": 2.0, "answer_timeout": 2.0}
"""Settings for servers that send nothing, with short time limits."""


OPEN: list[TTSBackend] = []
"""Engines of the test that runs; a fixture closes them."""


def engine(url: str, **settings: Any) -> OpenAIBackend:
    """An engine on a server, closed when the test is over."""
    return kept(OpenAIBackend(OpenAISettings(**(SETTINGS | {"url": url} | settings))))


def kept(backend: B) -> B:
    """Have an engine closed when the test is over."""
    OPEN.append(backend)
    return backend


async def request_for(backend: TTSBackend, text: str = TEXT, **fields: Any) -> SegmentRequest:
    voice = await backend.find_voice(fields.pop("voice", None), fields.get("language"))
    options = backend.Options(**fields.pop("options", {})).model_dump()
    model = fields.pop("model", backend.name)
    return SegmentRequest(text=text, voice=voice, model=model, options=options, **fields)


async def spoken(backend: TTSBackend, text: str = TEXT, **fields: Any) -> list[AudioChunk]:
    """All chunks of one segment."""
    on_progress = fields.pop("on_progress", lambda event: None)
    request = await request_for(backend, text, **fields)
    async with aclosing(backend.generate_stream(request, on_progress)) as stream:
        return [chunk async for chunk in stream]


def joined(chunks: Sequence[AudioChunk]) -> NDArray[np.float32]:
    """The samples (T,) of all chunks."""
    return np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
