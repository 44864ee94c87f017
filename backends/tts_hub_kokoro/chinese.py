"""Phonemes of Chinese, by misaki's packages, with which the model was trained."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable

from tts_hub_kokoro.numbers_zh import in_words

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々〇]+")
_MARKS = str.maketrans(
    {"﹐": "，", "､": "、", "｡": "。", "『": "「", "』": "」", "〈": "《", "〉": "》", "·": " "}
)
_REPEATED = re.compile("(.)々")


def chinese_reader() -> Callable[[str], str]:
    """A function that returns the phonemes of a line of Chinese. Blocking: it loads dictionaries.

    Raises:
        ImportError: misaki or a package that it needs is not installed.
    """
    # Deferred: the packages are an extra, and load dictionaries.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba imports a deprecated module of setuptools
        import jieba
        from misaki.zh import ZHG2P
        from pypinyin import Style, lazy_pinyin
        from pypinyin.constants import PINYIN_DICT

    jieba.setLogLevel(logging.WARNING)  # it reports on stderr that it loads its dictionary

    def syllable(pinyin: str) -> str:
        try:
            return str(ZHG2P.py2ipa(pinyin))
        except ValueError:  # an old character for several syllables
            return ""

    def word(characters: str) -> str:
        pinyin = lazy_pinyin(characters, style=Style.TONE3, neutral_tone_with_five=True)
        return "".join(map(syllable, pinyin))

    def han(run: re.Match[str]) -> str:
        characters = _REPEATED.sub(r"\1\1", run[0])
        known = "".join(character for character in characters if ord(character) in PINYIN_DICT)
        return " ".join(map(word, jieba.lcut(known)))

    def read(line: str) -> str:
        text = str(ZHG2P.map_punctuation(in_words(line).translate(_MARKS)))
        return _HAN.sub(han, _without_letters(text)).replace("\u032f", "")

    return read


def _without_letters(text: str) -> str:
    """The text without letters of other scripts, which would be taken for phonemes."""
    return "".join(" " if c.isalnum() and not _HAN.match(c) else c for c in text)
