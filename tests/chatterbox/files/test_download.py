"""Pulling the files of a model from a hub that sometimes fails."""

from __future__ import annotations

import fcntl
import shutil
from collections import namedtuple
from pathlib import Path
from typing import IO

import anyio
import pytest
from huggingface_hub import constants, try_to_load_from_cache
from tts_hub_chatterbox.files.download import (
    folder_of,
    local_files,
    model_files,
    pull,
)
from tts_hub_chatterbox.settings import ChatterboxSettings

from tests.chatterbox.files.small_model import (
    FILES,
    REVISION,
    SETTINGS,
    SMALL,
    T3,
    TOTAL,
    content,
    is_whole,
    leftovers,
    part_of,
    reach,
    refused,
)
from tests.local_hub import LocalHub
from tests.waiting import until
from tts_hub.download import transfer
from tts_hub.errors import update_command
from tts_hub.progress import ProgressEvent

pytestmark = pytest.mark.anyio


# --- all goes well ----------------------------------------------------------------------------------------


async def test_what_is_needed_comes_and_nothing_else(hub: LocalHub, cache: Path) -> None:
    assert local_files(SMALL, SETTINGS) is None
    assert set(model_files(SMALL, SETTINGS).missing) == set(FILES)
    await pull(SMALL, SETTINGS)
    assert is_whole()
    assert {path.name for path in folder_of(SMALL, SETTINGS).iterdir()} == set(FILES)
    assert model_files(SMALL, SETTINGS).missing == ()
    assert not leftovers(cache)


async def test_the_hubs_own_library_finds_them(hub: LocalHub, cache: Path) -> None:
    await pull(SMALL, SETTINGS)
    found = try_to_load_from_cache(SMALL.repository, T3, cache_dir=cache, revision=REVISION)
    assert isinstance(found, str)
    assert found == str(folder_of(SMALL, SETTINGS) / T3)


async def test_progress_is_reported_in_bytes(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "REPORT_EVERY", 0.0)
    events: list[ProgressEvent] = []
    await pull(SMALL, SETTINGS, events.append)
    assert {(event.stage, event.backend) for event in events} == {("downloading", "chatterbox-small")}
    reported = [event.details["bytes"] for event in events if event.details]
    assert reported == sorted(reported, key=lambda done: int(str(done)))
    assert len(reported) > 15
    assert (reported[-1], events[-1].fraction) == (TOTAL, 1.0)
    assert {event.details["total_bytes"] for event in events if event.details} == {TOTAL}


async def test_what_is_here_is_not_asked_for_again(hub: LocalHub) -> None:
    await pull(SMALL, SETTINGS)
    hub.asked.clear()
    await pull(SMALL, SETTINGS)
    assert hub.asked == []


async def test_the_token_goes_to_the_hub_and_nowhere_else(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "hf_secret"
    monkeypatch.setenv("HF_TOKEN", hub.token)
    await pull(SMALL, SETTINGS)
    sent = {path.startswith("/store/"): token for path, _, token in hub.asked}
    assert sent == {False: "Bearer hf_secret", True: ""}


async def test_a_login_of_the_hubs_own_is_used(hub: LocalHub, tmp_path: Path) -> None:
    hub.token = "hf_stored"
    (tmp_path / "token").write_text("hf_stored")
    await pull(SMALL, SETTINGS)
    assert is_whole()


# --- interrupted ------------------------------------------------------------------------------------------


async def test_a_broken_connection_is_resumed(hub: LocalHub) -> None:
    hub.cuts = {T3: [1_000_000, 500_000]}
    await pull(SMALL, SETTINGS)
    assert is_whole()
    first, second, third = hub.ranges(T3)
    assert first == ""
    begins = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in (second, third)]
    assert 700_000 < begins[0] <= 1_000_000
    assert begins[0] + 200_000 < begins[1] <= 1_500_000


async def test_a_later_pull_resumes_where_an_earlier_one_gave_up(hub: LocalHub) -> None:
    hub.cuts = {T3: [1_000_000, *[0] * transfer.ATTEMPTS]}
    error = await refused()
    assert "what was downloaded so far is kept" in str(error)
    assert error.remedy == "tts-hub models pull chatterbox-small"
    kept = part_of(T3).stat().st_size
    assert kept > 700_000
    assert model_files(SMALL, SETTINGS).missing == (T3,)
    hub.asked.clear()
    await pull(SMALL, SETTINGS)
    assert is_whole()
    assert hub.ranges(T3) == [f"bytes={kept}-"]
    assert {path.rpartition("/")[2] for path, _, _ in hub.asked} == {T3}


async def test_a_hub_without_ranges_gives_the_whole_file_again(hub: LocalHub) -> None:
    hub.ignores_ranges = True
    hub.cuts = {T3: [1_000_000]}
    await pull(SMALL, SETTINGS)
    assert is_whole()


async def test_a_part_that_is_too_long_is_begun_again(hub: LocalHub) -> None:
    part_of(T3).parent.mkdir(parents=True)
    part_of(T3).write_bytes(b"x" * 4_000_000)
    await pull(SMALL, SETTINGS)
    assert is_whole()


async def test_cancelling_stops_at_once_and_keeps_what_has_come(hub: LocalHub) -> None:
    hub.stalls = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pull, SMALL, SETTINGS)
        await until(lambda: hub.asked)
        tasks.cancel_scope.cancel()
    hub.stalls = False
    assert local_files(SMALL, SETTINGS) is None
    await pull(SMALL, SETTINGS)
    assert is_whole()


async def test_a_hub_that_is_busy_is_asked_again(hub: LocalHub) -> None:
    hub.statuses = [503, 429]
    await pull(SMALL, SETTINGS)
    assert is_whole()


async def test_two_at_once_do_not_spoil_each_other(hub: LocalHub) -> None:
    hub.stalls = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pull, SMALL, SETTINGS)
        while not hub.asked:
            await anyio.sleep(0.01)
        assert "another program is downloading it" in str(await refused())
        hub.stalls = False
    assert is_whole()


async def test_a_lock_that_was_removed_meanwhile_does_not_let_a_second_one_in(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another pull ends between this one's opening of the lock file and its locking it."""
    hub.stalls, plain = True, fcntl.flock
    locks: list[int] = []

    def flock(file: IO[bytes], how: int) -> None:
        if not locks:
            Path(file.name).unlink()
        locks.append(how)
        plain(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pull, SMALL, SETTINGS)
        while not hub.asked:
            await anyio.sleep(0.01)
        assert "another program is downloading it" in str(await refused())
        hub.stalls = False
    assert is_whole()


# --- not what it should be --------------------------------------------------------------------------------


async def test_a_wrong_checksum_is_reported_and_nothing_kept(hub: LocalHub) -> None:
    hub.files[T3] = content(7, len(FILES[T3]))
    assert "SHA-256" in str(await refused())
    assert not part_of(T3).exists()
    assert model_files(SMALL, SETTINGS).missing == (T3,)


@pytest.mark.parametrize("size", [2_000, 5_000_000])
async def test_something_else_in_its_place_is_reported_by_its_size(hub: LocalHub, size: int) -> None:
    hub.files[T3] = content(8, size)
    assert f"{size:,} bytes instead of 3,000,000" in str(await refused())
    assert not part_of(T3).exists()


async def test_a_damaged_file_is_replaced(hub: LocalHub) -> None:
    await pull(SMALL, SETTINGS)
    path = folder_of(SMALL, SETTINGS) / "ve.safetensors"
    path.write_bytes(content(9, len(FILES["ve.safetensors"])))
    hub.asked.clear()
    await pull(SMALL, SETTINGS)
    assert is_whole()
    assert {asked[0].rpartition("/")[2] for asked in hub.asked} == {"ve.safetensors"}


async def test_a_truncated_file_counts_as_missing(hub: LocalHub) -> None:
    await pull(SMALL, SETTINGS)
    path = folder_of(SMALL, SETTINGS) / T3
    path.write_bytes(FILES[T3][:-1])
    assert local_files(SMALL, SETTINGS) is None
    assert model_files(SMALL, SETTINGS).missing == (T3,)
    await pull(SMALL, SETTINGS)
    assert is_whole()


# --- refused ----------------------------------------------------------------------------------------------


async def test_without_a_token_where_one_is_needed(hub: LocalHub) -> None:
    hub.token = "hf_secret"
    error = await refused()
    assert "does not exist, or is not open to you" in str(error)
    assert error.remedy == "hf auth login"


async def test_with_a_wrong_token(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_secret"
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    error = await refused()
    assert "rejects your token" in str(error)
    assert "hf_other" not in str(error)


async def test_a_gated_repository(hub: LocalHub) -> None:
    hub.gated = True
    error = await refused()
    assert f"{hub.url}/{SMALL.repository} is open only to people" in str(error)
    assert error.remedy == "hf auth login"


async def test_a_revision_that_is_gone(hub: LocalHub) -> None:
    hub.revision = "f" * 40
    error = await refused()
    assert f"no revision {REVISION}" in str(error)
    assert error.remedy == update_command()


async def test_a_file_that_is_gone(hub: LocalHub) -> None:
    del hub.files["vocab.json"]
    assert "vocab.json" in str(await refused())


async def test_a_hub_that_stays_down(hub: LocalHub) -> None:
    hub.statuses = [500] * 20
    assert "status 500" in str(await refused())
    assert len(hub.asked) == transfer.ATTEMPTS


async def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    reach("http://127.0.0.1:9", monkeypatch)
    error = await refused()
    assert "cannot reach http://127.0.0.1:9" in str(error)
    assert error.remedy == "tts-hub models pull chatterbox-small"


async def test_offline_what_is_here_is_enough(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    await pull(SMALL, SETTINGS)
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    await pull(SMALL, SETTINGS)
    assert is_whole()
    assert hub.asked == []


async def test_offline_what_is_not_here_is_reported(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = await refused()
    assert "HF_HUB_OFFLINE" in str(error)
    assert error.remedy == "HF_HUB_OFFLINE=0 tts-hub models pull chatterbox-small"
    assert hub.asked == []


async def test_a_full_disk_is_reported_before_anything_comes(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10_000, 9_000, 1_000))
    error = await refused()
    assert "of free space" in str(error)
    assert hub.asked == []


async def test_a_disk_that_fills_up_is_reported(hub: LocalHub, tmp_path: Path) -> None:
    settings = ChatterboxSettings(model_path=tmp_path)
    part_of("vocab.json", settings).symlink_to("/dev/full")
    error = await refused(settings)
    assert "No space left on device" in str(error)
    assert "what was downloaded so far is kept" in str(error)


async def test_a_folder_that_cannot_be_written(hub: LocalHub) -> None:
    settings = ChatterboxSettings(model_path=Path("/proc/nowhere"))
    assert "cannot write the files" in str(await refused(settings))
    assert hub.asked == []
