"""A whole measurement with a made-up speaker and a recogniser that knows what was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audio.decoding import decode
from tests.quality.takes import MadeUpSpeaker, result_of, subject_of, take_of
from tts_hub.errors import ConfigError, OutputError
from tts_hub.quality.measuring import Judges
from tts_hub.quality.page import page
from tts_hub.quality.result import Result, Take
from tts_hub.quality.running import WORST, Plan, run_plan, worst
from tts_hub.quality.sentences import sentences
from tts_hub.quality.summary import HEAD, notes, row, summary
from tts_hub.types import Samples

pytestmark = pytest.mark.anyio


class Parrot:
    """A recogniser that gives the texts of the set in order, and leaves out the last word of every second."""

    def __init__(self) -> None:
        self._texts = iter([s.text for s in sentences("en", 20) if not s.text.endswith("?")])
        self._count = 0

    def transcribe(self, samples: Samples, sample_rate: int, language: str) -> str:
        self._count += 1
        text = next(self._texts)
        return text.rpartition(" ")[0] if self._count % 2 else text


async def measured(late: float = 0.0, languages: tuple[str, ...] = ("en",)) -> Result:
    plan = Plan(voices=(("fake", None),), languages=languages, most=20)
    judges = Judges(recogniser=Parrot()) if languages == ("en",) else Judges()
    return await run_plan(plan, MadeUpSpeaker(late), judges, lambda name, take: None)


async def test_every_sentence_is_judged() -> None:
    result = await measured()
    (subject,) = result.subjects
    found = summary(subject)
    questions = sum(s.text.endswith("?") for s in sentences("en", 20))
    assert (found.takes, found.failures) == (20, questions)
    assert 0.03 < (found.error_rate or 0) < 0.2
    assert found.silence_before == pytest.approx(0.6, abs=0.02)
    assert (found.clipped_takes, found.dnsmos, found.similarity) == (0, None, None)
    assert len(row(subject)) == len(HEAD)
    assert sum("no questions, please" in note for note in notes(result)) == questions


async def test_word_times_are_measured_without_trimming() -> None:
    found = summary((await measured(late=0.08)).subjects[0])
    assert found.word_starts is not None
    assert found.word_starts.count == 40
    assert found.word_starts.bias == pytest.approx(0.08, abs=0.015)


async def test_a_language_that_the_engine_does_not_speak_is_listed_with_the_reason() -> None:
    result = await measured(languages=("de", "ja"))
    assert [subject.language for subject in result.subjects] == ["de"]
    assert next(iter(notes(result))) == "not measured: fake ja: no ja"


async def test_the_worst_takes_keep_their_sound() -> None:
    (subject,) = (await measured()).subjects
    kept = [take for take in subject.takes if take.audio]
    failures = [take for take in subject.takes if take.failure]
    assert len(kept) == WORST - len(failures)
    assert all(take.errors for take in kept[:5])


async def test_a_result_survives_the_file_and_the_page_loads_nothing(tmp_path: Path) -> None:
    result = await measured()
    result.save(tmp_path / "a.json")
    assert Result.load(tmp_path / "a.json") == result
    html = page(result)
    assert html.count("<audio") == sum(bool(take.audio) for take in result.subjects[0].takes)
    assert "<del>" in html
    assert "http:" not in html
    assert "https:" not in html
    assert "<script" not in html


async def test_the_sound_can_be_played() -> None:
    import base64

    take = next(take for take in (await measured()).subjects[0].takes if take.audio)
    samples, rate = decode(base64.b64decode(take.audio))
    assert len(samples) / rate == pytest.approx(take.seconds, abs=0.2)


def test_what_an_engine_says_cannot_become_markup() -> None:
    subject = subject_of([0])
    subject.takes[0] = Take(kind="x", text="<b>a</b>", failure="<script>alert(1)</script>")
    html = page(result_of(subject))
    assert "<script" not in html
    assert "&lt;b&gt;" in html


def test_the_worst_are_found_by_errors_then_by_sound() -> None:
    takes = [
        take_of("a", dnsmos=4.0),
        take_of("b", dnsmos=2.0),
        take_of("c", errors=3),
        take_of("d").model_copy(update={"clipped": 9}),
        Take(kind="x", text="e", failure="broken"),
    ]
    assert worst(takes) == [4, 2, 3, 1, 0]
    assert worst(takes, 2) == [4, 2]


def test_files_that_are_no_results(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "b.json").write_text('{"schema_version": 99}')
    for name, complaint in [("a", "is not a result"), ("b", "has schema 99"), ("c", "cannot read")]:
        with pytest.raises(ConfigError, match=complaint):
            Result.load(tmp_path / f"{name}.json")
    with pytest.raises(OutputError, match="cannot write"):
        result_of().save(tmp_path / "nowhere" / "a.json")
