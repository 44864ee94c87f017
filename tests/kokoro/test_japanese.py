"""Japanese by the readings of Open JTalk: symbols, words, numbers, and every character covered."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro.japanese import JapaneseReader
from tts_hub_kokoro.kana import KANA, phonemes_of
from tts_hub_kokoro.languages import LANGUAGES
from tts_hub_kokoro.phonemes import Phonemizer

from tests.kokoro import jtalk
from tts_hub.text.phonemes.transcription import Transcription

JAPANESE = LANGUAGES["j"]
TEXTS = [
    "4月3日の4時に、9月の一本道で会いましょう。",
    "明日、友だちとコーヒーを飲みに京都へ帰ると言った。",
    "50%引きで3.5km、￥1,200。",
    "彼は「本当？」と聞いた。",
    "5,000人と二〇二四年。",
    "ﾊﾟﾝと𠮷野家。",
    "iPhoneとPythonを買った。",
    "第3.2.1節",
    "한국と日本。",
    "10分で走って、きっぷを買った。",
]


@pytest.fixture
def phonemizer(monkeypatch: pytest.MonkeyPatch) -> Phonemizer:
    monkeypatch.setitem(sys.modules, "pyopenjtalk", jtalk.module())
    return Phonemizer(Tokenizer())


def words_of(spoken: Transcription, text: str) -> list[str]:
    return [text[start:end] for start, end in spoken.words]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXTS[0], "ɕiɡaʦɨ mʲiʔka no jo ʥi ɲi, kɯɡaʦɨ no iʔpoɴ doː de aimaɕoː."),
        (TEXTS[1], "aɕita, tomodaʨi to koːçiː o nomʲi ɲi kʲoːto e kaeɾɯ to iʔta."),
        (TEXTS[2], "ɡoʥɨʔpaːsento bʲikʲi de saɴ teɴ ɡo kʲiɾomeːtoɾɯ, seɴ ɲiçakɯ eɴ."),
        (TEXTS[3], "kaɾe βa “hontoː?” to kʲiita."),
        (TEXTS[6], "aiɸoɴ to pˈaɪθən o kaʔta."),
        (TEXTS[7], "dai saɴ teɴ ɲi teɴ iʨi seʦɨ"),
        (TEXTS[9], "ʥɨʔpɯɴ de haɕiʔte, kʲiʔpɯ o kaʔta."),
    ],
)
def test_texts_are_read_in_the_symbols_of_the_model(phonemizer: Phonemizer, text: str, said: str) -> None:
    assert phonemizer.phonemize(text, JAPANESE).phonemes == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXTS[0], "4月 3日 の 4 時 に 9月 の 一本 道 で 会い ましょ う"),
        (TEXTS[1], "明日 友だち と コーヒー を 飲み に 京都 へ 帰る と 言っ た"),
        (TEXTS[2], "50 % 引き で 3.5 km ￥1,200"),
        (TEXTS[4], "5,000 人 と 二〇二四 年"),
        (TEXTS[6], "iPhone と Python を 買っ た"),
    ],
)
def test_words_are_those_of_the_reader(phonemizer: Phonemizer, text: str, words: str) -> None:
    assert words_of(phonemizer.phonemize(text, JAPANESE), text) == words.split()


@pytest.mark.parametrize("text", TEXTS)
def test_every_character_is_in_a_word_in_order(phonemizer: Phonemizer, text: str) -> None:
    spoken = phonemizer.phonemize(text, JAPANESE)
    edges = [edge for word in spoken.words for edge in word]
    assert edges == sorted(edges)
    covered = {place for start, end in spoken.words for place in range(start, end)}
    assert covered.issuperset(at for at, character in enumerate(text) if character.isalnum())
    labels = [label for label in spoken.labels if label is not None]
    assert labels == sorted(labels)
    assert set(labels) == set(range(len(spoken.words)))
    assert all(symbol in phonemizer.vocabulary for symbol in spoken.phonemes)


def test_letters_of_another_script_are_not_dropped_unsaid(phonemizer: Phonemizer) -> None:
    spoken = phonemizer.phonemize("한국と日本。", JAPANESE)
    assert spoken.unread == ("한국",)
    assert words_of(spoken, "한국と日本。")[0] == "한국"


def test_kana_in_a_chinese_text_are_read_as_japanese(phonemizer: Phonemizer) -> None:
    phonemizer._readers["zh"] = lambda line: " ".join({"我": "wo↓", "爱": "ai↘"}[sign] for sign in line)
    spoken = phonemizer.phonemize("我爱コーヒー", LANGUAGES["z"])
    assert spoken.phonemes == "wo↓ ai↘ koːçiː"
    assert words_of(spoken, "我爱コーヒー")[-1] == "コーヒー"


@pytest.mark.parametrize(
    ("katakana", "said"),
    [
        ("シンブン", "ɕimbɯɴ"),
        ("ニホンゴ", "ɲihoŋɡo"),
        ("コンニチワ", "koɲɲiʨiβa"),
        ("ホントー", "hontoː"),
        ("キャット", "kʲaʔto"),
        ("ヴュー", "bʲɨː"),
        ("ウォ", "βo"),
        ("テョ", "tjo"),
        ("’、ア", "a"),
    ],
)
def test_kana_have_the_symbols_of_misaki(katakana: str, said: str) -> None:
    assert phonemes_of(katakana) == said


def test_all_symbols_of_kana_are_known_to_the_model() -> None:
    assert set("".join(KANA.values())) <= set(Tokenizer().vocab)


def test_a_nasal_sounds_as_what_follows_in_the_same_word() -> None:
    assert phonemes_of("ホン", "バコ") == "hom"


def test_long_texts_are_handed_over_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[str] = []
    fake = jtalk.module()

    def take(text: str) -> list[dict[str, object]]:
        handed.append(text)
        return []

    monkeypatch.setattr(fake, "run_frontend", take)
    monkeypatch.setitem(sys.modules, "pyopenjtalk", fake)
    text = "あ" * 5000 + "。" + "い" * 10
    JapaneseReader().phonemize(text)
    assert "".join(handed) == text
    assert max(map(len, handed)) <= 801


@pytest.mark.filterwarnings("ignore:Dictionary.create:DeprecationWarning")  # pyopenjtalk's own
@pytest.mark.skipif(importlib.util.find_spec("pyopenjtalk") is None, reason="needs tts-hub[kokoro-ja]")
def test_the_real_reader_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in jtalk.READINGS:
        real = JapaneseReader()._words(text)
        monkeypatch.setitem(sys.modules, "pyopenjtalk", jtalk.module())
        assert JapaneseReader()._words(text) == real
        monkeypatch.undo()
