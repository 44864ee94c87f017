"""Names of emoji: the full ones in CLDR, each said once for a run of the same emoji."""

from __future__ import annotations

import re
from functools import lru_cache

from tts_hub.text.normalise.edits import Draft

_VARIATION = "\ufe0e\ufe0f"
_TONES = "\U0001f3fb-\U0001f3ff"
_SYMBOL = (
    "[\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d"
    "\u3297\u3299\U0001f004-\U0001f0cf\U0001f170-\U0001f251\U0001f300-\U0001faff]"
)
_ONE = f"{_SYMBOL}[{_VARIATION}{_TONES}]{{0,2}}"
CLUSTER = (
    "(?:[0-9#*]\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{2}"
    "|\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"
    f"|{_ONE}(?:\u200d{_ONE}){{0,9}})"
)
"""A regular expression for one emoji with its selectors, or for a symbol that may be one."""
_RUN = re.compile(f"(?P<before> ?)(?P<run>{CLUSTER}(?: ?{CLUSTER})*)")
_EACH = re.compile(CLUSTER)
_TEXT_BELOW = "\u2600"
"""The end of older symbols, such as arrows, which are text unless a selector makes them emoji."""
_MARKS = {"\U0001f3fb", "\U0001f3fc", "\U0001f3fd", "\U0001f3fe", "\U0001f3ff"}
_FLAG = {"en": "flag: {}", "zh": "旗: {}"}
"""Language -> the form of the name of a flag, where the names lack the word for it."""
_RUSSIAN_ENDING = re.compile(r"ыи(?!\w)")
"""The end of many Russian names of the package, which have lost the breve of their last letter."""
_DIGITS = re.compile(r"keycap_(\d+)")


def name_emoji(draft: Draft, language: str) -> None:
    """Put emoji into words; they are left out where the language has no names for them."""
    draft.edit(_RUN, lambda match: _said(match, language))


def skip_emoji(draft: Draft) -> None:
    """Leave emoji out; the digits of keycaps stay."""
    draft.edit(_RUN, lambda match: _said(match, ""))


def has_names(language: str) -> bool:
    """Whether emoji have names in a language, given by its first subtag."""
    import emoji  # slow to import, and few texts need it

    return language in emoji.LANGUAGES


def _said(match: re.Match[str], language: str) -> str | None:
    clusters = _EACH.findall(match["run"])
    names = [_name(cluster, language) for cluster in clusters]
    if all(name is None for name in names):
        return None
    parts = list[str]()
    for number, (cluster, name) in enumerate(zip(clusters, names, strict=True)):
        if number == 0 or cluster != clusters[number - 1]:
            parts.append(cluster if name is None else name)
    said = ", ".join(part for part in parts if part)
    text, end = match.string, match.end()
    followed = text[end : end + 1].isalnum()
    if not said:
        return (match["before"] or " ") if followed and match.start() else ""
    lead = match["before"] or (" " if match.start() and not text[match.start() - 1].isspace() else "")
    return lead + said + (" " if followed else "")


@lru_cache(maxsize=1024)
def _name(cluster: str, language: str) -> str | None:
    """The words for one emoji; empty to leave it out, None for a symbol that is not an emoji."""
    import emoji  # slow to import, and few texts need it

    if cluster[-1] == "\u20e3":
        return cluster[0] if cluster[0].isdigit() else ""
    if not _is_emoji(cluster):
        return None
    if not has_names(language):
        return ""
    emoji.config.load_language(language)
    name = _looked_up(cluster, language)
    if name is None:
        parts = (_looked_up(part, language) for part in cluster.split("\u200d"))
        return " ".join(part for part in parts if part)
    return name


def _is_emoji(cluster: str) -> bool:
    """Whether symbols are an emoji, not text."""
    import emoji  # slow to import, and few texts need it

    known = emoji.EMOJI_DATA.get(cluster)
    if known is None:
        return cluster[0] >= "\U0001f000" or cluster[0] in emoji.EMOJI_DATA or "\ufe0f" in cluster
    is_old = cluster[0] < _TEXT_BELOW and "\ufe0f" not in cluster
    return not is_old or known["status"] == emoji.STATUS["fully_qualified"]


def _looked_up(cluster: str, language: str) -> str | None:
    """The name of an emoji, if need be without its colours."""
    import emoji  # slow to import, and few texts need it

    plain = "".join(character for character in cluster if character not in _MARKS)
    for form in (cluster, plain, plain.replace("\ufe0f", ""), plain + "\ufe0f"):
        data = emoji.EMOJI_DATA.get(form)
        if data is not None and language in data:
            return _spelled(form, str(data[language]), language)
    return None


def _spelled(form: str, given: str, language: str) -> str:
    name = given.strip(":")
    if digits := _DIGITS.fullmatch(name):
        return digits[1]
    spaced = name.replace("_", " ")
    if language == "ru":
        spaced = _RUSSIAN_ENDING.sub("ый", spaced)
    is_flag = "\U0001f1e6" <= form[0] <= "\U0001f1ff" or form.startswith("\U0001f3f4\U000e0067")
    return _FLAG.get(language, "{}").format(spaced) if is_flag else spaced
