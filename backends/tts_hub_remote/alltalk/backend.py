"""`AllTalkBackend`: a server of AllTalk, version 1 or 2, with the engine that is loaded there.

A stream is ended early by closing its connection, and in no other way. `PUT /api/stop-generation` sets one
flag for the whole server, which stays set until a generation reads it. When a client has closed its
connection, the server still believes that it is generating, and a stop request would then end the *next* job,
of any client. Closing the connection ends our own job alone, at its next chunk. A job that makes a file is
ended by neither.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, cast

import anyio

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.errors import (
    GenerationError,
    InvalidRequestError,
    NoAudioError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    one_of,
    shown,
)
from tts_hub.progress import ProgressCallback
from tts_hub.types import AudioChunk, Capabilities, SegmentRequest, Voice
from tts_hub_remote.alltalk.request import (
    LANGUAGES,
    MOST_CHARACTERS,
    SPEEDS,
    fits_a_stream,
    form_of,
    given_options,
    language_for,
    openai_body_of,
    path_of_file,
    query_of,
)
from tts_hub_remote.alltalk.settings import AllTalkOptions, AllTalkSettings
from tts_hub_remote.alltalk.status import (
    OPENAI_VOICES,
    NotReadyError,
    Status,
    check_ready,
    fetch_rvc_voices,
    fetch_status,
    fetch_voices,
    plain_name,
)
from tts_hub_remote.base import RemoteBackend, segment_event
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import decoded

ANY_MODEL = "default"
"""Name behind the engine's own for the model that is loaded, as in `alltalk_default`."""
STATUS_MAX_AGE = 30.0
"""Seconds until the status of the server is requested again."""
MOST_ANSWER = 65_536
"""Bytes of the longest answer that contains the address of the audio."""
STREAM_TRIES = 2
"""Tries for a stream: an empty one was ended by the stop request of another client, which counts once."""


class AllTalkBackend(RemoteBackend):
    """Speaks with the engine that is loaded, and loads no other one: other clients use the server too."""

    name = "alltalk"
    description = "an AllTalk server, version 1 or 2: a stream from XTTS, files from its other engines"
    models: ClassVar[tuple[str, ...]] = ("alltalk",)
    patterns: ClassVar[tuple[str, ...]] = ("alltalk_*", "alltalk/*")
    Settings: ClassVar[type[BackendSettings]] = AllTalkSettings
    Options: ClassVar[type[BackendOptions]] = AllTalkOptions
    example_url = "http://127.0.0.1:7851"

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("AllTalkSettings", self.settings)
        self._status: Status | None = None
        self._status_at = 0.0
        self._rvc_voices: Sequence[str] = ()
        self.capabilities = self._capabilities_now()

    # --- models, voices and status ---

    def remote_model(self, model: str) -> str:
        """The name `x` in `alltalk/x` and `alltalk_x`; empty for `alltalk`."""
        for mark in "/_":
            prefix, found, own = model.partition(f"{self.name}{mark}")
            if found and not prefix:
                return own
        return ""

    def known_models(self) -> tuple[str, ...]:
        """The usual names, and one for the engine that is loaded."""
        loaded = (f"{self.name}/{plain_name(self._status.engine)}",) if self._status is not None else ()
        return (*super().known_models(), *loaded)

    async def discover(self, on_progress: ProgressCallback) -> None:
        """Ask which version the server has, and which engine and model are loaded."""
        status = await fetch_status(self.connection, self.name)
        if self._settings.route == "openai" and status.version == 1:
            raise NotReadyError(
                f'{self.name} is of version 1, which has no OpenAI route: set route = "auto"',
                backend=self.name,
            )
        self._note(status)

    async def probe(self) -> None:
        """Check that a model is loaded."""
        await check_ready(self.connection, self.name)

    async def fetch_voices(self) -> Sequence[Voice]:
        """Ask for the voices of the loaded engine; the OpenAI route has six fixed names."""
        if self._settings.route == "openai":
            return OPENAI_VOICES
        return await fetch_voices(self.connection, await self._loaded_status(), self.name)

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """A voice of the loaded engine; with XTTS, every voice speaks all of its languages."""
        status = await self._loaded_status()
        if language and "languages" in status.can:
            language_for(language, status)
        return await super().find_voice(voice, language)

    # --- speaking ---

    async def speak(
        self, request: SegmentRequest, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak as a stream if the engine and the request allow it, else as a file.

        A text without a letter or digit is not sent. A refused request is repeated once if another model
        has been loaded meanwhile.
        """
        if not any(map(str.isalnum, request.text)):
            return
        status = await self._current_status(STATUS_MAX_AGE)
        has_audio = False
        try:
            async with aclosing(self._generated(request, status, on_progress)) as chunks:
                async for chunk in chunks:
                    has_audio = True
                    yield chunk
            return
        except (InvalidRequestError, GenerationError):
            if has_audio or status == (now := await self._current_status(0.0)):
                raise
        async with aclosing(self._generated(request, now, on_progress)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _generated(
        self, request: SegmentRequest, status: Status, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        self._check_model(request.model, status)
        options: Mapping[str, Any] = given_options(request, status)
        if self._settings.route == "openai":
            chunks = self._audio("POST", "/v1/audio/speech", json=openai_body_of(request, options))
        else:
            options = await self._with_voices(options)
            language = self._language(request, status)
            query = query_of(request, status, language)
            if self._streams(status) and not options and request.speed == 1 and fits_a_stream(query):
                chunks = self._stream(query)
            else:
                chunks = self._file(form_of(request, status, language, options))
        on_progress(segment_event(request, self.name, "asking", engine=status.engine, model=status.model))
        has_audio = False
        async with aclosing(chunks):
            async for chunk in chunks:
                has_audio = True
                yield chunk
        if not has_audio:
            raise NoAudioError(f"{self.name} sent audio without a sample", backend=self.name)

    async def _stream(self, query: dict[str, str]) -> AsyncGenerator[AudioChunk, None]:
        for _ in range(STREAM_TRIES):
            has_audio = False
            async with aclosing(self._audio("GET", "/api/tts-generate-streaming", params=query)) as chunks:
                async for chunk in chunks:
                    has_audio = True
                    yield chunk
            if has_audio:
                return

    async def _file(self, form: dict[str, str]) -> AsyncGenerator[AudioChunk, None]:
        async with self.connection.opened("POST", "/api/tts-generate", data=form) as reply:
            answer = await self._answer(reply)
        path = path_of_file(answer, self.connection.base, self.name)
        async with aclosing(self._audio("GET", path)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _audio(self, method: str, path: str, **content: Any) -> AsyncGenerator[AudioChunk, None]:
        """The audio of an answer. AllTalk sends no raw samples: bytes without a container are not audio."""
        async with self.connection.opened(method, path, **content) as reply:
            chunks = decoded(reply.pieces(), claimed=reply.content_type, sample_rate=None, backend=self.name)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    async def _answer(self, reply: Reply) -> Any:
        body = b""
        async with aclosing(reply.pieces()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > MOST_ANSWER:
                    break
        try:
            return json.loads(body)
        except ValueError as exc:
            message = f"{self.name} gave an answer that is not JSON instead of the name of a file"
            raise GenerationError(message, backend=self.name) from exc

    # --- the status of the server ---

    async def _loaded_status(self) -> Status:
        await self.ensure_discovered()
        return cast("Status", self._status)

    async def _current_status(self, max_age: float) -> Status:
        """The status, requested again if it is older than `max_age` seconds.

        A server that is generating may not answer meanwhile; the last known status counts then.
        """
        known = await self._loaded_status()
        if anyio.current_time() - self._status_at < max_age or self.connection.breaker.is_open:
            return known
        try:
            self._note(await fetch_status(self.connection, self.name))
        except NotReadyError:
            raise
        except TTSHubError:
            self._status_at = anyio.current_time()
        return await self._loaded_status()

    def _note(self, status: Status) -> None:
        self._status_at = anyio.current_time()
        if status != self._status:
            self._status = status
            self.forget_voices()
            self._rvc_voices = ()
            self.capabilities = self._capabilities_now()

    def _check_model(self, model: str, status: Status) -> None:
        own = self.remote_model(model)
        wanted = own or self._settings.model or ANY_MODEL
        if wanted.casefold() != ANY_MODEL and plain_name(wanted) not in status.names:
            loaded = f"engine {status.engine!r} with model {status.model!r}"
            raise UnknownModelError(
                f"{self.name} has not loaded {shown(wanted)} but {loaded}; switch it in AllTalk's own page, "
                f"or ask for {self.name}"
            )

    async def _with_voices(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options with the names of their voices as the server writes them.

        Raises:
            UnknownVoiceError: the server does not have one of them.
        """
        if narrator := options.get("narrator_voice"):
            options = {**options, "narrator_voice": (await self.find_voice(narrator, None)).id}
        wanted = {options[name] for name in ("rvc_voice", "rvc_narrator_voice") if name in options}
        if wanted - set(self._rvc_voices):
            self._rvc_voices = await fetch_rvc_voices(self.connection)
        for name in sorted(wanted - set(self._rvc_voices)):
            near = one_of(name, self._rvc_voices)
            raise UnknownVoiceError(f"{self.name} has no RVC voice {shown(name)}; {near}")
        return options

    def _language(self, request: SegmentRequest, status: Status) -> str:
        """The server's name for the language; empty where the voice alone decides."""
        if "languages" not in status.can:
            return ""
        return language_for(request.language or self._settings.language, status)

    def _streams(self, status: Status) -> bool:
        return self._settings.route == "auto" and "streaming" in status.can

    def _capabilities_now(self) -> Capabilities:
        """The capabilities of the loaded engine. A stream has no speed of its own: the hub changes it."""
        settings, status = self._settings, self._status
        can = status.can if status is not None else frozenset[str]()
        streams = status is not None and self._streams(status)
        has_speed = status is not None and status.version == 2 and "generationspeed" in can and not streams
        return Capabilities(
            streaming=streams,
            remote=True,
            normalises=True,
            languages=tuple(LANGUAGES) if "languages" in can else (),
            speed_range=SPEEDS if has_speed else (1.0, 1.0),
            max_chars=settings.max_characters or MOST_CHARACTERS,
            concurrency=settings.concurrency or 1,
        )
