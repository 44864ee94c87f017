"""`OpenAIBackend`: OpenAI, another tts-hub, Kokoro-FastAPI, and every server with their API."""

from __future__ import annotations

import dataclasses
import datetime as dt
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
    UnknownVoiceError,
    UnsupportedFormatError,
    one_of,
    shown,
)
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.types import AudioChunk, Availability, Capabilities, SegmentRequest, Voice
from tts_hub_remote.base import RemoteBackend, told
from tts_hub_remote.connection import Reply
from tts_hub_remote.failures import NoSuchPathError
from tts_hub_remote.openai import facts
from tts_hub_remote.openai.answers import audio_of, captioned, kokoro_captioned
from tts_hub_remote.openai.catalogue import Model, asked, list_voices
from tts_hub_remote.openai.settings import Dialect, OpenAIOptions, OpenAISettings
from tts_hub_remote.settings import RemoteSettings

CUSTOM_VOICE = "voice_"
"""How the ids of OpenAI's custom voices begin."""
OWN_VOICE = Voice("default", "the model's own", "")
CONCURRENCY = 8
"""Segments at once, at a server of which nothing is known."""
TOLD_AHEAD = dt.timedelta(days=180)
"""How long before its end a model's shutdown is told."""
logger = logging.getLogger(__name__)


class OpenAIBackend(RemoteBackend):
    """A server with OpenAI's speech API: audio is decoded as it arrives, in whatever way it comes."""

    name = "openai"
    description = "OpenAI's speech API: OpenAI itself, or with `url` any server that speaks it"
    models: ClassVar[tuple[str, ...]] = ("openai", *(f"openai/{model}" for model in facts.MODELS))
    patterns: ClassVar[tuple[str, ...]] = ("openai/*",)
    Settings: ClassVar[type[BackendSettings]] = OpenAISettings
    Options: ClassVar[type[BackendOptions]] = OpenAIOptions
    own_url = f"https://{facts.HOST}/v1"
    key_variable = "OPENAI_API_KEY"
    own_prices: ClassVar[Mapping[str, Price]] = facts.PRICES

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("OpenAISettings", self.settings)
        official = _is_official(self._settings)
        self._dialect: Dialect = (
            self._settings.dialect if self._settings.dialect != "auto" else "openai" if official else "plain"
        )
        self._models: Sequence[Model] = ()
        self._formats = list(self._settings.formats)
        """Those that have not been refused."""
        self._captions = True
        """The captions of its dialect have not been refused."""
        self.capabilities = self._capabilities_now()

    # --- where it is, and what it says of itself ---

    @classmethod
    def base_of(cls, settings: RemoteSettings) -> str:
        """With `/v1` behind an address that has no path of its own."""
        base = super().base_of(settings)
        return base if urlsplit(base).path else f"{base}/v1"

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """OpenAI needs a key; other servers may be open."""
        own = cast("OpenAISettings", settings)
        if cls.name != OpenAIBackend.name and own.url is None:
            return Availability(False, f"no address: set `url` in [remote.{cls.name}]")
        if _is_official(own) and not cls.key_of(own):
            variable = cls.key_source(own) or f"TTS_HUB_REMOTE__{cls.name.upper()}__API_KEY"
            return Availability(False, "it needs a key", f"export {variable}=...")
        return Availability(True)

    def price(self, model: str) -> Price | None:
        """OpenAI's prices are OpenAI's: another server with a model of the same name has its own, or none."""
        if self._dialect == "openai":
            return super().price(model)
        configured = self._settings.prices
        return configured.get(self._model(model)) or configured.get("*")

    def usual_model(self) -> str:
        """The one for requests that name only the engine."""
        usual = {"openai": facts.USUAL_MODEL, "hub": "auto", "kokoro": "kokoro"}.get(self._dialect)
        return usual or (self._models[0].id if self._models else "tts-1")

    def usual_voice(self) -> str:
        """Every server of this kind has a voice for it."""
        return "alloy"

    def known_models(self) -> tuple[str, ...]:
        """With those that the server lists."""
        listed = (f"{self.name}/{model.id}" for model in self._models if self._dialect != "openai")
        return tuple(dict.fromkeys((*super().known_models(), *listed)))

    def capabilities_for(self, model: str) -> Capabilities:
        """OpenAI's models differ in what they take."""
        if self._dialect != "openai":
            return self.capabilities
        by_tokens = facts.is_by_tokens(self._model(model))
        most = facts.MOST_CHARACTERS_BY_TOKENS if by_tokens else facts.MOST_CHARACTERS
        return dataclasses.replace(
            self.capabilities, instructions=by_tokens, max_chars=self._settings.max_characters or most
        )

    async def learn(self, on_progress: ProgressCallback) -> None:
        """Which server it is and what models it has; of OpenAI itself that is known."""
        if self._dialect == "openai":
            return
        dialect, self._models = await asked(self.connection)
        if self._settings.dialect == "auto":
            self._dialect = dialect
        self.capabilities = self._capabilities_now()

    async def background(self) -> None:
        """Of OpenAI's models, ask when they end: nobody waits for it."""
        if self._dialect == "openai":
            with suppress(TTSHubError):  # a key may be good for speech alone
                self._models = (await asked(self.connection))[1]
        await super().background()

    async def list_voices(self) -> Sequence[Voice]:
        """OpenAI has no list to ask for; its voices are known."""
        if self._dialect == "openai":
            return [Voice(name, name.capitalize(), "") for name in facts.VOICES]
        await self.learned()
        return await list_voices(self.connection, self._dialect)

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """Also OpenAI's custom voices (`voice_…`), and Kokoro's mixes."""
        await self.learned()
        is_custom = self._dialect == "openai" and voice is not None and voice.startswith(CUSTOM_VOICE)
        is_mix = self._dialect == "kokoro" and voice is not None and any(c in voice for c in "+(")
        if voice is not None and (is_custom or is_mix):
            return Voice(voice, voice, "")
        if self._dialect == "hub" and voice is None and self._settings.voice is None:
            return OWN_VOICE  # which one that is depends on the model, and the other hub knows
        return await super().find_voice(voice, language)

    async def probe(self) -> None:
        """A small question: its models."""
        await self.connection.alive("/models")

    # --- speaking ---

    async def speak(
        self, request: SegmentRequest, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        """In the first format that the server does not refuse, with its word timings where it has them."""
        model = self._checked_model(request)
        if request.index == 0 and (end := self._end_of(model)):
            on_progress(ProgressEvent("notice", self.name, end, request.request_id))
        while True:
            body = self._body(request, model)
            path = self._path()
            try:
                async with self.connection.opened("POST", path, json=body) as reply:
                    on_progress(told(request, self.name, "answering", format=body["response_format"]))
                    async with aclosing(self._chunks(reply, request)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                return
            except (InvalidRequestError, NoSuchPathError) as exc:
                if not self._gave_way(exc):
                    raise

    def _chunks(self, reply: Reply, request: SegmentRequest) -> AsyncGenerator[AudioChunk, None]:
        rate = self._settings.pcm_sample_rate
        if self._captions and self._dialect == "hub":
            return captioned(reply, request.text, rate, self.name)
        if self._captions and self._dialect == "kokoro":
            return kokoro_captioned(reply, request.text, rate, self.name)
        return audio_of(reply, rate, self.name)

    def _path(self) -> str:
        if self._captions and self._dialect == "hub":
            return "/audio/speech/captions"
        if self._captions and self._dialect == "kokoro":
            return self.connection.base.removesuffix("/v1") + "/dev/captioned_speech"
        return "/audio/speech"

    def _body(self, request: SegmentRequest, model: str) -> dict[str, Any]:
        captions = self._captions and self._dialect in {"hub", "kokoro"}
        body: dict[str, Any] = {
            "model": model,
            "input": request.text,
            "response_format": "pcm" if captions else self._formats[0],
        }
        if request.voice is not OWN_VOICE:
            body["voice"] = self._voice_field(request.voice.id)
        if request.speed != 1:
            body["speed"] = request.speed
        if request.instructions and self.capabilities_for(request.model).instructions:
            body["instructions"] = request.instructions
        if self._by_events(model):
            body["stream_format"] = "sse"
        body |= self._own_fields(request)
        options = cast("Mapping[str, Any]", request.options.get("fields") or {})
        return body | self._settings.fields | dict(options)

    def _voice_field(self, voice: str) -> object:
        is_custom = self._dialect == "openai" and voice.startswith(CUSTOM_VOICE)
        return {"id": voice} if is_custom else voice

    def _own_fields(self, request: SegmentRequest) -> dict[str, Any]:
        """What only the server of this dialect knows."""
        if self._dialect == "hub":
            own: dict[str, Any] = {"sample_rate": self._settings.pcm_sample_rate}
            given = {"language": request.language, "seed": request.seed}
            if request.markup != "text":
                own["markup"] = request.markup
            return own | {name: value for name, value in given.items() if value not in {None, ""}}
        if self._dialect == "kokoro" and not request.voice.language and request.language:
            return {"lang_code": request.language.casefold()}
        return {}

    def _by_events(self, model: str) -> bool:
        wanted = self._settings.stream_format
        if wanted == "auto":
            return self._dialect == "openai" and facts.is_by_tokens(model)
        return wanted == "sse"

    def _gave_way(self, exc: InvalidRequestError | NoSuchPathError) -> bool:
        """Leave out what the server refuses, if something is left that it may take."""
        if self._captions and self._dialect in {"hub", "kokoro"} and isinstance(exc, NoSuchPathError):
            self._captions = False
            self.capabilities = self._capabilities_now()
            return True
        if isinstance(exc, UnsupportedFormatError) and len(self._formats) > 1:
            logger.info("%s refuses %s; asking for %s", self.name, *self._formats[:2])
            self._formats.pop(0)
            return True
        return False

    def _model(self, model: str) -> str:
        return self.remote_model(model) or self._settings.model or self.usual_model()

    def _checked_model(self, request: SegmentRequest) -> str:
        model = self._model(request.model)
        listed = [known.id for known in self._models]
        if listed and model not in listed and self._dialect != "openai" and self.remote_model(request.model):
            raise UnknownModelError(f"{self.name} has no model {shown(model)}; {one_of(model, listed)}")
        if self._dialect == "openai" and model.startswith("tts-1") and request.voice.id in facts.NOT_OF_TTS_1:
            usable = [voice for voice in facts.VOICES if voice not in facts.NOT_OF_TTS_1]
            raise UnknownVoiceError(f"{model} has no voice {shown(request.voice.id)}; {one_of('', usable)}")
        return model

    def _end_of(self, model: str) -> str:
        """What to say of a model that OpenAI will shut down; empty for others."""
        if self._dialect != "openai":
            return ""
        told = next((known.shutdown for known in self._models if known.id == model), None)
        ends = told or (facts.SHUTDOWN if model in facts.MODELS else None)
        left = None if ends is None else ends - dt.datetime.now(dt.UTC).date()
        if left is None or left > TOLD_AHEAD:
            return ""
        when = f"in {left.days} days, on {ends}" if left.days > 0 else f"on {ends}"
        return f"OpenAI shuts {model} down {when}; plan for {facts.REPLACEMENT}"

    def _capabilities_now(self) -> Capabilities:
        dialect, settings = self._dialect, self._settings
        native = dialect != "plain" if settings.native_speed is None else settings.native_speed
        concurrency = facts.CONCURRENCY if dialect == "openai" else CONCURRENCY
        return Capabilities(
            streaming=True,
            word_timings=dialect in {"hub", "kokoro"} and self._captions,
            remote=True,
            normalises=True,
            ssml=dialect == "hub",
            seed=dialect == "hub",
            instructions=dialect in {"hub", "openai"},
            speed_range=facts.SPEEDS if native else (1.0, 1.0),
            max_chars=settings.max_characters or facts.MOST_CHARACTERS,
            concurrency=settings.concurrency or concurrency,
        )


def _is_official(settings: OpenAISettings) -> bool:
    if settings.dialect != "auto":
        return settings.dialect == "openai"
    return settings.url is None or urlsplit(settings.url).hostname == facts.HOST
