"""Voices are kept, changed, removed and restored; nothing is lost on the way."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import time
from pathlib import Path

import anyio
import numpy as np
import pytest

from tests.store.clips import clip
from tts_hub.clips.decoding import decode_clip
from tts_hub.config import StoreConfig
from tts_hub.errors import (
    InvalidRequestError,
    NameTakenError,
    QuotaError,
    StoreError,
    UnknownVoiceError,
)
from tts_hub.store.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(folder=str(tmp_path / "voices")))


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "voices" / "samples").glob("*")}


async def test_a_voice_is_there_after_a_restart(store: Store, tmp_path: Path) -> None:
    made = await store.add_voice(
        "Sarah", clip(), origin="sarah.wav", transcript="Hello.", description="warm", language="en-GB",
        consent="Sarah, 2026-12-01",
    )  # fmt: skip
    again = Store(StoreConfig(folder=str(tmp_path / "voices")))
    assert await again.voices() == [made]
    for name in ("Sarah", "sarah", "SARAH", made.id):
        assert await again.voice(name) == made
    assert (made.name, made.language, made.consent) == ("Sarah", "en-GB", "Sarah, 2026-12-01")
    (sample,) = made.samples
    assert (sample.origin, sample.transcript, sample.sample_rate) == ("sarah.wav", "Hello.", 24_000)
    assert sample.seconds == pytest.approx(6)


async def test_the_stored_sound_is_the_given_sound(store: Store) -> None:
    (sample,) = (await store.add_voice("a", clip())).samples
    data = Path(sample.path).read_bytes()
    assert hashlib.sha256(data).hexdigest() == sample.hash
    assert data.startswith(b"fLaC")
    np.testing.assert_array_equal(decode_clip(data).samples, decode_clip(clip()).samples)


async def test_looking_creates_nothing(store: Store, tmp_path: Path) -> None:
    assert await store.voices() == []
    assert await store.profiles() == []
    assert (await store.names()).voice("x") is None
    assert await store.statistics() == {"voices": 0, "emotions": 0, "sample_bytes": 0}
    with pytest.raises(UnknownVoiceError, match="no voice is stored"):
        await store.voice("x")
    await store.tidy()
    assert not (tmp_path / "voices").exists()


@pytest.mark.parametrize(
    "name", ["", " ", "a:b", "../x", "a/b", "a\\b", "x\0y", "a\nb" * 40, "-x", ".x", "x" * 65]
)
async def test_names_that_could_be_paths_or_markup_are_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await store.add_voice(name, clip())
    assert caught.value.param == "name"
    assert await store.voices() == []


async def test_two_voices_cannot_have_one_name(store: Store) -> None:
    await store.add_voice("Sarah", clip())
    with pytest.raises(NameTakenError):
        await store.add_voice("sarah", clip(6, 1))
    other = await store.add_voice("Tom", clip(6, 1))
    with pytest.raises(NameTakenError):
        await store.change_voice("Tom", name="SARAH")
    assert await store.voice("tom") == other


async def test_a_voice_is_changed(store: Store) -> None:
    made = await store.add_voice("Sarah", clip())
    profile = await store.add_profile(name="excited", character="sarah")
    changed = await store.change_voice("sarah", name="Anna", description="new")
    assert (changed.id, changed.name, changed.description) == (made.id, "Anna", "new")
    assert changed.samples == made.samples
    assert changed.updated > made.updated
    assert (await store.profile(profile.id)).full_name == "Anna:excited"
    with pytest.raises(InvalidRequestError, match="no language tag"):
        await store.change_voice("Anna", language="english please")


async def test_a_removed_voice_can_be_restored(store: Store, tmp_path: Path) -> None:
    made = await store.add_voice("Sarah", clip())
    await store.remove_voice("sarah")
    assert await store.voices() == []
    assert [voice.id for voice in await store.voices(removed=True)] == [made.id]
    with pytest.raises(UnknownVoiceError):
        await store.remove_voice("sarah")
    assert files(tmp_path)
    assert await store.restore_voice(made.id) == made
    assert await store.voices() == [made]


async def test_a_name_can_be_used_again_and_then_the_first_voice_stays_removed(store: Store) -> None:
    first = await store.add_voice("Sarah", clip())
    await store.remove_voice("Sarah")
    await store.add_voice("Sarah", clip(6, 1))
    with pytest.raises(NameTakenError):
        await store.restore_voice(first.id)


async def test_what_was_removed_is_deleted_in_the_end(tmp_path: Path) -> None:
    store = Store(StoreConfig(folder=str(tmp_path / "voices"), undo_seconds=0))
    kept = await store.add_voice("kept", clip())
    gone = await store.add_voice("gone", clip(6, 1))
    shared = await store.add_sample("gone", clip())
    assert len(shared.samples) == 2
    await store.remove_voice("gone")
    assert files(tmp_path) == {f"{kept.samples[0].hash}.flac"}
    with pytest.raises(UnknownVoiceError, match="cannot be restored any more"):
        await store.restore_voice(gone.id)


async def test_samples_are_added_and_removed(store: Store, tmp_path: Path) -> None:
    await store.add_voice("Sarah", clip())
    two = await store.add_sample("Sarah", clip(6, 1))
    same = await store.add_sample("Sarah", clip())
    assert [s.hash for s in same.samples] == [s.hash for s in reversed(two.samples)]  # the newest is last
    left = await store.remove_sample("Sarah", same.samples[0].id)
    assert len(left.samples) == 1
    assert files(tmp_path) == {f"{left.samples[0].hash}.flac"}
    with pytest.raises(UnknownVoiceError):
        await store.remove_sample("Sarah", 99)


async def test_there_is_a_quota(tmp_path: Path) -> None:
    store = Store(StoreConfig(folder=str(tmp_path / "voices"), quota_megabytes=1))
    await store.add_voice("first", clip(20))
    with pytest.raises(QuotaError, match=r"store\.quota_megabytes") as caught:
        await store.add_voice("second", clip(20, 1))
    assert caught.value.param == "sample"
    assert [voice.name for voice in await store.voices()] == ["first"]


async def test_a_clip_has_to_be_long_enough_for_one_engine(tmp_path: Path) -> None:
    store = Store(StoreConfig(folder=str(tmp_path)), lambda: {"turbo": 5.0, "tiny": 1.5})
    voice = await store.add_voice("a", clip(3))
    assert voice.samples[0].warnings[0] == "turbo needs more than 5 s of sound, and this clip has 3.0 s"
    with pytest.raises(InvalidRequestError, match=r"has 1\.2 s of sound; more than 1\.5 s are needed"):
        await store.add_voice("b", clip(1.2))


async def test_names_are_read_again_only_after_a_change(store: Store, tmp_path: Path) -> None:
    await store.add_voice("Sarah", clip())
    names = await store.names()
    assert names.voice("SARAH") is not None
    voices = names.voices
    assert (await store.names()).voices is voices
    await Store(StoreConfig(folder=str(tmp_path / "voices"))).remove_voice("Sarah")  # as another process
    assert (await store.names()).voice("sarah") is None


async def test_a_newer_store_is_left_alone(store: Store, tmp_path: Path) -> None:
    await store.add_voice("a", clip())
    with sqlite3.connect(tmp_path / "voices" / "voices.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        await store.voices()


async def test_a_damaged_store_is_reported(store: Store, tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "voices.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be read"):
        await store.voices()


async def test_orphans_are_swept_when_they_are_old(store: Store, tmp_path: Path) -> None:
    await store.add_voice("a", clip())
    folder = tmp_path / "voices" / "samples"
    old, new, foreign = folder / f"{'0' * 64}.flac", folder / f"{'1' * 64}.flac", folder / "notes.txt"
    for path in (old, new, foreign):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    await store.tidy()
    assert not old.exists()
    assert new.exists()
    assert foreign.exists()


async def test_many_tasks_and_stores_write_at_once(tmp_path: Path) -> None:
    stores = [Store(StoreConfig(folder=str(tmp_path / "voices"))) for _ in range(4)]

    async def add(number: int) -> None:
        await stores[number % 4].add_profile(name=f"p{number}", character="x")

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(add, number)
    assert len(await stores[0].profiles()) == 40


KILLED_UPLOAD = """
import os, signal, sys, anyio
from tts_hub.config import StoreConfig
from tts_hub.store import samples, store, voices
def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[2]
if where == "file":
    samples.put_in_place = killed
elif where == "rows":
    samples.SampleRows.add = killed
else:
    voices.Voices._find = killed
made = store.Store(StoreConfig(folder=sys.argv[1]))
anyio.run(lambda: made.add_voice("new", open(sys.argv[3], "rb").read()))
"""


@pytest.mark.parametrize("where", ["file", "rows", "end"])
async def test_a_process_that_is_killed_during_an_upload_loses_nothing_else(
    store: Store, tmp_path: Path, where: str
) -> None:
    kept = await store.add_voice("kept", clip())
    (tmp_path / "new.wav").write_bytes(clip(6, 1))
    arguments = [str(tmp_path / "voices"), where, str(tmp_path / "new.wav")]
    ran = await anyio.run_process([sys.executable, "-c", KILLED_UPLOAD, *arguments], check=False)
    assert ran.returncode == -9, ran.stderr
    assert await store.voices() == [kept]
    assert Path(kept.samples[0].path).exists()
    added = await store.add_voice("new", clip(6, 1))
    assert Path(added.samples[0].path).exists()
