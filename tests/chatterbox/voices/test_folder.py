"""Clips in a folder as voices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tts_hub_chatterbox.backend import ChatterboxNano
from tts_hub_chatterbox.settings import ChatterboxSettings
from tts_hub_chatterbox.voices.folder import VoiceFolder

from tts_hub.errors import ConfigError, UnknownVoiceError


def folder_with(tmp_path: Path, *names: str) -> VoiceFolder:
    for name in names:
        (tmp_path / name).write_bytes(b"")
    return VoiceFolder(tmp_path)


def test_clips_in_the_folder_are_voices(tmp_path: Path) -> None:
    names = ("anna.wav", "bob-2.MP3", "c_d.flac", "e.ogg", "f.m4a")
    folder = folder_with(tmp_path, *names, "notes.txt", "._anna.wav", ".hidden.wav", "cover.jpg")
    (tmp_path / "g.wav").mkdir()
    assert {voice.id: voice.language for voice in folder.voices()} == dict.fromkeys(
        ["anna", "bob-2", "c_d", "e", "f"], "en"
    )
    assert folder.clip("bob-2") == tmp_path / "bob-2.MP3"
    (tmp_path / "late.wav").write_bytes(b"")
    assert "late" in folder.clips()


def test_without_a_folder_there_are_none() -> None:
    assert VoiceFolder(None).voices() == ()
    with pytest.raises(UnknownVoiceError):
        VoiceFolder(None).clip("anna")


@pytest.mark.parametrize(
    "name", ["Anna.wav", "anna smith.wav", "-a.wav", "é.wav", "a.b.wav", "default.wav", f"{'a' * 65}.wav"]
)
def test_a_clip_whose_name_is_no_voice_id_costs_the_others_nothing(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_with(tmp_path, "bob.wav", name)
    for _ in range(2):
        assert [voice.id for voice in folder.voices()] == ["bob"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{name} cannot become a voice: rename it" in caplog.text
    with pytest.raises(UnknownVoiceError, match="rename it to lower-case letters"):
        folder.clip(Path(name).stem)


def test_two_clips_of_one_name_are_no_voice_and_cost_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_with(tmp_path, "anna.wav", "anna.mp3", "bob.wav")
    for _ in range(2):
        assert set(folder.clips()) == {"bob"}
    assert len(caplog.records) == 1
    with pytest.raises(UnknownVoiceError, match=r"anna\.mp3 and anna\.wav.*rename or remove one"):
        folder.clip("anna")
    (tmp_path / "anna.mp3").unlink()
    assert folder.clip("anna") == tmp_path / "anna.wav"


@pytest.mark.anyio
async def test_the_error_for_a_clip_with_a_wrong_name_says_how_to_rename_it(tmp_path: Path) -> None:
    folder_with(tmp_path, "Anna.wav", "bob.wav")
    backend = ChatterboxNano(ChatterboxSettings(voices_folder=tmp_path))
    assert (await backend.find_voice("bob", None)).id == "bob"
    for asked in ("Anna", "anna"):
        with pytest.raises(UnknownVoiceError, match=rf"unknown voice '{asked}'; Anna\.wav .* rename it"):
            await backend.find_voice(asked, None)
    with pytest.raises(UnknownVoiceError, match="possible: default, bob"):
        await backend.find_voice("nobody", None)


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        VoiceFolder(tmp_path / "none").voices()


@pytest.mark.parametrize(
    "voice", ["../secret", "secret", "/etc/passwd", "anna.wav", "ANNA", "", "anna\0", "."]
)
def test_a_voice_is_looked_up_and_never_part_of_a_path(voice: str, tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(b"")
    inner = tmp_path / "voices"
    inner.mkdir()
    with pytest.raises(UnknownVoiceError) as caught:
        folder_with(inner, "anna.wav").clip(voice)
    assert str(caught.value).startswith(f"unknown voice {voice!r}; ")


def test_listing_voices_needs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "anna.wav").write_bytes(b"")
    code = (
        "import sys; from pathlib import Path; from tts_hub_chatterbox.voices.folder import VoiceFolder\n"
        f"voices = VoiceFolder(Path({str(tmp_path)!r})).voices()\n"
        "heavy = {'torch', 'av', 'soxr', 'safetensors'} & sys.modules.keys()\n"
        "sys.exit(len(voices) != 1 or bool(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
