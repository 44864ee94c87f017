"""Judges whose packages do not fit together, and a recogniser that cannot be had."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tts_hub.errors import BackendUnavailableError
from tts_hub.quality.measuring import all_judges
from tts_hub.quality.recogniser import WhisperRecogniser


@pytest.fixture(autouse=True)
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_hub.quality.packages.find_spec", lambda name: object())


def test_a_judge_that_does_not_load_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OSError("could not load libtorchaudio")

    for name in ("WhisperRecogniser", "DnsMos", "SpeakerEncoder"):
        monkeypatch.setattr(f"tts_hub.quality.measuring.{name}", lambda *given, **more: object())
    monkeypatch.setattr("tts_hub.quality.measuring.DistillMos", broken)
    judges, left_out = all_judges("base")
    assert judges.distillmos is None
    assert None not in (judges.recogniser, judges.dnsmos, judges.speakers)
    assert left_out == ["DistillMOS left out: 'could not load libtorchaudio'"]


def test_a_recogniser_that_cannot_be_had_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*given: object, **more: object) -> Any:
        raise RuntimeError("no connection")

    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=no_network))
    with pytest.raises(BackendUnavailableError, match="'base' can be neither read nor downloaded") as raised:
        WhisperRecogniser("base")
    assert "--recogniser FOLDER" in raised.value.remedy
