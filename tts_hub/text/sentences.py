"""The ends of sentences, decided at each mark by the word before it and the few characters behind it.

The rest of the text does not matter. So the ends are the same however long the text is and however it
arrives, and every mark takes the same work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from tts_hub.text.abbreviations import Kind, rules_for

LOOKAHEAD = 24
"""Characters behind a mark that have to be known before it counts."""

_MARKS = ".!?。！？｡．؟۔।॥।։‼⁇⁈⁉‽⸮﹒﹖﹗။܀܁܂᠃᠉؞\u037e"
_CLOSERS = "\"'”’»›)\\]}」』）】》〉〕*_"
# German and Danish close a quotation with marks that open one elsewhere: „Gut.“ »Gut.«
_OPENERS_TOO = "[“‘«‹](?![^\\W_])"
_SPACED_QUOTE = "[ \u00a0\u202f][»›](?![^\\W_])"
_CANDIDATE = re.compile(
    f"(?P<marks>[{_MARKS}…]+)(?:\\[[0-9]{{1,3}}\\])?(?:[{_CLOSERS}]+|{_OPENERS_TOO}|{_SPACED_QUOTE})*"
)
_ENDS_SENTENCE = re.compile(f"[{_MARKS}…][{_CLOSERS}“‘«‹]*$")
_ALONE = re.compile(f"[{_MARKS}…](?![^\\W_])")
_WORD = re.compile(r"[^\W_]")
# The word before a mark: the characters since the last space, quote, bracket, dash or apostrophe.
_LAST_WORD = re.compile(r"[^\s\"“”„‘’'«»‹›()\[\]{}/—–¿¡*_-]*$")
_MOST_OF_A_WORD = 32
_NEXT_WORD = re.compile(r"[^\W_]+")
_SHORT_PARTS = re.compile(r"(?:[^\W\d_]{1,3}\.)+[^\W\d_]{1,3}")
_NUMBERED = re.compile(r"[IVXLCDM]+\b|[A-Z][0-9]|[A-Z](?=[.-][0-9])")
# "1. First", "A. First", "II. First": the number of a list item or a heading.
_LABEL = re.compile(r"\W*(?:[^\W\d_]|[0-9]{1,3}|[IVXLC]{1,5})\.")
_ORDINAL = re.compile(r"[0-9]{1,2}|[IVXLCDM]+")
_MISSED_SPACE = re.compile(r"[^\W\d_][^\W\d_A-Z]*[\s,]")
# Scripts of India have their own end mark: a full stop within a word is part of it, as in कि.मी.
_INDIC = re.compile("[\u0900-\u0dff]")
# Marks that end a sentence whatever follows; behind the others a space or a capital has to follow.
_STRONG = frozenset("。！？｡؟۔।॥।։။܀܁܂᠃᠉؞﹒﹖﹗")
# By language, the words after a quotation that continue its sentence: 「本当？」と聞いた。 “真的吗？”他问。
_CONTINUATIONS = {
    "ja": re.compile(
        r"[、，]|と(?!ても|ころ|にかく|き|も|つぜん|なり|うとう|りあえず|っさ)|って|なんて|など|だ[っろよ]|です|でし|[のを]|[はがもにでや](?=[一-鿿])"
    ),
    "zh": re.compile(
        r"[、，；：]|[的地了]|[他她它我你您咱][们們]?[^。！？，、\s]{0,6}?[说說问問道答喊叫想]"
        r"|[^。！？，、；\s“”]{1,6}[说說问問答喊叫笑]道?[。，：]"
    ),
}
_BARE = {
    "ja": re.compile(r"[?？!！]$"),  # a quotation without brackets: 本当？と聞いた。
}

# Code -> the one that the rules of the language are listed under.
_SAME_LANGUAGE = {"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no", "gl": "pt"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_DEFAULT_LANGUAGE = "en"
_Case = Literal["none", "digit", "small", "capital", "uncased"]


def sentence_language(tag: str) -> str:
    """The code that the rules of a BCP 47 tag are listed under; English if it is not a tag."""
    primary = _LANGUAGE.match(tag.strip().lower())
    code = primary[0] if primary else _DEFAULT_LANGUAGE
    return _SAME_LANGUAGE.get(code, code)


def ends_sentence(text: str) -> bool:
    """Whether the text ends with a mark that ends a sentence, closing quotes and brackets aside."""
    return _ENDS_SENTENCE.search(text[-16:]) is not None


def candidates(text: str, start: int) -> Iterator[re.Match[str]]:
    """The marks from `start` on that may end a sentence, with the closing quotes and brackets behind them."""
    return _CANDIDATE.finditer(text, start)


class SentenceFinder:
    """Decides whether a sentence ends at a mark, by the rules of a language."""

    def __init__(self, language: str) -> None:
        self._code = sentence_language(language)
        self._rules = rules_for(self._code)

    def end_at(self, text: str, mark: re.Match[str]) -> int | None:
        """The index behind a sentence and the white space after it; None if it does not end at `mark`.

        `text` begins with the sentence, and holds `LOOKAHEAD` characters behind the mark or ends before.
        Marks before its first word and behind its last one belong to the sentence.
        """
        behind = text[mark.end() : mark.end() + LOOKAHEAD]
        if (
            _is_sign(mark, behind)
            or not _WORD.search(text, 0, mark.start())
            or not self._is_end(text, mark, behind)
        ):
            return None
        # After white space alone, the end of the sentence may still come, such as a line break.
        return mark.end() + (0 if behind.isspace() else len(behind) - len(behind.lstrip()))

    def _is_end(self, text: str, mark: re.Match[str], behind: str) -> bool:
        following = _NEXT_WORD.search(behind)
        if following is None:
            return len(behind) == LOOKAHEAD and not _ALONE.search(behind)
        if _ALONE.search(behind, 0, following.start()):
            return False  # the marks that stand alone belong to this sentence: "Yes. ... No."
        marks = mark["marks"]
        if marks[-1] in _STRONG or marks[0] in _STRONG:
            return not self._continues(mark[0], behind)
        word = _LAST_WORD.search(text, max(mark.start() - _MOST_OF_A_WORD, 0), mark.start())
        before = word[0] if word else ""
        if following.start() == 0:
            return self._is_end_without_space(before, mark[0], behind)
        if marks == "." and before:
            is_label = _LABEL.fullmatch(text, 0, mark.end()) is not None
            closed = mark.end() > mark.end("marks")
            return not is_label and self._is_full_stop(before, behind[following.start() :], closed=closed)
        return _is_end_at_marks(before, mark, following)

    def _continues(self, mark: str, behind: str) -> bool:
        """Whether the sentence that holds a quotation continues behind it."""
        bare = _BARE.get(self._code)
        continuation = _CONTINUATIONS.get(self._code)
        closed = mark[-1] in _CLOSERS or (bare is not None and bare.search(mark) is not None)
        return closed and continuation is not None and continuation.match(behind) is not None

    def _is_end_without_space(self, before: str, mark: str, behind: str) -> bool:
        """Whether a mark directly before a letter or digit is an end, and not part of a word."""
        if set(mark) == {"…"}:
            return False
        case = _case(behind[0])
        if mark == "." and _INDIC.match(behind):
            return False
        if case == "uncased":
            return not before[-1:].isascii() and not self._continues(mark, behind)
        if case != "capital" or not before.isalpha():
            return False
        return mark[0] != "." or (before[1:].islower() and _MISSED_SPACE.match(behind) is not None)

    def _is_full_stop(self, before: str, behind: str, *, closed: bool) -> bool:
        """Whether a lone full stop between two words ends a sentence."""
        case = _case(behind[0])
        if self._rules.ordinals and _ORDINAL.fullmatch(before):
            return case == "capital" and self._starts(behind)
        kind = self._kind(before)
        if case == "small":
            return kind is None and not closed
        return kind is None or not self._may_stand_before(kind, case, behind)

    def _may_stand_before(self, kind: Kind, case: _Case, behind: str) -> bool:
        """Whether an abbreviation of that kind and what follows it belong together."""
        match kind:
            case "always":
                return True
            case "number":
                return case == "digit"
            case "reference":
                return case == "digit" or _NUMBERED.match(behind) is not None
            case "clock":
                return case == "digit" or self._is_behind_clock(behind)
            case "name":
                return case == "digit" or (case == "capital" and not self._starts(behind))

    def _kind(self, word: str) -> Kind | None:
        kind = self._rules.kind(word)
        if kind is not None:
            return kind
        last = word.rpartition(".")[2]
        if _SHORT_PARTS.fullmatch(word):
            return "always" if self._rules.kind(last) == "always" else "name"
        is_initial = len(word) == 1 and (word.isupper() or (word.islower() and word.isalpha()))
        return "name" if is_initial and word not in "Ii" else None

    def _starts(self, behind: str) -> bool:
        """Whether a word with a capital begins a sentence rather than a name."""
        word = _NEXT_WORD.match(behind)
        if word is None or behind[word.end() : word.end() + 1] == ".":
            return False  # "A. A. Milne"
        return word[0].casefold() in self._rules.starters

    def _is_behind_clock(self, behind: str) -> bool:
        word = _NEXT_WORD.match(behind)
        return word is not None and word[0].casefold() in self._rules.behind_clock


def _is_sign(mark: re.Match[str], behind: str) -> bool:
    """Whether the mark is the first half of `!=`."""
    return mark.group() == "!" and behind.startswith("=")


def _is_end_at_marks(before: str, mark: re.Match[str], following: re.Match[str]) -> bool:
    """Whether marks that are not a single full stop end a sentence, where white space follows."""
    is_small = _case(following[0][0]) == "small"
    if {".", "…"} >= set(mark["marks"]):
        return not is_small and following[0].casefold() != before.casefold()  # "I... I do not know."
    return not (is_small and mark.end() > mark.end("marks"))  # "Is it so?" she asked.


def _case(char: str) -> _Case:
    if char.isdigit():
        return "digit"
    if char.islower():
        return "small"
    return "capital" if char.isupper() or char.istitle() else "uncased"
