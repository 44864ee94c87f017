"""Characters that look like others or like nothing: styled letters, digits of other scripts, invisible ones.

The compatibility forms of Unicode (UAX 15) are folded by their kind: a form that is only another look of a
letter becomes that letter; one with a meaning of its own, such as a superscript or a fraction, is handled
elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from tts_hub.text.normalise.edits import Draft
from tts_hub.text.normalise.emoji import CLUSTER

UNSPACED_LANGUAGES = frozenset({"ja", "zh", "ko", "yue"})
"""Languages whose texts have wide punctuation of their own."""

_LOOKS = re.compile(
    "<(font|wide|narrow|compat|square|circle|super|sub|small|vertical|initial|medial|final|isolated)>"
)
_MEANINGFUL = frozenset("ªº…№℠™µ⁄‥⸺⸻\u0e33\u0eb3\u0edc\u0edd\u0f0c\u0f77\u0f79")
"""Characters that stay: they are read as they are, or handled elsewhere, or are vowels of Thai, Lao and
Tibetan, which are not written in their compatibility form. Single letters of Korean, U+3131 to U+318E, stay
too."""
_SAME_MEANING = {"٫": ".", "٬": ",", "٪": "%", "‐": "-", "‑": "-", "‒": "–", "―": "—"}
_NATIVE_DIGITS = {
    "\u0660": frozenset({"ar", "fa", "ur", "sd"}),
    "\u06f0": frozenset({"ar", "fa"}),
    "\u0966": frozenset({"hi", "mr", "ne", "kok"}),
    "\u09e6": frozenset({"bn", "as", "bpy"}),
    "\u0a66": frozenset({"pa"}),
    "\u0ae6": frozenset({"gu"}),
    "\u0b66": frozenset({"or"}),
    "\u0be6": frozenset({"ta"}),
    "\u0c66": frozenset({"te"}),
    "\u0ce6": frozenset({"kn"}),
    "\u0d66": frozenset({"ml"}),
    "\u0e50": frozenset({"th"}),
    "\u1040": frozenset({"my"}),
    "\u1090": frozenset({"shn"}),
}
"""Zero of a script -> the languages whose espeak-ng voices read its digits as they read 0 to 9."""
_JOINERS = re.compile("[\u200b-\u200d]")
_JOINED_FROM, _JOINED_TO = "\u0590", "\u1fff"
"""Arabic and the scripts of India and South-East Asia, where joiners and zero-width spaces matter."""
INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
_INVISIBLE = re.compile(f"[{INVISIBLE}\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]")
_EMOJI_OR_INVISIBLE = re.compile(f"(?P<emoji>{CLUSTER})|{_INVISIBLE.pattern}")
_OVERLAYS = re.compile("[\u0305\u0332-\u0338\u035f\u20d0-\u20f0]")
"""Lines through, under and around letters."""
_COMPOSED = re.compile("[^\\W\\d_][\u0300-\u036f]{1,4}|[\u3040-\u30ff][\u3099\u309a]|[\u1100-\u11ff]{2,3}")
_HALF_WIDTH_KANA = re.compile("[\uff66-\uff9d][\uff9e\uff9f]?|[\uff65\uff9e\uff9f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_COUNTED = re.compile(
    "[\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3220-\u3229\u3251-\u325f\u3280-\u3289\u32b1-\u32bf]"
)
_ROMAN = re.compile("[\u2160-\u217f]+")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_BOXED = re.compile("[\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189]{2,64}")
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
_SMALL_CAPITAL_WORD = re.compile(
    f"(?<![^\\W\\d_])(?:[a-zA-Z]{{0,20}}[{''.join(_SMALL_CAPITALS)}]){{3,20}}[a-zA-Z]{{0,20}}"
)
_NOT_PHONETIC = re.compile("[ᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢ]")
"""Small capitals that are not letters of the phonetic alphabet."""
_WIDE_MARK = re.compile("(?<=[0-9])[．：／－](?=[0-9])|－(?=[0-9])")
_WIDE_COMMA = re.compile("(?<=[０-９])，(?=[０-９]{3}(?![０-９]))")
"""A comma between thousands; elsewhere it separates the numbers of a list: 3，4."""
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_GROUPS = re.compile(
    "(?<![\\d.,\u00a0\u202f\u2009])[1-9]\\d{0,2}(?:[\u00a0\u202f\u2009\u2007]\\d{3})+(?!\\d)"
)


def fold_boxes(draft: Draft) -> None:
    """Fold words in white or black boxes; one such letter alone may be an emoji."""
    draft.edit(_BOXED, lambda match: "".join(map(_unboxed, match.group())))


def fold_styles(draft: Draft, language: str) -> None:
    """Fold styled letters and digits into plain ones."""
    wide_marks = language in UNSPACED_LANGUAGES
    draft.edit(_OVERLAYS, lambda match: "")
    draft.edit(_COMPOSED, lambda match: unicodedata.normalize("NFC", match.group()))
    draft.edit(_HALF_WIDTH_KANA, lambda match: unicodedata.normalize("NFKC", match.group()))
    if _NOT_PHONETIC.search(draft.text):
        draft.edit(_SMALL_CAPITAL_WORD, _small_capitals)
    draft.edit(_COUNTED, _counted)
    draft.edit(_ROMAN, lambda match: _with_space(match, _roman(match.group())))
    if wide_marks:
        draft.edit(_WIDE_COMMA, lambda match: ",")
    draft.edit(_NOT_ASCII, lambda match: _folded(match.group(), language, wide_marks))
    if wide_marks:
        draft.edit(_WIDE_MARK, lambda match: unicodedata.normalize("NFKC", match.group()))


def drop_invisible(draft: Draft) -> None:
    """Remove soft hyphens, direction marks and selectors, and joiners that join nothing. Emoji stay whole."""
    draft.edit(_EMOJI_OR_INVISIBLE, lambda match: None if match["emoji"] or _joins(match) else "")


def plain_spaces(draft: Draft) -> None:
    """Make spaces of every width plain ones, and remove those between thousands."""
    draft.edit(_GROUPS, lambda match: _SPACES.sub("", match.group()))
    draft.edit(_SPACES, lambda match: " ")


@lru_cache(maxsize=4096)
def is_plain(character: str) -> bool:
    """Whether a character never needs a change, whatever stands around it."""
    if character.isascii():
        return True  # the surroundings of a sign in ASCII say whether it needs words
    category = unicodedata.category(character)
    if character in "…“”‘’„«»¿¡—、。，！？；：（）「」『』":
        return character != "—"
    if category[0] not in "LMP" or unicodedata.decomposition(character).startswith("<"):
        return False
    styled = _OVERLAYS, _COMPOSED, _INVISIBLE
    if category[0] == "M":
        return not any("\u0300" <= character <= "\u036f" or p.match(character) for p in styled)
    if category == "Pd" or character in "§‰•‣⁃※·":
        return False
    is_jamo = "\u1100" <= character <= "\u11ff"
    return not (
        is_jamo or _is_compatible(character) or character in _SMALL_CAPITALS or _INVISIBLE.match(character)
    )


@lru_cache(maxsize=8192)
def _folded(character: str, language: str, wide_marks: bool) -> str | None:
    """The plain form of a character; None if it is plain."""
    if unicodedata.category(character) == "Nd":
        value = unicodedata.digit(character)
        return None if language in _NATIVE_DIGITS.get(chr(ord(character) - value), ()) else str(value)
    form = unicodedata.decomposition(character)
    if form.startswith("<"):
        return _usual_look(character, form, wide_marks)
    if form and _is_compatible(character):
        return unicodedata.normalize("NFC", character)
    return _SAME_MEANING.get(character)


def _usual_look(character: str, form: str, wide_marks: bool) -> str | None:
    """The plain form of a character that is only another look of it; None for others."""
    kind, _, rest = form.partition(" ")
    is_left = character in _MEANINGFUL or "\u3131" <= character <= "\u318e"
    if is_left or _LOOKS.fullmatch(kind) is None or rest.startswith("0020"):
        return None
    is_raised = kind in ("<super>", "<sub>")
    if is_raised and not (character.isalpha() and unicodedata.category(character) != "Lo"):
        return None  # powers and formulas
    plain = "".join(chr(int(code, 16)) for code in rest.split())
    if kind == "<wide>" and wide_marks and not (plain.isalnum() or plain in "$%&+=<>@#¥£₩¢~^*"):
        return None
    return plain if kind == "<square>" else unicodedata.normalize("NFKC", plain)


def _is_compatible(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK COMPATIBILITY")


def _joins(match: re.Match[str]) -> bool:
    """Whether an invisible character shapes the letters beside it."""
    if not _JOINERS.match(match.group()):
        return False
    text, at = match.string, match.start()
    beside = text[at - 1 : at] + text[at + 1 : at + 2]
    return any(_JOINED_FROM <= letter <= _JOINED_TO for letter in beside)


def _unboxed(letter: str) -> str:
    for first in (0x1F130, 0x1F150, 0x1F170):
        if first <= ord(letter) < first + 26:
            return chr(ord("A") + ord(letter) - first)
    return letter


def _small_capitals(match: re.Match[str]) -> str | None:
    word = match.group()
    if not _NOT_PHONETIC.search(word):
        return None
    return "".join(_SMALL_CAPITALS.get(letter, letter) for letter in word)


def _counted(match: re.Match[str]) -> str:
    """The value of a number in a circle, in brackets or with a full stop."""
    return _with_space(match, str(int(unicodedata.numeric(match.group()))))


def _with_space(match: re.Match[str], text: str) -> str:
    """The text with spaces towards letters and digits beside it."""
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    lead = " " if _is_spaced(before) and not _COUNTED.match(before) else ""
    return lead + text + (" " if _is_spaced(after) or _COUNTED.match(after) else "")


def _is_spaced(character: str) -> bool:
    """Whether a character is a letter or digit of a script with spaces between words."""
    return character.isalnum() and not "\u2e80" <= character <= "\ua4cf"


def _roman(numeral: str) -> str:
    """The value of a numeral of Unicode's Roman letters; letters that are no numeral stay letters."""
    letters = unicodedata.normalize("NFKC", numeral)
    values = [_ROMAN_VALUES[letter] for letter in letters.lower()]
    total = sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
    return str(total) if 0 < total < 4000 else letters
