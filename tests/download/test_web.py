"""Files from a plain web address: everything that goes wrong on the way, against a server that does it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.local_hub import LocalHub, serving
from tts_hub.download import transfer
from tts_hub.download.places import Place, PublishedFile, missing_of, remove, unsound_of
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
    tell = ignore if events is None else events.append
    base = f"{hub.url}/{hub.repository}/resolve/{hub.revision}"
    await fetch_from_web("some", base, places, tell, remedy="try again")


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


async def test_broken_connections_are_gone_on_with(hub: LocalHub, places: list[Place]) -> None:
    chunk = transfer.CHUNK
    hub.cuts = {"model.onnx": [chunk, 2 * chunk]}
    await fetch(hub, places)
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == ["", f"bytes={chunk}-", f"bytes={3 * chunk}-"]


async def test_a_later_call_goes_on(hub: LocalHub, places: list[Place]) -> None:
    hub.cuts = {"model.onnx": [2 * transfer.CHUNK, *[0] * (transfer.ATTEMPTS - 1)]}
    error = await refused(hub, places)
    assert "what has arrived is kept" in str(error)
    assert (error.backend, error.remedy) == ("some", "try again")
    assert missing_of(places) == ("model.onnx",)
    hub.asked.clear()
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES
    assert hub.ranges("model.onnx") == [f"bytes={2 * transfer.CHUNK}-"]


async def test_a_server_that_ignores_ranges_sends_it_all(hub: LocalHub, places: list[Place]) -> None:
    hub.cuts, hub.ignores_ranges = {"model.onnx": [500_000]}, True
    await fetch(hub, places)
    assert here(places) == FILES


@pytest.mark.parametrize("name", FILES)
async def test_a_wrong_checksum_is_never_put_in_place(hub: LocalHub, places: list[Place], name: str) -> None:
    hub.files[name] = bytes(len(FILES[name]))
    error = await refused(hub, places)
    assert f"what came for {name} is not the published file: SHA-256" in str(error)
    assert name in missing_of(places)
    hub.files = dict(FILES)
    await fetch(hub, unsound_of(places))
    assert here(places) == FILES


@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_wrong_size_is_told(hub: LocalHub, places: list[Place], size: int) -> None:
    hub.files["model.onnx"] = bytes(size)
    assert f"{size:,} bytes instead of 2,000,000" in str(await refused(hub, places))


async def test_a_file_that_is_not_there_is_told_at_once(hub: LocalHub, places: list[Place]) -> None:
    del hub.files["voices.bin"]
    assert "voices.bin answers with status 404" in str(await refused(hub, places))
    assert len(hub.asked) == 1


async def test_a_refusal_is_told_at_once(hub: LocalHub, places: list[Place]) -> None:
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


async def test_no_network_is_told(hub: LocalHub, places: list[Place]) -> None:
    with pytest.raises(BackendUnavailableError, match=r"cannot reach http://127\.0\.0\.1:9"):
        await fetch_from_web("some", "http://127.0.0.1:9", places, ignore, remedy="")


@pytest.mark.parametrize("address", ["file:///etc", "ftp://example.org/x", "example.org", "http://[::1"])
async def test_other_addresses_are_refused(places: list[Place], address: str) -> None:
    with pytest.raises(BackendUnavailableError, match="no web address"):
        await fetch_from_web("some", address, places, ignore, remedy="")


async def test_cancelling_keeps_what_has_come(hub: LocalHub, places: list[Place]) -> None:
    hub.stalls = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch, hub, places[1:])
        while not places[1].part.exists() or places[1].part.stat().st_size < 900_000:
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert missing_of(places[1:]) == ("model.onnx",)
    hub.stalls = False
    await fetch(hub, places)
    assert here(places) == FILES


async def test_two_at_once_do_not_spoil_each_other(hub: LocalHub, places: list[Place]) -> None:
    hub.stalls = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch, hub, places)
        while not places[0].part.exists():
            await anyio.sleep(0.01)
        assert "another program is pulling it" in str(await refused(hub, places))
        tasks.cancel_scope.cancel()


async def test_a_full_disk_is_told_before_anything_comes(
    hub: LocalHub, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1_000

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Full)
    assert "has 0.0 GB of space left" in str(await refused(hub, places))
    assert hub.asked == []


async def test_removing_frees_everything(hub: LocalHub, places: list[Place]) -> None:
    await fetch(hub, places)
    places[1].part.write_bytes(bytes(100))
    assert remove(places) == TOTAL + 100
    assert not places[0].path.parent.exists()
    assert remove(places) == 0


async def test_what_is_not_ours_is_left_alone(hub: LocalHub, places: list[Place], tmp_path: Path) -> None:
    await fetch(hub, places)
    other = places[0].path.parent / "other"
    other.write_text("mine")
    remove(places)
    assert other.read_text() == "mine"
    own = Place(places[0].file, other, other, own=True)
    with pytest.raises(UsageError, match="folder of your own"):
        remove([own])
    assert other.exists()
