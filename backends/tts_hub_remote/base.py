"""The base of all remote engines: one connection each, a cached list of voices, limits on the audio."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import ClassVar, cast

import anyio

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend, pick_voice, preferred_voice
from tts_hub.cost.pricing import Price
from tts_hub.errors import BackendUnavailableError, GenerationError, UnknownVoiceError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.types import AudioChunk, Availability, SegmentRequest, Voice
from tts_hub_remote.connection import Connection
from tts_hub_remote.settings import RemoteSettings

VOICES_MAX_AGE = 300.0
"""Seconds until a list of voices is requested again."""
VOICES_MIN_AGE = 10.0
"""Seconds until a list is requested again because it lacks a voice."""
MOST_SECONDS_PER_CHARACTER = 2.0
"""Seconds of audio for one character of the text at speed 1: a service that sends more does not stop."""
MOST_SECONDS_BESIDES = 20.0
"""Seconds of audio that any text may have beyond that."""
"""Seconds of audio that any text may have beyond that."""
MOST_LETTERS_PER_SECOND = 60.0
"""Letters in a second of audio at speed 1: with more of them, some of the text is missing in the audio."""


class RemoteBackend(TTSBackend):
    """A service on another machine. Subclasses know its requests, and send them over `self.connection`."""

    priority = -1
    many = True
    Settings: ClassVar[type[BackendSettings]] = RemoteSettings
    Options: ClassVar[type[BackendOptions]] = BackendOptions
    Connects: ClassVar[type[Connection]] = Connection
    """The class of the connection, which also translates the service's refusals."""
    own_url: ClassVar[str] = ""
    """The service's own address, for a config without `url`; empty: the service has none."""
    key_variable: ClassVar[str] = ""
    """Environment variable with the key, which is sent to the service's own or configured address."""
    needs_key: ClassVar[bool] = False
    example_url: ClassVar[str] = "http://127.0.0.1:..."
    """An address to show where none is configured."""

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self.remote_settings = cast("RemoteSettings", self.settings)
        self.connection = self.Connects(
            self.name,
            self.base_of(self.remote_settings),
            self.remote_settings,
            self.headers(),
            key_name=self.key_source(self.remote_settings),
        )
        self._is_discovered = False
        self._discovering = anyio.Lock()
        self._listing = anyio.Lock()
        self._voices: Sequence[Voice] = ()
        self._voices_at: float | None = None

    # --- settings, models and prices ---

    @classmethod
    def base_of(cls, settings: RemoteSettings) -> str:
        """The base address of all paths; empty if there is none."""
        return settings.url or cls.own_url

    @classmethod
    def key_source(cls, settings: RemoteSettings) -> str:
        """The environment variable that contains the key.

        The usual variable is for the engine under its own name: a renamed service has a key of its own.
        """
        return settings.api_key_env or ("" if cls.is_renamed() else cls.key_variable)

    @classmethod
    def key_of(cls, settings: RemoteSettings) -> str:
        """The key; empty if there is none."""
        return settings.key(cls.key_source(settings))

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether an address and, where one is needed, a key are configured. The service is not asked."""
        own = cast("RemoteSettings", settings)
        if not cls.has_address(own):
            return cls._without_address()
        if cls.requires_key(own) and not cls.key_of(own):
            variable = cls.key_source(own) or f"TTS_HUB_REMOTE__{cls.name.upper()}__API_KEY"
            return Availability(False, "it needs a key", f"export {variable}=...")
        return Availability(True)

    @classmethod
    def has_address(cls, settings: RemoteSettings) -> bool:
        """Whether the config, or the service itself, has an address."""
        return bool(cls.base_of(settings))

    @classmethod
    def requires_key(cls, settings: RemoteSettings) -> bool:
        """Whether the service does not answer without a key."""
        return cls.needs_key

    @classmethod
    def is_renamed(cls) -> bool:
        """Whether the class is a service of another name, made by `named`."""
        return any(base.__dict__.get("name", cls.name) != cls.name for base in cls.__mro__[1:])

    @classmethod
    def _without_address(cls) -> Availability:
        if cls.is_renamed():
            return Availability(False, f"no address: set `url` in [remote.{cls.name}]")
        return Availability(
            False,
            f'no address: set `url` in [backends.{cls.name}], such as url = "{cls.example_url}"',
            f"export TTS_HUB_BACKENDS__{cls.name.upper()}__URL={cls.example_url}",
        )

    def headers(self) -> Mapping[str, str]:
        """The headers of every request: the key as a bearer token, where there is a key."""
        key = self.key_of(self.remote_settings)
        return {"Authorization": f"Bearer {key}"} if key else {}

    def remote_model(self, model: str) -> str:
        """The service's name for a model, which is `x` for `name/x`; empty for its usual model."""
        prefix, slash, own = model.partition("/")
        return own if slash and prefix == self.name else ""

    def service_model(self, model: str) -> str:
        """The service's name for the model of a request: the configured or usual one if it names none."""
        return self.remote_model(model) or self.remote_settings.model or self.usual_model()

    def price(self, model: str) -> Price | None:
        """The configured price, else the service's list price."""
        name, configured = self.service_model(model), self.remote_settings.prices
        return configured.get(name) or configured.get("*") or self.list_price(name)

    def list_price(self, model: str) -> Price | None:
        """The price that the service publishes for a model, named as the service names it."""
        return None

    def usual_model(self) -> str:
        """The service's model for requests that name only the engine."""
        return ""

    # --- what subclasses implement ---

    async def discover(self, on_progress: ProgressCallback) -> None:
        """Ask the service once what it can do; called by `ensure_discovered`."""

    @abstractmethod
    async def fetch_voices(self) -> Sequence[Voice]:
        """Ask the service for its voices; none where it has no list: any name is passed on then."""

    @abstractmethod
    def speak(
        self, request: SegmentRequest, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment; `generate_stream` limits the length of its audio."""

    async def probe(self) -> None:
        """Send a small request to a service that is paused after failures; raises while it still fails."""
        await self.connection.check_alive("/")

    # --- the engine ---

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Ask the service what it can do.

        Raises:
            BackendUnavailableError: the service cannot be reached, or refuses the key.
        """
        await self.ensure_discovered(on_progress)

    async def ensure_discovered(self, on_progress: ProgressCallback = ignore) -> None:
        """Ask the service what it can do, unless it has been asked before.

        Raises:
            BackendUnavailableError: the service cannot be reached, or refuses the key.
        """
        async with self._discovering:
            if not self._is_discovered:
                found = self.availability(self.settings)
                if not found.ready:
                    raise BackendUnavailableError(
                        f"{self.name}: {found.reason}", backend=self.name, remedy=found.remedy
                    )
                message = f"asking {self.name} for its capabilities"
                on_progress(ProgressEvent("loading", backend=self.name, message=message))
                await self.discover(on_progress)
                self._is_discovered = True

    async def background(self) -> None:
        """Check a service that is paused after failures, until it works again."""
        await self.connection.breaker.watch(self.probe)

    async def voices(self) -> Sequence[Voice]:
        """The voices that the service lists, as it answered at most five minutes ago.

        Raises:
            BackendUnavailableError: the service cannot be reached.
        """
        return await self._known_voices(VOICES_MAX_AGE)

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """A voice of the service's list, or any name where it has no list.

        Raises:
            UnknownVoiceError: it is not in the list.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        voices = await self._known_voices(VOICES_MAX_AGE)
        wanted = voice or self.settings.voice
        if not voices:
            return Voice(wanted or self.usual_voice(), wanted or "the service's own", "")
        if voice is None and wanted is not None:
            return preferred_voice(voices, await self._pick_listed(wanted, None), language)
        return await self._pick_listed(voice, language)

    def forget_voices(self) -> None:
        """Request the list of voices again when it is next needed."""
        self._voices_at = None

    def usual_voice(self) -> str:
        """The name of the voice for requests that name none, where the service has no list."""
        return ""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment as the service sends it; closing it closes the connection.

        Raises:
            GenerationError: no audio, broken audio, or much more or less audio than the text can take.
            BackendUnavailableError, StalledError, OverloadedError, InvalidRequestError: as the service fails.
        """
        await self.ensure_discovered()
        seconds = 0.0
        most = len(request.text) * MOST_SECONDS_PER_CHARACTER / request.speed + MOST_SECONDS_BESIDES
        async with aclosing(self.speak(request, on_progress)) as chunks:
            async for chunk in chunks:
                seconds += chunk.seconds
                if seconds > most:
                    letters = len(request.text)
                    message = f"{self.name} does not stop: {seconds:.0f} s of audio for {letters} characters"
                    raise GenerationError(message, backend=self.name)
                yield chunk
        letters = sum(map(str.isalnum, request.text)) if request.markup == "text" else 0
        if 0 < seconds < letters / MOST_LETTERS_PER_SECOND / request.speed:
            message = f"{self.name} ended after {seconds:.2f} s, too early for {letters} letters"
            raise GenerationError(message, backend=self.name)

    async def aclose(self) -> None:
        """Close the connections."""
        self._is_discovered = False
        await self.connection.aclose()

    async def _pick_listed(self, voice: str | None, language: str | None) -> Voice:
        voices = await self._known_voices(VOICES_MAX_AGE)
        try:
            return pick_voice(voices, voice, language)
        except UnknownVoiceError:
            newer = await self._known_voices(VOICES_MIN_AGE)
            if newer is voices:
                raise
            return pick_voice(newer, voice, language)

    async def _known_voices(self, max_age: float) -> Sequence[Voice]:
        async with self._listing:
            now = anyio.current_time()
            if self._voices_at is None or now - self._voices_at > max_age:
                listed = await self.fetch_voices()
                self._voices = list({voice.id: voice for voice in reversed(listed)}.values())[::-1]
                self._voices_at = now
            return self._voices


def segment_event(request: SegmentRequest, backend: str, stage: str, **details: object) -> ProgressEvent:
    """A progress event about one segment."""
    return ProgressEvent(
        "generating",
        backend=backend,
        request_id=request.request_id,
        segment=request.index,
        message=stage,
        details={"stage": stage, **details},
    )
