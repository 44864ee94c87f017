"""hibari through the manager and the command line: what `auto` means, languages, fallbacks, formats."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from pocketsphinx import Decoder
from tts_hub_hibari import HibariBackend

from tests.audio.decoding import decode
from tests.cli.running import invoke, run
from tts_hub import ProgressEvent, SpeechRequest, TTSBackendManager
from tts_hub.config import Config
from tts_hub.errors import UnsupportedLanguageError

pytestmark = pytest.mark.anyio
TEXT = "Good morning, dear listener. There are 42 of the finest voices here, and this one is mine. Listen!"


async def test_auto_is_hibari_for_english_and_espeak_for_the_rest() -> None:
    async with TTSBackendManager(Config()) as hub:
        assert hub.best() == "hibari"
        for text, language, engine in (
            ("The weather is fine today, is it not?", None, "hibari"),
            ("Das Wetter ist heute schön, nicht wahr?", None, "espeak"),
            ("Hello.", "en-US", "hibari"),
            ("Hello.", "en", "hibari"),
            ("Bonjour.", "fr", "espeak"),
        ):
            async with await hub.generate(SpeechRequest(text, language=language)) as stream:
                assert [chunk async for chunk in stream]
            assert stream.report.backend == engine


async def test_another_language_is_refused_by_name() -> None:
    async with TTSBackendManager(Config()) as hub:
        with pytest.raises(UnsupportedLanguageError, match="'fr'"):
            await hub.generate(SpeechRequest("Bonjour.", model="hibari", language="fr"))


async def test_a_text_in_another_language_is_said_to_be_one() -> None:
    events: list[ProgressEvent] = []
    async with TTSBackendManager(Config()) as hub:
        request = SpeechRequest("Das Wetter ist heute schön, nicht wahr?", model="hibari")
        async with await hub.generate(request, on_progress=events.append) as stream:
            assert [chunk async for chunk in stream]
    assert any("the text seems to be in 'de'" in event.message for event in events)


async def test_a_sentence_in_another_script_is_left_to_espeak() -> None:
    text = "The sign at the door said this. Добро пожаловать домой. Nobody there could read it."
    async with TTSBackendManager(Config()) as hub, await hub.generate(text) as stream:
        assert [chunk async for chunk in stream]
    report = stream.report
    assert (report.backend, report.complete) == ("hibari", True)
    (change,) = report.fallbacks
    assert (change.failed, change.continued, change.position) == ("hibari", "espeak", text.index("Добро"))
    assert change.only_segment
    assert [word.text.strip(".") for word in stream.words] == text.replace(".", "").split()


@pytest.mark.parametrize("response_format", ["mp3", "opus", "wav"])
async def test_streams_encoded_with_words(response_format: str) -> None:
    async with TTSBackendManager(Config()) as hub:
        request = SpeechRequest(TEXT, model="tts-1", voice="nova", response_format=response_format)
        async with await hub.stream(request) as stream:
            data = [piece async for piece in stream]
    assert len(data) > 3
    samples, rate = decode(b"".join(data))
    report = stream.report
    assert len(samples) / rate == pytest.approx(report.audio_seconds, abs=0.15)
    assert [word.text for word in stream.words] == [w.strip(".,!") for w in TEXT.split()]
    assert (report.backend, report.voice, report.cost) == ("hibari", "heart", 0)
    assert report.estimated_segments == ()


async def test_the_first_piece_is_short() -> None:
    text = "This is a long first sentence that goes on and on, as some sentences do, until it ends at last."
    async with (
        TTSBackendManager(Config()) as hub,
        await hub.stream(SpeechRequest(text, response_format="pcm")) as stream,
    ):
        await stream.read()
    assert stream.report.segments == 2


async def test_where_onnxruntime_cannot_be_imported_espeak_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(HibariBackend, "availability", HibariBackend.__base__.availability)  # type: ignore[union-attr]
    async with TTSBackendManager(Config()) as hub, await hub.generate("Hello there.") as stream:
        assert [chunk async for chunk in stream]
    assert stream.report.backend == "espeak"
    assert len(stream.report.fallbacks) == 1


GRAMMAR = (
    "#JSGF V1.0; grammar talk; public <talk> = (the farmer | my sister | the old captain)"
    " (painted | carried | forgot) (the wooden table | seven letters | a silver key)"
    " (in the garden | before breakfast | near the station);"
)
SENTENCES = (
    "the farmer painted the wooden table in the garden",
    "my sister carried seven letters before breakfast",
    "the old captain forgot a silver key near the station",
)


async def test_a_recogniser_gets_every_word() -> None:
    decoder = Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("talk", GRAMMAR)
    decoder.activate_search("talk")
    async with TTSBackendManager(Config()) as hub:
        for sentence in SENTENCES:
            request = SpeechRequest(sentence, model="hibari", response_format="pcm", sample_rate=16_000)
            async with await hub.stream(request) as stream:
                samples = np.frombuffer(await stream.read(), np.int16)
            decoder.start_utt()
            decoder.process_raw(np.pad(samples, 4800).tobytes(), full_utt=True)
            decoder.end_utt()
            assert decoder.hyp().hypstr == sentence


def test_the_command_line_speaks_with_it(tmp_path: Path) -> None:
    done = run("speak", "Hello there.", "-o", str(tmp_path / "hello.mp3"), "--json")
    report = json.loads(done.stdout)
    assert (report["backend"], report["voice"]) == ("hibari", "heart")
    assert (tmp_path / "hello.mp3").stat().st_size > 5000


def test_doctor_and_the_lists_name_it() -> None:
    said = invoke("doctor").stdout
    assert re.search(r"^hibari: ready$", said, re.MULTILINE)
    assert "`auto` means hibari" in said
    first = invoke("voices").stdout.splitlines()[1].split()
    assert (first[0], first[-1]) == ("heart", "hibari")
