"""The texts of the benchmark: our own, from a word to a page, in several languages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from tts_hub.errors import UnsupportedOptionError, one_of

LANGUAGES = ("de", "fr", "es", "zh", "hi")
NAMES = ("word", "sentence", "paragraph", "page", "unpunctuated", "numbers", *LANGUAGES)


@dataclass(frozen=True, slots=True)
class BenchText:
    """A text of the benchmark."""

    name: str
    text: str
    language: str


def bench_text(name: str) -> BenchText:
    """A text by its name.

    Raises:
        UnsupportedOptionError: no such text.
    """
    if name not in NAMES:
        raise UnsupportedOptionError(f"no text {name!r}; {one_of(name, NAMES)}", param="text")
    text = (files("tts_hub.bench") / "texts" / f"{name}.txt").read_text(encoding="utf-8").strip()
    return BenchText(name, text, name if name in LANGUAGES else "en")
