"""Words that lead to the next one, such as articles, by language: no line of a caption ends with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FunctionWords:
    """The function words of one language, in small letters."""

    determiners: frozenset[str] = frozenset()
    """Articles and the like, which a noun follows, perhaps behind adjectives."""
    openers: frozenset[str] = frozenset()
    """Prepositions and conjunctions, which begin a phrase."""
    postpositions: frozenset[str] = frozenset()
    """Postpositions, which end a phrase: no line begins with them."""


def function_words(code: str) -> FunctionWords:
    """The function words of a language by its ISO 639 code; none for a language without a list."""
    return _LANGUAGES.get(code, _NONE)


def _words(determiners: str, openers: str) -> FunctionWords:
    return FunctionWords(frozenset(determiners.split()), frozenset(openers.split()))


_NONE = FunctionWords()
_LANGUAGES: Mapping[str, FunctionWords] = {
    "en": _words(
        "the a an this that these those my your his her its our their every each no some any",
        "of in on at by for with from to into onto upon over under about after before between through "
        "during  without within against among around behind beyond near since until till toward "
        "towards across along  as than like per via and or but nor if because while when where "
        "although though unless whether who  which whose",
    ),
    "de": _words(
        "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner "
        "mein meine  meinen meinem meiner dein deine sein seine seinen seinem seiner ihr ihre ihren "
        "ihrem ihrer unser unsere  unseren unserem dieser diese dieses diesen diesem jeder jede jedes "
        "jeden jedem",
        "in im ins an am auf aus bei beim mit nach von vom vor zu zum zur für durch um über unter "
        "zwischen gegen  ohne bis seit während wegen trotz hinter neben als wie und oder aber denn "
        "sondern dass weil wenn ob  obwohl nachdem bevor",
    ),
    "fr": _words(
        "le la les un une des du au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos "
        "votre vos leur  leurs chaque quelques",
        "de à en devant derrière selon malgré jusque dans sur sous pour par avec sans chez vers entre "
        "contre depuis pendant avant après  et ou mais ni  que qui quand si comme car dont où puisque",
    ),
    "es": _words(
        "el la los las lo un una unos unas este esta estos estas ese esa esos esas aquel mi mis tu "
        "tus su sus  nuestro nuestra nuestros nuestras cada del al",
        "de en a con sin por para sobre entre hasta desde hacia contra según durante y e o u pero ni "
        "que si cuando  como porque donde aunque",
    ),
    "it": _words(
        "il lo la i gli le un uno una questo questa questi queste quel quello quella mio mia tuo tua "
        "suo sua nostro  nostra ogni del dello della dei degli delle al allo alla ai agli alle dal "
        "dalla nel nella nei sul sulla",
        "di a da in con su per tra fra senza verso durante dopo prima e ed o ma né che se quando come "
        "perché dove",
    ),
    "pt": _words(
        "o a os as um uma uns umas este esta esse essa aquele aquela meu minha seu sua nosso nossa "
        "cada do da dos  das no na nos nas ao à aos às pelo pela pelos pelas num numa",
        "de em com sem por para sobre entre até desde contra durante e ou mas nem que se quando como "
        "porque onde",
    ),
    "nl": _words(
        "de het een dit dat deze die mijn jouw zijn haar ons onze hun elk elke geen",
        "van in op aan uit bij met na voor naar over onder door tegen tussen zonder tot sinds tijdens "
        "om te en of  maar want als omdat wanneer hoewel dan",
    ),
    "pl": _words(
        "ten ta to te tego tej tym mój moja moje jego jej nasz nasza każdy każda żaden żadna",
        "w we na z ze do od po za nad pod przed przez przy dla bez o u między i a ale lub oraz że gdy "
        "jeśli bo  ponieważ który która które nie",
    ),
    "ru": _words(
        "этот эта это эти тот та те мой моя моё мои твой его её их наш наша ваш каждый каждая",
        "в во на с со к ко у о об от до из за над под перед при про по для без через между и а но или "
        "что чтобы  если когда как потому который которая которые не ни",
    ),
    "hi": FunctionWords(postpositions=frozenset({"का", "के", "की", "में", "से", "को", "पर", "ने", "तक"})),
}
