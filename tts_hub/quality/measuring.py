"""The judges of a take, loaded once, and the figures that they give for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tts_hub.errors import shown
from tts_hub.quality.clips import read_clip
from tts_hub.quality.packages import DISTILLMOS, DNSMOS, SIMILARITY, WORD_ERRORS, Tool
from tts_hub.quality.recogniser import Recogniser, WhisperRecogniser
from tts_hub.quality.result import Take
from tts_hub.quality.scores.clicks import clicks
from tts_hub.quality.scores.clipping import clipped_samples
from tts_hub.quality.scores.edges import silence_at_ends
from tts_hub.quality.scores.loudness import loudness
from tts_hub.quality.scores.naturalness import DistillMos, DnsMos
from tts_hub.quality.scores.similarity import Embedding, SpeakerEncoder
from tts_hub.quality.scores.word_errors import WordErrors, word_errors
from tts_hub.quality.sentences import Sentence
from tts_hub.quality.words import spoken_words, writings
from tts_hub.types import Samples

Judge = TypeVar("Judge")


@dataclass(frozen=True, slots=True)
class Judges:
    """The judges that have their packages; None where one has not."""

    recogniser: Recogniser | None = None
    dnsmos: DnsMos | None = None
    distillmos: DistillMos | None = None
    speakers: SpeakerEncoder | None = None

    def voice_of(self, clip: Path) -> Embedding | None:
        """The voice of an audio file; None where speakers are not compared, or the clip has no voice.

        Raises:
            AudioError: the file cannot be read.
        """
        samples, sample_rate = read_clip(clip)
        return None if self.speakers is None else self.speakers.embed(samples, sample_rate)


def all_judges(recogniser: str, *, threads: int = 0) -> tuple[Judges, list[str]]:
    """The judges whose packages are installed, and a sentence for each that is left out.

    `recogniser` is the model of `WhisperRecogniser`.

    Raises:
        BackendUnavailableError: the model of the recogniser cannot be had.
    """
    left_out = list[str]()

    def made(tool: Tool, make: Callable[[], Judge]) -> Judge | None:
        if tool.missing:
            left_out.append(tool.reason)
            return None
        try:
            return make()
        except (ImportError, OSError) as exc:  # its packages do not fit together
            left_out.append(f"{tool.name} left out: {shown(str(exc))}")
            return None

    judges = Judges(
        made(WORD_ERRORS, lambda: WhisperRecogniser(recogniser, threads=threads)),
        made(DNSMOS, DnsMos),
        made(DISTILLMOS, DistillMos),
        made(SIMILARITY, SpeakerEncoder),
    )
    return judges, left_out


def measure(
    sentence: Sentence, language: str, samples: Samples, sample_rate: int, judges: Judges
) -> tuple[Take, Embedding | None]:
    """The figures of one take, audio of shape (T,), and its voice. Blocks: call it in a thread."""
    before, behind = silence_at_ends(samples, sample_rate)
    found = clicks(samples, sample_rate)
    take = Take(
        kind=sentence.kind,
        text=sentence.text,
        seconds=len(samples) / sample_rate,
        silence_before=before,
        silence_behind=behind,
        clipped=clipped_samples(samples),
        clicks=found.count,
        click_strength=found.strongest,
        loudness=loudness(samples, sample_rate),
    )
    if judges.recogniser is not None:
        take.heard = judges.recogniser.transcribe(samples, sample_rate, language)
        errors = transcript_errors(sentence.spoken, take.heard, language)
        take.said, take.errors = errors.said, errors.count
    if judges.dnsmos is not None:
        scores = judges.dnsmos.score(samples, sample_rate)
        take.dnsmos, take.dnsmos_signal = scores.overall, scores.signal
        take.dnsmos_background, take.dnsmos_p808 = scores.background, scores.p808
    if judges.distillmos is not None:
        take.distillmos = judges.distillmos.score(samples, sample_rate)
    voice = None if judges.speakers is None else judges.speakers.embed(samples, sample_rate)
    return take, voice


def transcript_errors(text: str, transcript: str, language: str) -> WordErrors:
    """The errors of a transcript, by words, or by characters in languages without spaces.

    Figures that can be meant in several ways count as meant in the one that is nearest to the text.
    """
    said = spoken_words(text, language)
    found = [word_errors(said, spoken_words(each, language)) for each in writings(transcript, language)]
    return min(found, key=lambda errors: errors.count)
