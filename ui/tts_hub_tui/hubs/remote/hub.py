"""The hub behind HTTP: a tts-hub server elsewhere."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import anyio
import httpx

from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.captions.wire import DoneLine, ErrorLine, captioned_lines
from tts_hub.cost.pricing import CostEstimate
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import BackendUnavailableError, InvalidTextError, TTSHubError, UsageError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.types import SpeechRequest, Voice
from tts_hub_tui.hubs.interface import Catalogue
from tts_hub_tui.hubs.remote.errors import SERVER, engine_error, parse_errors_as, status_error
from tts_hub_tui.hubs.remote.speech import RemoteSpeech, pieces_of
from tts_hub_tui.hubs.remote.wire import encode_request, parse_engine, parse_estimate, parse_voice

CONNECT_SECONDS, SILENT_SECONDS = 5.0, 120.0
"""Seconds until a connection must stand, and in which a server may send nothing."""
OTHER_VERSION = "the server's answer is not that of a tts-hub server of this version"
logger = logging.getLogger(__name__)


class RemoteHub:
    """Generates speech with the engines of a server, which drops a reader that pauses for long."""

    allows_pauses = False

    def __init__(self, url: str, api_key: str | None = None) -> None:
        """`url` may end with `/v1`.

        Raises:
            UsageError: it is not the address of a server, or the key cannot be one.
        """
        self._url = self.name = _base_url(url)
        self._client = httpx.AsyncClient(
            headers=_authorization(api_key),
            timeout=httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,  # the server is most often on this machine: no proxy
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def catalogue(self) -> Catalogue:
        """The engines of the server."""
        values = await self._json("GET", "/v1/engines")
        with parse_errors_as(UsageError(OTHER_VERSION)):
            engines = tuple(parse_engine(each) for each in values["engines"])
            return Catalogue(engines, values["auto"], tuple(values["problems"]))

    async def voices(self, model: str) -> Sequence[Voice]:
        """The voices of the engine behind a model."""
        values = await self._json("GET", f"/v1/audio/voices?model={quote(model, safe='')}")
        with parse_errors_as(UsageError(OTHER_VERSION)):
            return [parse_voice(each) for each in values["voices"]]

    async def add_emotion(self, name: str, character: str, settings: EmotionSettings) -> str:
        """Keep an emotion profile on the server."""
        body = {"name": name, "character": character, **settings.model_dump(exclude_defaults=True)}
        return str((await self._json("POST", "/emotions", body))["full_name"])

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """The cost of a request, by the server's price tables."""
        values = await self._json("POST", "/v1/audio/estimate", encode_request(request))
        with parse_errors_as(UsageError(OTHER_VERSION)):
            return parse_estimate(values)

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> RemoteSpeech:
        """Begin to generate speech; returns once the first audio has come."""
        began = time.monotonic()
        report = _log_errors(on_progress)
        rate = request.sample_rate or DEFAULT_RATE
        body = encode_request(request) | {"response_format": "pcm", "sample_rate": rate, "progress": True}
        report(ProgressEvent("queued", message=self.name))
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._open_response("POST", "/v1/audio/speech/captions", body)
            )
            speech = RemoteSpeech(request, response, stack.pop_all(), report, began)
        await speech.start()
        return speech

    async def pull(self, model: str, on_progress: ProgressCallback, *, variant: str | None = None) -> None:
        """Have the server download the files of a model; cancelling this stops it there."""
        report = _log_errors(on_progress)
        path = f"/v1/models/{quote(model, safe='')}/pull"
        async with (
            self._open_response("POST", path, {"variant": variant}) as response,
            aclosing(pieces_of(response)) as pieces,
            aclosing(captioned_lines(pieces, SERVER)) as lines,
        ):
            with parse_errors_as(UsageError(OTHER_VERSION)):
                async for line in lines:
                    if isinstance(line, ErrorLine):
                        raise engine_error(line.values["error"])
                    if isinstance(line, DoneLine):
                        return
                    if isinstance(line, ProgressEvent):
                        report(line)
        raise BackendUnavailableError("the server broke off the download", backend=SERVER)

    async def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._open_response(method, path, body) as response:
            try:
                return json.loads(await response.aread())
            except httpx.HTTPError as exc:
                raise self._unreachable(exc) from exc
            except ValueError as exc:
                raise UsageError(f"{self.name} is not a tts-hub server: its answer is not JSON") from exc

    @asynccontextmanager
    async def _open_response(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[httpx.Response, None]:
        """The response of a request that was successful; its body is not read yet."""
        sent = self._request(method, path, body)
        try:
            response = await self._client.send(sent, stream=True)
        except httpx.HTTPError as exc:
            raise self._unreachable(exc) from exc
        try:
            if not response.is_success:
                raise await self._refusal(response, path)
            yield response
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Request:
        try:
            return self._client.build_request(method, self._url + path, json=body)
        except httpx.InvalidURL as exc:
            raise UsageError(f"{self.name} is not the address of a server: {exc}") from exc
        except UnicodeEncodeError as exc:
            raise InvalidTextError("the text holds characters that are not text (surrogates)") from exc

    async def _refusal(self, response: httpx.Response, path: str) -> TTSHubError:
        try:
            body = await response.aread()
        except httpx.HTTPError:
            body = b""
        if response.is_redirect:
            elsewhere = response.headers["location"]
            return UsageError(f"{self.name} redirects to {elsewhere}: give that address")
        if response.status_code in {404, 405} and path == "/v1/engines":
            return UsageError(f"{self.name} is not a tts-hub server, or one of an older version")
        return status_error(response.status_code, body, response.headers.get("retry-after", ""))

    def _unreachable(self, exc: Exception) -> BackendUnavailableError:
        reason = f"{exc}" or type(exc).__name__
        message = f"the server at {self.name} does not answer: {reason}"
        return BackendUnavailableError(message, backend=SERVER, remedy="tts-hub serve")


def _base_url(url: str) -> str:
    """The address without `/v1` at its end."""
    url = url.strip()
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port  # raises ValueError if it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(c.isspace() for c in url):
        raise UsageError(f"{url!r} is not the address of a server; http://127.0.0.1:8880 is one")
    if "@" in parts.netloc:
        raise UsageError("give the key with --api-key-file, not in the address")
    if parts.query or parts.fragment:
        raise UsageError(f"{url!r} has more than the address of a server; http://127.0.0.1:8880 is one")
    path = parts.path.rstrip("/").removesuffix("/v1")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _authorization(api_key: str | None) -> dict[str, str]:
    if not api_key:
        return {}
    if not api_key.isascii() or not api_key.isprintable():
        raise UsageError("the API key holds characters that no header can carry")
    return {"Authorization": f"Bearer {api_key}"}


def _log_errors(on_progress: ProgressCallback) -> ProgressCallback:
    """The callback, except that its errors go to the log: they must not end the speech."""

    def report(event: ProgressEvent, /) -> None:
        try:
            on_progress(event)
        except Exception:
            logger.exception("a progress callback failed")

    return report
