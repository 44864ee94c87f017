"""Chinese with its real reader, where `tts-hub[kokoro-zh]` is installed."""

from __future__ import annotations

import pytest
from kokoro_onnx.tokenizer import Tokenizer
from tts_hub_kokoro.languages import LANGUAGES
from tts_hub_kokoro.phonemes import Phonemizer

CHINESE = LANGUAGES["z"]


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    made = Phonemizer(Tokenizer())
    pytest.importorskip("misaki")
    made.phonemize("你好", CHINESE)
    return made


@pytest.mark.parametrize(
    "text",
    ["我爱你，中国。", "今天天气真好！我们去公园吧？", "50%的人", "他（昨天）来了——真的。", "《红楼梦》"],
)
def test_ordinary_texts_are_read_as_by_misaki(phonemizer: Phonemizer, text: str) -> None:
    from misaki.zh import ZHG2P

    theirs = "".join(symbol for symbol in ZHG2P()(text)[0] if symbol in phonemizer.vocabulary)
    assert phonemizer.phonemize(text, CHINESE).phonemes == " ".join(theirs.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("我用iPhone和Wi-Fi上网。", "wo↓jʊ↘ŋ ˈaɪ fˈoʊn xɤ↗ wˈaɪfˌaɪ ʂa↘ŋwa↓ŋ."),
        ("OK，我去", "ˌoʊkˈeɪ, wo↓ ʨʰy↘"),
        ("I have 3 apples.", "aɪ hæv θɹˈiː ˈæpəlz."),
        ("3.5km", "sa→ntjɛ↓n u↓kʊ→ŋli↓"),
        ("￥1,200", "i→ʨʰjɛ→nɚ↘pai↓ɥɛ↗n"),
        ("人々", "ɻə↗nɻə↗n"),
    ],
)
def test_what_misaki_takes_for_phonemes_is_read(phonemizer: Phonemizer, text: str, said: str) -> None:
    spoken = phonemizer.phonemize(text, CHINESE)
    assert spoken.phonemes == said
    assert not spoken.unread


@pytest.mark.parametrize("character", ["𠮷", "兙"])
def test_a_character_without_a_reading_is_reported(phonemizer: Phonemizer, character: str) -> None:
    spoken = phonemizer.phonemize(f"我去{character}家", CHINESE)
    assert spoken.unread == (character,)
    assert [edge for word in spoken.words for edge in word] == [0, 1, 1, 3, 3, 4]
