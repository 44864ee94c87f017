"""misaki's phonemes, in which diphthongs and affricates are one symbol.

Users write inline phonemes in the International Phonetic Alphabet, as for Kokoro; here they become misaki's
(https://github.com/hexgrad/misaki/blob/main/EN_PHONES.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

JOINED = "AIWYʤʧ"
"""Symbols that stand for two sounds, in all varieties of English; not every model has learnt them."""
COMMON: Mapping[str, str] = {
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "oɪ": "Y", "dʒ": "ʤ", "tʃ": "ʧ", "r": "ɹ", "e": "ɛ", "x": "k",
    "ç": "k", "ʔ": "t", "ɬ": "l", "ɫ": "l", "ɨ": "ɪ", "ʲ": "", "\u0303": "", "\u0329": "",
}  # fmt: skip
"""Spelling -> symbol, in all varieties of English."""
AMERICAN: Mapping[str, str] = {
    "oʊ": "O", "əʊ": "O", "oːɹ": "ɔɹ", "oːr": "ɔɹ", "o": "O", "ɜːɹ": "ɜɹ", "ɜːr": "ɜɹ", "ɜː": "ɜɹ", "ɝ": "ɜɹ",
    "ɚ": "əɹ", "ɒ": "ɑ", "ɾ": "T", "a": "æ", "ː": "",
}  # fmt: skip
BRITISH: Mapping[str, str] = {
    "əʊ": "Q", "oʊ": "Q", "o": "Q", "eə": "ɛː", "iə": "ɪə", "ɝ": "ɜː", "ɚ": "ə", "ɾ": "t", "æ": "a",
}  # fmt: skip


def misaki_symbols(phonemes: str, *, british: bool) -> str:
    """Phonemes of the International Phonetic Alphabet, or of misaki's, in misaki's symbols."""
    table = {**COMMON, **(BRITISH if british else AMERICAN)}
    longest_first = sorted(table, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    # espeak-ng has the r of `Maria` twice: in the vowel before it, and by itself.
    return pattern.sub(lambda found: table[found.group()], phonemes).replace("ɹɹ", "ɹ")
