"""The rule where requests may go: to the configured host, and to no other.

A private address is fine when it is the configured one. What a service answers (redirects, addresses of
files) never leads to another host: it could name one inside the user's network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

if TYPE_CHECKING:
    import httpx


def checked_base(url: str) -> str:
    """Check a base address; returns it without a slash at its end.

    Raises:
        ValueError: it has no http or https, or it has credentials, a query or a forbidden character.
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
    """Whether an address is on this machine, so that no proxy is used."""
    host = urlsplit(base).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def path_at(base: str, answered: str) -> str:
    """The path and query of an address in an answer, to be requested at the configured base.

    The host in the answer does not count: it is the one by which the service knows itself.
    """
    parts = urlsplit(urljoin(base + "/", answered))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
