"""Punctuation: marks where a sentence pauses, and none inside words and numbers."""

from __future__ import annotations

import pytest
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro.espeak import sentence_ends
from tts_hub_kokoro.languages import LANGUAGES
from tts_hub_kokoro.marks import dashed, pieces, spelled_out
from tts_hub_kokoro.phonemes import Phonemizer

ORDINARY = [
    (
        "a",
        "Good morning, dear listener. There are 42 of the finest voices here, and this one is mine. Listen!",
    ),
    ("a", "“Hello,” she said; “how are you?”"),
    ("a", "It's the (very) last one — or is it?"),
    ("a", "Wait... what?! No…"),
    ("a", 'He said: "Yes!" and left.'),
    ("a", "I [really] mean it. Don't 'quote' me."),
    ("a", '"I came. I saw." he said.'),
    ("a", "i went home. then i slept."),
    ("a", "1. First, the number of a list."),
    ("a", "There were 1,234 people, and 3.5 of them slept"),
    ("b", "The colour of the theatre."),
    ("e", "Hola, ¿qué tal estás hoy? ¡Muy bien!"),
    ("f", "Bonjour à tous. L'eau est-elle là ? « Oui ! »"),
    ("h", "नमस्ते दुनिया, आप कैसे हैं?"),
    ("i", "Ciao, come stai oggi?"),
    ("p", "Olá, tudo bem com você?"),
]


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer(Tokenizer())


@pytest.mark.parametrize(("letter", "text"), ORDINARY)
def test_ordinary_sentences_are_read_as_by_kokoro_onnx(
    phonemizer: Phonemizer, letter: str, text: str
) -> None:
    language = LANGUAGES[letter]
    theirs = Tokenizer().phonemize(text, language.espeak)
    assert phonemizer.phonemize(text, language).phonemes == " ".join(theirs.split())


@pytest.mark.parametrize(
    ("letter", "text", "said"),
    [
        ("a", "It is 0.5.", "ɪɾ ɪz zˈiəɹoʊ pɔɪnt fˈaɪv."),
        ("b", "It is 0.5.", "ɪt ɪz zˈiəɹəʊ pɔɪnt fˈaɪv."),
        ("a", "Pi is about 3.14159.", "pˈaɪ ɪz ɐbˌaʊt θɹˈiː pɔɪnt wˈʌn fˈɔːɹ wˈʌn fˈaɪv nˈaɪn."),
        (
            "a",
            "About 12,500 people came, although it rained.",
            "ɐbˌaʊt twˈɛlv θˈaʊzənd fˈaɪvhˈʌndɹɪd pˈiːpəl kˈeɪm, ɔːlðˈoʊ ɪt ɹˈeɪnd.",
        ),
        ("a", "See Section 3.2.1.", "sˈiː sˈɛkʃən θɹˈiː pɔɪnt tˈuːpɔɪnt wˈʌn."),
        ("a", "Version 2.0.1, I think.", "vˈɜːʒən tˈuː pɔɪnt zˈiəɹoʊpɔɪnt wˈʌn, aɪ θˈɪŋk."),
        ("a", "Not 10.0.0.1.", "nˌɑːt tˈɛn pɔɪnt zˈiəɹoʊpɔɪnt zˈiəɹoʊpɔɪnt wˈʌn."),
        ("a", "It was -.5 then.", "ɪt wʌz mˈaɪnəs zˈiəɹoʊ pɔɪnt fˈaɪv ðˈɛn."),
        ("a", "3/4 of it.", "θɹˈiː slˈæʃ fˈɔːɹ ʌv ɪt."),
        ("a", "At 9:30, we met.", "æt nˈaɪn θˈɜːɾi, wiː mˈɛt."),
        ("a", "It costs 5 dollars and 50 cents.", "ɪt kˈɔsts fˈaɪv dˈɑːlɚz ænd fˈɪfti sˈɛnts."),
        ("e", "Cuesta 3.500 euros hoy.", "kwˈesta tɾˈes mˈil kinjˈɛntos ˈeʊɾos ˈoɪ."),
        ("i", "Costa 3.500 euro.", "kˈɔsta trˈe mˈiːla tʃɪnkʊetʃˈɛnto ˈɛʊro."),
        ("f", "Il vaut 3,14.", "il vo tʁwa viʁɡyl katˈɔʁz."),
        ("h", "पाई 3.14 है।", "pˈaːi tˈiːn dəsəmlˈoː ˈeːk cˈaːɾ hɛː."),
        ("p", "Custa 3.500 hoje.", "kˈustæ trˈez mˈiʊ kˌiɲˈeɪŋtʊz ˈoʒy."),
    ],
)
def test_numbers_keep_their_points(phonemizer: Phonemizer, letter: str, text: str, said: str) -> None:
    assert phonemizer.phonemize(text, LANGUAGES[letter]).phonemes == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Write to info@example.org.", "ɹˈaɪt tʊ ˈɪnfoʊ æt ɛɡzˈæmpəl dˈɑːt ˈɔːɹɡ."),
        ("Open notes.txt, please.", "ˈoʊpən nˈoʊts dˈɑːt tˌiːˌɛkstˈiː, plˈiːz."),
        ("Node.js is fun.", "nˈoʊd dˈɑːt dʒˌeɪˈɛs ɪz fˈʌn."),
        ("The U.S. capital is here.", "ðə jˌuːˈɛs kˈæpɪɾəl ɪz hˈɪɹ."),
        ("Bring fruit, e.g. apples.", "bɹˈɪŋ fɹˈuːt, fˌɔːɹɛɡzˈæmpəl ˈæpəlz."),
        ("We met Mr. Smith. He left.", "wiː mˈɛt mˈɪstɚ smˈɪθ. hiː lˈɛft."),
        ("J. R. R. Tolkien wrote.", "dʒˈeɪ ˈɑːɹ ˈɑːɹ tolkˈiːn ɹˈoʊt."),
        ("He lives in the U.S. He works.", "hiː lˈɪvz ɪnðə jˌuːˈɛs. hiː wˈɜːks."),
        ("A Ph.D. student.", "ɐ pˌiːˈeɪtʃ dˈiː stˈuːdənt."),
        ("Don't rock'n'roll.", "dˈoʊnt ɹˈɑːknɹoʊl."),
        ("(a) first", "(ˈeɪ) fˈɜːst"),
        ("etc., and so on", "ɛtsˈɛtɹə, ænd sˌoʊ ˈɔn"),
    ],
)
def test_words_keep_their_marks(phonemizer: Phonemizer, text: str, said: str) -> None:
    assert phonemizer.phonemize(text, LANGUAGES["a"]).phonemes == said


@pytest.mark.parametrize(
    ("letter", "text", "said"),
    [
        ("a", "We met Ms. Jones there.", "wiː mˈɛt mˈɪz dʒˈoʊnz ðˈɛɹ."),
        ("a", "Ask Ms Jones.", "ˈæsk mˈɪz dʒˈoʊnz."),
        ("f", "Il a vu M. Dupont.", "il a vˈy məsjˈø dypˈɔ̃."),
        ("h", "डॉ. शर्मा आये।", "ɖˈɔ ʃˈʌrmaː ˈaːjeː."),
        ("e", "La Sra. López vive.", "la seɲˈoɾa lˈopeθ βˈiβe."),
    ],
)
def test_titles_are_words_without_a_pause(phonemizer: Phonemizer, letter: str, text: str, said: str) -> None:
    assert phonemizer.phonemize(text, LANGUAGES[letter]).phonemes == said


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("See https://a.example/b,c?d=1.", ["."]),
        ("(www.example.org) or x@y.example!", ["(", ") ", "!"]),
        ("The ratio is 3:2; note:this", ["; ", ":"]),
        ("Stop!Now", ["!"]),
        ("one,two 1,2", [","]),
        ("Wait...what", ["..."]),
        ("5'10\" tall", ['" ']),
        ("C:\\Users", []),
        ("Yes . No", [" . "]),
    ],
)
def test_marks_are_those_at_the_edges_of_words(text: str, marks: list[str]) -> None:
    assert [piece.text for piece in pieces(text, sentence_ends("en")) if piece.marks] == marks


@pytest.mark.parametrize("text", [*(text for _, text in ORDINARY), "", "...", "a", " . ", "Mr. ."])
def test_the_pieces_are_the_line(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text, sentence_ends("en"))) == text


@pytest.mark.parametrize(
    ("line", "dashes"),
    [
        ("one – two", "one — two"),
        ("one -- two", "one — two"),
        ("one --- two", "one — two"),
        ("one - two", "one — two"),
        ("one--two", "one—two"),
        ("one―two", "one—two"),
        ("5 - 3", "5 - 3"),
        ("1990 – 2000", "1990 – 2000"),
        ("well-known 40–60", "well-known 40–60"),
        ("run --help", "run --help"),
    ],
)
def test_every_way_of_typing_a_dash_is_one_that_pauses(line: str, dashes: str) -> None:
    assert dashed(line) == dashes


@pytest.mark.parametrize(
    ("line", "clear"),
    [("-.5", "-0.5"), ("x=.5", "x=0.5"), ("1.5", "1.5"), ("v1..5", "v1..5"), ("Ph.D.", "PhD.")],
)
def test_what_espeak_misreads_is_spelled_out(line: str, clear: str) -> None:
    assert spelled_out(line) == clear


def test_a_dash_is_a_pause_for_the_model(phonemizer: Phonemizer) -> None:
    said = {
        dash: phonemizer.phonemize(f"He left {dash} she stayed", LANGUAGES["a"]).phonemes for dash in "–—-"
    }
    assert set(said.values()) == {"hiː lˈɛft — ʃiː stˈeɪd"}
