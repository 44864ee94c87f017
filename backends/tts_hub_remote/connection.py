"""The connection to a service: a pooled client, time limits, retries before the first byte, typed errors."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    RateLimitedError,
    StalledError,
    TTSHubError,
)
from tts_hub_remote.address import is_loopback, same_origin
from tts_hub_remote.breaker import Breaker
from tts_hub_remote.failures import Refusal, error_of, refusal_of
from tts_hub_remote.settings import RemoteSettings

if TYPE_CHECKING:  # imported where it is used: listing the engines must not import an HTTP client
    import httpx

FIRST_PAUSE = 0.5
"""Seconds before the second try; doubled before each further one, less a random part."""
LONGEST_PAUSE = 8.0
"""Seconds."""
"""Seconds."""
MOST_JSON = 16_000_000
"""Bytes of the longest list of voices or models that is read."""
MOST_ERROR = 65_536
"""Bytes of an error's body that are read."""
MOST_REDIRECTS = 3
SAME_METHOD = {307, 308}
"""Statuses of redirects that keep the method and the body of a request."""
"""Statuses of redirects that keep the method and the body of a request."""


class Reply:
    """An answer without an error, whose body arrives piece by piece; the first piece has arrived."""

    def __init__(
        self,
        response: httpx.Response,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        *,
        read_timeout: float,
        name: str,
        breaker: Breaker,
    ) -> None:
        self.headers: Mapping[str, str] = response.headers
        """Header names in any case -> values."""
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip().casefold()
        self._first = first
        self._rest = rest
        self._read_timeout = read_timeout
        self._name = name
        self._breaker = breaker

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives.

        Raises:
            StalledError: nothing arrived for `read_timeout`.
            GenerationError: the connection broke before the end of the body.
        """
        piece: bytes | None = self._first
        while piece is not None:
            if piece:
                yield piece
            piece = await self._next()

    async def aclose(self) -> None:
        """Close the answer, if it is not at its end."""
        await self._rest.aclose()

    async def _next(self) -> bytes | None:
        import httpx  # slow to import

        try:
            with anyio.fail_after(self._read_timeout):
                piece = await anext(self._rest, None)
        except TimeoutError as exc:
            message = f"{self._name} sent nothing for {self._read_timeout:g} s in the middle of the audio"
            raise self._counted(StalledError(message, backend=self._name)) from exc
        except httpx.HTTPError as exc:
            message = f"the connection to {self._name} broke in the middle of the audio: {_reason(exc)}"
            raise self._counted(GenerationError(message, backend=self._name)) from exc
        if piece is None:
            self._breaker.note_success()
        return piece

    def _counted(self, error: TTSHubError) -> TTSHubError:
        self._breaker.note_failure(error)
        return error


class Connection:
    """The connection of an engine to its service. Its client is created with the first request."""

    def __init__(
        self, name: str, base: str, settings: RemoteSettings, headers: Mapping[str, str], key_name: str = ""
    ) -> None:
        """`headers` go with every request, the key among them; `key_name` is its environment variable."""
        self.base = base
        self.breaker = Breaker(name, settings.failures_until_pause, settings.probe_seconds)
        self._name = name
        self._settings = settings
        self._headers = {"User-Agent": "tts-hub", **headers}
        self._key_name = key_name
        self._client: httpx.AsyncClient | None = None
        self._opening = anyio.Lock()

    async def aclose(self) -> None:
        """Close all connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def fetch_json(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """Fetch a small answer in JSON, in one try; `path` follows the base, or is a whole address.

        Raises:
            BackendError, InvalidRequestError, OverloadedError: as by `error_of`.
        """
        body = await self.fetch_body(method, path, params=params)
        try:
            return json.loads(body)
        except ValueError as exc:
            raise GenerationError(
                f"{self._name} answered {path} with something that is not JSON", backend=self._name
            ) from exc

    async def check_alive(self, path: str) -> None:
        """Check that the service answers, with any status below 500.

        Raises:
            BackendUnavailableError: it does not answer, or reports a failure of its own.
        """
        import httpx  # slow to import

        client = await self._opened_client()
        try:
            with anyio.fail_after(self._settings.answer_timeout):
                async with client.stream("GET", self.base + path) as response:
                    if response.is_server_error:
                        raise self._unreachable(f"it answers HTTP {response.status_code}")
        except (TimeoutError, httpx.HTTPError) as exc:
            raise self._unreachable(_reason(exc)) from exc

    async def fetch_body(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> bytes:
        """Fetch a small answer, in one try."""
        self.breaker.check()
        try:
            body = await self._fetch(method, path, params)
        except _TransientError as exc:
            self._note_failure(exc)
            raise exc.error from exc
        except TTSHubError:
            self.breaker.note_answer()
            raise
        self.breaker.note_answer()
        return body

    async def _fetch(self, method: str, path: str, params: Mapping[str, str] | None) -> bytes:
        import httpx  # slow to import

        limit = self._settings.answer_timeout
        try:
            with anyio.fail_after(limit):
                async with self._sent(method, path, params=params) as response:
                    return await self._whole(response, MOST_JSON)
        except TimeoutError as exc:
            raise _TransientError(self._unreachable(f"no answer within {limit:g} s")) from exc
        except httpx.HTTPError as exc:
            raise _TransientError(self._unreachable(_reason(exc))) from exc

    @asynccontextmanager
    async def opened(self, method: str, path: str, **content: Any) -> AsyncGenerator[Reply, None]:
        """Open an answer that streams, once its first byte has arrived; the request is repeated until then.

        `content` is httpx's: `json`, `data`, `params`, `headers`. A final refusal is not tried again.

        Raises:
            BackendError, InvalidRequestError, OverloadedError: the failure of the last try.
        """
        reply = await self._reply(method, path, content)
        try:
            yield reply
        finally:
            with anyio.CancelScope(shield=True):
                await reply.aclose()

    async def _reply(self, method: str, path: str, content: Mapping[str, Any]) -> Reply:
        self.breaker.check()
        for attempt in range(self._settings.retries + 1):
            try:
                reply = await self._try(method, path, content)
            except _TransientError as exc:
                pause = self._pause(attempt, exc)
                if pause is None or attempt == self._settings.retries:
                    self._note_failure(exc)
                    raise exc.error from exc.__cause__
                await anyio.sleep(pause)
            except TTSHubError:
                self.breaker.note_answer()
                raise
            else:
                self.breaker.note_answer()
                return reply
        raise AssertionError("a loop of at least one try")  # pragma: no cover

    def _note_failure(self, failure: _TransientError) -> None:
        if failure.counts:
            self.breaker.note_failure(failure.error)
        else:
            self.breaker.note_answer()

    async def _try(self, method: str, path: str, content: Mapping[str, Any]) -> Reply:
        """One try; raises `_TransientError` for a failure that another try may avoid."""
        limit = self._settings.first_byte_timeout
        pieces = self._streamed(method, path, content)
        try:
            with anyio.fail_after(limit):
                response: httpx.Response = await anext(pieces)
                first: bytes = await anext(pieces, b"")
        except BaseException as exc:
            with anyio.CancelScope(shield=True):
                await pieces.aclose()
            passing = self._first_failure(exc, limit)
            if passing is None:
                raise
            raise passing from exc
        return Reply(
            response,
            first,
            pieces,
            read_timeout=self._settings.read_timeout,
            name=self._name,
            breaker=self.breaker,
        )

    async def _streamed(
        self, method: str, path: str, content: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """The response, then its body piece by piece; closing it closes the response."""
        async with self._sent(method, path, **content) as response:
            yield response
            async for piece in response.aiter_bytes():
                yield piece

    def _first_failure(self, exc: BaseException, limit: float) -> _TransientError | None:
        import httpx  # slow to import

        if isinstance(exc, TimeoutError):  # a service that takes so long would take as long again
            late = StalledError(f"{self._name} gave no audio within {limit:g} s", backend=self._name)
            return _TransientError(late, retries=False)
        if isinstance(exc, httpx.HTTPError):
            return _TransientError(self._unreachable(_reason(exc)))
        return None

    @asynccontextmanager
    async def _sent(self, method: str, path: str, **content: Any) -> AsyncGenerator[httpx.Response, None]:
        """A response that is neither an error nor a redirect, before its body is read."""
        import httpx  # slow to import

        client = await self._opened_client()
        url = httpx.URL(path if path.startswith("http") else self.base + path)
        for _ in range(MOST_REDIRECTS):
            request = client.build_request(method, url, **content)
            response = await client.send(request, stream=True)
            try:
                if response.next_request is None and not response.is_redirect:
                    if response.is_error:
                        raise self._refused(await self._refusal(response))
                    yield response
                    return
                url = self._redirected(response, method)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        raise self._unreachable("it redirects in circles")

    def _redirected(self, response: httpx.Response, method: str) -> httpx.URL:
        """The target of a redirect; only the same host may have the key and the text."""
        target = response.url.join(response.headers.get("location", ""))
        if not same_origin(response.url, target):
            raise self._unreachable(
                f"it redirects to another host: set `url` to {target.scheme}://{target.host} if you trust it"
            )
        if method != "GET" and response.status_code not in SAME_METHOD:
            raise self._unreachable(
                f"it redirects {method} to {target.path}: set `url` to where the service is"
            )
        return target

    async def _refusal(self, response: httpx.Response) -> Refusal:
        body = await self._whole(response, MOST_ERROR, cut=True)
        return refusal_of(response.status_code, response.headers, body)

    def _refused(self, refusal: Refusal) -> Exception:
        error = self.error_for(refusal)
        if not refusal.may_retry:
            return error
        return _TransientError(
            error, wait=refusal.retry_after, counts=not isinstance(error, RateLimitedError)
        )

    def error_for(self, refusal: Refusal) -> TTSHubError:
        """The hub's error for a refusal."""
        return error_of(refusal, self._name, key_name=self._key_name)

    def _pause(self, attempt: int, failure: _TransientError) -> float | None:
        """Seconds before the next try; None: no further try."""
        if not failure.retries:
            return None
        if failure.wait is not None:
            return failure.wait if failure.wait <= self._settings.longest_wait else None
        return min(FIRST_PAUSE * 2.0**attempt, LONGEST_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret

    async def _whole(self, response: httpx.Response, most: int, *, cut: bool = False) -> bytes:
        data = bytearray()
        async for piece in response.aiter_bytes():
            data += piece
            if len(data) > most:
                if cut:
                    break
                raise self._unreachable(f"its answer has more than {most} bytes")
        return bytes(data[:most])

    async def _opened_client(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await to_thread.run_sync(self._made_client)
            return self._client

    def _made_client(self) -> httpx.AsyncClient:
        """A client; blocking, because reading the certificates takes a while."""
        import httpx  # slow to import

        settings = self._settings
        return httpx.AsyncClient(
            headers=self._headers,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=settings.connect_timeout, write=settings.first_byte_timeout),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30.0),
            trust_env=not is_loopback(self.base),
            verify=self.base.startswith("https:"),
        )

    def _unreachable(self, why: str) -> BackendUnavailableError:
        return BackendUnavailableError(
            f"{self._name} cannot be reached at {self.base}: {why}", backend=self._name
        )


class _TransientError(Exception):
    """A failure that another try may avoid."""

    def __init__(
        self, error: TTSHubError, *, wait: float | None = None, retries: bool = True, counts: bool = True
    ) -> None:
        """`counts`: whether the failure brings the service nearer to a pause."""
        super().__init__(str(error))
        self.error = error
        self.wait = wait
        self.retries = retries
        self.counts = counts


def _reason(exc: Exception) -> str:
    """The text of an error, or its name: some errors of httpx have no text."""
    return str(exc) or {"ConnectTimeout": "no connection within its time"}.get(
        type(exc).__name__, type(exc).__name__
    )
