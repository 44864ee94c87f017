"""Two writings of the same speech become the same words, and different speech does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_hub.quality.sentences import LANGUAGES
from tts_hub.quality.words import spoken_words
from tts_hub.quality.words.asian import ideographs
from tts_hub.quality.words.cardinals import CARDINALS


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It's 9:30.", "it is nine thirty"),
        ("It’s 9:05 a.m.", "it is nine oh five am"),
        ("10:00", "ten o'clock"),
        ("$18.50", "eighteen dollars and fifty cents"),
        ("$1", "one dollar"),
        ("£250", "two hundred and fifty pounds"),
        ("$3 million in 1999", "three million dollars in nineteen ninety-nine"),
        ("in 2007", "in two thousand and seven"),
        ("in 1905", "in nineteen oh five"),
        ("in 1900", "in nineteen hundred"),
        ("1,250 people", "one thousand two hundred and fifty people"),
        ("60,000", "sixty thousand"),
        ("3.5 feet", "three point five feet"),
        ("70% of 48", "seventy per cent of forty-eight"),
        ("3rd, 21st and 40th", "third, twenty first and fortieth"),
        ("May 4, 1937", "May fourth, nineteen thirty-seven"),
        ("the 1990s and the 80s", "the nineteen nineties and the eighties"),
        ("flight 007", "flight oh oh seven"),
        ("Dr. Smith & Mrs. Jones", "doctor smith and missus jones"),
        ("I can't, won't and didn't", "I cannot, will not and did not"),
        ("a hundred kilometres", "one hundred kilometers"),
        ("the grey colours of the theatre", "the gray colors of the theater"),
        ("“Stop!” – he cried…", "stop he cried"),
        ("15° below", "fifteen degrees below"),
    ],
)
def test_english_writings_of_the_same_speech_are_equal(written: str, spoken: str) -> None:
    assert spoken_words(written, "en") == spoken_words(spoken, "en-GB")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fifteen", "fifty"),
        ("2007", "2017"),
        ("salt and pepper", "salt pepper"),
        ("$5", "5"),
        ("he can", "he can't"),
        ("May 4", "May 14"),
    ],
)
def test_different_speech_stays_different(one: str, other: str) -> None:
    assert spoken_words(one, "en") != spoken_words(other, "en")


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("de", "350 Euro, 161 €", "dreihundertfünfzig Euro, hunderteinundsechzig Euro"),
        ("de", "30 Straßen", "dreißig Strassen"),
        ("es", "480 personas, 31 años", "cuatrocientas ochenta personas, treinta y un años"),
        ("fr", "82 ans, l'école", "quatre-vingt-deux ans, l’école"),
        ("fr", "71 et 210", "soixante et onze et deux cent dix"),
        ("it", "97 metri, 640", "novantasette metri, seicentoquaranta"),
        ("pt", "R$ 25, 120 metros", "vinte e cinco reais, cento e vinte metros"),
        ("ja", "教室に学生が25人います。", "教室に学生が二十五人います"),
        ("zh", "会议在3点开始。", "会议在三点开始"),
    ],
)
def test_other_languages(language: str, written: str, spoken: str) -> None:
    assert spoken_words(written, language) == spoken_words(spoken, language)


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("en", 1_000_205, "one million two hundred five"),
        ("de", 21_101, "einundzwanzigtausendeinhunderteins"),
        ("fr", 1_999, "mille neuf cent quatre-vingt-dix-neuf"),
        ("es", 100_122, "cien mil ciento veintidós"),
        ("it", 2_328, "duemilatrecentoventotto"),
        ("pt", 1_200, "mil e duzentos"),
    ],
)
def test_cardinals(language: str, number: int, said: str) -> None:
    assert CARDINALS[language](number) == said


def test_ideographs() -> None:
    assert [ideographs(n) for n in ("0", "10", "105", "12000", "007")] == [
        "〇",
        "十",
        "百五",
        "一万二千",
        "〇〇七",
    ]


def test_a_long_row_of_digits_is_compared_digit_by_digit() -> None:
    assert spoken_words("12" * 10, "en") == ["one", "two"] * 10
    assert spoken_words("9" * 5_000, "de") == ["neun"] * 5_000
    assert spoken_words("9" * 15, "en") == ["9" * 15]


@given(st.text() | st.text("0123456789.,:%$£€°' thmar年"), st.sampled_from([*LANGUAGES, "sw", ""]))
def test_any_text_has_words(text: str, language: str) -> None:
    """A recogniser may write anything."""
    assert all(spoken_words(text, language))
