"""Words that are written alike and spoken differently, where the reader of hibari-tts takes the wrong one.

It tells nouns from verbs (`read`, `use`, `produce`). It does not tell two nouns apart, such as `lead` the
metal and `lead` in a race: the words beside them do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Homograph:
    """One reading of a word, and where it is meant."""

    pattern: re.Pattern[str]
    """Matches the word and those beside it; the group `word` is the word itself."""
    american: str
    """Phonemes in misaki's symbols."""
    british: str


def _homograph(
    word: str,
    american: str,
    british: str = "",
    *,
    before: str = "",
    behind: str = "",
    not_behind: str = "",
    may_end: bool = False,
) -> Homograph:
    """A reading; words `before` and `behind` it, of which one must be there, are separated by `|`.

    With `may_end`, a mark or the end of the text behind it will do as well.
    """
    lead = rf"(?:{before}) " if before else ""
    end = r"|[.,;:!?]|\s*$" if may_end else ""
    tail = rf"(?=[ -](?:{behind})\b{end})" if behind else ""
    never = rf"(?! (?:{not_behind})\b)" if not_behind else ""
    pattern = re.compile(rf"\b{lead}(?P<word>{word})\b{tail}{never}", re.IGNORECASE)
    return Homograph(pattern, american, british or american)


HOMOGRAPHS = (
    _homograph(
        "lead",
        "lˈɛd",
        before="made of|made from|(?:sheet|piece|pound|kilo|ton|lump|layer)s? of|heavy as",
        not_behind="(?:singer|role|guitar|actor|dancer)s?",
    ),
    _homograph(
        "lead",
        "lˈɛd",
        behind="pipes?|paint|poisoning|pellets?|shot|bullets?|weights?|mines?|ore|acid|roofs?|pencils?|free|glass",
    ),
    _homograph(
        "bass", "bˈAs", behind="(?:guitar|player|line|drum|clef|note|voice|singer|solo|amp|boost|string)s?"
    ),
    _homograph(
        "bass", "bˈAs", before="double|(?:plays?|played|playing|on|slap)(?: the)?", not_behind="lake|boat"
    ),
    _homograph(
        "minute",
        "mInˈut",
        "mInjˈuːt",
        before="an?|the|in|most|these|those|with|of|every|some|any",
        behind="cracks?|amounts?|details?|particles?|quantity|quantities|differences?|changes?|traces?"
        "|fractions?|scratch|scratches|specks?|creatures?|holes?|pieces?|fragments?|droplets?",
    ),
    _homograph(
        "content",
        "kəntˈɛnt",
        before="am|is|are|was|were|be|been|being|feels?|felt|seem(?:s|ed)?|quite|perfectly|very|not"
        "|I[’']m|(?:we|you|they)[’']re|(?:s?he|it)[’']s",
        behind="with|to|just|if|and",
    ),
    _homograph(
        "content",
        "kəntˈɛnt",
        before="am|feels?|felt|seem(?:s|ed)?|quite|perfectly|very",
        behind="here|now",
        may_end=True,
    ),
    _homograph(
        "object",
        "əbʤˈɛkt",
        before="I|you|we|they|who|to|not|would|will|may|must|can|could|should|might|strongly",
        behind="to|that|strongly|if|when",
        may_end=True,
    ),
    _homograph("bow", "bˈW", before=r"(?:take|takes|took|taken|taking) an?(?: \w+)?"),
    _homograph("bow", "bˈW", behind="down"),
    _homograph(
        "bow",
        "bˈW",
        before="must|should|would|will|not|never|they|we|you|I|to",
        behind="to|before",
        may_end=True,
    ),
)


def readings(text: str, *, british: bool) -> Iterator[tuple[int, str]]:
    """The index in `text` of the first letter of each such word, and the word's phonemes."""
    for each in HOMOGRAPHS:
        for found in each.pattern.finditer(text):
            yield found.start("word"), each.british if british else each.american
