"""API keys as they are configured, and the digests that are kept of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tts_hub.errors import ConfigError

HASHED = "sha256:"
COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
"""A comment; a `#` within a word belongs to the key."""


def keys_in(file: Path) -> tuple[str, ...]:
    """The keys in a file, one a line; a `#` at the start or behind a space begins a comment.

    Raises:
        ConfigError: the file is unreadable or has no key (which would admit every client), or a line is no
        key.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except OSError as exc:
        raise ConfigError(f"cannot read the API keys in {file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"the API keys in {file} are not UTF-8 text") from exc
    keys = {number: COMMENT.sub("", line).strip() for number, line in enumerate(lines, start=1)}
    keys = {number: key for number, key in keys.items() if key}
    for number, key in keys.items():
        if not is_key(key):
            raise ConfigError(
                f"line {number} of {file} is not an API key: it has a space or an invisible character in it; "
                "write one key a line, and begin a comment with #"
            )
    if not keys:
        raise ConfigError(f"there is no API key in {file}")
    return tuple(keys.values())


def digest_of(key: str) -> bytes:
    """The digest of a configured key.

    Raises:
        ConfigError: the text is no key.
    """
    key = key.strip()
    if not key.casefold().startswith(HASHED):
        if not key:
            raise ConfigError("server.api_keys has an empty key, which would let everybody in")
        if not is_key(key):
            raise ConfigError("server.api_keys has a key with a space or an invisible character in it")
        return hashlib.sha256(key.encode()).digest()
    digits = key[len(HASHED) :]
    if not re.fullmatch("[0-9a-fA-F]{64}", digits):
        raise ConfigError(f"server.api_keys: after {HASHED!r} write the 64 hex digits of a SHA-256 digest")
    return bytes.fromhex(digits)


def is_key(text: str) -> bool:
    """Whether a text can be sent as a key: in a header, a space would end it."""
    return text.isprintable() and not any(character.isspace() for character in text)
