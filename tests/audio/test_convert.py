from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import numpy as np
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.audio.naming import by_name
from tests.audio.signals import cut, speech
from tts_hub.audio import convert
from tts_hub.audio.convert import encode_stream
from tts_hub.audio.encode import Encoder, open_encoder
from tts_hub.audio.formats import FLAC, FORMATS, OPUS, PCM, WAV, AudioFormat
from tts_hub.errors import AudioError, GenerationError, UnsupportedOptionError
from tts_hub.types import AudioChunk

RATE = 24_000


class Source:
    """Chunks of speech that count the requests for them and note when they were closed."""

    def __init__(self, sizes: list[int], seconds: float = 1.0, error: Exception | None = None) -> None:
        self.given = 0
        self.closed = False
        self._pieces = list(cut(speech(RATE, seconds), sizes))
        self._error = error

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        try:
            for piece in self._pieces:
                await anyio.lowlevel.checkpoint()
                self.given += len(piece)
                yield AudioChunk(piece, RATE)
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def collect(source: Source, audio_format: AudioFormat) -> bytes:
    return b"".join([data async for data in encode_stream(source.chunks(), audio_format, RATE)])


@pytest.mark.anyio
@pytest.mark.parametrize("sizes", [[480], [RATE], [0, 7, 5_000]], ids=str)
async def test_the_bytes_are_one_stream_of_all_chunks(sizes: list[int]) -> None:
    wanted = speech(RATE, 1)
    assert np.abs(decode_s16le(await collect(Source(sizes), PCM)) - wanted).max() <= 0.5 / 32_768
    assert np.abs(decode(await collect(Source(sizes), FLAC))[0] - wanted).max() <= 0.5 / 32_768
    assert len(decode(await collect(Source(sizes), OPUS))[0]) == 2 * len(wanted)


@pytest.mark.anyio
@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
async def test_the_first_bytes_come_after_100_ms_of_audio(audio_format: AudioFormat) -> None:
    source = Source([480])
    async with aclosing(encode_stream(source.chunks(), audio_format, RATE)) as stream:
        assert await anext(stream)
    assert source.given <= RATE // 10


@pytest.mark.anyio
@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
async def test_a_failure_is_passed_on_after_the_bytes_before_it(audio_format: AudioFormat) -> None:
    error = GenerationError("the engine broke", backend="fake")
    source = Source([2_400], seconds=0.99, error=error)
    received = []
    try:
        async for data in encode_stream(source.chunks(), audio_format, RATE):
            received.append(data)
    except GenerationError as caught:
        assert caught is error
    else:
        pytest.fail("the stream ended as if it were complete")
    assert received
    assert source.closed
    if audio_format not in (PCM, WAV):
        assert len(b"".join(received)) < len(await collect(Source([2_400], seconds=0.99), audio_format))


@pytest.mark.anyio
@pytest.mark.parametrize("audio_format", [OPUS, WAV], ids=by_name)
async def test_closing_the_stream_closes_the_source(audio_format: AudioFormat) -> None:
    source = Source([2_400])
    async with aclosing(encode_stream(source.chunks(), audio_format, RATE)) as stream:
        await anext(stream)
    assert source.closed
    assert source.given < RATE


@pytest.mark.anyio
@pytest.mark.parametrize("audio_format", [OPUS, WAV], ids=by_name)
async def test_cancelling_closes_the_source(audio_format: AudioFormat) -> None:
    source = Source([2_400])
    with anyio.CancelScope() as scope:
        async with aclosing(encode_stream(source.chunks(), audio_format, RATE)) as stream:
            async for _ in stream:
                scope.cancel()
    assert source.closed
    assert source.given < RATE


@pytest.mark.anyio
async def test_only_costly_codecs_run_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[tuple[str, bool]] = []

    def noted(audio_format: AudioFormat, sample_rate: int) -> Encoder:
        threads.append((audio_format.name, threading.current_thread() is threading.main_thread()))
        return open_encoder(audio_format, sample_rate)

    monkeypatch.setattr(convert, "open_encoder", noted)
    for audio_format in FORMATS:
        await collect(Source([2_400], seconds=0.1), audio_format)
    assert dict(threads) == {
        "mp3": False,
        "opus": False,
        "aac": False,
        "flac": False,
        "wav": True,
        "pcm": True,
    }


@pytest.mark.anyio
@pytest.mark.parametrize("audio_format", [OPUS, WAV], ids=by_name)
async def test_a_huge_chunk_lets_others_run_in_between(audio_format: AudioFormat) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        await collect(Source([10 * RATE], seconds=10), audio_format)
        group.cancel_scope.cancel()
    assert turns >= 15


@pytest.mark.anyio
async def test_audio_at_another_rate_is_refused() -> None:
    stream = encode_stream(Source([2_400]).chunks(), PCM, 48_000)
    with pytest.raises(AudioError, match="24000 Hz in a stream at 48000 Hz"):
        await anext(stream)


@pytest.mark.anyio
async def test_an_impossible_rate_is_refused_before_any_byte() -> None:
    source = Source([2_400])
    with pytest.raises(UnsupportedOptionError):
        await anext(encode_stream(source.chunks(), OPUS, 44_100))
    assert source.given == 0
