"""Text that engines would misread: the speech and the word timings that come through the hub."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.kokoro.tiny import write_model
from tts_hub import Capabilities, Config, SpeechRequest, TTSBackendManager
from tts_hub.errors import InvalidTextError
from tts_hub.testing import FakeBackend

pytestmark = pytest.mark.anyio
FRAME = 480
"""Samples of one frame of the spectrum."""

HEARD = [
    ("en-us", "𝗛𝗲𝗹𝗹𝗼 my friend.", "Hello my friend."),
    ("en-us", "Ｈｅｌｌｏ", "Hello"),
    ("en-us", "In ２０２４ we met.", "In 2024 we met."),
    ("en-us", "①②③", "one two three"),
    ("en-us", "Part Ⅳ", "Part four"),
    ("en-us", "It is 5 > 3.", "It is 5 greater than 3."),
    ("en-us", "I ❤️ it.", "I red heart it."),
    ("en-us", "See 🤣🤣🤣.", "See rolling on the floor laughing."),
    ("en-us", "Read 40–60 of it.", "Read 40 to 60 of it."),
    ("en-us", "From Mon–Fri.", "From Monday to Friday."),
    ("en-us", "It is $5.50.", "It is 5 dollars and 50 cents."),
    ("en-us", "It is -.5 now.", "It is minus 0.5 now."),
    ("en-us", "One -- two.", "One — two."),
    ("en-us", "so\u00adft", "soft"),
    ("de", "Es kostet 5,50 €.", "Es kostet 5 Euro 50."),
    ("de", "Seite 40–60", "Seite 40 bis 60"),
    ("es", "Hace −5 grados.", "Hace menos 5 grados."),
    ("es", "5 × 3", "5 por 3"),
    ("fr-fr", "Il fait -5 degrés.", "Il fait moins 5 degrés."),
    ("it", "La x² è", "La x al quadrato è"),
    ("pt-br", "R$ 35", "35 reais"),
    ("ru", "5 < 3", "5 меньше 3"),
    ("hi", "₹250", "250 रुपये"),
    ("cmn", "50%", "百分之50"),
]
WORDS = [
    ("In ２０２４ we met.", "In ２０２４ we met"),
    ("I ❤️ you 🤣🤣🤣 and 👍🏽.", "I ❤️ you 🤣🤣🤣 and 👍🏽"),
    ("It costs $3.5 million, R$ 35 or $5.50.", "It costs $3.5 million R$ 35 or $5.50"),
    ("Read 40–60 from Mon–Fri, as x² > 3.", "Read 40 60 from Mon Fri as x² > 3"),
    ("①②③ and Ⅳ, then ½.", "①②③ and Ⅳ then ½"),
    ("so\u00adft wo\u200brds", "so\u00adft wo\u200brds"),
]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("kokoro"))


@pytest.fixture
async def hub(model_folder: Path) -> AsyncIterator[TTSBackendManager]:
    engines = {"kokoro": {"model_path": str(model_folder)}}
    async with TTSBackendManager(
        Config.model_validate({"audio": {"loudness": "off"}, "backends": engines})
    ) as manager:
        yield manager


async def said(
    hub: TTSBackendManager, text: str, voice: str, model: str = "espeak"
) -> tuple[bytes, list[str]]:
    """The audio, and its words as the text has them."""
    request = SpeechRequest(text, model=model, voice=voice, response_format="pcm")
    async with await hub.stream(request) as stream:
        audio = await stream.read()
    words = list(stream.words)
    assert all(text[slice(*word.span)] == word.text for word in words)
    assert [word.span for word in words] == sorted(word.span for word in words)
    return audio, [word.text for word in words]


def alike(heard: bytes, expected: bytes) -> bool:
    """Whether two recordings say the same; espeak-ng's consonants are noise, so that no two are equal.

    The spectra of the same words correlate by 0.94 and more, those of other words by 0.7 at most.
    """
    one, other = (np.frombuffer(data, "<i2").astype(np.float32) for data in (heard, expected))
    if abs(len(one) / len(other) - 1) > 0.02:
        return False
    first, second = spectrum(one), spectrum(other)
    frames = min(len(first), len(second))
    return bool(np.corrcoef(first[:frames].ravel(), second[:frames].ravel())[0, 1] > 0.9)


def spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithmic spectrum; shape (frames of 20 ms, bands up to 6 kHz)."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) * np.hanning(FRAME)
    levels: NDArray[np.float32] = np.log(np.abs(np.fft.rfft(frames, axis=1))[:, :120] + 300, dtype=np.float32)
    return levels


@pytest.mark.parametrize(("voice", "written", "plain"), HEARD)
async def test_the_audio_sounds_like_the_spoken_form(
    hub: TTSBackendManager, voice: str, written: str, plain: str
) -> None:
    heard, _ = await said(hub, written, voice)
    expected, _ = await said(hub, plain, voice)
    assert alike(heard, expected)


@pytest.mark.parametrize(("text", "words"), WORDS)
@pytest.mark.parametrize(("model", "voice"), [("espeak", "en-us"), ("kokoro", "af_heart")])
async def test_each_word_is_given_as_it_was_written(
    hub: TTSBackendManager, model: str, voice: str, text: str, words: str
) -> None:
    audio, spoken = await said(hub, text, voice, model)
    assert spoken == words.split()
    assert len(audio) > 10_000


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("𝗛𝗲𝗹𝗹𝗼 my friend.", "Hello my friend."),
        ("One – two.", "One — two."),
        ("One -- two.", "One — two."),
        ("I ❤️ it.", "I red heart it."),
        ("It is 5 > 3.", "It is 5 greater than 3."),
    ],
)
async def test_kokoro_says_the_same(hub: TTSBackendManager, written: str, plain: str) -> None:
    heard, _ = await said(hub, written, "af_heart", "kokoro")
    expected, _ = await said(hub, plain, "af_heart", "kokoro")
    assert heard == expected


@asynccontextmanager
async def fake_hub(
    capabilities: Capabilities | None = None, **text: object
) -> AsyncGenerator[tuple[TTSBackendManager, FakeBackend], None]:
    """A hub with one engine that records its requests, and these settings of `[text]`."""
    fake = FakeBackend(capabilities=capabilities)
    manager = TTSBackendManager(Config.model_validate({"text": text}), discover=False)
    manager.register(fake)
    async with manager:
        yield manager, fake


async def given_to(manager: TTSBackendManager, fake: FakeBackend, request: SpeechRequest) -> list[str]:
    fake.requests.clear()
    async with await manager.stream(request) as stream:
        await stream.read()
    return [segment.text for segment in fake.requests]


async def test_an_engine_gets_the_spoken_form_and_that_of_the_text_before() -> None:
    async with fake_hub() as (manager, fake):
        request = SpeechRequest("It is 5 > 3 here. And it costs $5 there.", model="fake")
        assert await given_to(manager, fake, request) == [
            "It is 5 greater than 3 here.",
            "And it costs 5 dollars there.",
        ]
        assert fake.requests[1].previous_text == "It is 5 greater than 3 here."


async def test_an_engine_that_normalises_gets_only_letters_folded() -> None:
    async with fake_hub(Capabilities(word_timings=True, normalises=True)) as (manager, fake):
        request = SpeechRequest("𝗛𝗶, it is 5 > 3 ❤️.", model="fake")
        assert await given_to(manager, fake, request) == ["Hi, it is 5 > 3 ❤️."]


async def test_normalising_can_be_switched_off() -> None:
    async with fake_hub(normalise=False) as (manager, fake):
        text = "𝗛𝗶, it is 5 > 3 ❤️."
        assert await given_to(manager, fake, SpeechRequest(text, model="fake")) == [text]


async def test_emoji_are_skipped_on_demand() -> None:
    async with fake_hub(emoji="skip") as (manager, fake):
        request = SpeechRequest("It is fine ❤️ here. 🎉\n\nGood 👍.", model="fake")
        assert await given_to(manager, fake, request) == ["It is fine here.", "Good."]


async def test_a_text_of_nothing_but_skipped_emoji_is_refused() -> None:
    async with fake_hub(emoji="skip") as (manager, _):
        with pytest.raises(InvalidTextError):
            await manager.stream(SpeechRequest("🎉🎉", model="fake"))


async def test_ssml_is_left_as_it_is() -> None:
    async with fake_hub(Capabilities(ssml=True, word_timings=True)) as (manager, fake):
        document = "<speak>It is ２ ❤️ $5 here</speak>"
        request = SpeechRequest(document, model="fake", markup="ssml")
        assert await given_to(manager, fake, request) == [document]


async def test_the_language_of_the_request_decides() -> None:
    async with fake_hub() as (manager, fake):
        texts = [
            await given_to(manager, fake, SpeechRequest("Pages 40–60.", model="fake", language=language))
            for language in ("en", "en-US", None)
        ]
        assert texts == [["Pages 40 to 60."]] * 3
