"""Sentence ends by sentencex, corrected where a piece of speech wants something else.

sentencex loses characters at its own splits of texts above 10 kB: never hand it more than `MAX_WINDOW`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

LOOKAHEAD = 24
"""Characters behind a sentence end that have to be known before it counts."""
MAX_WINDOW = 8100
"""Characters; the most that sentencex gets at a time."""

_MARKS = ".!?。！？｡．؟۔।॥።։‼⁇⁈⁉‽⸮﹒﹖﹗။܀܁܂᠃᠉؞"
_CLOSERS = "\"'”’»›)\\]}」』）】》〉〕"
_TERMINATOR = re.compile(f"[{_MARKS}]+[{_CLOSERS}]*")
_ENDING = re.compile(f"[{_MARKS}…{_CLOSERS}]")
_ENDS_SENTENCE = re.compile(f"[{_MARKS}…][{_CLOSERS}*_]*$")
_WORD = re.compile(r"[^\W_]")
_NO_WORD = re.compile(r"[\W_]*")
_LAST_SPACE = re.compile(r"\s(?=\S*$)")
# "M. Dupont", "1. First": an initial or the number of a list item, not a sentence.
_LABEL = re.compile(r"\W*(?:[^\W\d_]|[0-9]{1,3})\.\s*")

# Codes that mean a language which sentencex knows under another one.
_SAME_LANGUAGE = {"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no", "iw": "he", "in": "id", "ji": "yi"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_DEFAULT_LANGUAGE = "en"


def sentence_language(tag: str) -> str:
    """What sentencex calls the language of a BCP 47 tag; English rules for a tag that is none."""
    primary = _LANGUAGE.match(tag.strip().lower())
    code = primary[0] if primary else _DEFAULT_LANGUAGE
    return _SAME_LANGUAGE.get(code, code)  # sentencex itself has a default for codes it does not know


def ends_sentence(text: str) -> bool:
    """Whether the text ends with a mark that ends a sentence, closing quotes and brackets aside."""
    return _ENDS_SENTENCE.search(text[-16:]) is not None


def checkpoints(text: str) -> Iterator[int]:
    """Lengths at which to ask for a sentence end: behind each mark.

    A mark soon after one that ended nothing (abbreviations) is put off a little, by an eighth of the length,
    so that a text of nothing but marks costs no more than others.
    """
    last = 0
    for mark in _TERMINATOR.finditer(text):
        if mark.end() > last:
            last = max(mark.end(), last + last // 8)
            yield last


class SentenceFinder:
    """Finds where the first sentence of a text ends."""

    def __init__(self, language: str) -> None:
        import sentencex

        self._language = sentence_language(language)
        self._boundaries: Callable[[str, str], list[dict[str, object]]] = sentencex.get_sentence_boundaries

    def first_end(self, text: str, *, complete: bool) -> int | None:
        """Index behind the first sentence and the white space after it.

        Not `complete`: the text goes on, and a sentence counts only with `LOOKAHEAD` characters behind it.
        Sentences of marks alone belong to the one before them, at the start to the one behind them.
        """
        for boundary in self._boundaries(self._language, text):
            end = int(str(boundary["end_index"]))
            if not _WORD.search(text, 0, end) or _LABEL.fullmatch(text, 0, end):
                continue
            if not _WORD.search(text, end):
                break
            end = _with_marks_behind(text, end)
            if complete or len(text[:end].rstrip()) + LOOKAHEAD <= len(text):
                return end
            return None
        return len(text) if complete else None


def _with_marks_behind(text: str, end: int) -> int:
    """Move `end` over marks that stand alone behind it: `...` in `Yes. ... No.`, a bracket left behind."""
    run = _NO_WORD.match(text, end)
    between = run[0] if run else ""
    space = _LAST_SPACE.search(between)
    if space and _ENDING.search(between, 0, space.end()):
        return end + space.end()
    return end
