"""The voices' files: the one in the package, downloads, checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from tts_hub_hibari import HibariBackend, HibariSettings
from tts_hub_hibari.files import published_voices

from tests.cli.running import run
from tests.hibari.speaking import joined, spoken
from tests.local_hub import LocalHub
from tts_hub import TTSBackendManager
from tts_hub.config import Config
from tts_hub.errors import BackendUnavailableError, UnknownVoiceError

pytestmark = pytest.mark.anyio
PULL = "tts-hub models pull hibari --variant emma"


def settings_of(hub: LocalHub) -> dict[str, Any]:
    return {"release": f"{hub.url}/{hub.repository}/resolve/{hub.revision}"}


def manager_of(hub: LocalHub) -> TTSBackendManager:
    return TTSBackendManager(Config(backends={"hibari": settings_of(hub)}))


def test_the_registry_is_the_packages() -> None:
    voices = published_voices()
    assert list(voices) == ["heart", "emma", "fenrir", "fable", "kore"]
    assert [voice.place.file.size for voice in voices.values()] == [
        *(7_936_868,) * 2,
        8_031_158,
        *(7_936_868,) * 2,
    ]
    assert all(len(voice.place.file.sha256) == 64 for voice in voices.values())
    assert [name for name, voice in voices.items() if voice.bundled] == ["heart"]
    assert voices["heart"].place.is_sound()


async def test_heart_needs_no_download() -> None:
    assert HibariBackend.availability(HibariSettings()).ready
    heart, *others = HibariBackend.downloads(HibariSettings())
    assert (heart.variant, heart.missing, heart.source) == ("heart", (), "the package hibari-tts")
    assert all(files.missing for files in others)
    assert [voice.id for voice in await HibariBackend().voices()] == ["heart"]


async def test_pull_list_speak_remove(voices_to_pull: LocalHub, away_from_home: Path) -> None:
    async with manager_of(voices_to_pull) as hub:
        with pytest.raises(UnknownVoiceError, match=f"voice 'emma' is not downloaded yet: {PULL}"):
            await hub.generate("Hello.", model="hibari", voice="emma")
        pulled = await hub.pull("hibari", variant="emma")
        assert (pulled.variant, pulled.missing) == ("emma", ())
        assert Path(pulled.folder).is_relative_to(away_from_home)
        async with await hub.generate("Hello there.", model="hibari", voice="emma") as stream:
            assert sum([len(chunk.samples) async for chunk in stream]) > 10_000
        assert (stream.report.voice, stream.report.language) == ("emma", "en-GB")
        assert [voice.id for voice in (await hub.voices("hibari"))["hibari"]] == ["heart", "emma"]
        assert await hub.remove("hibari", variant="emma") == published_voices()["emma"].place.file.size
        assert await hub.remove("hibari") == 0  # the package's own voice stays
        assert not await anyio.Path(pulled.folder).exists()
        assert hub.best() == "hibari"


async def test_a_pull_without_a_variant_has_nothing_to_do(voices_to_pull: LocalHub) -> None:
    async with manager_of(voices_to_pull) as hub:
        assert (await hub.pull("hibari")).variant == "heart"
    assert voices_to_pull.asked == []


async def test_a_download_that_is_not_the_published_file_is_refused(voices_to_pull: LocalHub) -> None:
    name = published_voices()["emma"].place.file.name
    voices_to_pull.files[name] = bytes(len(voices_to_pull.files[name]))
    async with manager_of(voices_to_pull) as hub:
        with pytest.raises(BackendUnavailableError, match="is not the published file") as raised:
            await hub.pull("hibari", variant="emma")
    assert raised.value.remedy == PULL


async def test_a_damaged_voice_is_never_loaded(voices_to_pull: LocalHub) -> None:
    async with manager_of(voices_to_pull) as hub:
        await hub.pull("hibari", variant="emma")
        file = published_voices()["emma"].place.path
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        with pytest.raises(BackendUnavailableError, match="is damaged: its checksum is wrong") as raised:
            await hub.generate("Hello.", model="hibari", voice="emma")
        assert raised.value.remedy == PULL
        await hub.pull("hibari", variant="emma")
        async with await hub.generate("Hello.", model="hibari", voice="emma") as stream:
            assert [chunk async for chunk in stream]


async def test_a_voice_that_is_cut_counts_as_missing(voices_to_pull: LocalHub) -> None:
    async with manager_of(voices_to_pull) as hub:
        await hub.pull("hibari", variant="emma")
        file = published_voices()["emma"].place.path
        file.write_bytes(file.read_bytes()[:1000])
        assert hub.model_files("hibari", "emma").missing == (file.name,)
        with pytest.raises(UnknownVoiceError, match=PULL):
            await hub.generate("Hello.", model="hibari", voice="emma")


async def test_a_package_whose_voice_is_cut_is_not_ready(voices_to_pull: LocalHub) -> None:
    file = published_voices()["heart"].place.path
    file.write_bytes(file.read_bytes()[:1000])
    found = HibariBackend.availability(HibariSettings())
    assert not found.ready
    assert "damaged" in found.reason
    assert found.remedy == "pip install --force-reinstall 'hibari-tts>=0.2.1,<0.3'"
    async with manager_of(voices_to_pull) as hub:
        assert hub.best() == "espeak"


async def test_a_registry_that_cannot_be_read_is_reported(voices_to_pull: LocalHub) -> None:
    registry = published_voices()["heart"].place.path.parent / "voices.json"
    registry.write_text('{"heart": {}}')
    from tts_hub_hibari import files

    files._registry.cache_clear()
    found = HibariBackend.availability(HibariSettings())
    assert not found.ready
    assert "voices.json cannot be read" in found.reason
    assert HibariBackend.downloads(HibariSettings()) == []


async def test_openais_voices_have_the_gender_that_is_there(voices_to_pull: LocalHub) -> None:
    backend = HibariBackend(HibariSettings(**settings_of(voices_to_pull)))
    assert (await backend.find_voice("onyx", None)).id == "heart"
    for files in HibariBackend.downloads(backend.settings):
        await HibariBackend.pull(files, backend.settings)
    assert (await backend.find_voice("onyx", None)).id == "fenrir"
    assert (await backend.find_voice("nova", "en-GB")).id == "emma"
    assert (await backend.find_voice("nova", "en-US")).id == "heart"
    assert (await backend.find_voice("af_heart", None)).id == "heart"
    assert (await backend.find_voice(None, "en-GB")).id == "emma"


async def test_each_variety_of_english_has_its_reader(voices_to_pull: LocalHub) -> None:
    backend = HibariBackend(HibariSettings(**settings_of(voices_to_pull)))
    for files in HibariBackend.downloads(backend.settings):
        await HibariBackend.pull(files, backend.settings)
    text = "I can't ask for a tomato."
    american = joined(await spoken(backend, text, voice="heart"))
    british = joined(await spoken(backend, text, voice="emma"))
    assert len(american) != len(british) or (american != british).any()
    np_same = joined(await spoken(backend, text, voice="fenrir"))
    assert len(np_same) == len(american)
    await backend.aclose()


def test_the_command_line_names_the_voices() -> None:
    listed = run("models", "list", "--all").stdout.decode()
    assert "heart here (7.94 MB)" in listed
    assert "fenrir missing (8.03 MB)" in listed
    assert run("models", "remove", "hibari").returncode == 0
