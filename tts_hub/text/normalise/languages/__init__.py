"""Tables of the words for signs, sums and ranges in each language."""

from __future__ import annotations

from collections.abc import Mapping

from tts_hub.text.normalise.languages.asian import CHINESE, HINDI, JAPANESE
from tts_hub.text.normalise.languages.germanic import DUTCH, ENGLISH, GERMAN
from tts_hub.text.normalise.languages.model import LanguageRules
from tts_hub.text.normalise.languages.romance import FRENCH, ITALIAN, PORTUGUESE, SPANISH
from tts_hub.text.normalise.languages.slavic import POLISH, RUSSIAN

RULES: Mapping[str, LanguageRules] = {
    "de": GERMAN,
    "en": ENGLISH,
    "es": SPANISH,
    "fr": FRENCH,
    "hi": HINDI,
    "it": ITALIAN,
    "ja": JAPANESE,
    "nl": DUTCH,
    "pl": POLISH,
    "pt": PORTUGUESE,
    "ru": RUSSIAN,
    "zh": CHINESE,
}
"""First subtag of BCP 47 -> the rules of the language."""


def primary(tag: str) -> str:
    """The language of a BCP 47 tag without its script and region; empty for none."""
    first = tag.replace("_", "-").partition("-")[0].lower()
    return "zh" if first == "cmn" else first
