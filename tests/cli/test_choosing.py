"""`tts-hub speak` without a model: the voice and the language choose the engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.running import invoke, run


def report(*arguments: str) -> dict[str, Any]:
    done = invoke("speak", *arguments, "-o", "x.wav", "--json")
    assert done.exit_code == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


@pytest.mark.parametrize(
    ("arguments", "voice", "language", "detected"),
    [
        (["Guten Morgen.", "--language", "de"], "de", "de", ""),
        (["Good morning.", "--voice", "en-gb+f3"], "en-gb+f3", "en-GB", ""),
        (["Good morning.", "--language", "en-AU"], "en-gb", "en-GB", ""),
        (["Good morning, how are you today?"], "en-us", "en-US", "en"),
        (["Guten Morgen, wie geht es Ihnen heute?"], "de", "de", "de"),
        (["Guten Morgen, wie geht es Ihnen heute?", "--voice", "en-us"], "en-us", "en-US", "de"),
        (["Guten Morgen, wie geht es Ihnen heute?", "--voice", "alloy"], "de+Andrea", "de", "de"),
    ],
)
def test_the_report_says_what_was_spoken(
    arguments: list[str], voice: str, language: str, detected: str
) -> None:
    said = report(*arguments)
    assert (said["voice"], said["language"], said["detected_language"]) == (voice, language, detected)
    assert said["fallbacks"] == []


def test_a_language_that_was_seen_in_the_text_is_noted() -> None:
    done = invoke("speak", "Guten Morgen, wie geht es Ihnen heute?", "-o", "x.wav")
    assert "note: the text seems to be in 'de': voice 'de' of espeak speaks it" in done.stderr


def test_text_from_a_pipe_is_looked_at_as_well() -> None:
    done = run("speak", "-", "-o", "x.wav", "--json", stdin=b"Guten Morgen, wie geht es Ihnen?\n")
    assert json.loads(done.stdout)["voice"] == "de"


def test_captions_break_by_the_rules_of_the_voices_language() -> None:
    text = "La Sra. López vive en la calle Mayor, núm. 12."
    assert report(text, "--voice", "es")["segments"] == 1
    assert report(text, "--language", "es")["segments"] == 1
    assert report(text)["segments"] == 1


def test_an_unknown_voice_is_one_plain_line() -> None:
    done = invoke("speak", "Good morning.", "--voice", "en-gbb", "-o", "x.wav")
    assert done.exit_code != 0
    assert done.stderr.startswith("Error: unknown voice 'en-gbb'; did you mean 'en-gb'")
    assert len(done.stderr.splitlines()) == 1
