"""Clips that people upload: which are taken, what they become, and that nothing else is done with them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import librosa
import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch
import torchaudio
from chatterbox.tts_turbo import ChatterboxTurboTTS
from numpy.typing import NDArray
from tts_hub_chatterbox.voices import reference
from tts_hub_chatterbox.voices.reference import read_reference, resample, sinc_24k_to_16k

from tests.speechlike import speechlike
from tts_hub.clips import decoding, decoding_process
from tts_hub.clips.decoding import Clip, clip_error, clip_hash, decode_clip, read_clip
from tts_hub.errors import InvalidRequestError

# librosa imports audioread at its first load, and that what Python 3.13 has no more.
pytestmark = pytest.mark.filterwarnings("ignore:.* slated for removal in Python:DeprecationWarning")

Array = NDArray[np.float32]
EXACT = 1e-6
LOSSY = 1e-5
"""Two decoders of MP3 or Vorbis differ by their rounding, not by more."""


def voice(seconds: float, sample_rate: int, channels: int = 1) -> Array:
    """Shape (N, channels); every channel softer than the one before, and with noise of its own."""
    mono = speechlike(seconds, sample_rate)
    noise = np.random.default_rng(1).standard_normal((len(mono), channels)) * 0.003
    loudness = 1 - 0.5 * np.arange(channels) / channels
    return (0.6 * mono[:, None] * loudness + noise).astype(np.float32)


def file_of(samples: NDArray[np.floating], sample_rate: int, kind: str = "WAV PCM_16") -> bytes:
    container, _, codec = kind.partition(" ")
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate, format=container, subtype=codec or None)
    return file.getvalue()


def m4a_of(samples: Array, sample_rate: int, codec: str, sample_format: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as container:
        stream = container.add_stream(codec, rate=sample_rate, layout="mono", format=sample_format)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples.T, format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        frame.pts, frame.time_base = (
            0,
            Fraction(1, sample_rate),
        )  # else the encoder's delay is not in the file
        for piece in av.AudioResampler(format=sample_format, layout="mono", rate=sample_rate).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def theirs(data: bytes) -> tuple[Array, Array]:
    """The package's road to 24 and 16 kHz, its gain kept in float32 as under numpy 1."""
    samples, _ = librosa.load(io.BytesIO(data), sr=24_000)
    normalised = ChatterboxTurboTTS.norm_loudness(SimpleNamespace(), samples, 24_000).astype(np.float32)
    return normalised, librosa.resample(normalised, orig_sr=24_000, target_sr=16_000)


def relative_error(ours: Array, expected: Array) -> float:
    assert ours.shape == expected.shape
    assert ours.dtype == np.float32
    return float(np.abs(ours - expected).max() / np.abs(expected).max())


CASES = [
    *[
        (rate, channels, "WAV PCM_16", EXACT)
        for rate in (8_000, 16_000, 22_050, 44_100, 48_000)
        for channels in (1, 2)
    ],
    (44_100, 2, "WAV PCM_U8", EXACT),
    (44_100, 2, "WAV PCM_24", EXACT),
    (24_000, 6, "WAV PCM_16", EXACT),
    (48_000, 2, "WAV PCM_32", EXACT),
    (22_050, 1, "WAV FLOAT", EXACT),
    (96_000, 2, "WAV DOUBLE", EXACT),
    (16_000, 1, "WAV ULAW", EXACT),
    (44_100, 2, "FLAC PCM_16", EXACT),
    (96_000, 1, "FLAC PCM_24", EXACT),
    (22_050, 2, "OGG VORBIS", LOSSY),
    (44_100, 1, "OGG VORBIS", LOSSY),
    (48_000, 1, "OGG OPUS", LOSSY),
    (8_000, 1, "MP3", LOSSY),
    (44_100, 2, "MP3", LOSSY),
]


@pytest.mark.parametrize(("rate", "channels", "kind", "limit"), CASES)
def test_a_clip_becomes_what_the_reference_makes_of_it(
    rate: int, channels: int, kind: str, limit: float, record_property: Callable[[str, object], None]
) -> None:
    data = file_of(voice(6.03, rate, channels), rate, kind)
    ours = read_reference(data)
    at_24k, at_16k = theirs(data)
    errors = relative_error(ours.samples_24k, at_24k), relative_error(ours.samples_16k, at_16k)
    record_property("errors at 24 and 16 kHz", errors)
    assert max(errors) < limit


PCM = [
    "WAV PCM_U8",
    "WAV PCM_16",
    "WAV PCM_24",
    "WAV PCM_32",
    "WAV FLOAT",
    "WAV DOUBLE",
    "WAV ALAW",
    "FLAC PCM_24",
]


@pytest.mark.parametrize("kind", PCM)
def test_samples_are_on_the_scale_of_the_reference(kind: str) -> None:
    """On their own: a wrong scale would be made good again by the loudness."""
    data = file_of(voice(1, 22_050, 2), 22_050, kind)
    expected, _ = librosa.load(io.BytesIO(data), sr=None)
    np.testing.assert_array_equal(decode_clip(data).samples, expected)


@pytest.mark.parametrize("length", [240_000, 120_721, 120_722, 120_723])
def test_s3gen_gets_the_windowed_sinc_of_the_reference(length: int) -> None:
    samples = voice(length / 24_000, 24_000)[:, 0]
    expected = torchaudio.transforms.Resample(24_000, 16_000)(torch.from_numpy(samples)).numpy()
    assert relative_error(sinc_24k_to_16k(samples), expected) < EXACT


def test_the_two_roads_to_16_khz_are_not_the_same() -> None:
    samples = voice(6, 24_000)[:, 0]
    soxr, sinc = resample(samples, 24_000, 16_000), sinc_24k_to_16k(samples)
    assert np.abs(soxr - sinc).max() > 1e-3


def test_each_net_gets_the_cut_that_the_reference_gives_it() -> None:
    data = file_of(voice(17, 24_000), 24_000)
    found = read_reference(data)
    at_24k, at_16k = theirs(data)
    assert len(found.samples_16k) == 17 * 16_000
    assert relative_error(found.t3_16k, at_16k[: ChatterboxTurboTTS.ENC_COND_LEN]) < EXACT
    prompt = at_24k[: ChatterboxTurboTTS.DEC_COND_LEN]
    assert relative_error(found.flow_24k, prompt) < EXACT
    expected = torchaudio.transforms.Resample(24_000, 16_000)(torch.from_numpy(prompt)).numpy()
    assert relative_error(found.flow_16k(), expected) < EXACT


@pytest.mark.parametrize("gain", [0.02, 1.0, 30_000.0])
def test_a_clip_comes_to_minus_27_lufs_however_loud_it_was(gain: float) -> None:
    data = file_of(voice(6, 24_000) * gain, 24_000, "WAV FLOAT")
    found = read_reference(data)
    assert pyloudnorm.Meter(24_000).integrated_loudness(found.samples_24k) == pytest.approx(-27, abs=0.01)
    assert found.samples_24k.dtype == found.samples_16k.dtype == np.float32


def test_loudness_can_stay_as_it_is() -> None:
    samples = voice(6, 24_000)
    found = read_reference(file_of(samples, 24_000, "WAV FLOAT"), normalise_loudness=False)
    np.testing.assert_array_equal(found.samples_24k, samples[:, 0])


def test_alac_in_m4a_is_exact() -> None:
    samples = voice(6, 22_050)
    clip = decode_clip(m4a_of(samples, 22_050, "alac", "s16p"))
    assert clip.sample_rate == 22_050
    np.testing.assert_allclose(clip.samples[: len(samples)], samples[:, 0], atol=1 / 32_768)


def test_aac_in_m4a_is_close_and_in_place() -> None:
    samples = voice(6, 44_100)
    clip = decode_clip(m4a_of(samples, 44_100, "aac", "fltp"))
    assert len(clip.samples) == pytest.approx(len(samples), abs=2_048)
    error = clip.samples[: len(samples)] - samples[:, 0]
    assert np.sqrt(np.mean(error**2)) < 0.2 * np.sqrt(np.mean(samples**2))


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_opus_of_a_low_rate_is_no_further_from_the_original_than_the_reference_has_it(rate: int) -> None:
    """libsndfile has Opus decode at the original's rate, we at 48 kHz: the difference is 1 to 7 %."""
    samples = voice(6, rate)
    data = file_of(samples, rate, "OGG OPUS")
    original = librosa.resample(samples[:, 0], orig_sr=rate, target_sr=24_000)
    expected, _ = librosa.load(io.BytesIO(data), sr=24_000)
    clip = decode_clip(data)
    ours = resample(clip.samples, clip.sample_rate, 24_000)
    distance = [np.sqrt(np.mean((found[: len(original)] - original) ** 2)) for found in (ours, expected)]
    assert distance[0] < 1.15 * distance[1]


def noise(seconds: float, sample_rate: int = 24_000, channels: int = 1) -> Array:
    shape = (round(seconds * sample_rate), channels)
    return (0.1 * np.random.default_rng(2).standard_normal(shape)).astype(np.float32)


REFUSED = {
    "empty": (lambda: b"", "is empty"),
    "0.1 s": (lambda: file_of(noise(0.1), 24_000), "more than 5 s"),
    "exactly 5 s": (lambda: file_of(noise(5), 24_000), "more than 5 s"),
    "silent": (lambda: file_of(np.zeros(144_000), 24_000), "is silent"),
    "nearly silent": (lambda: file_of(noise(6) * 1e-4, 24_000, "WAV FLOAT"), "is silent"),
    "2 hours": (lambda: file_of(np.zeros(8_000 * 7_200), 8_000, "FLAC"), "longer than 120 s"),
    "a little more than 120 s": (lambda: file_of(noise(120.1, 8_000), 8_000, "FLAC"), "longer than 120 s"),
    "4 kHz": (lambda: file_of(noise(6, 4_000), 4_000), "4000 Hz"),
    "384 kHz": (lambda: file_of(noise(2, 384_000), 384_000), "384000 Hz"),
    "9 channels": (lambda: file_of(noise(6, 24_000, 9), 24_000), "9 channels"),
    "NaN": (lambda: file_of(noise(6) * np.nan, 24_000, "WAV FLOAT"), "not numbers"),
    "beyond float32": (lambda: file_of(noise(6).astype(float) * 1e300, 24_000, "WAV DOUBLE"), "not numbers"),
    "far too loud": (lambda: file_of(noise(6) * 1e25, 24_000, "WAV FLOAT"), "far beyond full scale"),
    "ADPCM": (lambda: file_of(noise(6), 24_000, "WAV MS_ADPCM"), "adpcm_ms"),
    "large": (lambda: b"RIFF" + bytes(decoding.MAX_BYTES), "larger than 50 MB"),
    "a header alone": (lambda: file_of(noise(6), 24_000)[:44], "holds no sound|damaged"),
    "a cut FLAC header": (lambda: file_of(noise(6), 24_000, "FLAC")[:30], "damaged"),
    "rubbish behind fLaC": (lambda: b"fLaC" + bytes(range(256)) * 8, "damaged"),
    "rubbish behind OggS": (lambda: b"OggS" + bytes(range(256)) * 8, "damaged|no sound"),
    "rubbish behind ftyp": (lambda: b"\0\0\0\x18ftypM4A " + bytes(512), "damaged|no sound"),
    "AU": (lambda: file_of(noise(6), 24_000, "AU PCM_16"), "known format"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_become_a_voice_is_refused(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        read_reference(make())
    assert caught.value.param == "voice"


def test_a_little_more_than_5_s_and_a_little_less_than_120_s_will_do() -> None:
    assert len(read_reference(file_of(noise(5.01), 24_000)).samples_24k) == 120_240
    assert len(read_reference(file_of(noise(119.9, 8_000), 8_000, "FLAC")).samples_24k) == 2_877_600


def test_the_rate_may_not_change_on_the_way() -> None:
    first, second = (file_of(noise(3, rate), rate, "OGG VORBIS") for rate in (16_000, 24_000))
    with pytest.raises(InvalidRequestError, match=r"changes its sample rate|damaged"):
        decode_clip(first + second)


def decoded_here(data: bytes) -> Clip:
    try:
        return Clip(*decoding_process.decode(data, decoding._container(data)))
    except decoding_process.RefusedError as exc:
        raise clip_error(str(exc)) from exc


@pytest.mark.parametrize("kind", ["WAV PCM_16", "FLAC", "OGG VORBIS", "OGG OPUS", "MP3"])
def test_damaged_files_are_read_or_refused_and_nothing_else(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoded in this process, which a crash would end, and which is faster."""
    monkeypatch.setattr(reference, "decode_clip", decoded_here)
    data = file_of(noise(5.5), 24_000, kind)
    generator = np.random.default_rng(3)
    for _ in range(20):
        broken = bytearray(data[: generator.integers(1, len(data))] if generator.random() < 0.3 else data)
        for position in generator.integers(0, len(broken), size=generator.choice([1, 20])):
            broken[position] = generator.integers(0, 256)
        try:
            read_reference(bytes(broken))
        except InvalidRequestError as exc:
            assert "Errno" not in str(exc)


def test_reading_from_disk_has_the_same_limits(tmp_path: Path) -> None:
    good, large, pipe = tmp_path / "good.wav", tmp_path / "large.wav", tmp_path / "pipe.wav"
    good.write_bytes(file_of(noise(6), 24_000))
    large.write_bytes(bytes(decoding.MAX_BYTES + 1))
    os.mkfifo(pipe)
    assert read_clip(good) == good.read_bytes()
    for path in (large, pipe, tmp_path, tmp_path / "missing.wav"):
        with pytest.raises(InvalidRequestError):
            read_clip(path)


def test_a_clip_is_known_by_its_bytes() -> None:
    assert clip_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("TARGET_LUFS", -26.9), ("ROLLOFF", 0.98), ("ZERO_CROSSINGS", 7), ("RATE_16K", 16_001)],
)
def test_the_comparison_would_see_a_wrong_constant(
    name: str, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = file_of(voice(6.03, 44_100, 2), 44_100)
    at_24k, at_16k = theirs(data)
    sinc = torchaudio.transforms.Resample(24_000, 16_000)(torch.from_numpy(at_24k)).numpy()
    monkeypatch.setattr(reference, name, wrong)
    found = read_reference(data)
    pairs = [(found.samples_24k, at_24k), (found.samples_16k, at_16k), (found.flow_16k(), sinc)]
    assert any(len(ours) != len(other) or relative_error(ours, other) > 1e-4 for ours, other in pairs)
