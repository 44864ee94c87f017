from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import cut, padded, speech, tone
from tts_hub.audio.pcm import db_to_gain, silence
from tts_hub.audio.track import Track, TrackSettings
from tts_hub.errors import AudioError, UnsupportedOptionError, UsageError
from tts_hub.quality.scores.clicks import worst_click
from tts_hub.types import AudioChunk, Samples, WordTiming

RATE = 24_000
PLAIN = TrackSettings(loudness_lufs=None)
"""Segments keep their loudness, so that levels can be compared."""


class Recorder:
    """A track with all audio and words that it has given."""

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self.track = Track(settings)
        self.chunks: list[AudioChunk] = []

    def segment(
        self,
        samples: Samples,
        *,
        rate: int = RATE,
        sizes: list[int] | None = None,
        words: tuple[WordTiming, ...] = (),
        pause_before: float = 0.0,
        span_offset: int = 0,
    ) -> None:
        self.track.begin_segment(pause_before=pause_before, span_offset=span_offset)
        for index, piece in enumerate(cut(samples, sizes or [2_400])):
            self.chunks.append(self.track.push(AudioChunk(piece, rate, words if index == 0 else ())))
        self.chunks.append(self.track.end_segment())

    def pause(self, seconds: float) -> None:
        self.chunks.append(self.track.pause(seconds))

    def finish(self) -> Samples:
        self.chunks.append(self.track.finish())
        return self.samples

    @property
    def samples(self) -> Samples:
        return np.concatenate([chunk.samples for chunk in self.chunks])

    @property
    def words(self) -> list[WordTiming]:
        return [word for chunk in self.chunks for word in chunk.words]


def word(text: str, start: float, end: float, first: int = 0) -> WordTiming:
    return WordTiming(text, start, end, (first, first + len(text)))


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=5),
    tempo=st.sampled_from([1.0, 0.6, 1.7]),
    rate=st.sampled_from([22_050, 24_000]),
)
def test_how_the_audio_is_cut_does_not_change_the_track(sizes: list[int], tempo: float, rate: int) -> None:
    samples = padded(np.concatenate([speech(rate, 0.7), silence(5_000), speech(rate, 0.3)]), 4_000, 3_000)
    outputs = []
    for chunk_sizes in (sizes, [len(samples)]):
        recorder = Recorder(TrackSettings(tempo=tempo))
        for pause in (0.0, 0.3):
            recorder.segment(samples, rate=rate, sizes=chunk_sizes, pause_before=pause)
        outputs.append(recorder.finish())
    assert np.array_equal(outputs[0], outputs[1])


def test_silence_at_the_ends_becomes_the_given_pause() -> None:
    recorder = Recorder(PLAIN)
    sound = tone(RATE, 0.5)
    recorder.segment(padded(sound, 10_000, 10_000))
    recorder.segment(padded(sound, 10_000, 10_000), pause_before=0.25)
    output = recorder.finish()
    segment = 360 + len(sound) + 1_200
    assert len(output) == pytest.approx(2 * segment + 6_000, abs=4)
    between = output[segment + 4 : segment + 6_000 - 4]
    assert not between.any()


def test_silence_inside_a_segment_keeps_its_length() -> None:
    recorder = Recorder(PLAIN)
    samples = np.concatenate([tone(RATE, 0.5), silence(20_000), tone(RATE, 0.5)])
    recorder.segment(samples)
    assert len(recorder.finish()) == pytest.approx(len(samples), abs=4)


def test_without_trimming_every_sample_stays() -> None:
    recorder = Recorder(TrackSettings(trim_silence=False))
    recorder.segment(padded(tone(RATE, 0.5), 10_000, 10_000))
    assert len(recorder.finish()) == 32_000


def test_the_first_sound_comes_within_20_ms() -> None:
    recorder = Recorder()
    recorder.segment(padded(speech(RATE, 0.5), 30_000, 0))
    assert np.flatnonzero(np.abs(recorder.finish()) > 0.01)[0] <= 0.02 * RATE


def test_a_sound_is_held_back_by_the_fade_and_the_limiter_only() -> None:
    track = Track()
    track.begin_segment(start_lufs=-20.0)
    came = 0
    for index, piece in enumerate(cut(speech(RATE, 1), [240])):
        came += len(track.push(AudioChunk(piece, RATE)).samples)
        assert (index + 1) * 240 - came <= round(0.0135 * RATE)


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_a_pause_is_exact_whatever_the_tempo(tempo: float) -> None:
    lengths = []
    for pause in (0.0, 0.4):
        recorder = Recorder(TrackSettings(tempo=tempo))
        recorder.segment(speech(RATE, 0.5))
        recorder.pause(pause)
        recorder.segment(speech(RATE, 0.5), pause_before=pause)
        lengths.append(len(recorder.finish()))
    assert lengths[1] - lengths[0] == 2 * 9_600


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_words_move_to_the_clock_of_the_track(tempo: float) -> None:
    recorder = Recorder(TrackSettings(tempo=tempo, loudness_lufs=None))
    samples = padded(speech(RATE, 1), 4_800, 4_800)
    words = (word("one", 0.2, 0.5), word("two", 0.7, 1.2, 4))
    recorder.segment(samples, words=words)
    recorder.segment(samples, words=words, pause_before=0.3, span_offset=10)
    output = recorder.finish()
    second = (len(output) / RATE - 0.3) / 2 + 0.3
    wanted = [0.015 + shift / tempo for shift in (0, 0.3, 0.5, 1.0)]
    times = [time for each in recorder.words for time in (each.start, each.end)]
    assert times == pytest.approx([*wanted, *(second + time for time in wanted)], abs=0.002)
    assert [each.span for each in recorder.words] == [(0, 3), (4, 7), (10, 13), (14, 17)]


def test_a_word_points_at_its_sound() -> None:
    samples = np.concatenate([silence(6_000), tone(RATE, 0.3), silence(9_000), tone(RATE, 0.3), silence(900)])
    recorder = Recorder(TrackSettings(tempo=0.5, loudness_lufs=None))
    recorder.segment(samples, words=(word("a", 0.25, 0.55), word("b", 0.925, 1.225, 2)))
    output = recorder.finish()
    second = recorder.words[1]
    assert np.abs(output[int(second.start * RATE) : int(second.end * RATE)]).mean() > 0.2
    assert np.abs(output[int((second.start - 0.2) * RATE) : int((second.start - 0.05) * RATE)]).max() < 0.05


def test_a_word_leaves_with_the_audio_it_ends_in() -> None:
    recorder = Recorder(PLAIN)
    recorder.segment(speech(RATE, 1), sizes=[1_000], words=(word("a", 0, 0.31), word("b", 0.4, 0.99, 2)))
    position = 0
    for chunk in recorder.chunks:
        position += len(chunk.samples)
        for each in chunk.words:
            assert each.end * RATE <= position + 121
            assert each.end * RATE > position - len(chunk.samples) - 1
    assert len(recorder.words) == 2


def test_words_never_run_backwards_or_past_the_end() -> None:
    recorder = Recorder()
    odd = (word("a", -1, 0.3), word("b", 0.1, 0.2), word("c", 0.9, 7), word("d", 0.5, 0.4))
    recorder.segment(padded(speech(RATE, 1), 3_000, 0), words=odd)
    length = len(recorder.finish()) / RATE
    starts = [each.start for each in recorder.words]
    ends = [each.end for each in recorder.words]
    assert [each.text for each in recorder.words] == ["a", "b", "c", "d"]
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert starts[0] >= 0
    assert ends[-1] <= length
    assert all(start <= end for start, end in zip(starts, ends, strict=True))


def test_a_segment_without_sound_becomes_a_short_pause_and_says_so() -> None:
    recorder = Recorder()
    heard = []
    for samples, pause in ((silence(30_000), 0.0), (speech(RATE, 0.3), 0.1), (silence(100), 0.0)):
        recorder.segment(samples, words=(word("a", 0.1, 0.2),), pause_before=pause)
        heard.append((recorder.track.segment_audible, recorder.track.audible))
    assert heard == [(False, False), (True, True), (False, True)]
    assert len(recorder.words) == 3
    speaking = len(speech(RATE, 0.3))
    assert len(recorder.finish()) == pytest.approx(2 * 4_800 + 2_400 + speaking, abs=30)


def test_a_segment_without_audio_leaves_no_trace() -> None:
    recorder = Recorder()
    recorder.segment(silence(0), pause_before=0.5)
    recorder.segment(speech(RATE, 0.5))
    recorder.segment(silence(0), pause_before=0.5)
    assert len(recorder.finish()) == pytest.approx(12_000, abs=30)


def test_engines_of_different_rates_follow_each_other() -> None:
    recorder = Recorder(PLAIN)
    recorder.segment(tone(22_050, 1), rate=22_050)
    recorder.segment(tone(16_000, 1), rate=16_000)
    output = recorder.finish()
    assert len(output) == pytest.approx(48_000, abs=30)
    for part in (output[1_000:23_000], output[25_000:47_000]):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert np.argmax(spectrum) * RATE / len(part) == pytest.approx(440, abs=1.5)


def test_a_change_of_rate_within_a_segment_is_followed() -> None:
    track = Track(PLAIN)
    track.begin_segment()
    pieces = [track.push(AudioChunk(tone(rate, 0.5), rate)) for rate in (22_050, 48_000, 24_000)]
    pieces += [track.end_segment(), track.finish()]
    assert sum(len(piece.samples) for piece in pieces) == pytest.approx(36_000, abs=30)


def test_joins_do_not_click_and_a_hard_cut_would() -> None:
    clicks, cuts = [], []
    for seed in range(20):
        first, second = (speech(RATE, 0.5 + seed / 97, seed=seed + k) for k in (0, 50))
        recorder = Recorder(PLAIN)
        recorder.segment(first)
        join = round(recorder.track.seconds * RATE)
        recorder.segment(second)
        clicks.append(worst_click(recorder.finish(), join))
        cuts.append(worst_click(np.concatenate([first, second]), len(first)))
    assert np.mean(np.array(clicks) > 6) <= 0.05
    assert np.mean(np.array(cuts) > 6) >= 0.2


def test_a_quiet_voice_comes_out_at_the_wanted_loudness_without_clipping() -> None:
    track = Track(TrackSettings(loudness_lufs=-16.0))
    track.begin_segment(source="espeak/en", start_lufs=-31.0)
    samples = np.concatenate([speech(RATE, 3, peak=0.1), speech(RATE, 0.2, peak=0.9)])
    pieces = [track.push(AudioChunk(samples, RATE)), track.end_segment(), track.finish()]
    output = np.concatenate([piece.samples for piece in pieces])
    assert np.abs(output).max() <= db_to_gain(-1) + 1e-6
    assert output[12_000:24_000] == pytest.approx(samples[12_000:24_000] * db_to_gain(15), rel=1e-4)


@pytest.mark.parametrize("peak", [0.03, 0.3, 1.0])
def test_a_voice_of_unknown_loudness_is_right_from_its_first_segment(peak: float) -> None:
    for seconds in (0.6, 1.0, 3.0):
        track, loudness = Track(), []
        for seed in range(2):
            track.begin_segment()
            samples = padded(speech(RATE, seconds, peak=peak, seed=seed), 5_000, 5_000)
            pieces = [track.push(AudioChunk(piece, RATE)).samples for piece in cut(samples, [999])]
            spoken = np.concatenate([*pieces, track.end_segment().samples]).astype(np.float64)
            loudness.append(pyloudnorm.Meter(RATE).integrated_loudness(spoken))
        assert loudness == pytest.approx([-19, -19], abs=2)


def test_the_loudness_of_a_voice_does_not_change_the_trimming() -> None:
    lengths = []
    for peak, lufs in ((0.5, -13.0), (0.02, -41.0)):
        track = Track()
        track.begin_segment(start_lufs=lufs)
        rising = speech(RATE, 1, peak=peak) * np.linspace(0, 1, RATE, dtype=np.float32) ** 4
        pieces = [track.push(AudioChunk(rising, RATE)), track.end_segment()]
        lengths.append(sum(len(piece.samples) for piece in pieces))
    assert lengths[0] == pytest.approx(lengths[1], abs=20)


def test_each_source_has_a_gain_and_a_measured_loudness_of_its_own() -> None:
    track = Track()
    for source, peak in (("soft", 0.1), ("loud", 0.8)):
        track.begin_segment(source=source)
        track.push(AudioChunk(speech(RATE, 2, peak=peak), RATE))
        track.end_segment()
    soft, loud = track.loudness("soft"), track.loudness("loud")
    assert soft is not None
    assert loud is not None
    assert loud - soft == pytest.approx(18.06, abs=0.2)
    assert track.loudness("never heard") is None


def test_a_segment_may_bring_its_own_tempo() -> None:
    track = Track(TrackSettings(tempo=2.0))
    track.begin_segment(tempo=0.5)
    pieces = [track.push(AudioChunk(tone(RATE, 1), RATE)), track.end_segment(), track.finish()]
    assert sum(len(piece.samples) for piece in pieces) == pytest.approx(48_000, abs=30)


def test_a_tempo_out_of_range_leaves_the_track_usable() -> None:
    track = Track()
    with pytest.raises(UnsupportedOptionError):
        track.begin_segment(tempo=9)
    track.begin_segment()
    assert track.end_segment().samples.size == 0


@pytest.mark.parametrize("bad", [AudioChunk(np.full(9, np.nan, np.float32), RATE), AudioChunk(silence(9), 0)])
def test_a_chunk_without_valid_audio_is_refused(bad: AudioChunk) -> None:
    track = Track()
    track.begin_segment()
    with pytest.raises(AudioError):
        track.push(bad)


def test_calls_out_of_order_are_refused() -> None:
    track = Track()
    with pytest.raises(UsageError, match="begin_segment"):
        track.push(AudioChunk(silence(9), RATE))
    with pytest.raises(UsageError, match="begin_segment"):
        track.end_segment()
    track.begin_segment()
    for refused in (track.begin_segment, track.finish, lambda: track.pause(1)):
        with pytest.raises(UsageError, match="end_segment"):
            refused()
    track.end_segment()
    track.finish()
    with pytest.raises(UsageError, match="finished"):
        track.begin_segment()
