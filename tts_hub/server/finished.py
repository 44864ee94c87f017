"""Plain audio as an answer: a stream, or one finished file; short speech is held back to become a file.

The header of a stream cannot hold its length: a WAV has open-ended sizes, a FLAC no number of samples, which
libsndfile (soundfile, librosa) cannot read, and an mp3 no table to seek by.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from tempfile import SpooledTemporaryFile
from typing import IO, cast

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from starlette.types import Send

from tts_hub.audio.convert import encode_file, encode_stream
from tts_hub.audio.formats import FLAC, WAV, AudioFormat, check_sample_rate, find_format
from tts_hub.request.stream import AudioStream
from tts_hub.request.validation import checked_request
from tts_hub.server.hub import Hub
from tts_hub.server.streaming import SpeechAnswer
from tts_hub.types import AudioChunk, SpeechRequest

HELD_FORMATS = (FLAC, WAV)
"""Formats whose readers rely on the header."""
HELD_CHARACTERS = 200
"""The length of a text up to which its speech is held back; longer speech is not ready so soon."""
HELD_SECONDS = 0.05
"""Seconds that the audio of a short text is held back at most."""
IN_MEMORY = 1_048_576
"""Bytes of a finished file that stay in memory; a larger one goes to the disk."""
PART = 49_152
"""Bytes that are sent at once; a multiple of 3, so that their base64 can be joined."""


async def opened_audio(wanted: SpeechRequest, hub: Hub) -> tuple[AudioStream, AudioFormat]:
    """The audio of a request, and the format that it asks for.

    Raises:
        TTSHubError: as `TTSBackendManager.stream` does.
    """
    wanted = checked_request(wanted, {}, hub.manager.config)
    audio_format = find_format(wanted.response_format or "")
    check_sample_rate(audio_format, wanted.sample_rate or 0)
    return await hub.manager.generate(wanted), audio_format


class FinishedSpeech(SpeechAnswer):
    """An answer with a finished file, sent when all speech is made. Every failure is an ordinary status."""

    def __init__(self, audio: AudioStream, audio_format: AudioFormat, hub: Hub) -> None:
        super().__init__(audio, hub, response_format=audio_format.name, media_type=audio_format.media_type)
        self._audio = audio
        self._format = audio_format

    async def send_all(self, send: Send, tasks: TaskGroup) -> None:
        """Write the file and send it."""
        await self.send_file(self._audio, send)

    async def send_file(self, chunks: AsyncIterable[AudioChunk], send: Send) -> None:
        """Send the file of these chunks. It has no name, and is removed in any case."""
        with SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
            file = cast("IO[bytes]", spool)
            size = await encode_file(chunks, self._format, self._audio.sample_rate, file)
            await self.begin(send, self.size_of_body(size))
            file.seek(0)
            async with aclosing(self.parts(file, size)) as parts:
                async for data in parts:
                    await self.send_part(send, data, more=True)
            await self.send_part(send, b"", more=False)

    def size_of_body(self, size: int) -> int | None:
        """The bytes of an answer whose file has `size` bytes, if that is known."""
        return size

    async def parts(self, file: IO[bytes], size: int) -> AsyncGenerator[bytes, None]:
        """The parts of the answer: the file as it is. A file in memory is read without a thread."""
        in_memory = size <= IN_MEMORY
        while data := file.read(PART) if in_memory else await to_thread.run_sync(file.read, PART):
            yield data


class HeldSpeech(FinishedSpeech):
    """An answer with a stream, or with a finished file if all of it is made within `hold_seconds`."""

    def __init__(
        self, audio: AudioStream, audio_format: AudioFormat, hub: Hub, *, hold_seconds: float
    ) -> None:
        super().__init__(audio, audio_format, hub)
        self._hold_seconds = hold_seconds

    async def send_all(self, send: Send, tasks: TaskGroup) -> None:
        """Wait, decide, and send."""
        with _Ahead(self._audio) as ahead:
            tasks.start_soon(ahead.fill)
            if await ahead.is_whole_within(self._hold_seconds):
                await self.send_file(ahead.chunks(), send)
            else:
                await self._stream(ahead.chunks(), send)

    async def _stream(self, chunks: AsyncGenerator[AudioChunk, None], send: Send) -> None:
        async with aclosing(encode_stream(chunks, self._format, self._audio.sample_rate)) as parts:
            async for data in parts:
                await self.begin(send)
                await self.send_part(send, data, more=True)
        await self.begin(send)  # also if there was no byte
        await self.send_part(send, b"", more=False)


class _Ahead:
    """Reads audio in a task of its own, so that a time limit on waiting does not interrupt it."""

    def __init__(self, audio: AudioStream) -> None:
        self._audio = audio
        self._send, self._receive = anyio.create_memory_object_stream[AudioChunk](0)
        self._held: list[AudioChunk] = []
        self._failure: Exception | None = None

    def __enter__(self) -> _Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self._send.close()
        self._receive.close()

    async def fill(self) -> None:
        """Read the audio, in a task of its own; `chunks` raises its failure."""
        async with self._send:
            try:
                async for chunk in self._audio:
                    await self._send.send(chunk)
            except Exception as exc:  # noqa: BLE001 - carried to the reader
                self._failure = exc

    async def is_whole_within(self, seconds: float) -> bool:
        """Keep the chunks that come within this time; returns whether they are all."""
        with anyio.move_on_after(seconds) as wait:
            async for chunk in self._receive:
                self._held.append(chunk)
        return not wait.cancelled_caught

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """The chunks that were kept, then those after them."""
        for chunk in self._held:
            yield chunk
        self._held.clear()
        async for chunk in self._receive:
            yield chunk
        if self._failure is not None:
            raise self._failure
