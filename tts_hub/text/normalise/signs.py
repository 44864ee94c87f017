"""Signs between numbers and names, and before them, in words."""

from __future__ import annotations

import re

from tts_hub.text.normalise.edits import Draft
from tts_hub.text.normalise.languages.model import LanguageRules

_HEART = r"(?!<3(?![\d.,]))"
"""A lookahead that excludes the heart `<3`, which is not a comparison."""
_TWO_SIGNS = re.compile(r"(?<=[\w) ])(?:>=|<=|!=|==)(?=[ \w(−-])")
_AS_ONE = {">=": "≥", "<=": "≤", "!=": "≠", "==": "="}
_APART = re.compile(
    rf"(?<=[\w)\]%°\"'²³]) {_HEART}(?P<sign>[<>=+×÷≥≤≠±≈&−])(?: (?=[-−+±√∞$£€(\[\"']?[\w.(√∞])|(?=\.?\d))"
)
_TIGHT = re.compile(
    r"(?<=[\d)])(?P<sign>[<>=+×÷≥≤≠±≈−]) ?(?=[-−]?[\w(√])|(?<=[^\W_])(?P<before>[<>=×÷≥≤≠≈]) ?(?=[-−]?\d)"
)
_LEADING = re.compile(
    rf"(?<![\w<>=+*-]){_HEART}(?:(?P<bound>[<>≥≤×]) ?(?=\.?\d)|(?P<sign>[±≈√]) ?(?=[\w(.])|(?P<alone>∞))"
)
_STAR = re.compile(r"(?<=[\d)]) ?(?P<sign>\*) ?(?=[\d(])")
_TIGHT_AND = re.compile(r"(?<=[^\W\d_])&(?=[^\W\d_])")
_MINUS = re.compile(r"(?<![\w.,)\]\-−–—/:])(?P<sign>[-−])(?=\d)|(?P<minus>−) ?(?=\d)")
_ABOUT = re.compile(r"(?<![\w~/])~ ?(?=[$£€]?\d)")
_NUMBER = re.compile(r"(?<![\w#&])#(?=\d{1,6}\b)|№ ?(?=\d)?")
_SECTION = re.compile(r"§{1,2} ?(?=\d)")
_MARKS = re.compile(r" ?[™®℠]")
_COPYRIGHT = re.compile(r"© ?")


def say_signs(draft: Draft, rules: LanguageRules) -> None:
    """Put signs of arithmetic and comparison into words, and signs that stand for a word."""
    draft.edit(_MARKS, lambda match: "")
    if rules.copyright:
        draft.edit(_COPYRIGHT, lambda match: _apart(rules.copyright, match, rules))
    if rules.number:
        draft.edit(_NUMBER, lambda match: _apart(rules.number, match, rules))
    if rules.section:
        draft.edit(_SECTION, lambda match: _apart(rules.section, match, rules))
    if rules.about:
        draft.edit(_ABOUT, lambda match: _apart(rules.about, match, rules))
    if rules.signs:
        draft.edit(_TWO_SIGNS, lambda match: _AS_ONE[match.group()])
    for pattern in (_APART, _TIGHT, _LEADING, _STAR):
        draft.edit(pattern, lambda match: _sign(match, rules))
    if "&" in rules.signs:
        draft.edit(_TIGHT_AND, lambda match: _apart(rules.signs["&"], match, rules))
    if rules.minus:
        draft.edit(_MINUS, lambda match: _apart(rules.minus, match, rules))


def _sign(match: re.Match[str], rules: LanguageRules) -> str | None:
    sign = next(found for found in match.groups() if found)
    words = rules.signs.get(sign)
    return None if words is None else _apart(words, match, rules)


def _apart(words: str, match: re.Match[str], rules: LanguageRules) -> str:
    """The words, with a space on each side where text follows or precedes."""
    if not rules.words_apart:
        return words
    text, start, end = match.string, match.start(), match.end()
    lead = " " if start and not text[start - 1].isspace() and text[start - 1] not in "([\"'“‘" else ""
    trail = " " if end < len(text) and not text[end].isspace() and text[end] not in ".,;:!?)]" else ""
    return lead + words + trail
