"""The codec, container and settings of each compressed format, and the muxer that runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Protocol

from tts_hub.audio.formats import AudioFormat
from tts_hub.audio.frames import LAYOUT, FrameSource
from tts_hub.audio.pcm import checked
from tts_hub.errors import AudioError
from tts_hub.types import Samples


class ByteSink(Protocol):
    """The target of encoded bytes. Without a `seek` method the container is written as a live stream."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings with which FFmpeg writes one format."""

    container: str
    codec: str
    bit_rates: tuple[tuple[int, int], ...] = ()
    """Pairs (lowest sample rate in Hz, bits per second), rising; empty for a lossless codec."""
    codec_options: Mapping[str, str] = field(default_factory=dict)
    live_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the container when its bytes leave while it is written."""
    frame_seconds: float | None = None
    """The length of a codec frame, where it can be chosen."""

    def bit_rate(self, sample_rate: int) -> int | None:
        """Bits per second for audio at this rate in Hz."""
        fitting = [bits for lowest, bits in self.bit_rates if sample_rate >= lowest]
        return fitting[-1] if fitting else None


RECIPES: Mapping[str, Recipe] = {
    # The bit reservoir would hold a frame back until the next one is known; the Xing and ID3 headers
    # need the end of the file or delay its start. MPEG-2.5 (up to 12 kHz) holds 64 kb/s at the most.
    "mp3": Recipe(
        "mp3",
        "libmp3lame",
        bit_rates=((8_000, 32_000), (16_000, 64_000), (22_050, 96_000), (32_000, 128_000)),
        codec_options={"reservoir": "0", "compression_level": "7"},
        live_options={"write_xing": "0", "id3v2_version": "0"},
    ),
    # A page leaves with the packet that fills it: with pages of 40 ms the first sound leaves after 80 ms.
    "opus": Recipe(
        "ogg",
        "libopus",
        bit_rates=((8_000, 24_000), (16_000, 48_000)),
        codec_options={"frame_duration": "20", "compression_level": "5"},
        live_options={"page_duration": "40000"},
    ),
    # The fast coder costs a quarter of the default one; the bit rate makes up for its plainer choices.
    "aac": Recipe(
        "adts",
        "aac",
        bit_rates=((8_000, 32_000), (16_000, 64_000), (22_050, 96_000)),
        codec_options={"aac_coder": "fast"},
    ),
    "flac": Recipe("flac", "flac", live_options={"metadata_header_padding": "0"}, frame_seconds=0.04),
}


class Muxer:
    """Encodes samples and writes the container into a sink. Not for use by two threads at once.

    Every method raises `AudioError` when the codec fails and lets `OSError` of the sink through.
    """

    def __init__(
        self, sink: ByteSink | IO[bytes], audio_format: AudioFormat, sample_rate: int, *, live: bool
    ) -> None:
        import av  # FFmpeg is slow to import: only once audio is encoded

        self._failure = av.FFmpegError
        recipe = RECIPES[audio_format.name]
        options = dict(recipe.codec_options)
        if recipe.frame_seconds is not None:
            options["frame_size"] = str(round(recipe.frame_seconds * sample_rate))
        try:
            self._container = av.open(
                sink, "w", format=recipe.container, options=dict(recipe.live_options) if live else {}
            )
            stream = self._container.add_stream(
                recipe.codec, rate=sample_rate, layout=LAYOUT, options=options
            )
            if not isinstance(stream, av.AudioStream):
                raise AudioError(f"{recipe.codec} is not an audio codec")
            codec = stream.codec_context
            bit_rate = recipe.bit_rate(sample_rate)
            if bit_rate is not None:
                codec.bit_rate = bit_rate
            codec.thread_count = 1  # speech is little work; FFmpeg's own choice is a pool for each stream
            codec.open()
        except av.FFmpegError as exc:
            raise AudioError(f"cannot encode {audio_format.name} at {sample_rate} Hz: {exc}") from exc
        self._stream = stream
        self._source = FrameSource(sample_rate)
        self._format = audio_format

    def write(self, samples: Samples) -> None:
        """Encode samples of shape (T,), T from 0; NaN and infinity raise `AudioError`."""
        samples = checked(samples)
        if len(samples):
            self._run(samples)

    def close(self) -> None:
        """Encode the samples that the codec still holds, and end the container."""
        self._run(None)

    def _run(self, samples: Samples | None) -> None:
        try:
            if samples is not None:  # PyAV cuts it into the codec's frames, in the codec's sample format
                self._container.mux(self._stream.encode(self._source.frame(samples)))
            else:
                # This writes the header, if no audio has done so.
                self._container.start_encoding()
                self._container.mux(self._stream.encode(None))
                self._container.close()
        except self._failure as exc:
            raise AudioError(f"encoding {self._format.name} failed: {exc}") from exc
