"""The definitions of the benchmark, on bodies whose times are known."""

from __future__ import annotations

import numpy as np
import pytest

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.formats import find_format
from tts_hub.bench import measures
from tts_hub.bench.arrivals import Decoded, Part, Playable, decode
from tts_hub.errors import AudioError
from tts_hub.types import Samples

RATE = 24_000


def tone(seconds: float, silence: float = 0.0) -> Samples:
    sound = 0.5 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)
    return np.concatenate([np.zeros(round(silence * RATE)), sound]).astype(np.float32)


def body(samples: Samples, response_format: str, every: float, first: float = 0.1) -> list[Part]:
    """Encoded in pieces of 0.1 s, each arriving `every` seconds after the one before."""
    encoder = open_encoder(find_format(response_format), RATE)
    pieces = [encoder.encode(samples[at : at + 2400]) for at in range(0, len(samples), 2400)]
    parts = [Part(first + number * every, data) for number, data in enumerate(pieces) if data]
    return [*parts, Part(parts[-1].at, encoder.finish())]


@pytest.mark.parametrize("response_format", ["wav", "pcm", "mp3", "opus", "aac", "flac"])
def test_a_part_is_playable_when_its_last_byte_has_come(response_format: str) -> None:
    """0.1 s of sound every 0.2 s: no more may ever be playable than has been sent."""
    decoded = decode(body(tone(2.0), response_format, every=0.2), response_format)
    assert decoded.seconds == pytest.approx(2.0, abs=0.07)
    for playable in decoded.timeline:
        sent = ((playable.at - 0.1) / 0.2 + 1) * 0.1
        assert playable.seconds <= sent + 0.07
    assert decoded.timeline[-1].seconds == pytest.approx(decoded.seconds, abs=0.07)
    assert 0.1 <= measures.first_audio(decoded) <= 0.5


@pytest.mark.parametrize(("response_format", "header"), [("wav", 44), ("pcm", 0)])
def test_bare_samples_are_playable_without_the_rest_of_a_packet(response_format: str, header: int) -> None:
    """FFmpeg reads wav in pieces of 85 ms; a player does not have to."""
    (data,) = (part.data for part in body(tone(0.1), response_format, every=0.0)[:1])
    cut = header + 480 * 2
    decoded = decode(
        [Part(0.1, data[:header]), Part(0.2, data[header:cut]), Part(0.3, data[cut:])], response_format
    )
    assert measures.first_audio(decoded) == pytest.approx(0.2)
    assert decoded.timeline[0].seconds == pytest.approx(0.02, abs=0.002)


def test_the_delay_of_mp3_is_silence_that_a_player_plays() -> None:
    """1105 samples: the header that makes a player skip them is missing from a stream."""
    decoded = decode(body(tone(1.0), "mp3", every=0.0), "mp3")
    assert measures.first_audio(decoded) == pytest.approx(0.1)
    assert measures.first_audible(decoded) == pytest.approx(0.1 + 1105 / RATE, abs=0.01)


def test_first_audible_adds_the_silence_that_a_player_would_play() -> None:
    decoded = decode(body(tone(1.0, silence=0.5), "pcm", every=0.01), "pcm")
    assert measures.leading_silence(decoded.samples, RATE) == pytest.approx(0.5, abs=0.001)
    assert measures.first_audio(decoded) == pytest.approx(0.1)
    assert measures.first_audible(decoded) == pytest.approx(0.6, abs=0.002)


def test_sound_that_arrives_after_its_time_is_played_on_arrival() -> None:
    decoded = decode(body(tone(1.0, silence=0.2), "pcm", every=1.0), "pcm")
    assert measures.first_audible(decoded) == pytest.approx(2.1, abs=0.01)


def test_an_underrun_is_where_a_player_would_stand_still() -> None:
    steady = [Playable(0.1 * n, 0.1 * (n + 1)) for n in range(10)]
    assert measures.underruns(steady) == measures.Underruns(0, 0.0)
    late = [Playable(0.0, 0.1), Playable(0.4, 0.2), Playable(0.45, 0.3), Playable(1.0, 0.4)]
    dry = measures.underruns(late)
    assert dry.count == 2
    assert dry.seconds == pytest.approx(0.3 + 0.4)


def test_gaps_total_and_factor() -> None:
    parts = [Part(0.1, b"a"), Part(0.2, b"b"), Part(0.5, b"c")]
    assert measures.gaps(parts) == pytest.approx([0.1, 0.3])
    assert measures.first_byte(parts) == 0.1
    decoded = Decoded(tone(2.0), RATE, (Playable(0.1, 2.0),))
    assert measures.real_time_factor(parts, decoded) == pytest.approx(0.25)


def test_percentiles_are_interpolated() -> None:
    found = measures.percentiles([float(n) for n in range(101)])
    assert found == {"p50": 50, "p90": 90, "p95": 95, "p99": 99}


@pytest.mark.parametrize(
    ("response_format", "data"), [("mp3", b"not audio at all"), ("wav", b""), ("pcm", b"")]
)
def test_a_body_that_is_no_audio_is_an_error(response_format: str, data: bytes) -> None:
    with pytest.raises(AudioError):
        decode([Part(0.1, data)], response_format)
