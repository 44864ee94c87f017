"""Checks that a text can be spoken: its characters, its length, and that it has words."""

from __future__ import annotations

import re
import unicodedata

from tts_hub.errors import InvalidTextError, TextTooLongError

# Controls of C0 that are not white space in writing. The information separators U+001C to U+001F count as
# white space for `str.isspace`, but no text holds them on purpose.
_CONTROLS = bytes([*range(0x09), *range(0x0E, 0x20)])
_WRONG = re.compile("[\x00-\x08\x0e-\x1f\ud800-\udfff]")
_VISIBLE = re.compile(
    r"[^\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
SPOKEN_PUNCTUATION = frozenset("%‰&@#§")
"""Characters that are read aloud although Unicode counts them as punctuation."""
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
# Checking in blocks keeps the memory flat however long the text is.
_BLOCK = 1 << 18


def is_visible(text: str) -> bool:
    """Whether any character is neither white space nor invisible (zero width, direction marks)."""
    return _VISIBLE.search(text) is not None


def has_words(text: str) -> bool:
    """Whether there is anything to speak: a letter, a digit, or a symbol; punctuation alone is silent."""
    return _LETTER_OR_DIGIT.search(text) is not None or any(map(_is_spoken, set(text)))


def check_text(text: str, *, max_chars: int) -> None:
    """Refuse a whole text that cannot be spoken.

    Raises `TextTooLongError` above `max_chars` characters, `InvalidTextError` for a text without any
    word, for control characters and for lone surrogates.
    """
    check = TextCheck(max_chars=max_chars)
    check.add(text)
    check.finish()


class TextCheck:
    """The check of `check_text` for a text that arrives in pieces: `add` each, then `finish`."""

    def __init__(self, *, max_chars: int) -> None:
        self._max_chars = max_chars
        self._total = 0
        self._visible = False
        self._has_words = False

    def add(self, piece: str) -> None:
        """Check one piece; positions and length count from the start of the whole text."""
        if not isinstance(piece, str):
            raise InvalidTextError(f"the text must be a string, not {type(piece).__name__}")
        total = self._total + len(piece)
        if total > self._max_chars:
            raise TextTooLongError(
                f"the text is too long: {total} characters or more, the limit is {self._max_chars}; "
                "shorten it, split it into several requests, or raise the limit"
            )
        for start in range(0, len(piece), _BLOCK):
            _check_characters(piece[start : start + _BLOCK], self._total + start)
        self._visible = self._visible or is_visible(piece)
        self._has_words = self._has_words or has_words(piece)
        self._total = total

    def finish(self) -> None:
        """Refuse a text that has no word."""
        if not self._visible:
            what = "holds only white space or invisible characters" if self._total else "is empty"
            raise InvalidTextError(f"the text {what}; give some words to speak")
        if not self._has_words:
            raise InvalidTextError("the text contains no words to speak, only punctuation")


def _is_spoken(char: str) -> bool:
    category = unicodedata.category(char)
    return category in ("Sm", "Sc", "So") or category[0] in "LN" or char in SPOKEN_PUNCTUATION


def _check_characters(text: str, position: int) -> None:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = b"\x00"
    if len(data.translate(None, _CONTROLS)) == len(data):
        return
    wrong = _WRONG.search(text)
    if wrong is None:
        return
    code = ord(wrong[0])
    kind = "NUL" if code == 0 else "a lone surrogate" if code >= 0xD800 else "a control character"
    raise InvalidTextError(
        f"the text holds U+{code:04X} ({kind}) at position {position + wrong.start()}; remove it"
    )
