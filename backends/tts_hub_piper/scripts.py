"""The scripts that languages are written in, so that a text in foreign letters is refused, not spelled."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

OWN_SCRIPTS: Mapping[str, frozenset[str]] = {
    language: frozenset(scripts.split())
    for scripts, languages in (
        ("ARABIC", "ar fa ur"),
        ("ARMENIAN", "hy"),
        ("BENGALI", "bn"),
        ("CJK IDEOGRAPHIC BOPOMOFO", "zh"),
        ("CYRILLIC", "bg kk ru sr uk"),
        ("DEVANAGARI", "hi mr ne"),
        ("GEORGIAN", "ka"),
        ("GREEK", "el"),
        ("HANGUL CJK", "ko"),
        ("MALAYALAM", "ml"),
        ("TELUGU", "te"),
    )
    for language in languages.split()
}
"""Primary language -> its scripts beside Latin, by the first words of the letters' Unicode names."""
EVERYWHERE = frozenset({"LATIN", "FULLWIDTH", "GREEK", "MICRO"})
"""Scripts whose letters every language reads or names: Latin words, and Greek letters in formulas."""


def foreign_script(text: str, language: str) -> str:
    """The script, such as `Cyrillic`, of a text without any letter of the language; else empty.

    `language` is a BCP 47 tag. espeak-ng would read the names of such letters, or leave them out.
    """
    own = OWN_SCRIPTS.get(language.partition("-")[0], frozenset()) | EVERYWHERE
    foreign = ""
    for letter in filter(str.isalpha, unicodedata.normalize("NFKC", text)):
        script = unicodedata.name(letter, "").partition(" ")[0]
        if script in own:
            return ""
        foreign = foreign or script.capitalize()
    return foreign
