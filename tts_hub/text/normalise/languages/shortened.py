"""Abbreviations that espeak-ng spells or misreads, with their full forms, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Shortened:
    """The abbreviations of a language that engines misread, without their last full stop."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Those before a word with a capital: `Ms. Jones`. The full stop may be missing."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Those before a number: `p. 5`."""
    anywhere: Mapping[str, str] = field(default_factory=dict)
    """Those with a full stop before any word or number."""
    dot: str = ""
    """The word for the point in `example.org`, where espeak-ng skips it."""


_SIGNOR = {
    "sig": "signor", "sig.ra": "signora", "sig.na": "signorina", "dott": "dottor", "dott.ssa": "dottoressa",
    "prof": "professor", "prof.ssa": "professoressa", "ing": "ingegner", "avv": "avvocato",
}  # fmt: skip
_SENHOR = {"prof": "professor", "profa": "professora", "av": "avenida"}

SHORTENED: Mapping[str, Shortened] = {
    "en": Shortened(
        names={"Ms": "Miz"},
        numbers={
            "No": "number", "Nos": "numbers", "nos": "numbers", "p": "page", "pp": "pages",
            "ch": "chapter", "chap": "chapter", "Ch": "Chapter", "Chap": "Chapter", "Eq": "Equation",
            "eq": "equation", "Eqs": "Equations", "eqs": "equations",
        },
    ),
    "de": Shortened(
        names={"Hr": "Herr", "Hrn": "Herrn", "Fr": "Frau"},
        numbers={
            "Nr": "Nummer", "S": "Seite", "Bd": "Band", "Abb": "Abbildung", "Kap": "Kapitel",
        },
        anywhere={
            "z. B": "zum Beispiel", "z.B": "zum Beispiel", "Z. B": "Zum Beispiel", "Z.B": "Zum Beispiel",
            "d. h": "das heißt", "d.h": "das heißt",
        },
        dot="Punkt",
    ),
    "fr": Shortened(
        names={"MM": "Messieurs", "Mgr": "Monseigneur"},
        numbers={
            "n°": "numéro", "nº": "numéro", "N°": "Numéro", "p": "page", "pp": "pages",
            "chap": "chapitre", "art": "article", "vol": "volume",
        },
        dot="point",
    ),
    "es": Shortened(
        numbers={
            "n.º": "número", "nº": "número", "N.º": "Número", "Nº": "Número", "núm": "número",
            "pág": "página", "págs": "páginas", "cap": "capítulo", "art": "artículo", "vol": "volumen",
        },
        names={"Av": "Avenida", "Avda": "Avenida", "av": "avenida"},
    ),
    "it": Shortened(
        names=_SIGNOR | {short.capitalize(): title.capitalize() for short, title in _SIGNOR.items()},
        numbers={
            "n": "numero", "pag": "pagina", "pagg": "pagine", "cap": "capitolo", "art": "articolo",
            "vol": "volume",
        },
        dot="punto",
    ),
    "pt": Shortened(
        names={
            "Sr": "senhor", "Sra": "senhora", "Srs": "senhores", "Sras": "senhoras", "Srta": "senhorita",
            "sr": "senhor", "sra": "senhora",
        }
        | _SENHOR
        | {short.capitalize(): title for short, title in _SENHOR.items()},
        numbers={
            "n.º": "número", "nº": "número", "N.º": "Número", "Nº": "Número", "pág": "página",
            "págs": "páginas", "cap": "capítulo", "art": "artigo", "vol": "volume",
        },
    ),
    "hi": Shortened(
        anywhere={
            "डॉ": "डॉक्टर", "प्रो": "प्रोफ़ेसर", "पं": "पंडित", "रु": "रुपये", "कि.मी": "किलोमीटर",
            "कि.ग्रा": "किलोग्राम",
        },
        dot="डॉट",
    ),
    "ja": Shortened(anywhere={"Mr": "ミスター", "Mrs": "ミセス", "Ms": "ミズ"}, dot="ドット"),
    "ru": Shortened(dot="точка"),
}  # fmt: skip
"""First subtag of BCP 47 -> the abbreviations of the language."""
