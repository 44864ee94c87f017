"""The spoken form of styled letters, emoji, signs, sums, ranges and dashes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_hub.text.normalise import NormaliseOptions, spoken_form

LETTERS = [
    ("en", "𝗛𝗲𝗹𝗹𝗼 my friend.", "Hello my friend."),
    ("en", "𝓗𝓮𝓵𝓵𝓸 𝟗𝟖", "Hello 98"),
    ("en", "Ｈｅｌｌｏ，ｗｏｒｌｄ！", "Hello,world!"),
    ("en", "In ２０２４ we met.", "In 2024 we met."),
    ("en", "In २०२४ or ٢٠٢٤", "In 2024 or 2024"),
    ("en", "٣٫١٤", "3.14"),
    ("en", "①②③", "1 2 3"),
    ("en", "see ⑫ and ⑴First", "see 12 and 1 First"),
    ("en", "❶ one", "1 one"),
    ("en", "Chapter Ⅳ", "Chapter 4"),
    ("en", "Louis ⅩⅣ", "Louis 14"),
    ("en", "ⓗⓔⓛⓛⓞ", "hello"),
    ("en", "🅷🅴🅻🅻🅾 🄰🄱", "HELLO AB"),
    ("en", "Hᴇʟʟᴏ ᴛʜᴇʀᴇ", "Hello there"),
    ("en", "H̶e̶l̶l̶o̶", "Hello"),
    ("en", "ﬁrst oﬃce", "first office"),
    ("en", "1ˢᵗ", "1st"),
    ("en", "cafe\u0301", "café"),
    ("en", "so\u00adft zero\u200bwidth \ufeffmark\u2060ed", "soft zerowidth marked"),
    ("en", "a\u00a0b\u2009c", "a b c"),
    ("en", "5㎞", "5km"),
    ("en", "20℃", "20 degrees Celsius"),
    ("en", "№ 5", "number 5"),
    ("en", "Foo™ and Bar®", "Foo and Bar"),
    ("en", "• item", "item"),
    ("en", "one • two", "one, two"),
    ("ja", "ｶﾞｷﾞｸﾞ", "ガギグ"),
    ("ja", "２０２４年、Ｗｉ-Ｆｉ！", "2024年、Wi-Fi！"),
    ("ja", "①番", "1番"),
    ("zh", "３．５公里", "3.5公里"),
    ("zh", "\u2f08\uf9b4", "人領"),
    ("ko", "\u1112\u1161\u11ab", "한"),
    ("ar", "في ٢٠٢٤ و ۲۰۲۴", "في ٢٠٢٤ و ۲۰۲۴"),
    ("hi", "٢٠٢٤ में", "2024 में"),
    ("fr", "10\u202f000\u00a0habitants", "10000 habitants"),
]
POWERS = [
    ("en", "½", "one half"),
    ("en", "1½ cups and 2 ⅔", "1 and a half cups and 2 and two thirds"),
    ("en", "1⁄2 of it", "one half of it"),
    ("en", "x²", "x squared"),
    ("en", "x³ + y⁴", "x cubed plus y to the power of 4"),
    ("en", "10⁻³", "10 to the power of minus 3"),
    ("en", "10^6 and x^2", "10 to the power of 6 and x squared"),
    ("en", "50 m²", "50 square meters"),
    ("en", "as Smith¹ said", "as Smith 1 said"),
    ("en", "H₂O and CO₂", "H2O and C O 2"),
    ("de", "x² auf 50 m²", "x hoch 2 auf 50 Quadratmeter"),
    ("de", "2½", "2 einhalb"),
    ("es", "1½ y ½", "1 y medio y un medio"),
    ("fr", "x³", "x au cube"),
    ("it", "x²", "x al quadrato"),
    ("pt", "x²", "x ao quadrado"),
    ("nl", "x²", "x kwadraat"),
    ("pl", "x²", "x do kwadratu"),
    ("ru", "2½ и ½", "2 с половиной и одна вторая"),
    ("hi", "½", "आधा"),
    ("ja", "½", "2分の1"),
    ("zh", "x²", "x的平方"),
]
SIGNS = [
    (
        "en",
        "See https://a.org/b and 1 + 1 at <b> 5 </b> now",
        "See https://a.org/b and 1 plus 1 at <b> 5 </b> now",
    ),
    ("en", "5 > 3", "5 greater than 3"),
    ("en", "5 < 3", "5 less than 3"),
    ("en", "x<5 and y>=3", "x less than 5 and y greater than or equal to 3"),
    ("en", "p < 0.05", "p less than 0.05"),
    ("en", "2 + 2 = 4", "2 plus 2 equals 4"),
    ("en", "5 × 3 ÷ 2", "5 times 3 divided by 2"),
    ("en", "2*3 or 2 * 3", "2 times 3 or 2 times 3"),
    ("en", "18+ years", "18 plus years"),
    ("en", "> 5 and <.5", "greater than 5 and less than 0.5"),
    ("en", "x ≥ 3 ≤ 5 ≠ 6", "x greater than or equal to 3 less than or equal to 5 not equal to 6"),
    ("en", "±3", "plus or minus 3"),
    ("en", "5‰", "5 per mille"),
    ("en", "20 °C", "20 degrees Celsius"),
    ("en", "68°F", "68 degrees Fahrenheit"),
    ("en", "#1", "number 1"),
    ("en", "~5 minutes", "about 5 minutes"),
    ("en", "It is -.5 now", "It is minus 0.5 now"),
    ("en", "Just .5", "Just 0.5"),
    ("en", "−5 and -5", "minus 5 and minus 5"),
    ("en", "5 − 3", "5 minus 3"),
    ("en", "5 - 3 = 2", "5 minus 3 equals 2"),
    ("de", "5 > 3", "5 größer als 3"),
    ("es", "5 × 3 ≥ 2", "5 por 3 mayor o igual que 2"),
    ("es", "R&B", "R y B"),
    ("fr", "5 > 3", "5 supérieur à 3"),
    ("fr", "-5 et −5", "moins 5 et moins 5"),
    ("it", "6 ÷ 2", "6 diviso 2"),
    ("pt", "5 ≠ 3", "5 diferente de 3"),
    ("pl", "20 °C", "20 stopni Celsjusza"),
    ("ru", "5 < 3", "5 меньше 3"),
    ("ru", "§ 5", "параграф 5"),
    ("hi", "20 °C", "20 डिग्री सेल्सियस"),
    ("ja", "50%引き", "50パーセント引き"),
    ("ja", "5 = 3", "5イコール3"),
    ("zh", "50%", "百分之50"),
    ("zh", "-5℃", "负5摄氏度"),
]
SUMS = [
    ("en", "$5.50", "5 dollars and 50 cents"),
    ("en", "$1 or $5", "1 dollar or 5 dollars"),
    ("en", "$0.99", "99 cents"),
    ("en", "$1,200.50", "1,200 dollars and 50 cents"),
    ("en", "$3.5 million", "3.5 million dollars"),
    ("en", "$5M or $2bn", "5 million dollars or 2 billion dollars"),
    ("en", "-$5", "minus 5 dollars"),
    ("en", "US$5", "5 US dollars"),
    ("en", "$5–$10", "5 dollars to 10 dollars"),
    ("en", "$5–10", "5 to 10 dollars"),
    ("en", "£5", "5 pounds"),
    ("en", "€3,50", "3 euros and 50 cents"),
    ("en", "₹1,00,000", "100,000 rupees"),
    ("en", "￥1,200", "1,200 yen"),
    ("en", "R$ 35", "35 reais"),
    ("en", "50¢", "50 cents"),
    ("de", "1.234,50 €", "1.234 Euro 50"),
    ("de", "1 €", "ein Euro"),
    ("de", "3,5 Mio. €", "3,5 Millionen Euro"),
    ("es", "€3,50", "3 euros con 50"),
    ("fr", "3,5 millions €", "3,5 millions d'euros"),
    ("it", "€ 3,50", "3 euro e 50"),
    ("pt", "R$ 35", "35 reais"),
    ("pt", "R$ 1.250,75", "1.250 reais e 75 centavos"),
    ("nl", "€ 5", "5 euro"),
    ("pl", "1 zł, 2 zł, 5 zł", "1 złoty, 2 złote, 5 złotych"),
    ("ru", "1 ₽, 2 ₽, 21 ₽, 100 ₽", "1 рубль, 2 рубля, 21 рубль, 100 рублей"),
    ("hi", "₹250", "250 रुपये"),
    ("ja", "￥1,200", "1200円"),
    ("zh", "￥1,200", "1200元"),
]
RANGES = [
    ("en", "40–60", "40 to 60"),
    ("en", "1990–1995", "1990 to 1995"),
    ("en", "Mon–Fri", "Monday to Friday"),
    ("en", "9:00–17:00", "9:00 to 17:00"),
    ("en", "9am–5pm", "9am to 5pm"),
    ("en", "A–Z", "A to Z"),
    ("en", "5-10 minutes", "5 to 10 minutes"),
    ("en", "50% – 60%", "50% to 60%"),
    ("en", "16:9", "16 to 9"),
    ("en", "Genesis 1:1", "Genesis 1 1"),
    ("de", "Mo–Fr, 6–8 Uhr", "Montag bis Freitag, 6 bis 8 Uhr"),
    ("es", "40–60", "40 a 60"),
    ("fr", "40–60", "40 à 60"),
    ("it", "40–60", "40 a 60"),
    ("pt", "40–60", "40 a 60"),
    ("nl", "40–60", "40 tot 60"),
    ("pl", "40–60", "40 do 60"),
    ("ru", "40–60 и 1990—1995", "40 до 60 и 1990 до 1995"),
    ("hi", "40–60", "40 से 60"),
    ("ja", "40～60", "40から60"),
    ("zh", "40–60", "40到60"),
]
DASHES = [
    ("en", "One -- two", "One — two"),
    ("en", "One – two", "One — two"),
    ("en", "One--two", "One — two"),
    ("en", "One—two", "One — two"),
    ("en", "He came - at last.", "He came — at last."),
    ("en", "In 2020 – 15 years on", "In 2020 — 15 years on"),
    ("xx", "one -- two", "one — two"),
]
EMOJI = [
    ("en", "I ❤️ you", "I red heart you"),
    ("en", "👍🏽 ok", "thumbs up medium skin tone ok"),
    ("en", "✔️ done", "check mark done"),
    ("en", "🤣🤣🤣", "rolling on the floor laughing"),
    ("en", "🤣 🤣 🎉!", "rolling on the floor laughing, party popper!"),
    ("en", "Go 🇩🇪!", "Go flag: Germany!"),
    ("en", "👩‍👩‍👧‍👦", "family woman woman girl boy"),
    ("en", "5️⃣ apples", "5 apples"),
    ("en", "Hello🎉world", "Hello party popper world"),
    ("de", "Ich ❤️ dich", "Ich rotes herz dich"),
    ("fr-FR", "❤️", "cœur rouge"),
    ("ru", "👍🏿", "большой палец вверх очень темный тон кожи"),
    ("ja", "😀", "にっこり笑う"),
    ("pl", "Kocham ❤️ cię", "Kocham cię"),
    ("", "a ❤️ b", "a b"),
]
UNCHANGED = [
    ("en", "The quick brown fox jumps over the lazy dog."),
    ("en", "“It’s late,” she said… “isn’t it?”"),
    ("en", "Call 555-1234, on 2024-01-15, about the Boeing 737-800 and Covid-19."),
    ("en", "Version 3.2.1 of C++ and C#, from 192.168.0.1, at 9:30."),
    ("en", "See https://example.org/a?x=1&y=2–3 and a/b -> c."),
    ("en", "say [tomato](/tʰəmˈɑːtoʊ²/) or <b>5</b>"),
    ("en", "> a quoted line"),
    ("en", "some *emphasis* and **more**, # a heading"),
    ("en", "I <3 you"),
    ("en", "key=value, Disney+, a -> b => c, :-> and >_<"),
    ("en", "- a list\n- of two"),
    ("en", "ISBN 978-3-16-148410-0, UTC-5, 4-4-2 and 2024-01"),
    ("en", "R&B, 50% off, word–word, a well-known man"),
    ("de", "Größe 1.000,5 und 10 %"),
    ("ru", "Съешь же ещё этих мягких французских булок."),
    ("hi", "सन् २०२४ में क़लम"),
    ("th", "ทำงาน ๒๐๒๔"),
    ("ko", "ㅋㅋㅋ 안녕하세요"),
    ("fa", "می\u200cخواهم"),
    ("ja", "彼は「本当？」と聞いた。ファイル！"),
    ("zh", "你好，世界：这是“测试”。"),
]


@pytest.mark.parametrize(
    ("language", "text", "spoken"), [*LETTERS, *POWERS, *SIGNS, *SUMS, *RANGES, *DASHES, *EMOJI]
)
def test_the_spoken_form(language: str, text: str, spoken: str) -> None:
    assert spoken_form(text, language).text == spoken


@pytest.mark.parametrize(("language", "text"), UNCHANGED)
def test_a_text_with_nothing_to_change_is_given_as_it_is(language: str, text: str) -> None:
    spoken = spoken_form(text, language)
    assert spoken.text == text
    assert not spoken.changed


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Nice 👍.", "Nice."),
        ("🎉🎉 Hello", "Hello"),
        ("a ❤️ b", "a b"),
        ("a🎉b", "a b"),
        ("1️⃣ one", "1 one"),
        ("🤣", ""),
    ],
)
def test_emoji_can_be_skipped(text: str, spoken: str) -> None:
    assert spoken_form(text, "en", NormaliseOptions(emoji="skip")).text == spoken


def test_for_engines_that_normalise_only_letters_are_folded() -> None:
    emoji = "❤\ufe0f👩\u200d👩\u200d👧"
    text = f"𝗛𝗲𝗹𝗹𝗼\u200b ２０２４ {emoji} $5.50 – 5 > 3"
    options = NormaliseOptions(only_letters=True)
    assert spoken_form(text, "en", options).text == f"Hello 2024 {emoji} $5.50 – 5 > 3"


def test_the_region_of_a_language_does_not_matter() -> None:
    assert spoken_form("5 > 3", "en-GB").text == spoken_form("5 > 3", "en_us").text == "5 greater than 3"


def test_signs_are_left_to_the_engine_where_the_language_has_no_table() -> None:
    assert not spoken_form("5 > 3", "cy").changed
    assert not spoken_form("5 > 3").changed


TEXTS = st.text(
    st.sampled_from(
        "abZ é 0 1 5 . , - – — $ € % ° > = ² ½ ① ２ 𝗛 ❤ \ufe0f 👍 🏽 \u200d \u00ad \n : / ~ # ＡⅣ".replace(
            " ", ""
        )
        + " "
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(["en", "de", "ja", "ru", "hi", ""]))
def test_every_character_comes_from_the_source_in_order(text: str, language: str) -> None:
    spoken = spoken_form(text, language)
    assert spoken.source == text
    if spoken.changed:
        assert len(spoken.text) == len(spoken.starts) == len(spoken.ends)
        assert list(spoken.starts) == sorted(spoken.starts)
        pairs = list(zip(spoken.starts, spoken.ends, strict=True))
        assert all(0 <= start <= end <= len(text) for start, end in pairs)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_the_spoken_form_needs_no_further_change_of_letters(text: str) -> None:
    options = NormaliseOptions(only_letters=True)
    once = spoken_form(text, "en", options).text
    assert spoken_form(once, "en", options).text == once


@pytest.mark.parametrize("code", range(0x1D400, 0x1D7FF, 7))
def test_every_mathematical_letter_is_folded(code: int) -> None:
    letter = chr(code)
    if unicodedata.category(letter) != "Cn":
        assert spoken_form(letter, "en").text == unicodedata.normalize("NFKC", letter)
