"""The model's files: downloads, checks, variants, and a user's own folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from tts_hub_kokoro import KokoroBackend, KokoroSettings
from tts_hub_kokoro.variants import GRAPHS, VOICES

from tests.cli.running import run
from tests.cli.test_models import refusal
from tests.kokoro.tiny import FAMILIES, graph, write_model
from tests.local_hub import LocalHub, serving
from tts_hub import TTSBackendManager
from tts_hub.config import Config
from tts_hub.download.folders import PublishedFile
from tts_hub.errors import BackendUnavailableError, UnknownModelError, UsageError

pytestmark = pytest.mark.anyio
NAMES = {"fp32": "kokoro-v1.0.onnx", "fp16": "kokoro-v1.0.fp16.onnx", "int8": "kokoro-v1.0.int8.onnx"}


def described(name: str, data: bytes) -> PublishedFile:
    return PublishedFile(name, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A small model, published in three variants with a graph each."""
    voices = (write_model(tmp_path / "source") / "voices-v1.0.bin").read_bytes()
    exports = {
        variant: graph(FAMILIES[family]).SerializeToString()
        for variant, family in (("fp32", "kokoro-onnx"), ("fp16", "timestamped"), ("int8", "community"))
    }
    published = {NAMES[variant]: data for variant, data in exports.items()} | {"voices-v1.0.bin": voices}
    monkeypatch.setattr("tts_hub_kokoro.files.VOICES", described("voices-v1.0.bin", voices))
    graphs = {v: described(NAMES[v], data) for v, data in exports.items()}
    monkeypatch.setattr("tts_hub_kokoro.files.GRAPHS", graphs)
    hub = LocalHub("thewh1teagle/kokoro-onnx", "model-files", published, large=set(NAMES.values()))
    with serving(hub):
        yield hub


def settings_of(hub: LocalHub, **fields: Any) -> dict[str, Any]:
    return {"release": f"{hub.url}/{hub.repository}/resolve/{hub.revision}", **fields}


def manager_of(hub: LocalHub, **fields: Any) -> TTSBackendManager:
    return TTSBackendManager(Config(backends={"kokoro": settings_of(hub, **fields)}))


async def test_pull_list_speak_remove(release: LocalHub, away_from_home: Path) -> None:
    async with manager_of(release) as hub:
        assert hub.best() == "espeak"
        assert hub.model_files("kokoro").missing == ("voices-v1.0.bin", NAMES["fp32"])
        pulled = await hub.pull("kokoro")
        assert (pulled.variant, pulled.missing) == ("fp32", ())
        assert Path(pulled.folder).is_relative_to(away_from_home)
        assert hub.best() == "kokoro"
        async with await hub.generate("Hello there.", model="kokoro") as stream:
            assert sum([len(chunk.samples) async for chunk in stream]) > 10_000
        assert (await hub.pull("kokoro", variant="int8")).variant == "int8"
        asked = [path.rpartition("/")[2] for path, _, _ in release.asked if "/resolve/" in path]
        assert asked == ["voices-v1.0.bin", NAMES["fp32"], NAMES["int8"]]
        sizes = {name: len(data) for name, data in release.files.items()}
        assert await hub.remove("kokoro", variant="fp32") == sizes[NAMES["fp32"]]
        assert hub.model_files("kokoro").variant == "int8"
        assert hub.best() == "kokoro"
        assert await hub.remove("kokoro") == sizes[NAMES["int8"]] + sizes["voices-v1.0.bin"]
        assert hub.best() == "espeak"
        assert not await anyio.Path(pulled.folder).exists()


async def test_the_configured_variant_is_the_usual_one(release: LocalHub) -> None:
    async with manager_of(release, variant="fp16") as hub:
        assert (await hub.pull("kokoro")).variant == "fp16"
        assert hub.model_files("kokoro").variant == "fp16"


async def test_an_unknown_variant_is_reported(release: LocalHub) -> None:
    async with manager_of(release) as hub:
        with pytest.raises(UnknownModelError, match="no variant 'fp8'; possible: fp32, fp16, int8"):
            await hub.pull("kokoro", variant="fp8")


@pytest.mark.parametrize("name", ["voices-v1.0.bin", NAMES["fp32"]])
async def test_a_damaged_file_is_never_loaded(release: LocalHub, name: str) -> None:
    async with manager_of(release) as hub:
        folder = Path((await hub.pull("kokoro")).folder)
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)
        with pytest.raises(BackendUnavailableError, match=f"{name}.*is damaged") as raised:
            await hub.generate("Hello.", model="kokoro")
        assert raised.value.remedy == "tts-hub models pull kokoro"
        await hub.pull("kokoro")
        async with await hub.generate("Hello.", model="kokoro") as stream:
            assert [chunk async for chunk in stream]


async def test_a_part_of_a_file_is_not_taken_for_it(release: LocalHub) -> None:
    async with manager_of(release) as hub:
        folder = Path((await hub.pull("kokoro")).folder)
        graph_file = folder / NAMES["fp32"]
        graph_file.write_bytes(graph_file.read_bytes()[:100])
        status = next(engine for engine in hub.status() if engine.name == "kokoro")
        assert not status.availability.ready
        assert f"{NAMES['fp32']} is not in" in status.availability.reason


async def test_a_folder_of_the_users_is_taken_as_it_is(release: LocalHub, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "own", FAMILIES["community"], name="my-export.onnx")
    (folder / "voices-v1.0.bin").rename(folder / "voices-mine.npz")
    async with manager_of(release, model_path=str(folder)) as hub:
        shown = hub.model_files("kokoro")
        assert (shown.source, shown.variant, shown.missing) == ("your own folder", "", ())
        async with await hub.generate("Hello.", model="kokoro", voice="am_adam") as stream:
            assert [chunk async for chunk in stream]
        await hub.pull("kokoro")
        assert release.asked == []
        with pytest.raises(UsageError, match="is your own folder"):
            await hub.remove("kokoro")
        assert (folder / "my-export.onnx").exists()


@pytest.mark.parametrize(("variant", "shown"), [("auto", ["fp16", "int8"]), ("int8", ["int8"])])
def test_of_an_own_folder_is_shown_what_is_there(tmp_path: Path, variant: Any, shown: list[str]) -> None:
    write_model(tmp_path, name=NAMES["int8"])
    write_model(tmp_path, name=NAMES["fp16"])
    listed = KokoroBackend.downloads(KokoroSettings(model_path=tmp_path, variant=variant))
    assert [files.variant for files in listed] == shown
    for files in listed:
        sizes = [(tmp_path / name).stat().st_size for name in (NAMES[files.variant], "voices-v1.0.bin")]
        assert (files.size, files.missing, files.source) == (sum(sizes), (), "your own folder")


def test_of_an_own_folder_without_the_wanted_variant_all_can_be_pulled(tmp_path: Path) -> None:
    write_model(tmp_path, name=NAMES["int8"])
    settings = KokoroSettings(model_path=tmp_path, variant="fp16")
    assert [files.variant for files in KokoroBackend.downloads(settings)] == ["fp16", "fp32", "int8"]
    assert KokoroBackend.availability(settings).remedy == "tts-hub models pull kokoro --variant fp16"


async def test_an_own_folder_is_completed_and_not_deleted(release: LocalHub, tmp_path: Path) -> None:
    async with manager_of(release, model_path=str(tmp_path / "own")) as hub:
        await hub.pull("kokoro", variant="fp16")
        assert (tmp_path / "own" / NAMES["fp16"]).exists()
        with pytest.raises(UsageError, match="is your own folder"):
            await hub.remove("kokoro", variant="fp16")


def test_an_own_folder_without_a_model_says_what_belongs_there(tmp_path: Path) -> None:
    found = KokoroBackend.availability(KokoroSettings(model_path=tmp_path))
    assert not found.ready
    assert found.reason == f"{tmp_path} does not hold one .onnx file and one voices file"
    found = KokoroBackend.availability(KokoroSettings(model_path=tmp_path, variant="int8"))
    assert "kokoro-v1.0.int8.onnx and voices-v1.0.bin" in found.reason


async def test_without_files_voices_and_speech_name_the_remedy() -> None:
    backend = KokoroBackend()
    with pytest.raises(BackendUnavailableError) as raised:
        await backend.voices()
    assert raised.value.remedy == "tts-hub models pull kokoro"
    with pytest.raises(BackendUnavailableError, match="its files are not in"):
        await backend.load()


def test_the_published_files_are_pinned() -> None:
    assert [file.size for file in (*GRAPHS.values(), VOICES)] == [
        *(325_505_369, 163_527_961, 114_119_327, 28_214_398)
    ]
    assert all(len(file.sha256) == 64 for file in (*GRAPHS.values(), VOICES))


def test_the_command_line_pulls_lists_and_reports(tmp_path: Path) -> None:
    """The server has other files than the published ones."""
    hub = LocalHub("a/b", "c", {"voices-v1.0.bin": bytes(10)})
    with serving(hub):
        Path("config.toml").write_text(f'[backends.kokoro]\nrelease = "{hub.url}/a/b/resolve/c"\n')
        said = refusal("models", "pull", "kokoro", "--variant", "int8")
        assert "the download of voices-v1.0.bin is not the published file: 10 bytes" in said
        assert said.endswith("(to fix: tts-hub models pull kokoro --variant int8)")
        assert "no variant 'fp8'" in refusal("models", "pull", "kokoro", "--variant", "fp8")
        assert "missing in that folder: voices-v1.0.bin" in refusal("models", "path", "kokoro")
        assert refusal("models", "remove", "kokoro") == "there are no files of kokoro to delete"
        listed = run("models", "list").stdout.decode()
    for line in ("fp32 missing (354 MB)", "fp16 missing (192 MB)", "int8 missing (142 MB)"):
        assert line in listed
