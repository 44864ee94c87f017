"""The official voices: their list, pulls from a server of our own, checks, and a user's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tts_hub_piper import PiperBackend, PiperSettings
from tts_hub_piper.official import CARD, USUAL, OfficialVoice, official_voices

from tests.cli.running import invoke
from tests.cli.test_models import refusal
from tests.local_hub import LocalHub, serving
from tests.piper.tiny import write_voice
from tts_hub import TTSBackendManager
from tts_hub.config import Config
from tts_hub.download.folders import PublishedFile
from tts_hub.errors import BackendUnavailableError, UnknownModelError

pytestmark = pytest.mark.anyio
NAMES = (USUAL, "pt_PT-tugão-medium")


def described(name: str, data: bytes) -> PublishedFile:
    return PublishedFile(name, len(data), sha256="", md5=hashlib.md5(data).hexdigest())


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A repository with two tiny voices, in folders as in the official one."""
    published: dict[str, bytes] = {}
    voices: dict[str, OfficialVoice] = {}
    for name in NAMES:
        language = "pt" if name.startswith("pt") else "en-us"
        folder = write_voice(tmp_path / "source", name, espeak={"voice": language})
        contents = {n: (folder / n).read_bytes() for n in (f"{name}.onnx", f"{name}.onnx.json")}
        contents[CARD] = name.encode()
        graph, config, card = [described(file, content) for file, content in contents.items()]
        voices[name] = OfficialVoice(name, 1, graph, config, card)
        address = quote(voices[name].folder)
        published |= {f"{address}/{quote(file)}": content for file, content in contents.items()}

    def listed() -> Mapping[str, OfficialVoice]:
        return voices

    monkeypatch.setattr("tts_hub_piper.files.official_voices", listed)
    monkeypatch.setattr("tts_hub_piper.backend.official_voices", listed)
    hub = LocalHub("rhasspy/piper-voices", "main", published)
    with serving(hub):
        yield hub


def manager_of(hub: LocalHub, **fields: Any) -> TTSBackendManager:
    release = f"{hub.url}/{hub.repository}/resolve/{hub.revision}"
    return TTSBackendManager(Config(backends={"piper": {"release": release, **fields}}))


async def test_pull_list_speak_remove(repository: LocalHub, away_from_home: Path) -> None:
    async with manager_of(repository) as hub:
        assert hub.best() == "espeak"
        assert hub.model_files("piper").missing == (CARD, f"{USUAL}.onnx.json", f"{USUAL}.onnx")
        pulled = await hub.pull("piper")
        assert (pulled.variant, pulled.missing) == (USUAL, ())
        assert Path(pulled.folder).is_relative_to(away_from_home)
        assert (Path(pulled.folder) / f"{USUAL}.{CARD}").read_text() == USUAL
        assert hub.best() == "piper"
        async with await hub.generate("Hello there.", model="piper") as stream:
            assert sum([len(chunk.samples) async for chunk in stream]) > 10_000
        assert (await hub.pull("piper:pt_PT-tugão-medium")).variant == "pt_PT-tugão-medium"
        async with await hub.generate("Olá.", model="piper", voice="tugão") as stream:
            assert [chunk async for chunk in stream]
        assert stream.report.voice == "pt_PT-tugão-medium"
        freed = await hub.remove(f"piper:{USUAL}")
        assert freed == sum(len(repository.files[name]) for name in repository.files if "/joe/" in name)
        assert hub.model_files("piper").variant == "pt_PT-tugão-medium"
        await hub.remove("piper")
        assert hub.best() == "espeak"
        assert not Path(pulled.folder).exists()


async def test_an_unknown_voice_cannot_be_pulled(repository: LocalHub) -> None:
    async with manager_of(repository) as hub:
        with pytest.raises(UnknownModelError, match="no variant 'en_US-nobody-high'"):
            await hub.pull("piper:en_US-nobody-high")


async def test_the_configured_voice_is_pulled_first(repository: LocalHub) -> None:
    async with manager_of(repository, voice="pt_PT-tugão-medium") as hub:
        assert (await hub.pull("piper")).variant == "pt_PT-tugão-medium"


@pytest.mark.parametrize("ending", [".onnx", ".onnx.json"])
async def test_a_damaged_file_is_never_loaded(repository: LocalHub, ending: str) -> None:
    async with manager_of(repository) as hub:
        file = Path((await hub.pull("piper")).folder) / f"{USUAL}{ending}"
        data = bytearray(file.read_bytes())
        place = data.index(b"0.667") if ending.endswith("json") else len(data) // 2
        data[place] ^= 1
        file.write_bytes(data)
        with pytest.raises(BackendUnavailableError, match=f"{USUAL}{ending}.*is damaged") as raised:
            await hub.generate("Hello.", model="piper")
        assert raised.value.remedy == f"tts-hub models pull piper:{USUAL}"
        await hub.pull("piper")
        async with await hub.generate("Hello.", model="piper") as stream:
            assert [chunk async for chunk in stream]


async def test_a_voice_that_is_cut_off_does_not_count(repository: LocalHub) -> None:
    async with manager_of(repository) as hub:
        file = Path((await hub.pull("piper")).folder) / f"{USUAL}.onnx"
        file.write_bytes(file.read_bytes()[:100])
        status = next(engine for engine in hub.status() if engine.name == "piper")
        assert not status.availability.ready
        assert hub.model_files("piper").missing == (f"{USUAL}.onnx",)


async def test_voices_of_the_users_folder_come_first_and_stay(repository: LocalHub, tmp_path: Path) -> None:
    folder = write_voice(tmp_path / "own", USUAL, audio={"sample_rate": 16_000})
    async with manager_of(repository, voices_folder=str(folder)) as hub:
        await hub.pull("piper")
        async with await hub.generate("Hello.", model="piper") as stream:
            assert [chunk async for chunk in stream]
        (voice,) = (await hub.voices("piper"))["piper"]
        assert voice.description == "16000 Hz"
        await hub.remove("piper")
        assert (folder / f"{USUAL}.onnx").exists()
        assert hub.best() == "piper"


def test_the_official_list_is_whole() -> None:
    voices = official_voices()
    assert len(voices) == 171
    assert next(iter(voices)) == USUAL
    assert voices["pt_PT-tugão-medium"].folder == "pt/pt_PT/tugão/medium"
    assert voices["en_US-libritts-high"].speakers == 904
    for voice in voices.values():
        assert [file.name for file in voice.files] == [CARD, f"{voice.name}.onnx.json", f"{voice.name}.onnx"]
        assert all(len(file.digest) == 32 and file.size > 0 for file in voice.files)
    assert (voices[USUAL].graph.size, voices[USUAL].graph.digest) == (
        63_201_294,
        "74fd6a4dc39e0aa9dce145d7f5acd4f6",
    )


def test_the_real_voice_is_the_published_one(real_folder: Path) -> None:
    voice = official_voices()[USUAL]
    for file in (voice.config, voice.graph):
        assert file.digest_of(real_folder / file.name) == file.digest


def test_listing_what_can_be_pulled_is_quick_and_needs_no_voice() -> None:
    listed = PiperBackend.downloads(PiperSettings(voice="de_DE-thorsten-high"))
    assert [files.variant for files in listed][:2] == ["de_DE-thorsten-high", USUAL]
    assert listed[0].size is not None
    assert listed[0].size > 100_000_000
    assert listed[0].source.endswith("/resolve/main/de/de_DE/thorsten/high")


def test_the_command_line_pulls_by_name() -> None:
    """The server here has no such voice."""
    hub = LocalHub("a/b", "main", {})
    with serving(hub):
        Path("config.toml").write_text(f'[backends.piper]\nrelease = "{hub.url}/a/b/resolve/main"\n')
        said = refusal("models", "pull", "piper:de_DE-thorsten-high")
    assert "answers with status 404" in said
    assert "tts-hub models pull piper:de_DE-thorsten-high" in said
    assert "no variant 'en_US-jo'" in refusal("models", "pull", "piper:en_US-jo")


def test_a_list_of_many_voices_is_brief() -> None:
    Path("config.toml").write_text("[backends.piper]\nvoices_in_memory = 2\n")  # so that it is listed
    brief = f"{USUAL} missing (63.2 MB), 170 more"
    assert f"{brief}: tts-hub models list --all" in invoke("models", "list").stdout
    assert brief in invoke("doctor", "--all").stdout
    listed = invoke("models", "list", "--all").stdout
    assert "de_DE-thorsten-high missing (114 MB)" in listed
    assert listed.count(" missing (") > 170
