"""How near language tags are to each other."""

from __future__ import annotations

import pytest

from tts_hub.backend import fitting, pick_voice, preferred_voice
from tts_hub.errors import UnsupportedLanguageError
from tts_hub.text.languages import more_exact, nearness
from tts_hub.types import Voice


def voices(*tags: str) -> list[Voice]:
    return [Voice(f"{number}-{tag}", tag, tag) for number, tag in enumerate(tags)]


@pytest.mark.parametrize(
    ("offered", "wanted", "found"),
    [
        (("en-US", "en-GB"), "en-AU", "en-GB"),
        (("en-US", "en-GB"), "en-CA", "en-US"),
        (("en-US", "en-GB"), "en_gb", "en-GB"),
        (("en-US", "en-GB"), "en", "en-US"),
        (("en-US", "en"), "en-US", "en-US"),
        (("en-US", "en"), "en-AU", "en"),
        (("en-US",), "en-AU", "en-US"),
        (("es",), "es-MX", "es"),
        (("es-ES", "es-419"), "es-MX", "es-419"),
        (("es-419", "es-ES"), "es-ES", "es-ES"),
        (("pt-BR",), "pt-PT", "pt-BR"),
        (("pt-BR", "pt-PT"), "pt-AO", "pt-PT"),
        (("zh",), "zh-TW", "zh"),
        (("zh-CN", "zh-TW"), "zh-Hant-HK", "zh-TW"),
        (("cmn",), "zh", "cmn"),
        (("zh-CN",), "cmn", "zh-CN"),
        (("de",), "de-CH", "de"),
        (("de-DE",), "de-AT", "de-DE"),
        (("fr-FR", "fr-CA"), "fr-BE", "fr-FR"),
        (("nb",), "no", "nb"),
        (("", "de"), "de", "de"),
        (("", "de"), "fr", ""),
    ],
)
def test_the_nearest_voice_is_taken(offered: tuple[str, ...], wanted: str, found: str) -> None:
    assert pick_voice(voices(*offered), None, wanted).language == found


@pytest.mark.parametrize(("offered", "wanted"), [("de", "nl"), ("zh", "yue"), ("en-US", "fr"), ("pt", "es")])
def test_another_language_is_refused(offered: str, wanted: str) -> None:
    assert nearness(offered, wanted) is None
    with pytest.raises(UnsupportedLanguageError, match=f"no voice for language {wanted!r}"):
        pick_voice(voices(offered), None, wanted)


def test_of_several_varieties_only_the_nearest_fit() -> None:
    assert [v.language for v in fitting(voices("en-US", "en-GB", "en-IE", "de"), "en-AU")] == [
        "en-GB",
        "en-IE",
    ]


def test_a_named_voice_may_speak_another_variety_where_no_voice_speaks_the_wanted_one() -> None:
    assert pick_voice(voices("en-US", "en-GB"), "0-en-us", "en-AU").language == "en-US"
    with pytest.raises(UnsupportedLanguageError, match="speaks en-US, not 'en-GB'"):
        pick_voice(voices("en-US", "en-GB"), "0-en-us", "en-GB")
    with pytest.raises(UnsupportedLanguageError, match="speaks en-US, not 'de'"):
        pick_voice(voices("en-US"), "0-en-us", "de")


def test_a_configured_voice_gives_way_to_one_that_is_nearer() -> None:
    offered = voices("en-US", "en-GB", "de")
    american = offered[0]
    assert preferred_voice(offered, american, None) == american
    assert preferred_voice(offered, american, "en") == american
    assert preferred_voice(offered, american, "en-AU").language == "en-GB"
    assert preferred_voice(offered, american, "de").language == "de"


@pytest.mark.parametrize(
    ("spoken", "wanted", "said"),
    [
        ("en-GB", "en-AU", "en-GB"),
        ("en-GB", "en", "en-GB"),
        ("de", "de-CH", "de-CH"),
        ("", "de", "de"),
        ("de", "", "de"),
    ],
)
def test_the_nearest_spoken_variety_of_a_wanted_language(spoken: str, wanted: str, said: str) -> None:
    assert more_exact(spoken, wanted) == said
