"""A small measurement with real weights: ten sentences of each engine, and the words of one voice.

`TTS_HUB_REAL` names a folder with `kokoro/` (a graph and its voices) and `whisper/` (Whisper base for
faster-whisper). Without it, or without the packages of the extra `quality`, the tests are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tts_hub.cli.quality import HubSpeaker
from tts_hub.config import Config
from tts_hub.quality.measuring import Judges
from tts_hub.quality.packages import DNSMOS, WORD_ERRORS
from tts_hub.quality.recogniser import WhisperRecogniser
from tts_hub.quality.result import Result
from tts_hub.quality.running import Plan, run_plan
from tts_hub.quality.scores.naturalness import DnsMos
from tts_hub.quality.summary import summary

REAL = os.environ.get("TTS_HUB_REAL", "")  # read here: the tests themselves see no such variable
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not REAL, reason="TTS_HUB_REAL names no folder with kokoro/ and whisper/"),
    pytest.mark.skipif(bool(WORD_ERRORS.missing), reason=WORD_ERRORS.reason),
    pytest.mark.filterwarnings("ignore"),  # of the networks' packages
]


async def measured(engine: str, *, word_times: bool) -> Result:
    config = Config(backends={"kokoro": {"model_path": str(Path(REAL) / "kokoro")}})
    judges = Judges(WhisperRecogniser(str(Path(REAL) / "whisper")), None if DNSMOS.missing else DnsMos())
    plan = Plan(voices=((engine, None),), languages=("en",), most=10, word_times=word_times)
    async with HubSpeaker(config, seed=1) as speaker:
        return await run_plan(plan, speaker, judges, lambda name, take: None)


@pytest.mark.parametrize(
    ("engine", "most_errors", "worst", "least_mos"), [("espeak", 0.3, 1.0, 2.2), ("kokoro", 0.05, 0.4, 3.1)]
)
async def test_ten_sentences_are_understood(
    engine: str, most_errors: float, worst: float, least_mos: float
) -> None:
    found = summary((await measured(engine, word_times=False)).subjects[0])
    assert found.failures == 0
    assert found.error_rate is not None
    assert found.worst_error_rate is not None
    assert found.error_rate <= most_errors
    assert found.worst_error_rate <= worst
    assert found.clipped_takes == 0
    assert found.dnsmos is None or found.dnsmos >= least_mos


async def test_word_times_are_right() -> None:
    found = summary((await measured("espeak", word_times=True)).subjects[0])
    assert found.word_starts is not None
    assert found.word_starts.median <= 0.04
    assert found.word_starts.p95 <= 0.1
