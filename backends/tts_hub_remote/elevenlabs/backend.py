"""`ElevenLabsBackend`: the hub's side of ElevenLabs."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, cast
from urllib.parse import quote

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.cost.pricing import Price
from tts_hub.errors import (
    GenerationError,
    TTSHubError,
    UnknownModelError,
    UnknownVoiceError,
    one_of,
    shown,
)
from tts_hub.progress import ProgressCallback
from tts_hub.types import AudioChunk, Capabilities, SegmentRequest, Voice
from tts_hub_remote.base import RemoteBackend, segment_event
from tts_hub_remote.connection import Connection
from tts_hub_remote.elevenlabs import facts
from tts_hub_remote.elevenlabs.alignment import SpokenWords
from tts_hub_remote.elevenlabs.answers import (
    audio_lines,
    plan_concurrency_in,
    rate_of,
    timed_chunks,
    usage_in,
)
from tts_hub_remote.elevenlabs.catalogue import MODELS_PATH, fetch_credits_left, fetch_models, fetch_voices
from tts_hub_remote.elevenlabs.continuity import RequestState, RequestStates
from tts_hub_remote.elevenlabs.facts import Model
from tts_hub_remote.elevenlabs.refusals import KEY_HEADER, ElevenLabsConnection, NotPermittedError
from tts_hub_remote.elevenlabs.request import check_request, speech_body, speech_query
from tts_hub_remote.elevenlabs.settings import LOWERING, ElevenLabsOptions, ElevenLabsSettings
from tts_hub_remote.elevenlabs.websocket import SocketLostError, SpeechSocket, open_socket
from tts_hub_remote.failures import NoSuchPathError

VOICE_ID = re.compile(r"[A-Za-z0-9]{20}")
logger = logging.getLogger(__name__)


class ElevenLabsBackend(RemoteBackend):
    """ElevenLabs: audio with its times over HTTP, or over a websocket while a text is still being written."""

    name = "elevenlabs"
    description = "ElevenLabs: thousands of voices, 30 languages and more, exact word timings"
    models: ClassVar[tuple[str, ...]] = ("elevenlabs", *facts.MODELS)
    patterns: ClassVar[tuple[str, ...]] = ("elevenlabs_*", "eleven_*", "elevenlabs/*")
    Settings: ClassVar[type[BackendSettings]] = ElevenLabsSettings
    Options: ClassVar[type[BackendOptions]] = ElevenLabsOptions
    lowering = LOWERING
    Connects: ClassVar[type[Connection]] = ElevenLabsConnection
    own_url = facts.URL
    key_variable = facts.KEY_VARIABLE
    needs_key = True

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("ElevenLabsSettings", self.settings)
        self._service = cast("ElevenLabsConnection", self.connection)
        self._models: Mapping[str, Model] = facts.MODELS
        self._models_are_all = False
        """Whether the service has listed its models."""
        self._plan_concurrency: dict[str, int] = {}
        """Model -> requests at once that the plan allows, by the last answer."""
        self._states = RequestStates()
        self.capabilities = self.capabilities_for(self.name)

    # --- models and prices ---

    def headers(self) -> Mapping[str, str]:
        """The key in ElevenLabs' own header."""
        key = self.key_of(self.remote_settings)
        return {KEY_HEADER: key} if key else {}

    def usual_model(self) -> str:
        """The service's default model."""
        return facts.USUAL_MODEL

    def remote_model(self, model: str) -> str:
        """The id `eleven_x` for `eleven_x`, `elevenlabs/eleven_x` and `elevenlabs_x`."""
        if model.startswith(facts.MODEL_PREFIX):
            return model
        rest = super().remote_model(model) or model.removeprefix(f"{self.name}_")
        if rest in {"", model}:
            return ""
        return rest if rest.startswith(facts.MODEL_PREFIX) else facts.MODEL_PREFIX + rest

    def known_models(self) -> tuple[str, ...]:
        """The built-in names, and the models that the service lists."""
        prefix = f"{self.name}/" if self.models == (self.name,) else ""
        return tuple(dict.fromkeys((*super().known_models(), *(prefix + name for name in self._models))))

    def capabilities_for(self, model: str) -> Capabilities:
        """The capabilities of a model: models differ in length of text, languages and concurrency."""
        known, own = self._model(model), self._settings
        return Capabilities(
            streaming=True,
            word_timings=True,
            seed=True,
            remote=True,
            normalises=True,
            languages=known.languages,
            speed_range=facts.SPEEDS,
            max_chars=min(own.max_characters or known.max_chars, known.max_chars),
            concurrency=own.concurrency or self._plan_concurrency.get(known.id, known.concurrency),
        )

    def list_price(self, model: str) -> Price | None:
        """The price of a credit, with the credits that the service lists for a character of the model."""
        price = facts.PRICES.get(model, facts.CREDITS)
        return price.model_copy(
            update={"credits_per_character": self._model_named(model).credits_per_character}
        )

    # --- questions to the service ---

    async def discover(self, on_progress: ProgressCallback) -> None:
        """Ask for the models and their limits. A key without that permission can still speak."""
        try:
            self._models = await fetch_models(self._service)
        except (NotPermittedError, NoSuchPathError) as exc:
            logger.info("%s lists no models, using the built-in list: %s", self.name, exc)
        else:
            self._models_are_all = True
        self.capabilities = self.capabilities_for(self.name)

    async def background(self) -> None:
        """Log once how many credits the account has left; no request waits for the answer."""
        try:
            left = await fetch_credits_left(self._service)
        except TTSHubError:  # a key may be good for speech alone
            left = None
        if left is not None:
            logger.info("%s: %d credits left", self.name, left)
        await super().background()

    async def fetch_voices(self) -> Sequence[Voice]:
        """Ask for the voices of the account; a few common ones where the key may not list them."""
        try:
            return await fetch_voices(self._service) or facts.VOICES
        except (NotPermittedError, NoSuchPathError):
            return facts.VOICES

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """A voice of the account, or any id of a voice.

        Raises:
            UnknownVoiceError: the name is neither in the list nor an id.
        """
        try:
            return await super().find_voice(voice, language)
        except UnknownVoiceError:
            wanted = voice or self.settings.voice or ""
            if VOICE_ID.fullmatch(wanted):
                return Voice(wanted, wanted, "")
            raise

    async def probe(self) -> None:
        """Ask for the models."""
        await self.connection.check_alive(MODELS_PATH)

    def forget(self, request_id: str) -> None:
        """Close the websocket of a request, and drop its state."""
        self._states.forget(request_id)

    async def aclose(self) -> None:
        """Close all connections and websockets."""
        self._states.forget_all()
        await super().aclose()

    # --- speaking ---

    async def speak(
        self, request: SegmentRequest, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak over the request's websocket if its text is still being written, else over HTTP."""
        model = self._checked_model(request)
        state = self._states.state_of(request.request_id)
        state.begin(request.index)
        if self._uses_socket(request, model, state) and await state.turns.begin(request.index):
            on_progress(segment_event(request, self.name, "sending", model=model.id))
            has_audio = False
            try:
                async with aclosing(self._over_socket(request, model, state)) as chunks:
                    async for chunk in chunks:
                        has_audio = True
                        yield chunk
                return
            except SocketLostError as exc:
                state.socket_is_over = True
                if has_audio:
                    message = f"{self.name}: {exc} in the middle of the audio"
                    raise GenerationError(message, backend=self.name) from exc
                logger.info("%s: %s; continuing over HTTP", self.name, exc)
            finally:
                state.turns.end()
        async with aclosing(self._over_http(request, model, state, on_progress)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _over_http(
        self, request: SegmentRequest, model: Model, state: RequestState, on_progress: ProgressCallback
    ) -> AsyncGenerator[AudioChunk, None]:
        body = speech_body(request, model)
        if model.stitches:
            body |= self._previous_fields(request, state)
        path, query = _path(request, "stream/with-timestamps"), speech_query(self._settings)
        words = SpokenWords(request.text)
        async with self.connection.opened("POST", path, json=body, params=query) as reply:
            self._note_plan(model, reply.headers)
            on_progress(segment_event(request, self.name, "answering", model=model.id))
            usage = usage_in(reply.headers)
            pieces = audio_lines(reply, words, self._service)
            async with aclosing(self._chunks(pieces, words)) as chunks:
                async for chunk in chunks:
                    yield dataclasses.replace(chunk, usage=usage)
            state.finish(request.index, reply.headers.get("request-id"))

    async def _over_socket(
        self, request: SegmentRequest, model: Model, state: RequestState
    ) -> AsyncGenerator[AudioChunk, None]:
        if state.socket_is_over:
            raise SocketLostError
        if state.socket is None:
            state.socket = await self._opened_socket(request, model)
        words = SpokenWords(request.text)
        async with aclosing(self._chunks(state.socket.speak(request.text, words), words)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _chunks(
        self, pieces: AsyncGenerator[bytes, None], words: SpokenWords
    ) -> AsyncGenerator[AudioChunk, None]:
        return timed_chunks(pieces, words, self._settings.output_format, self.name)

    async def _opened_socket(self, request: SegmentRequest, model: Model) -> SpeechSocket:
        self.connection.breaker.check()
        body = speech_body(request, model)
        first = {"voice_settings": body["voice_settings"]} if "voice_settings" in body else {}
        query = speech_query(self._settings) | {
            "model_id": model.id,
            "inactivity_timeout": str(facts.SOCKET_IDLE_SECONDS),
            "sync_alignment": "true",
        }
        for name in ("language_code", "seed", "apply_text_normalization"):
            if name in body:
                query[name] = str(body[name])
        path = _path(request, "stream-input")
        rate = rate_of(self._settings.output_format)
        return await open_socket(self._service, self._settings, path, query, first, rate=rate)

    def _uses_socket(self, request: SegmentRequest, model: Model, state: RequestState) -> bool:
        """Whether a segment goes over a websocket; only raw samples can be cut between two segments."""
        wanted = request.incoming and request.request_id != "" and self._settings.socket
        raw = self._settings.output_format.startswith("pcm_")
        return wanted and raw and model.has_socket and not state.socket_is_over

    def _previous_fields(self, request: SegmentRequest, state: RequestState) -> dict[str, Any]:
        """The fields about the speech before; with logging off, the service knows no earlier requests."""
        before = state.previous_fields(request.index, request.previous_text)
        if "previous_request_ids" in before and not self._settings.enable_logging:
            return {"previous_text": request.previous_text} if request.previous_text else {}
        return before

    def _note_plan(self, model: Model, headers: Mapping[str, str]) -> None:
        allowed = plan_concurrency_in(headers)
        if allowed is not None and allowed != self._plan_concurrency.get(model.id):
            self._plan_concurrency[model.id] = allowed
            self.capabilities = self.capabilities_for(self.name)

    def _model(self, model: str) -> Model:
        return self._model_named(self.service_model(model))

    def _model_named(self, name: str) -> Model:
        return self._models.get(name) or facts.MODELS.get(name) or Model(name)

    def _checked_model(self, request: SegmentRequest) -> Model:
        """The model of a request, after a check that it takes what the request sets."""
        model = self._model(request.model)
        if self._models_are_all and model.id not in self._models:
            raise UnknownModelError(
                f"{self.name} has no model {shown(model.id)}; {one_of(model.id, self._models)}"
            )
        check_request(request, model, self.name)
        return model


def _path(request: SegmentRequest, way: str) -> str:
    return f"/v1/text-to-speech/{quote(request.voice.id, safe='')}/{way}"
