"""Files from any web address, such as a release on GitHub."""

from __future__ import annotations

import errno
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from urllib.parse import quote

import httpx

from tts_hub.download.folders import Place
from tts_hub.download.transfer import Source, transfer, unavailable
from tts_hub.progress import ProgressCallback

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
"""Seconds to connect, and seconds without a byte."""


async def fetch_from_web(
    model: str, base_url: str, places: Sequence[Place], on_progress: ProgressCallback, *, remedy: str
) -> None:
    """Fetch the files below `base_url` into their places. Cancelling it keeps what has arrived.

    Raises:
        BackendUnavailableError: no network, no such file, no space, or a file is not the published one.
    """
    source = Source(
        client=lambda: httpx.AsyncClient(follow_redirects=True),
        url_of=lambda name: f"{base_url.rstrip('/')}/{quote(name)}",
        raise_for_status=httpx.Response.raise_for_status,
        timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
    )
    with _explained(model, base_url, remedy):
        if httpx.URL(base_url).scheme not in {"http", "https"}:
            raise unavailable(model, f"{base_url!r} is not a web address", "")
        await transfer(model, places, source, on_progress, remedy=remedy)


@contextmanager
def _explained(model: str, base_url: str, remedy: str) -> Generator[None, None, None]:
    """Turn errors of the network and the disk into errors that say what to do."""
    try:
        yield
    except httpx.HTTPStatusError as exc:
        status, url = exc.response.status_code, exc.request.url
        raise unavailable(model, f"{url} answers with status {status}", remedy) from exc
    except httpx.HTTPError as exc:
        text = f"cannot reach {base_url}: {exc or type(exc).__name__}; what was downloaded so far is kept"
        raise unavailable(model, text, remedy) from exc
    except httpx.InvalidURL as exc:
        raise unavailable(model, f"{base_url!r} is not a web address: {exc}", "") from exc
    except OSError as exc:
        full = "; what was downloaded so far is kept" if exc.errno == errno.ENOSPC else ""
        raise unavailable(model, f"cannot write the files: {exc}{full}", remedy) from exc
