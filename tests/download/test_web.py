"""Downloads from a plain web address, from a server that makes every mistake on demand."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.local_hub import LocalHub, serving
from tests.waiting import until
from tts_hub.download import transfer
from tts_hub.download.folders import Place, PublishedFile, missing_of, remove, unsound_of
from tts_hub.download.web import fetch_from_web
from tts_hub.errors import BackendUnavailableError, UsageError
from tts_hub.progress import ProgressEvent, ignore

pytestmark = pytest.mark.anyio
FILES = {
    "voices.bin": random.Random(1).randbytes(20_000),
    "model.onnx": random.Random(2).randbytes(2_000_000),
}
TOTAL = sum(map(len, FILES.values()))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSE", 0.001)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A release whose large file is on another host, as GitHub's are."""
    local = LocalHub("owner/release", "v1", dict(FILES), large={"model.onnx"})
    with serving(local):
        yield local


@pytest.fixture
def places(tmp_path: Path) -> list[Place]:
    folder = tmp_path / "models" / "some"
    return [
        Place(
            PublishedFile(name, len(data), hashlib.sha256(data).hexdigest()),
            folder / name,
            folder / name,
            own=False,
        )
        for name, data in FILES.items()
    ]


async def fetch(hub: LocalHub, places: list[Place], events: list[ProgressEvent] | None = None) -> None:
    on_progress = ignore if events is None else events.append
    base = f"{hub.url}/{hub.repository}/resolve/{hub.revision}"
    await fetch_from_web("some", base, places, on_progress, remedy="try again")


async def refused(hub: LocalHub, places: list[Place]) -> BackendUnavailableError:
    with pytest.raises(BackendUnavailableError) as caught:
        await fetch(hub, places)
    return caught.value


def here(places: list[Place]) -> dict[str, bytes]:
    return {place.file.name: place.path.read_bytes() for place in places if place.path.exists()}


async def test_files_come_with_progress(hub: LocalHub, places: list[Place]) -> None:
    events: list[ProgressEvent] = []
    assert missing_of(places) == ("voices.bin", "model.onnx")
    await fetch(hub, places, events)
    assert here(places) == FILES
    assert unsound_of(places) == []
    arrived = [event.details["bytes"] for event in events]
    assert arrived == sorted(arrived, key=lambda count: int(str(count)))
    assert events[-1].details == {"file": "model.onnx", "bytes": TOTAL, "total_bytes": TOTAL}
    assert {event.stage for event in events} == {"downloading"}


async def test_broken_connections_are_resumed(hub: LocalHub, places: list[Place]) -> None:
    chunk = transfer.CHUNK
    hub.cuts = {"model.onnx": [chunk, 2 * chunk]}
    await fetch(hub, places)
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == ["", f"bytes={chunk}-", f"bytes={3 * chunk}-"]


async def test_a_later_call_resumes(hub: LocalHub, places: list[Place]) -> None:
    hub.cuts = {"model.onnx": [2 * transfer.CHUNK, *[0] * transfer.ATTEMPTS]}
    error = await refused(hub, places)
    assert "what was downloaded so far is kept" in str(error)
    assert (error.backend, error.remedy) == ("some", "try again")
    assert missing_of(places) == ("model.onnx",)
    hub.asked.clear()
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == [f"bytes={2 * transfer.CHUNK}-"]


async def test_every_byte_before_a_break_is_kept(hub: LocalHub, places: list[Place]) -> None:
    hub.cuts = {"model.onnx": [200_001, 3, 100_000]}
    await fetch(hub, places)
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == ["", "bytes=200001-", "bytes=200004-", "bytes=300004-"]


async def test_only_tries_that_bring_nothing_count(hub: LocalHub, places: list[Place]) -> None:
    few, none = 50_000, 0
    hub.cuts = {"model.onnx": [few, none, none, none, none] * 3 + [few] * (3 * transfer.ATTEMPTS)}
    await fetch(hub, places)
    assert here(places) == FILES


async def test_bytes_before_a_cancellation_are_kept_to_the_last(
    hub: LocalHub, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "REPORT_EVERY", 0.0)
    hub.stalls = True
    half = len(FILES["model.onnx"]) // 2
    events: list[ProgressEvent] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch, hub, places[1:], events)
        await until(lambda: events and events[-1].details["bytes"] == half)
        tasks.cancel_scope.cancel()
    assert places[1].part.read_bytes() == FILES["model.onnx"][:half]


# --- a part that is of another file ----------------------------------------------------------------------


async def leave_part(hub: LocalHub, places: list[Place], content: bytes) -> None:
    """Leave the part that an earlier pull of another file would have left."""
    hub.files["model.onnx"] = content
    hub.cuts = {"model.onnx": [500_000, *[0] * transfer.ATTEMPTS]}
    await refused(hub, places)
    assert places[1].part.stat().st_size == 500_000
    hub.files["model.onnx"] = FILES["model.onnx"]
    hub.asked.clear()
    hub.conditions.clear()


async def test_a_part_is_resumed_on_condition_that_the_file_is_the_same(
    hub: LocalHub, places: list[Place]
) -> None:
    await leave_part(hub, places, FILES["model.onnx"])
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == ["bytes=500000-"]
    assert hub.conditions == [f'"{hashlib.md5(FILES["model.onnx"]).hexdigest()}"']
    assert sorted(path.name for path in places[0].path.parent.iterdir()) == sorted(FILES)


async def test_a_part_of_an_older_file_is_recognised_at_once(hub: LocalHub, places: list[Place]) -> None:
    await leave_part(hub, places, bytes(2_000_000))
    events: list[ProgressEvent] = []
    await fetch(hub, unsound_of(places), events)
    assert here(places) == FILES
    assert len(hub.ranges("model.onnx")) == 1
    assert "fetching from the beginning: model.onnx" in [event.message for event in events]


async def test_without_etags_a_wrong_checksum_has_only_that_file_fetched_again(
    hub: LocalHub, places: list[Place]
) -> None:
    hub.etags = [""] * 100
    await leave_part(hub, places, bytes(2_000_000))
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == ["bytes=500000-", ""]
    assert hub.ranges("voices.bin") == []


async def test_a_weak_etag_is_no_condition(hub: LocalHub, places: list[Place]) -> None:
    hub.etags = ['W/"1"'] * 100
    hub.cuts = {"model.onnx": [500_000]}
    await fetch(hub, places)
    assert here(places) == FILES
    assert hub.conditions == [""]


async def test_etags_that_change_without_the_file_cost_two_restarts_at_most(
    hub: LocalHub, places: list[Place]
) -> None:
    hub.etags = [f'"{number}"' for number in range(100)]
    hub.cuts = {"model.onnx": [100_000] * 10}
    await fetch(hub, places)
    assert here(places) == FILES
    assert hub.conditions[:2] == ['"1"', '"2"']
    assert set(hub.conditions[2:]) == {""}


async def test_a_part_that_is_longer_than_the_file_on_the_server(hub: LocalHub, places: list[Place]) -> None:
    await leave_part(hub, places, FILES["model.onnx"])
    hub.files["model.onnx"] = bytes(1_000)
    places[1].etag.unlink()
    assert "1,000 bytes instead of 2,000,000" in str(await refused(hub, places))


async def test_a_range_that_begins_elsewhere_is_not_written(hub: LocalHub, places: list[Place]) -> None:
    await leave_part(hub, places, FILES["model.onnx"])
    hub.shift = -10
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == ["bytes=500000-", ""]


async def test_an_answer_that_is_packed_against_our_wish_is_unpacked(
    hub: LocalHub, places: list[Place]
) -> None:
    hub.compresses = True
    hub.cuts = {"model.onnx": [500_000]}
    await fetch(hub, places)
    assert here(places) == FILES


async def test_a_web_page_does_not_cost_what_has_arrived(hub: LocalHub, places: list[Place]) -> None:
    await leave_part(hub, places, FILES["model.onnx"])
    hub.page = b"<h1>Sign in</h1>"
    assert "model.onnx is not the published file: a web page" in str(await refused(hub, unsound_of(places)))
    assert places[1].part.stat().st_size == 500_000


async def test_a_part_is_deleted_when_another_program_has_fetched_the_file(
    hub: LocalHub, places: list[Place]
) -> None:
    await leave_part(hub, places, FILES["model.onnx"])
    places[1].path.write_bytes(FILES["model.onnx"])
    assert unsound_of(places) == []
    assert sorted(path.name for path in places[0].path.parent.iterdir()) == sorted(FILES)


async def test_a_server_is_given_the_time_it_asks_for(
    hub: LocalHub, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    hub.statuses, hub.retry_after = [503, 429, 503], ["7", "3600", ""]
    await fetch(hub, places)
    assert waited == [7.0, 60.0, transfer.PAUSE * 3]


# --- refusals ---------------------------------------------------------------------------------------------


async def test_a_server_that_ignores_ranges_sends_it_all(hub: LocalHub, places: list[Place]) -> None:
    hub.cuts, hub.ignores_ranges = {"model.onnx": [500_000]}, True
    await fetch(hub, places)
    assert here(places) == FILES


@pytest.mark.parametrize("name", FILES)
async def test_a_wrong_checksum_is_never_put_in_place(hub: LocalHub, places: list[Place], name: str) -> None:
    hub.files[name] = bytes(len(FILES[name]))
    error = await refused(hub, places)
    assert f"the download of {name} is not the published file: SHA-256" in str(error)
    assert name in missing_of(places)
    hub.files = dict(FILES)
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES


async def test_files_with_an_md5_digest_are_checked_by_it(hub: LocalHub, tmp_path: Path) -> None:
    data = FILES["voices.bin"]
    file = PublishedFile("voices.bin", len(data), sha256="", md5=hashlib.md5(data).hexdigest())
    place = Place(file, tmp_path / "voices.bin", tmp_path / "voices.bin", own=False)
    hub.files["voices.bin"] = bytes(len(data))
    assert "is not the published file: MD5 " in str(await refused(hub, [place]))
    hub.files["voices.bin"] = data
    await fetch(hub, [place])
    assert place.is_sound()
    place.path.write_bytes(bytes(len(data)))
    assert unsound_of([place]) == [place]


@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_wrong_size_is_an_error(hub: LocalHub, places: list[Place], size: int) -> None:
    hub.files["model.onnx"] = bytes(size)
    assert f"{size:,} bytes instead of 2,000,000" in str(await refused(hub, places))


async def test_a_missing_file_is_an_error_at_once(hub: LocalHub, places: list[Place]) -> None:
    del hub.files["voices.bin"]
    assert "voices.bin answers with status 404" in str(await refused(hub, places))
    assert len(hub.asked) == 1


async def test_a_refusal_is_an_error_at_once(hub: LocalHub, places: list[Place]) -> None:
    hub.statuses = [403]
    assert "voices.bin answers with status 403" in str(await refused(hub, places))
    assert len(hub.asked) == 1


async def test_a_server_in_trouble_is_asked_again(hub: LocalHub, places: list[Place]) -> None:
    hub.statuses = [503, 429]
    await fetch(hub, places)
    assert here(places) == FILES
    hub.statuses = [503] * transfer.ATTEMPTS
    places[0].path.unlink()
    assert "status 503" in str(await refused(hub, unsound_of(places)))


async def test_no_network_is_an_error(hub: LocalHub, places: list[Place]) -> None:
    with pytest.raises(BackendUnavailableError, match=r"cannot reach http://127\.0\.0\.1:9"):
        await fetch_from_web("some", "http://127.0.0.1:9", places, ignore, remedy="")


@pytest.mark.parametrize("address", ["file:///etc", "ftp://example.org/x", "example.org", "http://[::1"])
async def test_other_addresses_are_refused(places: list[Place], address: str) -> None:
    with pytest.raises(BackendUnavailableError, match="not a web address"):
        await fetch_from_web("some", address, places, ignore, remedy="")


async def test_cancelling_keeps_what_has_come(hub: LocalHub, places: list[Place]) -> None:
    hub.stalls = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch, hub, places[1:])
        await until(lambda: places[1].part.exists() and places[1].part.stat().st_size >= 900_000)
        tasks.cancel_scope.cancel()
    assert missing_of(places[1:]) == ("model.onnx",)
    hub.stalls = False
    await fetch(hub, places)
    assert here(places) == FILES


async def test_two_at_once_do_not_spoil_each_other(hub: LocalHub, places: list[Place]) -> None:
    hub.stalls = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch, hub, places)
        await until(places[0].part.exists)
        assert "another program is downloading it" in str(await refused(hub, places))
        tasks.cancel_scope.cancel()


async def test_a_full_disk_is_an_error_before_any_download(
    hub: LocalHub, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1_000

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Full)
    assert "has 0.0 GB of free space" in str(await refused(hub, places))
    assert hub.asked == []


async def test_removing_frees_everything(hub: LocalHub, places: list[Place]) -> None:
    await fetch(hub, places)
    places[1].part.write_bytes(bytes(100))
    assert remove(places) == TOTAL + 100
    assert not places[0].path.parent.exists()
    assert remove(places) == 0


async def test_files_of_others_are_left_alone(hub: LocalHub, places: list[Place], tmp_path: Path) -> None:
    await fetch(hub, places)
    other = places[0].path.parent / "other"
    other.write_text("mine")
    remove(places)
    assert other.read_text() == "mine"
    own = Place(places[0].file, other, other, own=True)
    with pytest.raises(UsageError, match="your own folder"):
        remove([own])
    assert other.exists()
