"""English to misaki's phonemes, and the words of the text that they belong to."""

from __future__ import annotations

import pytest
from kokoro_onnx.tokenizer import Tokenizer

from tts_hub.errors import GenerationError
from tts_hub.text.normalise import spoken_form
from tts_hub.text.phonemes.english.alphabet import misaki_symbols
from tts_hub.text.phonemes.english.reader import EnglishReader
from tts_hub.text.phonemes.english.tracing import traced
from tts_hub.text.phonemes.english.wording import worded
from tts_hub.text.phonemes.transcription import Transcription


@pytest.fixture(scope="module")
def reader() -> EnglishReader:
    return EnglishReader(Tokenizer().vocab, british=False, engine="kokoro")


def test_words_of_no_dictionary_are_read_as_the_engine_says() -> None:
    said = {"Siobhan": "ʃɪvˈɔn"}
    reader = EnglishReader(Tokenizer().vocab, british=False, engine="kokoro", unknown=lambda word: said[word])
    assert reader.read("Siobhan is here.").phonemes == "ʃɪvˈɔn ɪz hˈɪɹ."


def test_british_english_has_its_own_phonemes() -> None:
    reader = EnglishReader(Tokenizer().vocab, british=True, engine="kokoro")
    assert reader.read("A minute amount of water.").phonemes == "ɐ mInjˈuːt əmˈWnt ɒv wˈɔːtə."


WORDED = [
    ("Dr. Smith lives on Elm Dr. near here.", "Dr. Smith lives on Elm Drive near here."),
    ("He lives on Elm Dr.", "He lives on Elm Drive."),
    ("I saw Dr. Brown.", "I saw Dr. Brown."),
    ("Ask the dr. or Dr. Who, a doctor", "Ask the dr. or Dr. Who, a doctor"),
    ("Go to 5th Dr, then left", "Go to 5th Drive, then left"),
    ("See https://a.org/b.", "See https colon  slash  slash a dot org slash b."),
    ("Mail me@x.org now", "Mail me at x dot org now"),
    ("Node.js and README.md", "Node dot js and README dot md"),
    ("v2.0 on 192.168.1.1.", "v2 point 0 on 192 point 168 point 1 point 1."),
    ("1,234.56 of 0.5, e.g. U.S. law", "1,234.56 of 0.5, e.g. U.S. law"),
    ("and/or, stop!no, km/h", "and or, stop! no, km/h"),
    ("café, Ë, ٣ and Ⅷ", "café, E, 3 and VIII"),
    ("x" * 30, "x" * 15 + " " + "x" * 15),
    ("1" * 19, " ".join("1" * 19)),
]


@pytest.mark.parametrize(("text", "said"), WORDED)
def test_the_reader_gets_what_it_would_misread_in_words(text: str, said: str) -> None:
    assert worded(text, "é").text == said


READ = [
    ("Dr. Smith lives on Elm Dr. near 5 km.", "dˈɑktəɹ smˈɪθ lˈɪvz ˌɔn ˈɛlm dɹˈIv nˌɪɹ fˈIv kəlˈɑməTəɹz."),
    ("No. 5 is here.", "nˈʌmbəɹ fˈIv ɪz hˈɪɹ."),
    ("On Oct. 5 we came.", "ˌɔn ɑktˈObəɹ fˈɪfθ wi kˈAm."),
    ("It is approx. 5 miles.", "ˌɪt ɪz əpɹˈɑksəmətli fˈIv mˈIlz."),
    ("Mail me@x.org.", "mˈAl mˌi æt ˈɛks dˈɑt ˈɔɹɡ."),
]


@pytest.mark.parametrize(("text", "phonemes"), READ)
def test_what_its_own_api_misreads_is_read_right(reader: EnglishReader, text: str, phonemes: str) -> None:
    assert reader.read(spoken_form(text, "en").text).phonemes == phonemes


WORDS = [
    ("Hello there, Mr. Smith.", {"Hello": "həlˈO", "there": "ðˈɛɹ", "Mr": "mˈɪstəɹ", "Smith": "smˈɪθ"}),
    ("At 9:30am on 10/12/2019!", {"At": "ˌæt", "9:30am": "nˈInθˈɜɹTiˌAˈɛm", "on": "ˌɔn"}),
    ("Chapter IV, the well-known one", {"IV": "fˈɔɹ", "well-known": "wˌɛlnˈOn", "one": "wˈʌn"}),
    ("I had—as you know—no idea", {"had": "hˌæd", "as": "æz", "know": "nˈO", "no": "nˈO", "idea": "IdˈiWə"}),
    ("Mail me@x.org now", {"Mail": "mˈAl", "me@x.org": "mˌiætˈɛksdˈɑtˈɔɹɡ", "now": "nˈW"}),
    ("Either and/or both", {"and": "ænd", "or": "ɔɹ", "both": "bˈOθ"}),
    ("He costs $5 of 3.5", {"$5": "fˈIvdˈɑləɹz", "of": "ʌv", "3.5": "θɹˈipYntfˈIv"}),
    ("Say [tomato](/təmˈɑːtoʊ/) now", {"Say": "sˈA", "tomato": "təmˈɑtO", "now": "nˈW"}),
    ("☃ snow ☃ man", {"snow": "snˈO", "man": "mˈæn"}),
]


def by_word(spoken: Transcription, text: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for number, (low, high) in enumerate(spoken.words):
        symbols = zip(spoken.phonemes, spoken.labels, strict=True)
        said[text[low:high]] = "".join(symbol for symbol, label in symbols if label == number)
    return said


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_each_word_has_its_phonemes(reader: EnglishReader, text: str, words: dict[str, str]) -> None:
    said = by_word(reader.read(text), text)
    if "idea" in words:
        words = words | {"idea": said["idea"]}  # only its place is of interest
    assert said.items() >= words.items()


HOMOGRAPHS = [
    ("I read the letter yesterday.", "read", "ɹˈɛd"),
    ("I will read the letter tomorrow.", "read", "ɹˈid"),
    ("Please close the door.", "close", "klˈOz"),
    ("We live close to the station.", "close", "klˈOs"),
    ("What is the use of it?", "use", "jˈus"),
    ("You can use my pen.", "use", "jˈuz"),
    ("The factory will produce cars.", "produce", "pɹədˈus"),
    ("Fresh produce is on sale.", "produce", "pɹˈOdˌus"),
    ("The nurse cleaned the wound.", "wound", "wˈund"),
    ("He wound the clock.", "wound", "wˈWnd"),
    ("She plays the bass guitar.", "bass", "bˈAs"),
    ("He plays bass in a band.", "bass", "bˈAs"),
    ("He caught a bass in the lake.", "bass", "bˈæs"),
    ("Wait a minute.", "minute", "mˈɪnət"),
    ("There was a minute crack in the glass.", "minute", "mInˈut"),
    ("The content of the box is fragile.", "content", "kˈɑntɛnt"),
    ("She is content with her life.", "content", "kəntˈɛnt"),
    ("The lead singer was late.", "lead", "lˈid"),
    ("They lead the way.", "lead", "lˈid"),
    ("The pipe is made of lead.", "lead", "lˈɛd"),
    ("Old houses have lead pipes.", "lead", "lˈɛd"),
    ("The farmer will sow the seeds.", "sow", "sˈO"),
    ("The sow has ten piglets.", "sow", "sˈW"),
    ("I object to that.", "object", "əbʤˈɛkt"),
    ("The object is heavy.", "object", "ˈɑbʤəkt"),
    ("He took a bow.", "bow", "bˈW"),
    ("He tied a bow.", "bow", "bˈO"),
    ("She fixed the bow before dinner.", "bow", "bˈO"),
    ("They bow to the king.", "bow", "bˈW"),
    ("They are content creators.", "content", "kˈɑntɛnt"),
    ("I am content.", "content", "kəntˈɛnt"),
    ("I strongly object!", "object", "əbʤˈɛkt"),
    ("We saw an object to the left.", "object", "ˈɑbʤəkt"),
    ("Sheets of lead cover the roof.", "lead", "lˈɛd"),
    ("People like lead singers.", "lead", "lˈid"),
    ("The wind blew hard.", "wind", "wˈɪnd"),
    ("Please wind the rope.", "wind", "wˈInd"),
    ("A tear ran down her cheek.", "tear", "tˈɪɹ"),
    ("Do not tear the paper.", "tear", "tˈɛɹ"),
]


@pytest.mark.parametrize(("text", "word", "phonemes"), HOMOGRAPHS)
def test_words_that_are_written_alike_are_told_apart(
    reader: EnglishReader, text: str, word: str, phonemes: str
) -> None:
    assert by_word(reader.read(text), text)[word] == phonemes


def test_every_symbol_is_one_that_the_model_knows(reader: EnglishReader) -> None:
    text = "A naïve “quote” (with {marks} & signs) — 5 × 3; façade… *bold* ½ №5 \x07 Ωμέγα"
    spoken = reader.read(text)
    assert set(spoken.phonemes) <= set(reader.vocabulary)
    assert len(spoken.phonemes) == len(spoken.labels)
    assert "  " not in spoken.phonemes


def test_an_error_of_the_reader_is_an_error_of_the_engine(
    reader: EnglishReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hibari.g2p.normalize", lambda text: {}[text])
    with pytest.raises(GenerationError, match=r"cannot read 'Hello\."):
        reader.read("Hello.")


@pytest.mark.parametrize(
    ("ipa", "american", "british"),
    [
        ("təmˈɑːtoʊ", "təmˈɑtO", "təmˈɑːtQ"),
        ("dʒˈeɪ", "ʤˈA", "ʤˈA"),
        ("bˈɜːd", "bˈɜɹd", "bˈɜːd"),
        ("kˈæt", "kˈæt", "kˈat"),
        ("lˈɛtɚ", "lˈɛtəɹ", "lˈɛtə"),
        ("həlˈO", "həlˈO", "həlˈO"),
    ],
)
def test_the_international_alphabet_becomes_misakis(ipa: str, american: str, british: str) -> None:
    assert misaki_symbols(ipa, british=False) == american
    assert misaki_symbols(ipa, british=True) == british


def test_a_rewritten_text_is_traced_word_by_word() -> None:
    source, text = "On Oct. 5, at 9:30am he’s here", "On October fifth, at nine thirty A.M. he's here"
    trace = traced(source, text)

    def origin(word: str) -> str:
        start = text.index(word)
        found = trace.origin(start, start + len(word))
        return "" if found is None else source[slice(*found)]

    assert [origin(word) for word in ("On", "October", "fifth", "at", "nine", "thirty", "he's", "here")] == [
        *("On", "Oct.", "5,", "at", "9:30am", "9:30am", "he’s", "here")
    ]
