"""The faces that are measured, and their requests; those of servers are in `servers`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Protocol

import anyio

from tts_hub.bench.arrivals import Part
from tts_hub.bench.texts import BenchText
from tts_hub.errors import OutputError
from tts_hub.manager import TTSBackendManager
from tts_hub.types import RequestFields

TIMEOUT = 300.0
"""Seconds that one request may take, from its beginning to its last byte."""


@dataclass(frozen=True, slots=True)
class Job:
    """The fields that all requests of a configuration share."""

    model: str = "auto"
    voice: str | None = None
    response_format: str = "wav"


class Target(Protocol):
    """A face that is measured."""

    name: str
    pid: int | None
    """The process that does the work; None when it is not on this machine."""

    async def speak(self, job: Job, text: BenchText) -> list[Part]:
        """Speak a text; the parts of the body, as they arrived.

        Raises:
            TTSHubError: the request failed, or broke off.
        """


@dataclass(frozen=True, slots=True)
class Setup:
    """One side of a benchmark: a face, and the requests that are made of it."""

    label: str
    target: Target
    job: Job
    timeout: float = TIMEOUT

    async def speak(self, text: BenchText) -> list[Part]:
        """Speak a text; the parts of the body.

        Raises:
            TTSHubError: the request failed, broke off, or did not end in time.
        """
        try:
            with anyio.fail_after(self.timeout):
                return await self.target.speak(self.job, text)
        except TimeoutError as exc:
            raise OutputError(f"{self.target.name} did not finish within {self.timeout:g} s") from exc


class LibraryTarget:
    """`manager.stream` in this process."""

    def __init__(self, manager: TTSBackendManager) -> None:
        self.name = "library"
        self.pid: int | None = os.getpid()
        self._manager = manager

    async def speak(self, job: Job, text: BenchText) -> list[Part]:
        """Speak a text; the bytes of `manager.stream`."""
        fields = RequestFields(model=job.model, response_format=job.response_format, language=text.language)
        if job.voice is not None:
            fields = RequestFields(model=job.model, response_format=job.response_format, voice=job.voice)
        parts: list[Part] = []
        began = time.perf_counter()
        async with await self._manager.stream(text.text, **fields) as speech:
            async for data in speech:
                parts.append(Part(time.perf_counter() - began, data))
        return parts
