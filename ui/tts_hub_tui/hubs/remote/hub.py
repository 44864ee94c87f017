"""A tts-hub server elsewhere, over HTTP."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import fields
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import anyio
import httpx

from tts_hub.errors import BackendUnavailableError, InvalidTextError, TTSHubError, UsageError
from tts_hub.pricing import CostEstimate, EngineEstimate
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.types import ModelFiles, SpeechRequest, Voice
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo
from tts_hub_tui.hubs.remote.errors import SERVER, failure, parse_errors_as, refusal
from tts_hub_tui.hubs.remote.speech import SAMPLE_RATE, RemoteSpeech, json_lines, parse_event

CONNECT_SECONDS, SILENT_SECONDS = 5.0, 120.0
"""Until a connection stands, and in which a server may say nothing."""
SENT = ("model", "voice", "language", "instructions", "seed", "fallback")
OTHER_VERSION = "the server's answer is not that of a tts-hub server of this version"
logger = logging.getLogger(__name__)


class RemoteHub:
    """Speaks with the engines of a server; a reader that pauses for long loses its place there."""

    allows_pauses = False

    def __init__(self, url: str, api_key: str | None = None) -> None:
        """`url` with or without `/v1`.

        Raises:
            UsageError: it is not the address of a server, or the key cannot be one.
        """
        self._url = self.name = _checked(url)
        self._client = httpx.AsyncClient(
            headers=_authorization(api_key),
            timeout=httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,  # no proxy between us and what is most often this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def catalogue(self) -> Catalogue:
        """What the server says of its engines."""
        values = await self._json("GET", "/v1/engines")
        with parse_errors_as(UsageError(OTHER_VERSION)):
            engines = tuple(_engine(each) for each in values["engines"])
            return Catalogue(engines, values["auto"], tuple(values["problems"]))

    async def voices(self, model: str) -> Sequence[Voice]:
        """Of the engine behind a model."""
        values = await self._json("GET", f"/v1/audio/voices?model={quote(model, safe='')}")
        with parse_errors_as(UsageError(OTHER_VERSION)):
            return [_voice(each) for each in values["voices"]]

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """By the server's price tables."""
        values = await self._json("POST", "/v1/audio/estimate", _body(request))
        with parse_errors_as(UsageError(OTHER_VERSION)):
            others = tuple(EngineEstimate(**_priced(each, EngineEstimate)) for each in values["fallbacks"])
            return CostEstimate(**_priced(values, CostEstimate) | {"fallbacks": others})

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> RemoteSpeech:
        """Returns once the first audio has come."""
        began = time.monotonic()
        tell = _guarded(on_progress)
        rate = request.sample_rate or SAMPLE_RATE
        body = _body(request) | {"response_format": "pcm", "sample_rate": rate, "progress": True}
        tell(ProgressEvent("queued", message=self.name))
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._answered("POST", "/v1/audio/speech/captions", body)
            )
            speech = RemoteSpeech(request, response, stack.pop_all(), tell, began)
        await speech.start()
        return speech

    async def pull(self, model: str, on_progress: ProgressCallback, *, variant: str | None = None) -> None:
        """The server fetches the files; hanging up stops it."""
        tell = _guarded(on_progress)
        path = f"/v1/models/{quote(model, safe='')}/pull"
        async with (
            self._answered("POST", path, {"variant": variant}) as response,
            aclosing(json_lines(response)) as lines,
        ):
            with parse_errors_as(UsageError(OTHER_VERSION)):
                async for line in lines:
                    if "error" in line:
                        raise failure(line["error"])
                    if "done" in line:
                        return
                    if "progress" in line:
                        tell(parse_event(line["progress"]))
        raise BackendUnavailableError("the server broke off the download", backend=SERVER)

    async def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._answered(method, path, body) as response:
            try:
                return json.loads(await response.aread())
            except httpx.HTTPError as exc:
                raise self._away(exc) from exc
            except ValueError as exc:
                raise UsageError(f"{self.name} is not a tts-hub server: its answer is not JSON") from exc

    @asynccontextmanager
    async def _answered(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[httpx.Response, None]:
        """An answer that is no refusal, its body not read yet."""
        sent = self._request(method, path, body)
        try:
            response = await self._client.send(sent, stream=True)
        except httpx.HTTPError as exc:
            raise self._away(exc) from exc
        try:
            if not response.is_success:
                raise await self._refused(response, path)
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

    async def _refused(self, response: httpx.Response, path: str) -> TTSHubError:
        try:
            body = await response.aread()
        except httpx.HTTPError:
            body = b""
        if response.is_redirect:
            elsewhere = response.headers["location"]
            return UsageError(f"{self.name} redirects to {elsewhere}: give that address")
        if response.status_code in {404, 405} and path == "/v1/engines":
            return UsageError(f"{self.name} is not a tts-hub server, or one of an older version")
        return refusal(response.status_code, body, response.headers.get("retry-after", ""))

    def _away(self, exc: Exception) -> BackendUnavailableError:
        reason = f"{exc}" or type(exc).__name__
        message = f"the server at {self.name} does not answer: {reason}"
        return BackendUnavailableError(message, backend=SERVER, remedy="tts-hub serve")


def _checked(url: str) -> str:
    """The address without `/v1` at its end."""
    url = url.strip()
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port  # raises ValueError where it is none
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


def _guarded(on_progress: ProgressCallback) -> ProgressCallback:
    """A callback that cannot break what it is told of."""

    def tell(event: ProgressEvent, /) -> None:
        try:
            on_progress(event)
        except Exception:
            logger.exception("a progress callback failed")

    return tell


def _body(request: SpeechRequest) -> dict[str, Any]:
    if not isinstance(request.input, str):
        raise UsageError("a remote server needs the whole text, not one that is still being written")
    given = {name: getattr(request, name) for name in SENT if getattr(request, name) is not None}
    values = {"input": request.input, "speed": request.speed, "markup": request.markup, **given}
    if request.options:
        values["options"] = dict(request.options)
    return values


def _priced(values: Mapping[str, Any], kind: type[EngineEstimate]) -> dict[str, Any]:
    """The fields of an estimate; those of a newer server are left out."""
    found = {field.name: values[field.name] for field in fields(kind)}
    checked = found["price_checked"]
    return found | {"price_checked": checked and dt.date.fromisoformat(checked)}


def _engine(values: Mapping[str, Any]) -> EngineInfo:
    return EngineInfo(
        name=values["name"],
        description=values["description"],
        models=tuple(values["models"]),
        ready=values["ready"],
        state=values["state"],
        reason=values["reason"],
        remedy=values["remedy"],
        active=values["active"],
        waiting=values["waiting"],
        downloads=tuple(
            ModelFiles(
                each["model"],
                each["source"],
                folder="",
                size=each["size"],
                missing=tuple(each["missing"]),
                variant=each["variant"],
            )
            for each in values["downloads"]
        ),
        options=values["options"],
    )


def _voice(values: Mapping[str, Any]) -> Voice:
    return Voice(
        values["id"],
        values["name"],
        values["language"],
        gender=values["gender"],
        description=values["description"],
        aliases=tuple(values["aliases"]),
        variants=tuple(values["variants"]),
    )
