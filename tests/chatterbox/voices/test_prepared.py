"""Conditionings that are computed once, and kept."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.prepared import PreparedVoices

from tests.chatterbox.voices.test_conditioning import assert_equal, conditioning
from tests.waiting import WITHIN, until
from tts_hub.errors import GenerationError
from tts_hub.store.prepared import PreparedFiles, PreparedKey

KEY = PreparedKey("0" * 64, "chatterbox", "chatterbox-turbo", "749d1c1a")


def small(seed: int = 0) -> Conditioning:
    return conditioning(t3=2, flow=1, frames=2, seed=seed)


class Maker:
    """Computes a conditioning and counts how often."""

    def __init__(self, *, seconds: float = 0.0, seed: int = 0, failures: int = 0) -> None:
        self.calls = 0
        self.threads: list[str] = []
        self._seconds = seconds
        self._seed = seed
        self._failures = failures

    def __call__(self) -> Conditioning:
        self.calls += 1
        self.threads.append(threading.current_thread().name)
        time.sleep(self._seconds)
        if self.calls <= self._failures:
            raise GenerationError("no", backend="chatterbox")
        return small(self._seed)


def files_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*.safetensors"))


def key_of(number: int) -> PreparedKey:
    return replace(KEY, sample=f"{number:064x}")


@pytest.mark.anyio
async def test_a_voice_is_made_once_then_remembered_then_read(tmp_path: Path) -> None:
    maker, store = Maker(), PreparedVoices(PreparedFiles(tmp_path / "cache"))
    first = await store.get(KEY, maker)
    assert await store.get(KEY, maker) is first
    assert maker.threads[0] != threading.current_thread().name
    store.clear()
    again = await store.get(KEY, maker)
    assert again is not first
    assert_equal(again, first)
    assert_equal(await PreparedVoices(PreparedFiles(tmp_path / "cache")).get(KEY, maker), first)
    assert maker.calls == 1


@pytest.mark.anyio
async def test_tasks_that_ask_at_once_get_the_same_one(tmp_path: Path) -> None:
    maker, store = Maker(seconds=0.1), PreparedVoices(PreparedFiles(tmp_path))
    found: list[Conditioning] = []

    async def ask() -> None:
        found.append(await store.get(KEY, maker))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(ask)
    assert maker.calls == 1
    assert len({id(one) for one in found}) == 1


@pytest.mark.anyio
async def test_another_clip_model_or_version_is_another_conditioning(tmp_path: Path) -> None:
    store = PreparedVoices(PreparedFiles(tmp_path))
    keys = [
        KEY,
        replace(KEY, sample="1" * 64),
        replace(KEY, model="chatterbox-nano"),
        replace(KEY, version="other"),
        replace(KEY, model=KEY.model + KEY.version, version=""),
    ]
    for seed, key in enumerate(keys):
        await store.get(key, Maker(seed=seed))
    store.clear()
    for seed, key in enumerate(keys):
        assert_equal(await store.get(key, Maker(failures=1)), small(seed))
    assert len(files_in(tmp_path)) == len(keys)


@pytest.mark.anyio
async def test_different_voices_asked_for_at_once_never_mix(tmp_path: Path) -> None:
    store = PreparedVoices(PreparedFiles(tmp_path))
    found: dict[int, Conditioning] = {}

    async def ask(number: int) -> None:
        found[number] = await store.get(key_of(number), Maker(seconds=0.01, seed=number))

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(ask, number)
    for number, one in found.items():
        assert_equal(one, small(number))


@pytest.mark.anyio
async def test_different_voices_are_made_one_after_the_other(tmp_path: Path) -> None:
    store, at_work, most = PreparedVoices(PreparedFiles(tmp_path)), 0, 0

    def make() -> Conditioning:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        time.sleep(0.02)
        at_work -= 1
        return small()

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(store.get, key_of(number), make)
    assert most == 1


@pytest.mark.anyio
async def test_nothing_is_kept_of_a_failure_and_the_next_one_tries_again(tmp_path: Path) -> None:
    maker, store = Maker(failures=1, seconds=0.05), PreparedVoices(PreparedFiles(tmp_path))
    outcomes: list[str] = []

    async def ask() -> None:
        try:
            await store.get(KEY, maker)
            outcomes.append("made")
        except GenerationError:
            outcomes.append("failed")
            assert store.count == 0
            assert not files_in(tmp_path)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask)
    assert sorted(outcomes) == ["failed", "made", "made"]
    assert maker.calls == 2


@pytest.mark.anyio
async def test_a_cancelled_task_leaves_the_work_to_those_that_wait(tmp_path: Path) -> None:
    store, calls, may_end = PreparedVoices(PreparedFiles(tmp_path)), 0, threading.Event()

    def make() -> Conditioning:
        nonlocal calls
        calls += 1
        may_end.wait(WITHIN)
        return small()

    async with anyio.create_task_group() as stays, anyio.create_task_group() as leaves:
        leaves.start_soon(store.get, KEY, make)
        await until(lambda: calls)
        stays.start_soon(store.get, KEY, make)
        await anyio.wait_all_tasks_blocked()
        leaves.cancel_scope.cancel()
        may_end.set()
    assert calls == 1
    assert store.count == 1


@pytest.mark.anyio
async def test_memory_is_bounded_by_count_and_the_latest_used_stay(tmp_path: Path) -> None:
    store, makers = (
        PreparedVoices(PreparedFiles(tmp_path), most=2),
        [Maker(seed=number) for number in range(3)],
    )
    kept = await store.get(key_of(0), makers[0])
    await store.get(key_of(1), makers[1])
    await store.get(key_of(0), makers[0])
    await store.get(key_of(2), makers[2])
    assert store.count == 2
    assert await store.get(key_of(0), makers[0]) is kept


@pytest.mark.anyio
async def test_memory_is_bounded_by_bytes(tmp_path: Path) -> None:
    store = PreparedVoices(PreparedFiles(tmp_path), most_bytes=3 * small().nbytes)
    for number in range(5):
        await store.get(key_of(number), Maker())
    assert store.count == 3
    nothing = PreparedVoices(PreparedFiles(tmp_path), most_bytes=1)
    await nothing.get(KEY, Maker())
    assert nothing.count == 0


@pytest.mark.anyio
async def test_the_folder_is_bounded_and_the_latest_used_stay(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path)
    await PreparedVoices(files).get(KEY, Maker())
    size = files.path(KEY).stat().st_size
    files.forget(KEY.sample)
    files = PreparedFiles(tmp_path, 2 * size)
    store = PreparedVoices(files)
    for number in range(2):
        await store.get(key_of(number), Maker())
        await anyio.sleep(0.02)
    store.clear()
    await store.get(key_of(0), Maker())  # read from disk: used
    await anyio.sleep(0.02)
    await store.get(key_of(2), Maker())
    assert files_in(tmp_path) == {files.path(key_of(0)), files.path(key_of(2))}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "empty": lambda path: path.write_bytes(b""),
    "rubbish": lambda path: path.write_bytes(b"\x80\x04rubbish"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_file_is_made_anew(
    damage: Callable[[Path], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = PreparedFiles(tmp_path)
    maker, store = Maker(), PreparedVoices(files)
    await store.get(KEY, maker)
    store.clear()
    damage(files.path(KEY))
    with caplog.at_level(logging.WARNING):
        await store.get(KEY, maker)
    assert maker.calls == 2
    assert "prepared again" in caplog.text
    assert_equal(Conditioning.load(files.path(KEY)), small())


@pytest.mark.anyio
async def test_a_folder_that_cannot_be_written_costs_the_file_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    maker, store = Maker(), PreparedVoices(PreparedFiles(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        found = await store.get(KEY, maker)
    assert "not kept on disk" in caplog.text
    assert await store.get(KEY, maker) is found


@pytest.mark.anyio
async def test_the_event_loop_runs_while_a_voice_is_made(tmp_path: Path) -> None:
    store, ticked = PreparedVoices(PreparedFiles(tmp_path)), threading.Event()

    def make() -> Conditioning:
        assert ticked.wait(WITHIN)
        return small()

    async with anyio.create_task_group() as group:
        group.start_soon(store.get, KEY, make)
        await anyio.sleep(0.01)
        assert not store.count
        ticked.set()
    assert store.count == 1
