"""A tts-hub server elsewhere, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from tts_hub.errors import BackendUnavailableError, TTSHubError, UsageError
from tts_hub.pricing import CostEstimate, EngineEstimate
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.types import ModelFiles, SpeechRequest, Voice
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo
from tts_hub_tui.hubs.remote_errors import failure, refusal
from tts_hub_tui.hubs.remote_speech import SAMPLE_RATE, RemoteSpeech

CONNECT_SECONDS, SILENT_SECONDS = 5.0, 120.0
"""Until a connection stands, and in which a server may say nothing."""
SENT = ("model", "voice", "language", "instructions", "seed")


class RemoteHub:
    """Speaks with the engines of a server; a reader that pauses for long loses its place there."""

    is_patient = False

    def __init__(self, url: str, api_key: str | None = None) -> None:
        """`url` with or without `/v1`.

        Raises:
            UsageError: it is no address of a server.
        """
        self.place = _checked(url)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.AsyncClient(
            base_url=self.place,
            headers=headers,
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
        with _understood():
            return Catalogue(tuple(_engine(each) for each in values["engines"]), values["auto"])

    async def voices(self, model: str) -> Sequence[Voice]:
        """Of the engine behind a model."""
        values = await self._json("GET", f"/v1/audio/voices?model={quote(model, safe='')}")
        with _understood():
            return [_voice(each) for each in values["voices"]]

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """By the server's price tables."""
        values = await self._json("POST", "/v1/audio/estimate", _body(request))
        with _understood():
            known = {field.name for field in fields(CostEstimate)}
            others = tuple(EngineEstimate(**each) for each in values.pop("fallbacks", ()))
            return CostEstimate(**{k: v for k, v in values.items() if k in known}, fallbacks=others)

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> RemoteSpeech:
        """Returns once the first audio has come."""
        began = time.monotonic()
        body = _body(request) | {"response_format": "pcm", "sample_rate": SAMPLE_RATE, "progress": True}
        on_progress(ProgressEvent("queued", message=self.place))
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._answered("POST", "/v1/audio/speech/captions", body)
            )
            speech = RemoteSpeech(request, response, stack.pop_all(), on_progress, began)
        await speech.start()
        return speech

    async def pull(self, model: str, on_progress: ProgressCallback, *, variant: str | None = None) -> None:
        """The server fetches the files; hanging up stops it."""
        path = f"/v1/models/{quote(model, safe='')}/pull"
        async with self._answered("POST", path, {"variant": variant}) as response:
            try:
                async for line in response.aiter_lines():
                    values = json.loads(line) if line.strip() else {}
                    if "error" in values:
                        raise failure(values["error"])
                    if "done" in values:
                        return
                    if "progress" in values:
                        on_progress(_download(values["progress"]))
            except (httpx.HTTPError, ValueError) as exc:
                raise self._away(exc) from exc
        raise BackendUnavailableError("the server broke off the download", backend="server")

    async def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._answered(method, path, body) as response:
            try:
                return json.loads(await response.aread())
            except (httpx.HTTPError, ValueError) as exc:
                raise self._away(exc) from exc

    @asynccontextmanager
    async def _answered(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[httpx.Response, None]:
        """An answer that is no refusal, its body not read yet."""
        sent = self._client.build_request(method, path, json=body)
        try:
            response = await self._client.send(sent, stream=True)
        except httpx.HTTPError as exc:
            raise self._away(exc) from exc
        try:
            if response.status_code >= 400:
                raise await self._refused(response, path)
            yield response
        finally:
            await response.aclose()

    async def _refused(self, response: httpx.Response, path: str) -> TTSHubError:
        try:
            body = await response.aread()
        except httpx.HTTPError:
            body = b""
        if response.status_code in {404, 405} and path == "/v1/engines":
            return UsageError(f"{self.place} is no tts-hub server, or one of an older version")
        return refusal(response.status_code, body, response.headers.get("retry-after", ""))

    def _away(self, exc: Exception) -> BackendUnavailableError:
        reason = f"{exc}" or type(exc).__name__
        message = f"the server at {self.place} does not answer: {reason}"
        return BackendUnavailableError(message, backend="server", remedy="tts-hub serve")


class _understood:  # noqa: N801 - reads as a verb where it is used
    """Values of another shape than ours are an error of the server."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(exc, KeyError | TypeError | ValueError | AttributeError):
            raise UsageError("the server's answer is not that of a tts-hub server of this version") from exc


def _checked(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == -1:
        raise UsageError(f"{url!r} is no address of a server; http://127.0.0.1:8880 is one")
    if parts.username or parts.password:
        raise UsageError("a key belongs into --api-key, not into the address")
    path = parts.path.rstrip("/").removesuffix("/v1")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _body(request: SpeechRequest) -> dict[str, Any]:
    given = {name: getattr(request, name) for name in SENT if getattr(request, name) is not None}
    values = {"input": request.input, "speed": request.speed, **given}
    if request.options:
        values["options"] = dict(request.options)
    return values


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


def _download(values: Mapping[str, Any]) -> ProgressEvent:
    sizes = {name: values[name] for name in ("bytes", "total_bytes") if name in values}
    return ProgressEvent(
        "downloading",
        backend=values.get("backend", ""),
        message=values.get("message", ""),
        fraction=values.get("fraction"),
        details=sizes,
    )
