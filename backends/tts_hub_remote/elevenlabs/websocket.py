"""ElevenLabs' websocket `stream-input`: one for each request whose text is still being written.

Each segment is sent with a flush. No message marks the end of its audio, so the characters that come with the
audio are compared with the text. Where they do not suffice, the text is ended: then the service sends a last
message.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio
from anyio import to_thread

from tts_hub.audio.pcm import BYTES_PER_SAMPLE
from tts_hub.captions.wire import LONGEST_LINE, json_object
from tts_hub.errors import GenerationError, RateLimitedError, StalledError
from tts_hub_remote.address import is_loopback
from tts_hub_remote.decoding import from_base64
from tts_hub_remote.elevenlabs.alignment import SpokenWords, Timed, in_milliseconds
from tts_hub_remote.elevenlabs.refusals import KEY_HEADER, ElevenLabsConnection
from tts_hub_remote.failures import NoSuchPathError, refusal_in, refusal_of
from tts_hub_remote.settings import RemoteSettings

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

QUIET_SECONDS = 1.5
"""Seconds without a message after which the text is ended, to get a last message."""
LEFT_TO_HTTP = (NoSuchPathError, GenerationError, RateLimitedError)
"""Errors of a handshake after which the same request may still succeed over HTTP."""
QUEUE = 64
"""Messages that are buffered before they are read."""


class SocketLostError(Exception):
    """The websocket cannot be opened, or was closed; audio that has not come may be requested over HTTP."""

    def __init__(self, message: str = "the websocket was closed") -> None:
        super().__init__(message)


class SpeechSocket:
    """An open websocket, which speaks one segment at a time."""

    def __init__(
        self, wire: ClientConnection, connection: ElevenLabsConnection, settings: RemoteSettings, rate: int
    ) -> None:
        """`rate` is the sample rate in Hz."""
        self.is_over = False
        """Whether its text has been ended, so that no further segment can be spoken."""
        self._wire = wire
        self._connection = connection
        self._settings = settings
        self._rate = rate

    def abort(self) -> None:
        """Close the connection at once, without a closing handshake."""
        self.is_over = True
        self._wire.transport.abort()

    async def speak(self, text: str, words: SpokenWords) -> AsyncGenerator[bytes, None]:
        """The samples of a segment as they arrive; their times are added to `words`.

        If it is left before its end, the websocket is closed: the next messages would be of this segment.

        Raises:
            SocketLostError: the connection was closed.
            TTSHubError: as the service fails.
        """
        if self.is_over:
            raise SocketLostError
        whole = False
        try:
            await self._send({"text": f"{text} ", "flush": True})
            progress = _Progress(text)
            while not progress.is_whole and (message := await self._next(progress)) is not None:
                seconds = progress.bytes / BYTES_PER_SAMPLE / self._rate
                aligned = in_milliseconds(message.get("alignment"), seconds)
                words.read(aligned or in_milliseconds(message.get("normalizedAlignment"), seconds))
                progress.note(aligned)
                if data := from_base64(message.get("audio") or "", self._connection.name):
                    progress.bytes += len(data)
                    yield data
            whole = True
        finally:
            if not whole or self.is_over:
                self.abort()

    async def _next(self, progress: _Progress) -> dict[str, Any] | None:
        """The next message; None after the last one."""
        if not self.is_over and progress.bytes:
            with anyio.move_on_after(QUIET_SECONDS):
                return self._checked(await self._receive())
            self.is_over = True
            await self._send({"text": ""})
        limit = self._settings.read_timeout if progress.bytes else self._settings.first_byte_timeout
        try:
            with anyio.fail_after(limit):
                return self._checked(await self._receive())
        except TimeoutError as exc:
            message = f"{self._connection.name} sent nothing over its websocket for {limit:g} s"
            raise StalledError(message, backend=self._connection.name) from exc

    def _checked(self, message: dict[str, Any]) -> dict[str, Any] | None:
        if "audio" not in message and ("message" in message or "error" in message):
            raise self._connection.error_for(refusal_in(message))
        if message.get("isFinal") is True:
            self.is_over = True
            return message if message.get("audio") else None
        return message

    async def _receive(self) -> dict[str, Any]:
        from websockets.exceptions import ConnectionClosed, ConnectionClosedOK  # slow to import

        try:
            data = await self._wire.recv()
        except ConnectionClosed as exc:
            if self.is_over and isinstance(exc, ConnectionClosedOK):
                return {"isFinal": True}
            raise SocketLostError from exc
        return json_object(data.encode() if isinstance(data, str) else data, self._connection.name)

    async def _send(self, message: Mapping[str, Any]) -> None:
        from websockets.exceptions import ConnectionClosed  # slow to import

        try:
            await self._wire.send(json.dumps(message))
        except ConnectionClosed as exc:
            raise SocketLostError from exc


class _Progress:
    """The progress of a segment: how much of its text and audio has arrived."""

    def __init__(self, text: str) -> None:
        self.bytes = 0
        """Bytes of audio."""
        self._left = "".join(text.split())
        """Characters that have not been spoken, without white space: the service may change that."""

    @property
    def is_whole(self) -> bool:
        """Whether the last character has been spoken."""
        return not self._left

    def note(self, characters: list[Timed]) -> None:
        """Take in the next spoken characters; characters that do not match the text are ignored."""
        said = "".join("".join(character.split()) for character, _, _ in characters)
        if self._left.startswith(said):
            self._left = self._left[len(said) :]


async def open_socket(
    connection: ElevenLabsConnection,
    settings: RemoteSettings,
    path: str,
    query: Mapping[str, str],
    first: Mapping[str, Any],
    *,
    rate: int,
) -> SpeechSocket:
    """Open a websocket; `first` are the fields of its first message.

    Raises:
        SocketLostError: no connection, or an answer that is not a websocket's.
        TTSHubError: the service refuses.
    """
    from websockets.exceptions import InvalidStatus, WebSocketException  # slow to import

    try:
        wire = await _connected(connection, settings, f"{path}?{urlencode(query)}")
    except InvalidStatus as exc:
        response = exc.response
        refusal = refusal_of(response.status_code, response.headers, bytes(response.body or b""))
        error = connection.error_for(refusal)
        if isinstance(error, LEFT_TO_HTTP):
            raise SocketLostError(f"no websocket: HTTP {refusal.status}") from exc
        raise error from exc
    except (OSError, TimeoutError, WebSocketException) as exc:
        raise SocketLostError(f"no websocket: {type(exc).__name__}") from exc
    socket = SpeechSocket(wire, connection, settings, rate)
    try:
        await wire.send(json.dumps({"text": " ", **first}))
    except WebSocketException as exc:
        raise SocketLostError from exc
    except BaseException:
        socket.abort()
        raise
    return socket


async def _connected(
    connection: ElevenLabsConnection, settings: RemoteSettings, path: str
) -> ClientConnection:
    """A websocket after its handshake; raises the errors of the client library."""
    # Imported here: listing the engines must not import HTTP and websocket clients.
    from httpx import create_ssl_context
    from websockets.asyncio.client import connect

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception:
            """Follow no redirect: no other host may have the key."""
            return exc

    wire_log = logging.getLogger(f"{__name__}.wire")
    wire_log.setLevel(logging.INFO)  # below it the headers are logged, the key among them
    secure = connection.base.startswith("https:")
    return await Connect(
        f"ws{connection.base.removeprefix('http')}{path}",
        additional_headers={KEY_HEADER: connection.key},
        user_agent_header="tts-hub",
        open_timeout=settings.connect_timeout + settings.answer_timeout,
        proxy=None if is_loopback(connection.base) else True,
        compression=None,
        max_size=LONGEST_LINE,
        max_queue=QUEUE,
        ssl=await to_thread.run_sync(create_ssl_context) if secure else None,
        logger=wire_log,
    )
