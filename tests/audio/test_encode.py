from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.decoding import best_lag, decode, decode_s16le
from tests.audio.naming import by_name
from tests.audio.signals import cut, speech
from tts_hub.audio.encode import open_encoder
from tts_hub.audio.formats import AAC, FLAC, FORMATS, MP3, MPEG_RATES, OPUS, OPUS_RATES, PCM, WAV, AudioFormat
from tts_hub.errors import AudioError, UnsupportedOptionError, UsageError
from tts_hub.types import Samples

LOSSLESS = (WAV, PCM, FLAC)
EVERY_RATE = [
    *[(audio_format, rate) for audio_format in (MP3, AAC) for rate in MPEG_RATES],
    *[(OPUS, rate) for rate in OPUS_RATES],
    *[(audio_format, rate) for audio_format in LOSSLESS for rate in (8_000, 22_051, 48_000)],
]


def encode(audio_format: AudioFormat, rate: int, samples: Samples, sizes: list[int]) -> bytes:
    encoder = open_encoder(audio_format, rate)
    return b"".join([*map(encoder.encode, cut(samples, sizes)), encoder.finish()])


def decoded(audio_format: AudioFormat, data: bytes) -> Samples:
    return decode_s16le(data) if audio_format == PCM else decode(data)[0]


@pytest.mark.parametrize(("audio_format", "rate"), EVERY_RATE, ids=by_name)
def test_decoding_gives_the_audio_that_was_encoded(audio_format: AudioFormat, rate: int) -> None:
    samples = speech(rate, 1.5)
    output = decoded(audio_format, encode(audio_format, rate, samples, [rate // 50]))
    if audio_format == OPUS:
        # Opus decoders run at 48 kHz for every input rate.
        assert len(output) == len(samples) * 48_000 // rate
        output = output[:: 48_000 // rate]
    lag, match = best_lag(samples, output)
    if audio_format in LOSSLESS:
        assert np.abs(output - samples).max() <= 0.5 / 32_768
    elif audio_format == OPUS:
        assert lag <= 1
    else:
        assert 1_000 <= lag <= 1_200
        assert len(samples) + 1_000 <= len(output) <= len(samples) + 3 * 1_152
    assert match > 0.96


@settings(max_examples=15, deadline=None)
@given(
    audio_format=st.sampled_from(FORMATS),
    sizes=st.lists(st.integers(0, 4_000), max_size=6),
    length=st.integers(1, 30_000),
)
def test_how_the_audio_is_cut_does_not_change_the_bytes(
    audio_format: AudioFormat, sizes: list[int], length: int
) -> None:
    samples = speech(24_000, 1.25)[:length]
    whole = encode(audio_format, 24_000, samples, [length])
    pieces = encode(audio_format, 24_000, samples, sizes)
    if audio_format == OPUS:
        # Every ogg stream has a serial number of its own.
        assert np.array_equal(decode(whole)[0], decode(pieces)[0])
    else:
        assert whole == pieces


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_the_first_audio_leaves_within_100_ms_of_input(audio_format: AudioFormat, rate: int) -> None:
    encoder = open_encoder(audio_format, rate)
    samples = speech(rate, 0.1)
    early = b"".join(map(encoder.encode, cut(samples, [rate // 100])))
    assert len(early) > 150
    if audio_format not in (AAC, MP3, PCM):
        assert len(decode(early)[0]) > 0


@pytest.mark.parametrize(("rate", "limit"), [(8_000, 0.26), (11_025, 0.2), (16_000, 0.13)])
@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_long_codec_frames_at_low_rates_delay_no_more_than_stated(
    audio_format: AudioFormat, rate: int, limit: float
) -> None:
    if rate not in audio_format.sample_rates:
        return
    limit = limit if audio_format == AAC else min(limit, 0.15)
    assert encode_start(audio_format, rate) <= limit


def encode_start(audio_format: AudioFormat, rate: int) -> float:
    """Seconds of input until 150 bytes have come."""
    encoder = open_encoder(audio_format, rate)
    size = 0
    for index, piece in enumerate(cut(speech(rate, 1), [rate // 100])):
        size += len(encoder.encode(piece))
        if size > 150:
            return (index + 1) / 100
    return 1.0


def test_a_wav_header_leaves_with_the_first_audio_and_leaves_the_length_open() -> None:
    encoder = open_encoder(WAV, 22_050)
    assert encoder.encode(np.zeros(0, np.float32)) == b""
    data = encoder.encode(np.zeros(5, np.float32))
    assert len(data) == 44 + 10
    riff, riff_size, wave_id = struct.unpack_from("<4sI4s", data)
    assert (riff, riff_size, wave_id) == (b"RIFF", 0xFFFFFFFF, b"WAVE")
    assert struct.unpack_from("<HHIIHH", data, 20) == (1, 1, 22_050, 44_100, 2, 16)
    assert struct.unpack_from("<4sI", data, 36) == (b"data", 0xFFFFFFFF)
    assert encoder.finish() == b""


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_no_audio_at_all_still_ends_properly(audio_format: AudioFormat) -> None:
    data = open_encoder(audio_format, 24_000).finish()
    assert len(data) == {"wav": 44, "pcm": 0}.get(audio_format.name, len(data))


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_noise_that_is_not_a_number_is_refused(audio_format: AudioFormat) -> None:
    encoder = open_encoder(audio_format, 24_000)
    with pytest.raises(AudioError, match="not numbers"):
        encoder.encode(np.array([0.0, np.nan], np.float32))


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_a_finished_encoder_takes_no_more(audio_format: AudioFormat) -> None:
    encoder = open_encoder(audio_format, 24_000)
    encoder.finish()
    with pytest.raises(UsageError):
        encoder.encode(np.zeros(10, np.float32))
    with pytest.raises(UsageError):
        encoder.finish()


def test_a_rate_beyond_the_format_is_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="possible"):
        open_encoder(OPUS, 44_100)
