"""Full stops that end no sentence, and those that do: behind few words and many, whole and in pieces."""

from __future__ import annotations

import pytest

from tts_hub.text.abbreviations import _SHARED, _TABLES, rules_for
from tts_hub.text.segment import Segmenter

WORDS = {
    "en": "yesterday we all went to the old house by the river and",
    "de": "gestern gingen wir alle zu dem alten Haus an dem Fluss und",
    "fr": "hier soir nous sommes tous partis vers la vieille maison et",
    "es": "ayer por la tarde fuimos todos a la vieja casa y",
    "it": "ieri sera siamo andati tutti verso la vecchia casa sul fiume e",
    "pt": "ontem à tarde fomos todos para a velha casa do rio e",
    "nl": "gisteren gingen wij allemaal naar het oude huis bij de rivier en",
    "pl": "wczoraj wszyscy poszliśmy do starego domu nad tamtą małą rzeką i",
    "ru": "вчера мы все пошли к старому дому у той маленькой реки и",
    "hi": "कल हम सब उस छोटी नदी के पास पुराने घर और",
    "sv": "igår gick vi alla till det gamla huset vid den lilla ån och",
    "cs": "včera jsme všichni šli ke starému domu u té malé řeky a",
}
JOINED = {
    "en": [
        "we met Ms. Jones.",
        "it holds that a != b here.",
        "ask Mx. Jones or Mme. Curie.",
        "see Eq. 5 for it.",
        "see Eq. (5) for it.",
        "it weighs approx. 5 kg now.",
        "read vol. 3 of it.",
        "read vol. II of it.",
        "on Mon. we go.",
        "it was Mon. Jan. 5 then.",
        "we left at 5 p.m. Eastern time.",
        "we left at 5 p.m. on Monday.",
        "see chap. 5 of it.",
        "see Fig. A1 and Figs. 3 to 5.",
        "he is no. 5 here.",
        "it is Dr. No and Mr. Bean in St. Louis.",
        "the U.S. Senate met.",
        "the U.S. capital is big.",
        "it was J. R. R. Tolkien himself.",
        "it was George W. Bush himself.",
        "he works for Apple Inc. as a clerk.",
        "take apples, pears, etc. with you.",
        "take fruit (e.g. Pears) with you.",
        "we saw Lt. Col. Smith and Gen. Lee.",
        "it is the case Roe vs. Wade again.",
        "she has a Ph.D. in physics.",
        "it costs 3.50 at example.org or in Node.js now.",
        "it is 10 ft. 6 inches long.",
        "the temp. is 5 deg. at night.",
        "there is P.S. I Love You on it.",
        "wait... what is it?",
        "the band Yahoo!’s fans came.",
        '"is it so?" she asked.',
    ],
    "de": [
        "es begann der 2. Weltkrieg im Mai.",
        "am 3. Oktober kam Dr. Meier.",
        "im 19. Jahrhundert war es so.",
        "es war König Ludwig XIV. von Frankreich.",
        "das ist z. B. Berlin oder z.B. Bonn.",
        "das kostet ca. 5 Euro bzw. Dollar.",
        "siehe Abb. 3 und S. 12 bis 14 dort.",
        "in der Goethestr. 5 wohnt Hr. Müller.",
        "das sind u. a. Hunde und Katzen.",
        "es kam Prof. Dr. Schmidt.",
        "es sind 5 Mio. Euro.",
        "das ist Nr. 7 der Liste.",
        "„Gut.“ sagte sie.",
    ],
    "fr": [
        "il habite Bd. Voltaire.",
        "il a vu M. Dupont dans la rue.",
        "il a vu MM. Dupont et Durand.",
        "voici Dr. Martin et Mme. Curie.",
        "voici Mgr. Lefort et Pr. Dubois.",
        "voir p. 12 et chap. 3 du livre.",
        "c'est par ex. Paris ou p. ex. Lyon.",
        "« Bonjour ! » dit-il alors.",
        "c'était en 50 av. J.-C. à Rome.",
        "le n° 5 et le no. 6 y sont.",
        "selon l'art. 5 de la loi.",
    ],
    "es": [
        "vive en la calle Mayor, núm. 12.",
        "era el n.º 5 de la lista.",
        "fue el 1.º de mayo.",
        "llegó la Sra. López con el Sr. Ruiz.",
        "era D. Quijote y la Dra. Pérez.",
        "vive en la Av. Bolívar y pesa aprox. 5 kg.",
        "véase pág. 5 y la fig. 3.",
        "vive en EE. UU. desde ayer.",
        "es p. ej. Madrid.",
        "llegó a las 5 p. m. con ella.",
    ],
    "it": [
        "si veda pag. 5 del libro.",
        "ecco il Sig. Rossi e la Sig.ra Bianchi.",
        "ecco il Dott. Verdi con l'Ing. Neri.",
        "secondo l'art. 5 e il cap. 3.",
        "era S. Francesco.",
        "pesa ca. 5 kg.",
    ],
    "pt": [
        "moro na Av. Paulista, n.º 200.",
        "veio o Sr. Silva com a Dra. Souza.",
        "veja a pág. 5 e o cap. 3.",
        "por ex. Lisboa é linda.",
        "custa aprox. 5 euros.",
    ],
    "nl": [
        "dat is bijv. Amsterdam of Den Haag.",
        "daar komt Dhr. Jansen met mevr. De Vries.",
        "zie blz. 5 en afb. 3.",
        "dat kost ca. 5 euro.",
        "dat is o.a. Utrecht.",
    ],
    "pl": [
        "to jest np. Warszawa.",
        "to jest ul. Długa i św. Jan.",
        "przyszedł prof. Nowak z dr. Kowalskim.",
        "zobacz str. 5 i rys. 3 tam.",
        "to był 2. Pułk Piechoty.",
        "mieszka tu m.in. Anna.",
    ],
    "ru": [
        "он живёт на ул. Ленина в г. Москва.",
        "там был А. С. Пушкин.",
        "см. стр. 5 и рис. 3.",
        "там были проф. Иванов и акад. Павлов.",
        "это стоит 5 тыс. руб. или больше.",
        "это было в 1999 г. в Москве.",
        "то есть, т. е. Москва.",
    ],
    "hi": [
        "वह 5 कि.मी. दूर है।",
        "वह एम.ए. पास है।",
        "डॉ. शर्मा आए।",
        "प्रो. सिंह आए।",
        "श्रीमती. वर्मा आईं।",
        "ए. पी. जे. अब्दुल कलाम आए।",
        "क्र. 5 पर देखो।",
    ],
    "sv": ["det är t.ex. Lund och ca. 5 mil."],
    "cs": ["to byla 2. světová válka.", "je to např. Praha."],
}
"""Texts in which no sentence ends before the last character."""
APART = {
    "en": [
        ["I live in the U.S.", "She does not."],
        ["We left at 5 p.m.", "He left too."],
        ["We left at 5 p.m.", "Passengers were late."],
        ["He has no.", "She left."],
        ["He said no.", "I left."],
        ["It was Mon.", "We slept."],
        ["He ate a fig.", "It was ripe."],
        ["We ate pears, etc.", "Then we left."],
        ["He works for Apple Inc.", "She does not."],
        ["We take vitamin C.", "It helps."],
        ["It was he and I.", "We left."],
        ["It was Plan B.", "The rest failed."],
        ["It is 5 ft.", "He is tall."],
        ["It was in 1945.", "The war ended."],
        ["He scored 5.", "Then he left."],
        ["He sat.", "5 men came."],
        ["I saw the sun.", "7 of us did."],
        ["i went home.", "then i slept."],
        ["how are you?", "i am fine."],
        ["so am i.", "then i slept."],
        ["He left (at last).", "She stayed."],
        ['He said "Yes."', "She left."],
        ["“I came.", "I saw.”", "Then he left."],
        ["He said so.[1]", "She left."],
        ["We slept...", "He woke."],
        ["We slept…", "He woke."],
        ["**It is bold.**", "This is not."],
        ["See https://x.org/a?b=c.d for it.", "Then leave."],
        ["We use Node.js.", "It works."],
        ["The file is notes.txt.", "Open it."],
        ["I was bored.", "😀 He was not."],
    ],
    "de": [
        ["Es war 1945.", "Der Krieg endete."],
        ["Er wurde nur 3.", "Danach ging er."],
        ["Das war Plan B.", "Er ging."],
        ["Sie hat Hunde, Katzen usw.", "Er nicht."],
        ["»Gut.«", "Sie ging."],
        ["Das war der Papst.", "Johannes kam."],
        ["Das ist nur eine Art.", "Sie ging."],
    ],
    "fr": [
        ["Il y a des chats, etc.", "Il part."],
        ["Il a dit non.", "Elle part."],
        ["« Bonjour. »", "Elle sourit."],
        ["Il habite 5 km.", "Elle part."],
        ["C'était en 50 av. J.-C.", "C'est loin."],
    ],
    "es": [
        ["Vive en EE. UU.", "Ella no."],
        ["Dijo que no.", "Ella se fue."],
        ["Hay gatos, etc.", "El perro no."],
        ["Hola.", "¿Y tú?"],
        ["Vive en EE.UU.", "Es grande."],
    ],
    "it": [["Ha detto di no.", "Lei parte."], ["Gatti, cani, ecc.", "Lui no."]],
    "pt": [["Ele disse que não.", "Ela saiu."], ["Gatos, cães etc.", "Ele não."]],
    "nl": [["Honden, katten enz.", "Hij niet."], ["Hij zei nee.", "Zij ging."]],
    "pl": [["Psy, koty itd.", "On nie."], ["To był rok 1945.", "Wojna minęła."]],
    "ru": [["Это кошки и т. д.", "Он ушёл."], ["Это было в 1999 г.", "Он ушёл."], ["Это я.", "Он ушёл."]],
    "hi": [["वह गया.", "मैं रुका."], ["वह आई.", "मैं गया."], ["डॉ. शर्मा गए।", "मैं रुका।"]],
}
UNSPACED = {
    "ja": [
        ["彼は「本当？」と聞いた。"],
        ["本当？と聞いた。", "はい。"],
        ["「はい。」と言った。", "「そう。」", "それから帰った。"],
        ["「だめ！」は禁句だ。", "「行け。」", "とても遠い。"],
        ["「だめ！」だった。", "「え？」", "「何？」"],
        ["3.5メートルです。", "3個です。"],
        ["No. 5です。", "終わり。"],
    ],
    "zh": [
        ["我有三个。", "5个苹果。"],
        ["他说：“你好。”", "然后走了。"],
        ["“真的吗？”他问。", "“真的。”", "我走了。"],
        ["“好！”大家喊道。", "5个人来了。"],
        ["价格是3.14元。", "太贵了！"],
        ["你好.", "今天很好!", "再见。"],
        ["我……不知道。", "是吗？"],
    ],
}


def texts(pieces: list[str], language: str) -> list[str]:
    segmenter = Segmenter(language=language, max_chars=400)
    found = [segment for piece in pieces for segment in segmenter.push(piece)] + segmenter.finish()
    return [segment.text for segment in found if segment.text]


@pytest.mark.parametrize("count", [0, 1, 3, 10])
@pytest.mark.parametrize(("language", "sentence"), [(code, s) for code, rows in JOINED.items() for s in rows])
def test_an_abbreviation_ends_no_sentence(language: str, sentence: str, count: int) -> None:
    before = " ".join(WORDS[language].split()[:count])
    sentence = f"{before} {sentence}".strip()
    last = {"hi": "यह अगला वाक्य है।"}.get(language, "Xyzzy ist das.")
    text = f"{sentence} {last}"
    assert texts([text], language) == [sentence, last]
    assert texts(list(text), language) == [sentence, last]


@pytest.mark.parametrize("count", [0, 1, 3, 10])
@pytest.mark.parametrize(
    ("language", "sentences"), [(code, row) for code, rows in APART.items() for row in rows]
)
def test_a_real_end_stays_one(language: str, sentences: list[str], count: int) -> None:
    first, *others = sentences
    before = " ".join(WORDS[language].split()[:count])
    expected = [f"{before} {first}".strip(), *others]
    text = " ".join(expected)
    assert texts([text], language) == expected
    assert texts(list(text), language) == expected


@pytest.mark.parametrize(
    ("language", "sentences"), [(code, row) for code, rows in UNSPACED.items() for row in rows]
)
def test_sentences_without_spaces_between_them(language: str, sentences: list[str]) -> None:
    text = "".join(sentences)
    assert texts([text], language) == sentences
    assert texts(list(text), language) == sentences


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "hi", "ja", "zh"])
def test_every_language_of_the_engines_has_its_own_rules(language: str) -> None:
    assert rules_for(language) is not rules_for("xx")


def test_titles_are_known_in_every_language() -> None:
    assert texts(["xxx Mrs. Jones xxx."], "xx") == ["xxx Mrs. Jones xxx."]


@pytest.mark.parametrize("code", ["", *_TABLES])
def test_no_abbreviation_is_listed_twice(code: str) -> None:
    table = _TABLES[code] if code else _SHARED
    rows = [table.always, table.number, table.reference, table.name, table.clock]
    words = [word for row in rows for word in row.split()]
    assert [word for word in words if words.count(word) > 1] == []
