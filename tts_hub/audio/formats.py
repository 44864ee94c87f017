"""The audio formats that speech can have: their names, media types, suffixes and sample rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_hub.audio.limits import SPEECH_RATES
from tts_hub.errors import UnsupportedFormatError, UnsupportedOptionError, one_of, shown

MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One format of mono speech."""

    name: str
    """The name in `response_format`."""
    media_type: str
    """The `Content-Type` of an HTTP answer."""
    suffixes: tuple[str, ...]
    """Suffixes of files, with the dot; the first is the usual one."""
    sample_rates: Sequence[int]
    """The rates in Hz that the format can have: some fixed ones, or a `range`."""
    costly: bool
    """Encoding takes so long that it must not block the event loop."""
    aliases: tuple[str, ...] = ()


MP3 = AudioFormat("mp3", "audio/mpeg", (".mp3",), MPEG_RATES, costly=True)
OPUS = AudioFormat("opus", "audio/opus", (".opus", ".ogg", ".oga"), OPUS_RATES, True, ("ogg", "oga"))
AAC = AudioFormat("aac", "audio/aac", (".aac",), MPEG_RATES, costly=True)
FLAC = AudioFormat("flac", "audio/flac", (".flac",), SPEECH_RATES, costly=True)
WAV = AudioFormat("wav", "audio/wav", (".wav",), SPEECH_RATES, costly=False)
PCM = AudioFormat("pcm", "audio/pcm", (".pcm", ".raw"), SPEECH_RATES, costly=False, aliases=("raw",))
"""Raw signed 16-bit little-endian samples, no header."""

FORMATS = (MP3, OPUS, AAC, FLAC, WAV, PCM)


def find_format(name: str) -> AudioFormat:
    """The format of this name or alias, in any case; raises `UnsupportedFormatError`."""
    wanted = name.strip().casefold()
    for audio_format in FORMATS:
        if wanted == audio_format.name or wanted in audio_format.aliases:
            return audio_format
    possible = one_of(name, [audio_format.name for audio_format in FORMATS])
    raise UnsupportedFormatError(f"no audio format {shown(name)}; {possible}")


def format_of_file(path: str | Path) -> AudioFormat:
    """The format by the suffix of a file; raises `UnsupportedFormatError`."""
    suffix = Path(path).suffix
    for audio_format in FORMATS:
        if suffix.casefold() in audio_format.suffixes:
            return audio_format
    known = [suffix for audio_format in FORMATS for suffix in audio_format.suffixes]
    raise UnsupportedFormatError(
        f"cannot tell the audio format of {str(path)!r} by its suffix {suffix!r}; {one_of(suffix, known)}"
    )


def check_sample_rate(audio_format: AudioFormat, sample_rate: int) -> None:
    """Raise `UnsupportedOptionError` when the format cannot hold audio at `sample_rate` Hz."""
    rates = audio_format.sample_rates
    if sample_rate in rates:
        return
    possible = f"{rates[0]} to {rates[-1]}" if isinstance(rates, range) else ", ".join(map(str, rates))
    raise UnsupportedOptionError(
        f"{audio_format.name} cannot be written at {sample_rate} Hz; possible: {possible}",
        param="sample_rate",
    )
