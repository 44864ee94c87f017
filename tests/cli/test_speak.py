"""`tts-hub speak`: from every source of text into every kind of file, with every option."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.backends.espeak_audio import RATE, fundamental
from tests.cli.running import PATIENCE, PROGRAM, breaking_engine, complaint, invoke, run
from tts_hub import TTSBackendManager
from tts_hub.cli.display import summary
from tts_hub.testing import FakeBackend, FakeScript

TEXT = "The quick brown fox jumps over the lazy dog. It was not amused."
RATE_OUT = 24_000


def speak(*arguments: str) -> dict[str, Any]:
    """The report of a run that succeeded."""
    done = invoke("speak", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    return report


# --- files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_lossless_file_has_exactly_the_samples_that_were_spoken(suffix: str) -> None:
    report = speak(TEXT, "-o", f"x.{suffix}")
    samples, rate = decode(Path(f"x.{suffix}"))
    assert rate == RATE_OUT
    assert len(samples) == round(report["audio_seconds"] * rate) > 2 * rate
    with av.open(f"x.{suffix}") as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == pytest.approx(report["audio_seconds"], abs=1 / rate)


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "mp3"), ("opus", "opus"), ("aac", "aac")])
def test_a_coded_file_is_decoded_in_full(suffix: str, codec: str) -> None:
    report = speak(TEXT, "-o", f"x.{suffix}")
    with av.open(f"x.{suffix}") as container:
        assert container.streams.audio[0].codec_context.name.startswith(codec)
    samples, rate = decode(Path(f"x.{suffix}"))
    assert len(samples) / rate == pytest.approx(report["audio_seconds"], abs=0.1)
    assert np.abs(samples).max() > 0.1


def test_an_mp3_file_states_its_duration_at_its_start() -> None:
    report = speak(TEXT, "-o", "x.mp3")
    with av.open("x.mp3") as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(report["audio_seconds"], abs=0.1)
    assert b"Xing" in Path("x.mp3").read_bytes()[:400] or b"Info" in Path("x.mp3").read_bytes()[:400]


def test_a_pcm_file_is_nothing_but_samples() -> None:
    report = speak(TEXT, "-o", "x.pcm")
    samples = decode_s16le(Path("x.pcm").read_bytes())
    assert len(samples) == round(report["audio_seconds"] * RATE_OUT)
    assert np.abs(samples).max() > 0.1


def test_without_a_name_the_file_is_speech_in_the_configured_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_HUB_AUDIO__RESPONSE_FORMAT", "flac")
    assert speak("Hello.")["output"] == "speech.flac"
    assert Path("speech.flac").read_bytes()[:4] == b"fLaC"


def test_the_format_may_differ_from_the_suffix() -> None:
    speak("Hello.", "-o", "x.bin", "--format", "flac")
    assert Path("x.bin").read_bytes()[:4] == b"fLaC"


def test_an_existing_file_is_replaced() -> None:
    Path("x.wav").write_text("old")
    speak("Hello.", "-o", "x.wav")
    assert Path("x.wav").read_bytes()[:4] == b"RIFF"
    assert [path.name for path in Path().iterdir()] == ["x.wav"]


def test_an_existing_file_is_kept_on_request() -> None:
    speak("Hello.", "-o", "x.wav", "--captions", "x.srt", "--no-clobber")
    before = Path("x.wav").read_bytes()
    assert "exists already" in complaint(1, invoke("speak", "Other.", "-o", "x.wav", "--no-clobber").stderr)
    assert Path("x.wav").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["x.srt", "x.wav"]


def test_the_default_file_is_kept_on_request() -> None:
    Path("speech.mp3").write_text("precious")
    assert "speech.mp3" in complaint(1, invoke("speak", "Hello.", "--no-clobber").stderr)
    assert Path("speech.mp3").read_text() == "precious"


def test_help_says_that_files_are_replaced() -> None:
    shown = " ".join(invoke("speak", "--help").stdout.split())
    assert "A file that exists is replaced" in shown
    assert "--no-clobber" in shown


# --- sources of text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["-"], [], ["--file", "-"]], ids=["dash", "nothing", "file-dash"])
def test_text_comes_from_stdin(arguments: list[str]) -> None:
    done = run("speak", *arguments, "-o", "x.wav", "--json", stdin="\ufeffGrüße, world.".encode())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["characters"] == len("Grüße, world.")


def test_text_comes_from_stdin_that_is_a_file() -> None:
    Path("text").write_text("Hello there.")
    command = [PROGRAM, "speak", "-o", "x.wav", "--quiet"]
    with Path("text").open("rb") as stdin:
        subprocess.run(command, stdin=stdin, check=True, timeout=PATIENCE)
    assert len(decode(Path("x.wav"))[0]) > RATE_OUT / 2


def test_text_comes_from_a_file() -> None:
    Path("text.txt").write_bytes("\ufeffGrüße, world.".encode())
    assert speak("--file", "text.txt", "-o", "x.wav")["characters"] == len("Grüße, world.")


def test_text_and_file_together_are_refused() -> None:
    done = invoke("speak", "Hello.", "--file", "text.txt")
    assert done.exit_code == 2
    assert "not both" in done.stderr


# --- what is said at the end ------------------------------------------------------------------------------


def test_the_report_describes_the_speech() -> None:
    report = speak(TEXT, "-o", "x.mp3", "--seed", "3")
    assert report["requested_model"] == "auto"
    assert report["backend"] == report["model"] == "espeak"
    assert (report["voice"], report["language"]) == ("en-us", "en-US")
    assert report["characters"] == len(TEXT)
    assert report["segments"] == 2
    assert 0 < report["first_audio_seconds"] < report["elapsed_seconds"]
    assert 0 < report["real_time_factor"] < 1
    assert report["ignored"] == ["seed"]
    assert (report["seed"], report["retakes"]) == (None, [])
    assert report["fallbacks"] == []
    assert report["complete"] is True
    assert report["output"] == "x.mp3"


def test_one_line_sums_it_up() -> None:
    done = invoke("speak", "Hello.", "-o", "x.mp3")
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("x.mp3: ")
    assert "s of speech by espeak (en-us), first audio after" in line


@pytest.mark.anyio
async def test_the_line_says_what_was_taken_again_and_why() -> None:
    fake = FakeBackend(script=FakeScript(retakes={0: ("too_short", "endless", "endless")}))
    async with TTSBackendManager(discover=False) as manager:
        manager.register(fake)
        audio = await manager.save("Hello.", "x.mp3", model="fake")
    assert summary(audio.report, "x.mp3").endswith(", taken again: 1 too short, 2 endless")


def test_quiet_is_quiet() -> None:
    done = invoke("speak", "Hello.", "-o", "x.mp3", "--quiet")
    assert (done.exit_code, done.output) == (0, "")


# --- options ----------------------------------------------------------------------------------------------


def test_sample_rate() -> None:
    report = speak(TEXT, "-o", "x.flac", "--sample-rate", "44100")
    samples, rate = decode(Path("x.flac"))
    assert rate == 44_100
    assert len(samples) == round(report["audio_seconds"] * rate)


@pytest.mark.parametrize("speed", [0.3, 2.0, 4.0])
def test_speed(speed: float) -> None:
    sentence = TEXT.partition(".")[0]  # pauses between sentences stay as they are
    usual, changed = speak(sentence, "-o", "a.wav"), speak(sentence, "-o", "b.wav", "--speed", str(speed))
    assert changed["audio_seconds"] == pytest.approx(usual["audio_seconds"] / speed, rel=0.2)


def test_voice_with_a_variant() -> None:
    report = speak("Guten Tag, wie geht es dir?", "-o", "x.wav", "--voice", "de+f3")
    assert (report["voice"], report["language"]) == ("de+f3", "de")


def test_language_chooses_a_voice_of_it() -> None:
    report = speak("Bonjour tout le monde.", "-o", "x.wav", "--language", "fr")
    assert report["voice"].startswith("fr")


def test_ssml_is_followed_and_not_read_out() -> None:
    document = "<speak>Hello <break time='2s'/> world.</speak>"
    assert 2.5 < speak(document, "-o", "x.wav", "--ssml")["audio_seconds"] < 4.0


def test_an_option_of_the_engine() -> None:
    speak(TEXT, "-o", "low.wav", "--sample-rate", str(RATE), "--option", "pitch=20")
    speak(TEXT, "-o", "high.wav", "--sample-rate", str(RATE), "--option", "pitch=80")
    low, high = (fundamental(decode(Path(name))[0]) for name in ("low.wav", "high.wav"))
    assert high > 1.3 * low


def test_a_model_may_be_an_alias() -> None:
    report = speak("Hello.", "-o", "x.wav", "--model", "tts-1")
    assert (report["requested_model"], report["backend"]) == ("tts-1", "espeak")


def test_the_fallback_resumes_where_the_engine_failed(tmp_path: Path) -> None:
    path = breaking_engine(tmp_path / "plugins")
    arguments = ["-m", "breaking", "--fallback", "espeak", "-o", "x.wav", "--json"]
    done = run("speak", TEXT, *arguments, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    (fallback,) = json.loads(done.stdout)["fallbacks"]
    assert (fallback["failed"], fallback["continued"], fallback["segment"]) == ("breaking", "espeak", 1)
    (warning,) = done.stderr.decode().splitlines()
    assert warning.startswith("warning: scripted failure")
    assert warning.endswith("continuing with espeak from segment 2")


# --- captions ---------------------------------------------------------------------------------------------


def test_captions_of_all_three_kinds() -> None:
    names = ["x.srt", "x.vtt", "x.json"]
    report = speak(TEXT, "-o", "x.wav", *(part for name in names for part in ("--captions", name)))
    srt, vtt, document = (Path(name).read_text() for name in names)
    assert srt.startswith("1\n00:00:00,")
    assert vtt.startswith("WEBVTT\n\n00:00:00.")
    words = json.loads(document)["words"]
    assert [word["text"] for word in words] == [TEXT[slice(*word["span"])] for word in words]
    assert len(words) == 13
    assert words[-1]["end"] <= report["audio_seconds"] + 0.05
    for text in (srt, vtt):
        assert TEXT in text.replace("\n", " ")


def test_captions_of_a_text_that_came_from_stdin() -> None:
    done = run("speak", "-o", "x.wav", "--captions", "x.srt", stdin=TEXT.encode())
    assert done.returncode == 0, done.stderr
    assert "It was not amused." in Path("x.srt").read_text()
