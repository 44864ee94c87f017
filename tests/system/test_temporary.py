"""Temporary files: they get their name when they are finished, and those of a killed program are removed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import find_format
from tts_hub.captions import write_captions
from tts_hub.config_file.editing import edit
from tts_hub.system import temporary
from tts_hub.system.temporary import LEFTOVER_AFTER, open_temporary, put_in_place, remove_leftovers

NAME = ".tts-hub-0123456789ab.part"


def leftover(folder: Path, name: str = NAME, *, age: float = LEFTOVER_AFTER + 60) -> Path:
    path = folder / name
    path.write_text("half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def save_audio(folder: Path) -> None:
    with AudioFileWriter(folder / "x.wav", find_format("wav"), 24_000) as writer:
        writer.commit()


@pytest.mark.parametrize(
    "save",
    [
        save_audio,
        lambda folder: write_captions(folder / "x.srt", [], ""),
        lambda folder: edit(folder / "config.toml", {"model": "espeak"}),
    ],
    ids=["audio", "captions", "config"],
)
def test_the_next_save_into_a_folder_removes_what_a_killed_program_left(
    tmp_path: Path, save: Callable[[Path], object]
) -> None:
    old = leftover(tmp_path)
    save(tmp_path)
    assert not old.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_younger_than_a_day_stays(tmp_path: Path) -> None:
    young = leftover(tmp_path, age=LEFTOVER_AFTER - 600)
    remove_leftovers(tmp_path)
    assert young.exists()


@pytest.mark.parametrize("name", ["speech.part", ".tts-hub-notes.part", f"x{NAME}", f"{NAME}.bak", "x.mp3"])
def test_files_of_other_names_stay(tmp_path: Path, name: str) -> None:
    other = leftover(tmp_path, name)
    remove_leftovers(tmp_path)
    assert other.exists()


def test_a_file_that_is_still_written_stays_however_old(tmp_path: Path) -> None:
    path, file = open_temporary(tmp_path / "x.mp3")
    with file:
        os.utime(path, (0, 0))
        remove_leftovers(tmp_path)
        assert path.exists()
    remove_leftovers(tmp_path)
    assert not path.exists()


def test_a_file_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = leftover(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    remove_leftovers(tmp_path)
    assert old.exists()


def test_links_and_folders_stay(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME.replace("0", "1")).symlink_to(leftover(tmp_path, "mine"))
    os.utime(tmp_path / NAME, (0, 0))
    os.utime(tmp_path / NAME.replace("0", "1"), (0, 0), follow_symlinks=False)
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_file_of_a_killed_program_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from tts_hub.system.temporary import open_temporary\n"
        "held = open_temporary(Path(sys.argv[1]) / 'x.mp3')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    (path,) = tmp_path.iterdir()
    os.utime(path, (0, 0))
    remove_leftovers(tmp_path)
    assert not path.exists()


def test_a_folder_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "nowhere")


def no_links(source: Path, target: Path) -> None:
    raise OSError(95, "Operation not supported")


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_a_file_that_appeared_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    for target, content in ((tmp_path / "taken", "theirs"), (tmp_path / "free", "ours")):
        path, file = open_temporary(target)
        with file:
            file.write(b"ours")
        if content == "theirs":
            target.write_text(content)
            with pytest.raises(FileExistsError):
                put_in_place(path, target, replace=False)
            path.unlink()
        else:
            put_in_place(path, target, replace=False)
        assert target.read_text() == content
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_system_without_locks_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: object, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    path, file = open_temporary(tmp_path / "x")
    file.close()
    assert path.exists()
    assert temporary.LEFTOVER_AFTER == 86_400
