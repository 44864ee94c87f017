"""The nearness of BCP 47 language tags to each other, for the choice of a voice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

_REGION = re.compile(r"[a-z]{2}|[0-9]{3}")
# Code -> the one that is usually written for the same language.
_SAME_LANGUAGE = {
    "cmn": "zh",
    "wuu": "zh",
    "nb": "no",
    "nn": "no",
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "tl": "fil",
}
# Regions and scripts of a language that sound alike; all its others form the second group.
_GROUPS: Mapping[str, frozenset[str]] = {
    "en": frozenset(["us", "ca", "ph", "pr", "gu", "as", "mh", "mp", "um", "vi", "lr"]),
    "es": frozenset(["es", "gq", "ad"]),
    "pt": frozenset(["br"]),
    "fr": frozenset(["ca"]),
    "zh": frozenset(["tw", "hk", "mo", "hant"]),
}
# Tags that stand for many regions.
_WIDE_REGIONS = frozenset(["419", "001", "150"])


class Nearness(IntEnum):
    """The fit of a spoken language to the wanted one; the least value is the best."""

    EXACT = 0
    """The same tag, or another code of the language: `cmn` for `zh`."""
    NARROWER = 1
    """`en-US` where `en` is wanted."""
    WIDER = 2
    """`de` where `de-CH` is wanted."""
    SAME_GROUP = 3
    """`en-GB` where `en-AU` is wanted."""
    SAME_LANGUAGE = 4
    """`en-US` where `en-AU` is wanted."""


def nearness(spoken: str, wanted: str) -> Nearness | None:
    """The nearness of a spoken language to the wanted one; None if it is another language."""
    have, want = _subtags(spoken), _subtags(wanted)
    if have[0] != want[0]:
        return None
    if have == want:
        return Nearness.EXACT
    if have[: len(want)] == want:
        return Nearness.NARROWER
    if want[: len(have)] == have:
        return Nearness.WIDER
    return Nearness.SAME_GROUP if _group(have) == _group(want) else Nearness.SAME_LANGUAGE


def primary_language(tag: str) -> str:
    """The language of a tag without region and script: `en` for `en-GB`, `zh` for `cmn-Hans`."""
    return _subtags(tag)[0]


def more_exact(spoken: str, wanted: str) -> str:
    """The tag of the language that a voice speaks when `wanted` was asked for.

    It is the more exact one if both fit (`de-CH` for a voice of `de`), else the language of the voice.
    """
    if not spoken or not wanted:
        return spoken or wanted
    near = nearness(spoken, wanted)
    return wanted if near in {Nearness.EXACT, Nearness.WIDER} else spoken


def _subtags(tag: str) -> list[str]:
    first, *rest = tag.strip().casefold().replace("_", "-").split("-")
    return [_SAME_LANGUAGE.get(first, first), *rest]


def _group(subtags: list[str]) -> object:
    language, *rest = subtags
    marks = [part for part in rest if part in _GROUPS.get(language, ()) or _REGION.fullmatch(part)]
    if not marks or (marks[0] in _WIDE_REGIONS - {"419"} and language != "en"):
        return None  # English of the world is near British English: CLDR has `en-GB` under `en-001`
    return any(mark in _GROUPS.get(language, ()) for mark in marks)
