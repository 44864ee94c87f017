"""The voice of espeak-ng that a request gets."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend, EspeakSettings

from tests.backends.espeak_audio import fundamental, speak
from tts_hub.errors import BackendUnavailableError, UnknownVoiceError, UnsupportedLanguageError
from tts_hub.progress import ProgressEvent
from tts_hub.types import Voice

pytestmark = pytest.mark.anyio


@pytest.fixture
async def backend() -> AsyncGenerator[EspeakBackend, None]:
    engine = EspeakBackend()
    await engine.load()
    yield engine
    await engine.aclose()


async def test_lists_every_language_once_american_english_first(backend: EspeakBackend) -> None:
    voices = await backend.voices()
    assert len(voices) == 138  # the library lists 141, three of them without a dictionary
    assert voices[0].id == "en-us"
    assert len({voice.id.casefold() for voice in voices}) == 138
    names = [name for voice in voices for name in (voice.id, *voice.aliases)]
    assert len(names) == len({name.casefold() for name in names})
    assert {"en-US", "en-GB", "de", "pt-BR", "zh-CN", "yue", "ja"} <= set(backend.capabilities.languages)


@pytest.mark.parametrize(
    ("voice", "language", "expected"),
    [
        (None, None, "en-us"),
        (None, "en", "en-us"),
        (None, "en-US", "en-us"),
        (None, "en_GB", "en-gb"),
        (None, "en-AU", "en-gb"),
        (None, "de-DE", "de"),
        (None, "de-AT", "de"),
        (None, "fr", "fr-fr"),
        (None, "fr-CA", "fr-fr"),
        (None, "pt", "pt"),
        (None, "pt-BR", "pt-br"),
        (None, "es-MX", "es-419"),
        (None, "zh", "cmn"),
        (None, "zh-CN", "cmn"),
        (None, "zh-Hant-TW", "cmn"),
        (None, "zh-HK", "yue"),
        (None, "yue", "yue"),
        (None, "ja", "ja"),
        (None, "no", "nb"),
        (None, "nb-NO", "nb"),
        ("EN-US", None, "en-us"),
        ("en", None, "en-us"),
        ("fr", "fr-FR", "fr-fr"),
        ("cmn", "zh-CN", "cmn"),
        ("zh", "zh", "cmn"),
        ("de+F3", None, "de+f3"),
        ("en-us+annie", "en", "en-us+Annie"),
        ("en-us+mr serious", None, "en-us+Mr serious"),
        ("fable", None, "en-gb+m7"),
        ("Fable", "en", "en-gb+m7"),
        ("fable", "en-US", "en-us+m7"),
        ("nova", "de-DE", "de+f4"),
    ],
)
async def test_finds(backend: EspeakBackend, voice: str | None, language: str | None, expected: str) -> None:
    assert (await backend.find_voice(voice, language)).id == expected


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("en-uss", "did you mean 'en-us'"),
        ("en-us+anie", "did you mean 'Annie'"),
        ("nova+f3", "nova"),
        ("", "''"),
    ],
)
async def test_unknown_voice_names_what_exists(backend: EspeakBackend, voice: str, message: str) -> None:
    with pytest.raises(UnknownVoiceError, match=message):
        await backend.find_voice(voice, None)


@pytest.mark.parametrize(
    ("voice", "language"), [(None, "xx"), (None, "xx-US"), ("de", "fr"), ("en-us", "en-GB"), ("de+f3", "en")]
)
async def test_language_that_is_not_spoken(backend: EspeakBackend, voice: str | None, language: str) -> None:
    with pytest.raises(UnsupportedLanguageError):
        await backend.find_voice(voice, language)


@pytest.mark.parametrize(
    ("preferred", "language", "expected"),
    [
        ("de+f2", None, "de+f2"),
        ("de+f2", "de-DE", "de+f2"),
        ("de+f2", "fr", "fr-fr"),
        ("nova", "fr", "fr-fr+f4"),
    ],
)
async def test_configured_voice_where_none_is_named(
    preferred: str, language: str | None, expected: str
) -> None:
    backend = EspeakBackend(EspeakSettings(voice=preferred))
    assert (await backend.find_voice(None, language)).id == expected
    await backend.aclose()


async def test_a_variant_is_a_voice_of_its_own(backend: EspeakBackend) -> None:
    voice = await backend.find_voice("en-us+f3", None)
    assert (voice.language, voice.gender, voice.variants) == ("en-US", "female", ())
    low = fundamental((await speak(backend, "I am here now.", "en-us")).samples)
    high = fundamental((await speak(backend, "I am here now.", "en-us+f3")).samples)
    assert high > 1.5 * low


async def test_openai_names_are_thirteen_different_voices(backend: EspeakBackend) -> None:
    names = [
        "alloy",
        "ash",
        "ballad",
        "coral",
        "echo",
        "fable",
        "onyx",
        "nova",
        "sage",
        "shimmer",
        "verse",
        "marin",
        "cedar",
    ]
    voices: list[Voice] = [await backend.find_voice(name, "de") for name in names]
    expected = "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar"
    assert " ".join(names) == expected
    assert len({voice.id for voice in voices}) == 13
    spectra = [np.abs(np.fft.rfft((await speak(backend, "Ja, da.", v.id)).samples, 32_768)) for v in voices]
    shapes = [s / np.linalg.norm(s) for s in spectra]
    assert max(float(a @ b) for i, a in enumerate(shapes) for b in shapes[:i]) < 0.98


async def test_every_voice_speaks(backend: EspeakBackend) -> None:
    for voice in await backend.voices():
        assert np.abs((await speak(backend, "1 a", voice.id)).samples).max() > 0.01, voice.id


async def test_loading_reports_once(backend: EspeakBackend) -> None:
    events: list[ProgressEvent] = []
    fresh = EspeakBackend()
    await fresh.load(events.append)
    await fresh.load(events.append)
    await fresh.aclose()
    assert [event.stage for event in events] == ["loading"]


async def test_library_loads_where_temp_is_unusable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    backend = EspeakBackend()
    assert (await speak(backend, "Hello")).seconds > 0.3
    await backend.aclose()
    assert os.listdir(tmp_path) == []


async def test_no_folder_to_load_from_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nowhere() -> Iterator[Path]:
        yield tmp_path / "missing"

    monkeypatch.setattr("tts_hub_espeak.native.scratch_folders", nowhere)
    with pytest.raises(BackendUnavailableError, match="no folder") as caught:
        await EspeakBackend().load()
    assert "TMPDIR" in caught.value.remedy


async def test_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(BackendUnavailableError) as caught:
        await EspeakBackend().load()
    assert caught.value.remedy == "pip install espeakng-loader"


async def test_availability_looks_for_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EspeakBackend.availability(EspeakSettings()).ready
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = EspeakBackend.availability(EspeakSettings())
    assert not missing.ready
    assert missing.remedy == "pip install espeakng-loader"


def test_import_loads_no_library() -> None:
    code = (
        "import sys, tts_hub_espeak as e; e.EspeakBackend();"
        "e.EspeakBackend.availability(e.EspeakSettings());"
        "maps = open('/proc/self/maps').read() if sys.platform == 'linux' else '';"
        "sys.exit('espeakng_loader' in sys.modules or 'espeak-ng.so' in maps)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
