"""The promises to users of the library: the names, a short script, and `save`."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tts_hub
from tests.audio.decoding import decode
from tts_hub import TTSBackendManager, errors
from tts_hub.config import parse_config
from tts_hub.errors import GenerationError, OutputError, UnsupportedFormatError
from tts_hub.testing import FakeBackend, FakeScript

SCRIPT = """
import anyio
from tts_hub import TTSBackendManager

async def main():
    async with TTSBackendManager() as manager:
        async with await manager.stream("Hello from a script.", response_format="mp3") as speech:
            with open("out.mp3", "wb") as file:
                async for data in speech:
                    file.write(data)

anyio.run(main)
"""
THREE = "The first sentence is here. The second sentence follows it. The third one ends it."


@pytest.fixture
def old_file() -> Path:
    path = Path("old.wav")
    path.write_text("precious")
    return path


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def manager_of(backend: FakeBackend) -> TTSBackendManager:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}, "model": "fake"}), discover=False)
    manager.register(backend)
    return manager


@pytest.mark.parametrize("name", tts_hub.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(tts_hub, name)
    if not name.endswith("Callback"):  # the name of a type
        assert inspect.getdoc(value)
    if inspect.isclass(value):
        undocumented = [
            member
            for member, function in vars(value).items()
            if not member.startswith("_") and inspect.isroutine(function) and not inspect.getdoc(function)
        ]
        assert undocumented == []


def test_every_error_is_in_the_tree_and_in_its_picture() -> None:
    defined = [value for value in vars(errors).values() if inspect.isclass(value)]
    classes = [value for value in defined if value.__module__ == errors.__name__]
    assert len(classes) > 15
    for error in classes:
        assert issubclass(error, tts_hub.TTSHubError)
        assert error.__name__ in (errors.__doc__ or "")


def test_a_short_script_streams_mp3_into_a_file() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    samples, rate = decode(Path("out.mp3"))
    assert 1.0 < len(samples) / rate < 3.0


@pytest.mark.anyio
async def test_save_writes_a_whole_file_and_returns_its_words() -> None:
    async with manager_of(FakeBackend()) as manager:
        audio = await manager.save(THREE, "out.flac")
    samples, rate = decode(Path("out.flac"))
    assert len(samples) == round(audio.report.audio_seconds * rate)
    assert audio.report.complete
    assert [word.text for word in audio.words] == THREE.split()


@pytest.mark.anyio
async def test_save_writes_nothing_when_the_engine_fails_in_the_middle(old_file: Path) -> None:
    async with manager_of(FakeBackend(script=FakeScript(fail_at={1: 2}))) as manager:
        for name in ("new.wav", old_file.name):
            with pytest.raises(GenerationError, match="scripted failure in segment 1"):
                await manager.save(THREE, name)
    assert files() == {old_file.name: b"precious"}


@pytest.mark.anyio
async def test_save_takes_the_format_by_name_before_the_suffix() -> None:
    async with manager_of(FakeBackend()) as manager:
        await manager.save("Hello.", "out.bin", response_format="wav")
        with pytest.raises(UnsupportedFormatError, match=r"'out\.bin'"):
            await manager.save("Hello.", "out.bin")
    assert decode(Path("out.bin"))[1] == 24_000


@pytest.mark.anyio
async def test_save_to_where_nothing_can_be_written_frees_the_engine() -> None:
    backend = FakeBackend()
    async with manager_of(backend) as manager:
        with pytest.raises(OutputError, match="nowhere"):
            await manager.save(THREE, "nowhere/out.wav")
        assert backend.active == 0
        await manager.save("Hello.", "out.wav")
