"""Speech stays intelligible in every codec: a recogniser has to get the words right."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Iterable

import anyio
import av
import numpy as np
import pytest
from pocketsphinx import Decoder

from tts_hub import TTSBackendManager
from tts_hub.audio.formats import FORMATS
from tts_hub.types import Samples

pytestmark = pytest.mark.anyio

HUB_RATE = 24_000
RECOGNISER_RATE = 16_000
MARGIN = round(0.3 * RECOGNISER_RATE)
"""Samples of silence that the recogniser needs on each side."""
DITHER = 3e-4
PARTS = (
    ("the farmer", "my sister", "the old captain", "a young doctor"),
    ("painted", "carried", "forgot", "discovered"),
    ("the wooden table", "seven letters", "a silver key", "the heavy basket"),
    ("in the garden", "before breakfast", "near the station"),
)
GRAMMAR = (
    "#JSGF V1.0; grammar talk; public <talk> = "
    + " ".join(f"({' | '.join(choices)})" for choices in PARTS)
    + ";"
)
SENTENCES = random.Random(3).sample([" ".join(parts) for parts in itertools.product(*PARTS)], 8)


@pytest.fixture(scope="module")
def recogniser() -> Decoder:
    decoder = Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("talk", GRAMMAR)
    decoder.activate_search("talk")
    return decoder


@pytest.fixture(scope="module")
def clear() -> dict[str, Samples]:
    """Sentence -> its speech at 16 kHz, without a lossy codec."""

    async def speak() -> dict[str, Samples]:
        return {sentence: at_16_khz(data, "wav") for sentence, data in (await spoken("wav")).items()}

    return anyio.run(speak)


async def spoken(response_format: str) -> dict[str, bytes]:
    said = {}
    async with TTSBackendManager() as manager:
        for sentence in SENTENCES:
            text = f"{sentence.capitalize()}."
            async with await manager.stream(text, model="espeak", response_format=response_format) as speech:
                said[sentence] = await speech.read()
    return said


def at_16_khz(data: bytes, response_format: str) -> Samples:
    options = {"sample_rate": str(HUB_RATE)} if response_format == "pcm" else {}
    named = "s16le" if response_format == "pcm" else None
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RECOGNISER_RATE)
    with av.open(io.BytesIO(data), "r", format=named, options=options) as container:
        frames = [plain for frame in container.decode(audio=0) for plain in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])


def recognise(recogniser: Decoder, samples: Samples) -> str | None:
    padded = np.pad(samples, MARGIN) + DITHER * np.random.default_rng(1).standard_normal(
        len(samples) + 2 * MARGIN
    )
    recogniser.start_utt()
    recogniser.process_raw((padded.clip(-1, 1) * 32_767).astype("<i2").tobytes(), full_utt=True)
    recogniser.end_utt()
    best = recogniser.hyp()
    return None if best is None else str(best.hypstr)


def understood(recogniser: Decoder, said: Iterable[tuple[str, Samples]]) -> list[str]:
    return [sentence for sentence, samples in said if recognise(recogniser, samples) == sentence]


@pytest.mark.parametrize("response_format", [audio_format.name for audio_format in FORMATS])
async def test_every_sentence_is_understood(recogniser: Decoder, response_format: str) -> None:
    said = await spoken(response_format)
    heard = {sentence: at_16_khz(data, response_format) for sentence, data in said.items()}
    assert understood(recogniser, heard.items()) == SENTENCES


def test_speech_played_backwards_is_not_understood(recogniser: Decoder, clear: dict[str, Samples]) -> None:
    backwards = ((sentence, samples[::-1]) for sentence, samples in clear.items())
    assert understood(recogniser, backwards) == []


def test_speech_in_noise_as_loud_as_itself_is_not_understood(
    recogniser: Decoder, clear: dict[str, Samples]
) -> None:
    random_numbers = np.random.default_rng(5)
    noisy = []
    for sentence, samples in clear.items():
        noise = random_numbers.standard_normal(len(samples)) * np.sqrt(np.mean(samples**2))
        noisy.append((sentence, (samples + noise).astype(np.float32)))
    assert len(understood(recogniser, noisy)) <= 1


def test_another_sentence_is_not_taken_for_it(recogniser: Decoder, clear: dict[str, Samples]) -> None:
    swapped = zip(SENTENCES, [*SENTENCES[1:], SENTENCES[0]], strict=True)
    assert understood(recogniser, ((sentence, clear[other]) for sentence, other in swapped)) == []
