"""Phonemes by espeak-ng and phonemizer, as in kokoro-onnx, with our own rules for punctuation."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tts_hub.text.sentences import SentenceFinder, candidates
from tts_hub_kokoro.marks import EndsSentence, dashed, pieces, spelled_out

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend

_NO_MARKS = re.compile("(?!)")
"""Pattern that matches nothing, so that phonemizer leaves the marks alone."""
_MARK = 16
"""Characters before the end in which a mark and the quotes behind it are searched."""
_SHORTENED = re.compile(r"(?:(?:\b[^\W\d_]\.){2,}|\b\w*[a-z][A-Z]\.)$")
"""Abbreviations with points or capitals inside, such as `e.g.` and `PhD.`."""
_QUOTES = re.compile(r"[\"“”«»()\[\]{}]")
_SHAPES = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    ord("।"): ".",
    ord("॥"): ".",
    ord("。"): ". ",
    ord("、"): ", ",
    ord("，"): ", ",
    ord("！"): "! ",
    ord("？"): "? ",
    ord("："): ": ",
    ord("；"): "; ",
    ord("‥"): "…",
    ord("„"): "“",
    ord("‟"): "“",
    ord("\u3000"): " ",
}
"""Full-width letters and digits, and punctuation that the model knows in another shape."""

_TITLES = {
    "en": (re.compile(r"\bMs\b\.?(?=\s[A-Z])"), "Miz"),
    "fr": (re.compile(r"\bM\.(?=\s[A-ZÀ-Ö])"), "Monsieur"),
}
"""Primary language -> a title that espeak-ng would spell, and its spoken form."""


def espeak_reader(voice: str, language: str) -> Callable[[str], str]:
    """A function that returns the phonemes of a line; `language` is the BCP 47 tag of its text.

    The codes of languages that espeak-ng writes around the phonemes of foreign words are left out.
    """
    backend, ends = _backend(voice), sentence_ends(language)
    title = _TITLES.get(language.partition("-")[0])

    def read(line: str) -> str:
        line = spelled_out(dashed(line.translate(_SHAPES)))
        cut = list(pieces(title[0].sub(title[1], line) if title else line, ends))
        words = iter(backend.phonemize([piece.text for piece in cut if not piece.marks], strip=True))
        return "".join(piece.text if piece.marks else next(words) for piece in cut)

    return read


def sentence_ends(language: str) -> EndsSentence:
    """A function that says whether a full stop ends a sentence, by the hub's own rules for segments."""
    finder = SentenceFinder(language)

    def ends(before: str, behind: str) -> bool:
        before = before.lstrip()
        behind = next((part for part in _QUOTES.split(behind) if part.strip()), "").lstrip()
        if _SHORTENED.search(before) and behind[:1].islower():
            return False
        text = f"{before} {behind}"
        marks = (mark for mark in candidates(text, max(0, len(before) - _MARK)) if mark.end() >= len(before))
        return any(finder.end_at(text, mark) is not None for mark in marks if mark.start() < len(before))

    return ends


def _backend(voice: str) -> EspeakBackend:
    from phonemizer.backend import EspeakBackend  # slow to import

    logger = logging.getLogger(f"{__name__}.{voice}")
    logger.setLevel(logging.ERROR)  # it warns about every word that is joined to another one
    return EspeakBackend(
        voice,
        punctuation_marks=_NO_MARKS,
        with_stress=True,
        language_switch="remove-flags",
        words_mismatch="ignore",
        logger=logger,
    )
