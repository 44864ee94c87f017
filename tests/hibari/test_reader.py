"""Texts to phonemes, and the words of the text that they belong to."""

from __future__ import annotations

import pytest
from tts_hub_hibari import HibariBackend
from tts_hub_hibari.alphabet import misaki_symbols
from tts_hub_hibari.pieces import pieces_of
from tts_hub_hibari.reader import Reader
from tts_hub_hibari.tracing import traced
from tts_hub_hibari.wording import worded

from tts_hub.errors import GenerationError
from tts_hub.text.normalise import spoken_form
from tts_hub.text.phonemes.transcription import Transcription


@pytest.fixture(scope="session")
def reader(loaded_backend: HibariBackend) -> Reader:
    return loaded_backend._readers[False]


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
def test_what_its_own_api_misreads_is_read_right(reader: Reader, text: str, phonemes: str) -> None:
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
def test_each_word_has_its_phonemes(reader: Reader, text: str, words: dict[str, str]) -> None:
    said = by_word(reader.read(text), text)
    if "idea" in words:
        words = words | {"idea": said["idea"]}  # only its place is of interest
    assert said.items() >= words.items()


def test_every_symbol_is_one_that_the_model_knows(reader: Reader) -> None:
    text = "A naïve “quote” (with {marks} & signs) — 5 × 3; façade… *bold* ½ №5 \x07 Ωμέγα"
    spoken = reader.read(text)
    assert set(spoken.phonemes) <= set(reader.vocabulary)
    assert len(spoken.phonemes) == len(spoken.labels)
    assert "  " not in spoken.phonemes


def test_an_error_of_the_reader_is_an_error_of_the_engine(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
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


def test_long_texts_are_cut_behind_sentences_then_clauses_then_words() -> None:
    def pieces(phonemes: str) -> list[str]:
        spoken = Transcription(phonemes, (None,) * len(phonemes), ())
        return [piece.phonemes for piece in pieces_of(spoken, 10)]

    assert pieces("abcd efgh") == ["abcd efgh"]
    assert pieces("abc de. fgh, ijk") == ["abc de.", "fgh, ijk"]
    assert pieces("abcd e, fghi jk") == ["abcd e,", "fghi jk"]
    assert pieces("abcd efgh ijkl") == ["abcd efgh", "ijkl"]
    assert pieces("a" * 25) == ["a" * 10, "a" * 10, "a" * 5]
