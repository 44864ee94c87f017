"""Abbreviations, ordinals and addresses that espeak-ng spells or leaves out, in words."""

from __future__ import annotations

import pytest
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro.languages import LANGUAGES
from tts_hub_kokoro.phonemes import Phonemizer

from tts_hub.text.normalise import spoken_form

SHORTENED = [
    ("en", "Then we met Ms. Jones.", "Then we met Miz Jones."),
    ("en", "Ask Ms Lee.", "Ask Miz Lee."),
    ("en", "It is No. 5, see pp. 5-7 and Eq. (5).", "It is number 5, see pages 5 to 7 and Equation (5)."),
    (
        "de",
        "Hr. Müller, Fr. Schmidt, S. 5, z. B. heute",
        "Herr Müller, Frau Schmidt, Seite 5, zum Beispiel heute",
    ),
    ("fr", "MM. Durand et Mgr. Blanc, n° 5, p. 5", "Messieurs Durand et Monseigneur Blanc, numéro 5, page 5"),
    ("es", "Vive en el n.º 5, Av. Central.", "Vive en el número 5, Avenida Central."),
    ("pt", "A Sra. Souza e o Sr. Silva", "A senhora Souza e o senhor Silva"),
    ("pt", "Av. Paulista, n.º 200", "avenida Paulista, número 200"),
    ("it", "Il sig. Rossi e la dott.ssa Neri, n. 5", "Il signor Rossi e la dottoressa Neri, numero 5"),
    ("hi", "डॉ. शर्मा 5 कि.मी. दूर हैं।", "डॉक्टर शर्मा 5 किलोमीटर दूर हैं।"),
    ("ja", "Mr.田中です。", "ミスター田中です。"),
]
ORDINALS = [
    ("de", "Der 2. Weltkrieg endete im Mai.", "Der zweite Weltkrieg endete im Mai."),
    ("de", "Er lebte im 19. Jahrhundert.", "Er lebte im neunzehnten Jahrhundert."),
    (
        "de",
        "Sie kam am 3. Mai und ging am 21. Mai.",
        "Sie kam am dritten Mai und ging am einundzwanzigsten Mai.",
    ),
    ("de", "Er spielt in der 2. Liga.", "Er spielt in der zweiten Liga."),
    ("de", "Das war die 1. Frage.", "Das war die erste Frage."),
    ("de", "Heute, 7. Juni", "Heute, siebter Juni"),
    ("de", "Im 100. Jahr", "Im 100. Jahr"),
    ("es", "El 1.º de mayo, la 2.ª vez", "El 1º de mayo, la 2ª vez"),
    ("es", "El 3.er piso, el 1er día", "El tercer piso, el primer día"),
    ("pt", "O 1.º de maio", "O 1º de maio"),
    ("it", "Il 1° maggio", "Il 1º maggio"),
]
ADDRESSES = [
    ("de", "Siehe www.example.com.", "Siehe www Punkt example Punkt com."),
    ("fr", "à jean.dupont@example.fr", "à jean point dupont@example point fr"),
    ("it", "apri notes.txt ora", "apri notes punto txt ora"),
    ("hi", "info@example.org है", "info@example डॉट org है"),
    ("ja", "info@example.orgへ", "info@exampleドットorgへ"),
    ("ru", "на example.com", "на example точка com"),
]
UNCHANGED = [
    ("en", "The answer is no."),
    ("en", "Write to info@example.org."),
    ("de", "Der Preis ist 3.500 Euro."),
    ("de", "1. Erster Punkt"),
    ("it", "In casa ci sono persone. Ecco"),
    ("it", "La S.p.A. di Roma"),
    ("fr", "Il part. Elle reste"),
]


@pytest.mark.parametrize(("language", "text", "said"), [*SHORTENED, *ORDINALS, *ADDRESSES])
def test_forms_that_engines_misread_are_put_into_words(language: str, text: str, said: str) -> None:
    assert spoken_form(text, language).text == said


@pytest.mark.parametrize(("language", "text"), UNCHANGED)
def test_forms_that_engines_read_well_stay(language: str, text: str) -> None:
    assert spoken_form(text, language).text == text


@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize(("language", "text", "said"), SHORTENED)
def test_an_abbreviation_is_found_at_every_place(language: str, text: str, said: str, count: int) -> None:
    before = "xyz " * count
    assert spoken_form(before + text, language).text == before + said


@pytest.mark.parametrize("language", ["it", "en"])
def test_degrees_stay_degrees(language: str) -> None:
    assert "º" not in spoken_form("Fa 20° in casa, 5° sotto zero.", language).text


def test_a_letter_behind_degrees_is_a_word_of_its_own() -> None:
    assert spoken_form("51.5°N", "en").text == "51.5 degrees N"


def test_every_spoken_word_comes_from_the_abbreviation() -> None:
    text = "A Sra. Souza"
    spoken = spoken_form(text, "pt")
    start = spoken.text.index("senhora")
    assert spoken.origin(start, start + len("senhora")) == (2, 6)


@pytest.mark.parametrize(
    ("text", "said"),
    [("-5度，3.14，1/2。", "负5度，3.14，1/2。"), ("１，２３４元", "1,234元"), ("３，４个", "3，4个")],
)
def test_a_wide_comma_between_numbers_of_a_list_stays(text: str, said: str) -> None:
    assert spoken_form(text, "zh").text == said


@pytest.mark.parametrize(
    ("letter", "language", "text", "sound"),
    [
        ("p", "pt", "A Sra. Souza", "eɲˈɔɾæ"),
        ("e", "es", "El 1.º de mayo", "pɾimˈɛɾo"),
        ("f", "fr", "info@example.fr", "pwˌɛ̃"),
        ("i", "it", "Il sig. Rossi", "siɲˈor"),
    ],
)
def test_kokoro_says_it(letter: str, language: str, text: str, sound: str) -> None:
    said = Phonemizer(Tokenizer()).phonemize(spoken_form(text, language).text, LANGUAGES[letter])
    assert sound in said.phonemes
