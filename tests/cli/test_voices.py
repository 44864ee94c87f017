"""`tts-hub voices` and `tts-hub emotions`: made, heard, changed, removed and handed on from the shell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.running import complaint, invoke
from tests.store.clips import clip


@pytest.fixture
def recording() -> Path:
    path = Path("sarah.wav")
    path.write_bytes(clip())
    return path


def said(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*arguments: str) -> str:
    done = invoke(*arguments)
    assert not done.stdout
    return complaint(done.exit_code, done.stderr)


def test_a_voice_is_made_and_shown(recording: Path) -> None:
    made = said("voices", "add", "Sarah", str(recording), "--language", "en-GB", "--consent", "agreed")
    assert made.splitlines() == [
        "Sarah: 6.0 s at 24000 Hz of sarah.wav", 'To hear it: tts-hub speak "Hello." --voice "Sarah"'
    ]  # fmt: skip
    shown = said("voices", "show", "sarah")
    assert re.match(r"Sarah  \(voice_[0-9a-f]{16}\)\n  language: en-GB\n  consent: agreed\n", shown)
    assert "recording 1: 6.0 s at 24000 Hz of sarah.wav" in shown
    assert said("voices", "show").splitlines()[1].split() == ["Sarah", "en-GB", "1"]
    (values,) = json.loads(said("voices", "show", "Sarah", "--json"))
    assert values["samples"][0]["seconds"] == 6.0


def test_what_is_wrong_with_a_recording_is_said(recording: Path) -> None:
    Path("short.wav").write_bytes(clip(0.5))
    assert "has 0.5 s of sound" in refused("voices", "add", "a", "short.wav")
    Path("text.wav").write_text("hello")
    assert "not in a known format" in refused("voices", "add", "a", "text.wav")
    said("voices", "add", "Sarah", str(recording))
    assert "there is a voice 'sarah' already" in refused("voices", "add", "sarah", str(recording))
    assert "cannot be used" in refused("voices", "add", "a/b", str(recording))
    assert "does not exist" in refused("voices", "add", "b", "missing.wav")


def test_no_voices_of_ones_own() -> None:
    done = invoke("voices", "show")
    assert "tts-hub voices add NAME RECORDING" in done.stderr
    assert "no voice is stored" in refused("voices", "show", "x")


def test_a_voice_is_changed_removed_and_restored(recording: Path) -> None:
    said("voices", "add", "Sarah", str(recording))
    assert said("voices", "change", "sarah", "--name", "Anna", "--description", "warm") == "Anna: changed\n"
    assert "say what to change" in refused("voices", "change", "anna")
    removed = said("voices", "remove", "anna")
    command = re.fullmatch(
        r"Anna: removed; to bring it back within 10 min: tts-hub (voices restore voice_\w+)\n", removed
    )
    assert command
    assert "unknown voice 'anna'" in refused("voices", "show", "anna")
    assert said(*command[1].split()) == "Anna: restored\n"
    assert "description: warm" in said("voices", "show", "anna")


def test_a_recording_is_added(recording: Path) -> None:
    said("voices", "add", "Sarah", str(recording))
    Path("b.wav").write_bytes(clip(6, 1))
    said("voices", "sample", "sarah", "b.wav", "--transcript", "Hello.")
    assert "of b.wav" in said("voices", "show", "sarah")


def test_a_voice_is_handed_on(recording: Path) -> None:
    said("voices", "add", "Sarah", str(recording))
    said("emotions", "add", "sarah:glad", "--style", "happy")
    assert said("voices", "export", "sarah").startswith("Sarah.voice.zip: ")
    said("voices", "import", "Sarah.voice.zip", "--name", "Two")
    assert "emotion Two:glad" in said("voices", "show", "two")
    assert "there is a voice 'Sarah' already" in refused("voices", "import", "Sarah.voice.zip")
    Path("d.json").write_text('{"voice_name": "Three", "ref_text": "Hi."}')
    said("voices", "import", str(recording), "--description-file", "d.json")
    assert "Three" in said("voices", "show")
    assert "cannot write" in refused("voices", "export", "sarah", "-o", "nowhere/x.zip")


def test_preparing_needs_an_engine_that_clones(recording: Path) -> None:
    said("voices", "add", "Sarah", str(recording))
    assert "no engine that is ready clones voices" in refused("voices", "prepare", "sarah")
    assert said("voices", "prepare", "--clear") == "0 prepared voices deleted, 0 bytes freed\n"


def test_an_emotion_is_made_heard_and_changed() -> None:
    made = said("emotions", "add", "glad", "--style", "happy", "--speed", "1.2", "-O", "espeak.word_gap=0.1")
    assert made.splitlines() == ["glad: made", 'To hear it: tts-hub speak "Hello." --voice "VOICE:glad"']
    rows = said("emotions").splitlines()
    assert rows[1].startswith("glad     style happy, speed 1.2")
    report = json.loads(
        said("speak", "Hello.", "--voice", "en-gb:glad", "-o", "a.wav", "--json", "-m", "espeak")
    )
    assert (report["voice"], report["emotion"], report["ignored"]) == ("en-gb", "glad", [])
    said("emotions", "change", "glad", "--style", "", "--exaggeration", "0.9", "--name", "merry")
    shown = said("emotions", "show", "merry")
    assert "style" not in shown
    assert "exaggeration: 0.9" in shown
    assert "speed: 1.2" in shown
    values = json.loads(said("emotions", "show", "merry", "--json"))
    assert values["options"] == {"espeak": {"word_gap": 0.1}}


def test_emotions_sound_different() -> None:
    """espeak-ng's pitch range and height follow the profile."""
    said("emotions", "add", "glad", "--style", "excited")
    said("speak", "Hello there.", "--voice", "en-us", "-m", "espeak", "-o", "plain.wav")
    said("speak", "Hello there.", "--voice", "en-us:glad", "-m", "espeak", "-o", "glad.wav")
    assert Path("plain.wav").read_bytes() != Path("glad.wav").read_bytes()


def test_what_an_engine_cannot_do_is_printed() -> None:
    said("emotions", "add", "quiet", "--style", "whispering")
    done = invoke("speak", "Hello.", "-m", "espeak", "--emotion", "quiet", "-o", "a.wav")
    assert "espeak has no use for emotion.style" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["glad", "--style", "hapy"], "did you mean 'happy'"),
        (["glad", "--exaggeration", "2"], "exaggeration is 2.0: input should be less than or equal to 1"),
        (["glad", "-O", "pitch=5"], "write it as espeak.pitch=60"),
        (["a/b:glad"], "character 'a/b' cannot be used"),
    ],
)
def test_wrong_emotions_are_refused(arguments: list[str], reason: str) -> None:
    assert reason in refused("emotions", "add", *arguments)


def test_an_emotion_is_removed_and_restored() -> None:
    said("emotions", "add", "glad")
    removed = said("emotions", "remove", "glad")
    command = re.search(r"tts-hub (emotions restore emotion_\w+)", removed)
    assert command
    assert "There is no emotion yet" in invoke("emotions").stderr
    assert said(*command[1].split()).startswith("glad: restored")
    assert "unknown emotion 'x'; possible: glad" in refused("emotions", "show", "x")


def test_an_emotion_has_recordings(recording: Path) -> None:
    said("emotions", "add", "sarah:glad")
    said("emotions", "sample", "sarah:glad", str(recording))
    assert "recording 1: 6.0 s of sarah.wav" in said("emotions", "show", "sarah:glad")
