"""`OpenAIBackend`: OpenAI, another tts-hub, Kokoro-FastAPI, and every server with their API."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.cost.pricing import Price
from tts_hub.errors import (
    InvalidRequestError,
    TTSHubError,
    UnknownModelError,
    UnsupportedFormatError,
    one_of,
    shown,
)
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.types import AudioChunk, Capabilities, SegmentRequest, Voice
from tts_hub_remote.base import RemoteBackend, segment_event
from tts_hub_remote.failures import NoSuchPathError
from tts_hub_remote.openai.dialects import Dialect, configured_dialect, recognised_dialect
from tts_hub_remote.openai.dialects.dialect import MOST_CHARACTERS, PLAIN, SPEEDS
from tts_hub_remote.openai.dialects.official import HOST, MODELS
from tts_hub_remote.openai.models import MODELS_PATH, ModelList, fetch_models
from tts_hub_remote.openai.settings import OpenAIOptions, OpenAISettings
from tts_hub_remote.openai.voices import fetch_voices
from tts_hub_remote.settings import RemoteSettings

OWN_VOICE = Voice("default", "the model's own", "")
USUAL_MODEL = "tts-1"
"""Model to name to a server that lists none."""
USUAL_VOICE = "alloy"
"""Voice to name where a server lists none: all of them take OpenAI's name for it."""
logger = logging.getLogger(__name__)


class OpenAIBackend(RemoteBackend):
    """A server with OpenAI's speech API, whose audio is decoded as it arrives, in any format."""

    name = "openai"
    description = "OpenAI's speech API: OpenAI itself, or with `url` any server that speaks it"
    models: ClassVar[tuple[str, ...]] = ("openai", *(f"openai/{model}" for model in MODELS))
    patterns: ClassVar[tuple[str, ...]] = ("openai/*",)
    Settings: ClassVar[type[BackendSettings]] = OpenAISettings
    Options: ClassVar[type[BackendOptions]] = OpenAIOptions
    own_url = f"https://{HOST}/v1"
    key_variable = "OPENAI_API_KEY"

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("OpenAISettings", self.settings)
        self._dialect: Dialect = configured_dialect(self._settings)
        self._model_list = ModelList()
        """What the server lists; empty until it has been asked."""
        self._formats = list(self._settings.formats)
        """Formats that have not been refused."""
        self._refuses_captions = False
        self.capabilities = self._capabilities_now()

    # --- address, models and prices ---

    @classmethod
    def base_of(cls, settings: RemoteSettings) -> str:
        """The base address, with `/v1` added to one that has no path of its own."""
        base = super().base_of(settings)
        return base if urlsplit(base).path else f"{base}/v1"

    @classmethod
    def has_address(cls, settings: RemoteSettings) -> bool:
        """Whether an address is configured; a renamed engine does not use OpenAI's own."""
        return settings.url is not None or not cls.is_renamed()

    @classmethod
    def requires_key(cls, settings: RemoteSettings) -> bool:
        """Whether the server is OpenAI itself; other servers may be open."""
        return configured_dialect(cast("OpenAISettings", settings)).needs_key

    def list_price(self, model: str) -> Price | None:
        """OpenAI's price; another server with a model of the same name has its own price, or none."""
        return self._dialect.price(model)

    def usual_model(self) -> str:
        """The usual model of the dialect, else the first one that the server lists."""
        listed = self._model_list.models[0].id if self._model_list.models else USUAL_MODEL
        return self._dialect.usual_model or listed

    def usual_voice(self) -> str:
        """A name that every server of this kind has a voice for."""
        return USUAL_VOICE

    def known_models(self) -> tuple[str, ...]:
        """The built-in names and the listed models; OpenAI's own list has many that do not speak."""
        listed = () if self._dialect.is_known else self._model_list.models
        return tuple(dict.fromkeys((*super().known_models(), *(f"{self.name}/{m.id}" for m in listed))))

    def capabilities_for(self, model: str) -> Capabilities:
        """The capabilities of a model: OpenAI's models differ in instructions and length of text."""
        name = self.service_model(model)
        return dataclasses.replace(
            self.capabilities,
            instructions=self._dialect.takes_instructions(name),
            max_chars=self._settings.max_characters or self._dialect.max_characters(name),
        )

    async def discover(self, on_progress: ProgressCallback) -> None:
        """Ask which server it is and which models it has, unless that is known."""
        if self._dialect.is_known:
            return
        self._model_list = await fetch_models(self.connection)
        if self._settings.dialect == "auto":
            self._dialect = recognised_dialect(self._model_list)
        self.capabilities = self._capabilities_now()

    async def background(self) -> None:
        """Ask when the models of a known server end; no request waits for the answer."""
        if self._dialect.is_known:
            with suppress(TTSHubError):  # a key may be good for speech alone
                self._model_list = await fetch_models(self.connection)
        await super().background()

    async def fetch_voices(self) -> Sequence[Voice]:
        """The voices of the dialect, else the voices that the server lists."""
        if names := self._dialect.voices:
            return [Voice(name, name.capitalize(), "") for name in names]
        await self.ensure_discovered()
        return await fetch_voices(self.connection, self._dialect)

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """A voice of the list, or a name that the dialect takes without a list, such as a mix of voices."""
        await self.ensure_discovered()
        if voice is not None and self._dialect.takes_unlisted_voice(voice):
            return Voice(voice, voice, "")
        if self._dialect.chooses_voice and voice is None and self._settings.voice is None:
            return OWN_VOICE
        return await super().find_voice(voice, language)

    async def probe(self) -> None:
        """Ask for the models."""
        await self.connection.check_alive(MODELS_PATH)

    # --- speaking ---

    async def speak(
        self, request: SegmentRequest, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak in the first format that the server does not refuse, with word timings where it has them."""
        model = self._checked_model(request)
        notice = self._dialect.shutdown_notice(model, self._model_list)
        if request.index == 0 and notice:
            on_progress(ProgressEvent("notice", self.name, notice, request.request_id))
        while True:
            way = self._speech_dialect()
            body = self._body(request, model)
            try:
                async with self.connection.opened("POST", way.path(self.connection.base), json=body) as reply:
                    on_progress(
                        segment_event(request, self.name, "answering", format=body["response_format"])
                    )
                    found = way.chunks(reply, request.text, self._settings.pcm_sample_rate, self.name)
                    async with aclosing(found) as chunks:
                        async for chunk in chunks:
                            yield chunk
                return
            except (InvalidRequestError, NoSuchPathError) as exc:
                if not self._falls_back(exc):
                    raise

    def _speech_dialect(self) -> Dialect:
        """The dialect in which speech is requested: the plain one if the server refuses captions."""
        return PLAIN if self._refuses_captions else self._dialect

    def _body(self, request: SegmentRequest, model: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "input": request.text,
            "response_format": "pcm" if self._speech_dialect().has_captions else self._formats[0],
        }
        if request.voice is not OWN_VOICE:
            body["voice"] = self._dialect.voice_field(request.voice.id)
        if request.speed != 1:
            body["speed"] = request.speed
        if request.instructions and self._dialect.takes_instructions(model):
            body["instructions"] = request.instructions
        if self._streams_events(model):
            body["stream_format"] = "sse"
        body |= self._dialect.own_fields(request, self._settings.pcm_sample_rate)
        options = cast("Mapping[str, Any]", request.options.get("fields") or {})
        return body | self._settings.fields | dict(options)

    def _streams_events(self, model: str) -> bool:
        wanted = self._settings.stream_format
        return self._dialect.streams_events(model) if wanted == "auto" else wanted == "sse"

    def _falls_back(self, exc: InvalidRequestError | NoSuchPathError) -> bool:
        """Leave out what the server refuses; false if nothing is left that it may take."""
        if self._speech_dialect().has_captions and isinstance(exc, NoSuchPathError):
            self._refuses_captions = True
            self.capabilities = self._capabilities_now()
            return True
        if isinstance(exc, UnsupportedFormatError) and len(self._formats) > 1:
            logger.info("%s refuses %s; asking for %s", self.name, *self._formats[:2])
            self._formats.pop(0)
            return True
        return False

    def _checked_model(self, request: SegmentRequest) -> str:
        model = self.service_model(request.model)
        listed = [] if self._dialect.is_known else [known.id for known in self._model_list.models]
        if listed and model not in listed and self.remote_model(request.model):
            raise UnknownModelError(f"{self.name} has no model {shown(model)}; {one_of(model, listed)}")
        self._dialect.check_voice(request.voice.id, model)
        return model

    def _capabilities_now(self) -> Capabilities:
        dialect, settings = self._dialect, self._settings
        has_speed = dialect.has_speed if settings.native_speed is None else settings.native_speed
        return Capabilities(
            streaming=True,
            word_timings=self._speech_dialect().has_captions,
            remote=True,
            normalises=True,
            ssml=dialect.ssml,
            seed=dialect.seed,
            instructions=dialect.instructions,
            speed_range=SPEEDS if has_speed else (1.0, 1.0),
            max_chars=settings.max_characters or MOST_CHARACTERS,
            concurrency=settings.concurrency or dialect.concurrency,
        )
