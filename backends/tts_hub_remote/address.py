"""Where requests may go: to the configured host, and nowhere else.

A private address is fine when it is the configured one. What a service answers (redirects, addresses of
files) never leads to another host: it could name one inside the user's network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

if TYPE_CHECKING:
    import httpx


def checked_base(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        ValueError: no http or https, credentials, a query, or characters that have no place there.
    """
    if not url.isascii() or any(c.isspace() or c in '\\"<>^`{|}' or not c.isprintable() for c in url):
        raise ValueError("the address holds characters that an address may not have")
    parts = _parts(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the address must begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise ValueError("no user or password belongs in the address: set `api_key`")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("no query and no fragment belong in a base address")
    return url.rstrip("/")


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    _ = parts.port  # raises ValueError where it is none
    return parts


def is_loopback(base: str) -> bool:
    """Whether it is this machine: no proxy stands between."""
    host = urlsplit(base).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether scheme, host and port are equal."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def path_at(base: str, answered: str) -> str:
    """The path of an address that a service answered, to be asked of its configured base.

    Its host is what the service believes of itself; the query is kept.
    """
    parts = urlsplit(urljoin(base + "/", answered))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
