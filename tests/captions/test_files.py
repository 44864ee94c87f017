"""Caption files: SRT, WebVTT and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.captions.timed_words import timed
from tts_hub.captions import to_json, to_srt, to_vtt, write_captions
from tts_hub.errors import OutputError, UnsupportedFormatError
from tts_hub.types import WordTiming


def test_srt_has_numbers_and_times() -> None:
    words = [WordTiming("Hi", 3661.5, 3662.75, (0, 2))]
    assert to_srt(words, "Hi.") == "1\n01:01:01,500 --> 01:01:02,750\nHi.\n\n"


def test_vtt_escapes_what_would_be_markup() -> None:
    source = "a < b & c --> d"
    assert to_vtt(timed(source), source) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.140\na &lt; b &amp; c --&gt; d\n\n"
    )


def test_json_holds_words_and_captions() -> None:
    document = json.loads(to_json([WordTiming("Hé", 0.0, 0.5, (0, 2))], "Hé!"))
    assert document == {
        "words": [{"text": "Hé", "start": 0.0, "end": 0.5, "span": [0, 2]}],
        "captions": [{"start": 0.0, "end": 0.8, "lines": ["Hé!"]}],
    }


def test_without_words_there_are_no_captions() -> None:
    assert (to_srt([], "text"), to_vtt([], "text")) == ("", "WEBVTT\n\n")


@pytest.mark.parametrize(("name", "start"), [("a.srt", "1\n"), ("a.VTT", "WEBVTT"), ("a.json", "{")])
def test_the_suffix_chooses_the_format(tmp_path: Path, name: str, start: str) -> None:
    write_captions(tmp_path / name, timed("Hello."), "Hello.")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"\.srt"):
        write_captions(tmp_path / "a.txt", [], "")


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken.srt").mkdir()
    for path in (tmp_path / "missing" / "a.srt", tmp_path / "taken.srt"):
        with pytest.raises(OutputError, match=path.name):
            write_captions(path, timed("Hello."), "Hello.")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.srt"]
