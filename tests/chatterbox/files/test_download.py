"""The files of a model: fetched from a hub that is not always well, and found again without one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Generator
from pathlib import Path
from typing import IO

import anyio
import pytest
from huggingface_hub import constants, try_to_load_from_cache
from torch.nn import Linear
from tts_hub_chatterbox.backend import ChatterboxNano
from tts_hub_chatterbox.files.download import (
    files_availability,
    folder_of,
    local_files,
    model_files,
    places_of,
    pull,
    remove_files,
    translate_load_failure,
)
from tts_hub_chatterbox.files.variants import NANO, TURBO, VARIANTS, T3Size, Variant
from tts_hub_chatterbox.files.weights import Layout, load_net
from tts_hub_chatterbox.settings import ChatterboxSettings

from tests.local_hub import LocalHub, serving
from tests.waiting import until
from tts_hub.download import transfer
from tts_hub.download.places import PublishedFile
from tts_hub.errors import BackendUnavailableError, UsageError, update_command
from tts_hub.progress import ProgressEvent

pytestmark = pytest.mark.anyio

SETTINGS = ChatterboxSettings()
REVISION = "0123456789abcdef0123456789abcdef01234567"
T3 = "t3_small.safetensors"


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


FILES = {
    "added_tokens.json": content(1, 400),
    "vocab.json": content(2, 30_000),
    "conds.pt": content(3, 2_000),
    "ve.safetensors": content(4, 50_000),
    "s3gen_meanflow.safetensors": content(5, 900_000),
    T3: content(6, 3_000_000),
}
TOTAL = sum(map(len, FILES.values()))


def described(name: str) -> PublishedFile:
    return PublishedFile(name, len(FILES[name]), hashlib.sha256(FILES[name]).hexdigest())


SMALL = Variant(
    model="chatterbox-small",
    repository="Somebody/chatterbox-small",
    revision=REVISION,
    t3=described(T3),
    t3_size=T3Size(layers=1, width=8, heads=1),
    s3gen=described("s3gen_meanflow.safetensors"),
    voice_encoder=described("ve.safetensors"),
    built_in_voice=described("conds.pt"),
    tokenizer=(described("added_tokens.json"), described("vocab.json")),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, no token, and no patience."""
    for name in [
        name for name in os.environ if name.startswith(("HF_", "HUGGING")) or "proxy" in name.lower()
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Generator[LocalHub, None, None]:
    hub = LocalHub(
        SMALL.repository,
        REVISION,
        FILES | {"README.md": b"not needed"},
        large={name for name in FILES if name.endswith(".safetensors")},
    )
    with serving(hub):
        reach(hub.url, monkeypatch)
        yield hub


def reach(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library take that for the hub; it has read its environment already."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def part_of(name: str, settings: ChatterboxSettings = SETTINGS) -> Path:
    return next(place.part for place in places_of(SMALL, settings) if place.file.name == name)


async def refused(settings: ChatterboxSettings = SETTINGS) -> BackendUnavailableError:
    """The error that a pull ends with."""
    with pytest.raises(BackendUnavailableError) as caught:
        await pull(SMALL, settings)
    assert caught.value.backend == SMALL.model
    return caught.value


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith((".incomplete", ".lock"))]


def is_whole(settings: ChatterboxSettings = SETTINGS) -> bool:
    folder = local_files(SMALL, settings)
    return folder is not None and all((folder / name).read_bytes() == FILES[name] for name in FILES)


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


async def test_a_broken_connection_is_gone_on_with(hub: LocalHub) -> None:
    hub.cuts = {T3: [1_000_000, 500_000]}
    await pull(SMALL, SETTINGS)
    assert is_whole()
    first, second, third = hub.ranges(T3)
    assert first == ""
    begins = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in (second, third)]
    assert 700_000 < begins[0] <= 1_000_000
    assert begins[0] + 200_000 < begins[1] <= 1_500_000


async def test_a_later_pull_goes_on_where_an_earlier_one_gave_up(hub: LocalHub) -> None:
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


# --- a folder of the user's -------------------------------------------------------------------------------


async def test_a_folder_of_ones_own_is_completed_and_what_is_there_is_left_alone(
    hub: LocalHub, tmp_path: Path
) -> None:
    settings = ChatterboxSettings(model_path=tmp_path / "mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / T3).write_bytes(b"my own training")
    assert local_files(SMALL, settings) is None
    await pull(SMALL, settings)
    assert local_files(SMALL, settings) == tmp_path / "mine"
    assert {path.name for path in (tmp_path / "mine").iterdir()} == set(FILES)
    assert (tmp_path / "mine" / T3).read_bytes() == b"my own training"
    assert (tmp_path / "mine" / "vocab.json").read_bytes() == FILES["vocab.json"]
    assert not [path for path, _, _ in hub.asked if path.endswith(T3)]


@pytest.mark.parametrize("own", [False, True])
async def test_loading_says_which_engine_it_is_and_what_mends_a_file(own: bool, tmp_path: Path) -> None:
    """A pull does not change a file in a folder of the user's."""
    settings = ChatterboxSettings(model_path=tmp_path if own else None)
    file = folder_of(SMALL, settings) / T3
    with (
        pytest.raises(BackendUnavailableError, match="cannot read t3_small") as caught,
        translate_load_failure("chatterbox_small", SMALL, settings),
    ):
        load_net(Linear(1, 1), file, Layout())
    assert caught.value.backend == "chatterbox_small"
    command = "tts-hub models pull chatterbox-small"
    assert caught.value.remedy == (f"replace {file}, or delete it and run {command}" if own else command)


async def test_an_engine_says_what_mends_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    for file in NANO.files:
        (tmp_path / file.name).write_bytes(b"rubbish")
    engine = ChatterboxNano(ChatterboxSettings(model_path=tmp_path, watermark=False, device="cpu"))
    with pytest.raises(BackendUnavailableError, match=r"cannot use vocab\.json") as caught:
        await engine.load()
    assert caught.value.backend == "chatterbox_nano"
    mend = f"replace {tmp_path / 'vocab.json'}, or delete it and run tts-hub models pull chatterbox-nano"
    assert caught.value.remedy == mend


async def test_what_else_fails_in_loading_keeps_its_remedy() -> None:
    with (
        pytest.raises(BackendUnavailableError) as caught,
        translate_load_failure("chatterbox_small", SMALL, SETTINGS),
    ):
        raise BackendUnavailableError("no such device", backend="chatterbox", remedy="another one")
    assert (caught.value.backend, caught.value.remedy) == ("chatterbox_small", "another one")


# --- without the hub --------------------------------------------------------------------------------------


async def test_availability_says_what_is_missing_and_what_gets_it(hub: LocalHub) -> None:
    none = files_availability(SMALL, SETTINGS)
    assert (none.ready, none.remedy) == (False, "tts-hub models pull chatterbox-small")
    assert "its files (0.00 GB) are not in" in none.reason
    await pull(SMALL, SETTINGS)
    assert files_availability(SMALL, SETTINGS).ready
    (folder_of(SMALL, SETTINGS) / T3).unlink()
    assert files_availability(SMALL, SETTINGS).reason == (
        f"1 of its 6 files ({T3}) are not in {folder_of(SMALL, SETTINGS)}"
    )


def test_looking_for_files_imports_nothing_of_the_hub() -> None:
    code = (
        "import sys\n"
        "from tts_hub_chatterbox.files.download import local_files\n"
        "from tts_hub_chatterbox.settings import ChatterboxSettings\n"
        "from tts_hub_chatterbox.files.variants import TURBO\n"
        "local_files(TURBO, ChatterboxSettings())\n"
        "print(sorted({'torch', 'huggingface_hub', 'httpx', 'safetensors'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"XDG_CACHE_HOME": "/x"},
        {"HF_HOME": "/h"},
        {"HF_HOME": "~/h"},
        {"HUGGINGFACE_HUB_CACHE": "/l", "HF_HOME": "/h"},
        {"HF_HUB_CACHE": "$HOME/c", "HUGGINGFACE_HUB_CACHE": "/l"},
    ],
    ids=lambda environ: "+".join(environ) or "nothing set",
)
def test_the_cache_is_where_the_hubs_own_library_has_it(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    repository = Path(ran.stdout.strip()) / "models--ResembleAI--chatterbox-turbo"
    assert folder_of(TURBO, SETTINGS) == repository / "snapshots" / TURBO.revision


def test_the_table_of_variants_is_in_order() -> None:
    assert list(VARIANTS) == ["chatterbox-turbo", "chatterbox-nano"]
    assert TURBO.size == 2_987_680_596 - 470  # as measured, less a file that is not read
    for variant in (TURBO, NANO):
        assert len(variant.revision) == 40
        assert len({file.name for file in variant.files}) == len(variant.files) == 8
        assert all(len(file.sha256) == 64 and file.size > 0 for file in variant.files)


# --- from the command line --------------------------------------------------------------------------------


def tts_hub(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("tts-hub")
    return subprocess.run(
        [program, *arguments], env=os.environ | environ, capture_output=True, text=True, check=False
    )


def test_the_command_goes_to_the_pinned_revision_and_tells_a_failure_in_one_line(hub: LocalHub) -> None:
    hub.repository, hub.revision = NANO.repository, NANO.revision
    done = tts_hub("models", "pull", "chatterbox-nano", HF_ENDPOINT=hub.url)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: model chatterbox-nano: the download of added_tokens.json is not the published file: "
        "400 bytes instead of 418; a proxy may have changed it "
        "(to fix: tts-hub models pull chatterbox-nano)\n"
    )
    assert hub.asked[0][0] == f"/{NANO.repository}/resolve/{NANO.revision}/added_tokens.json"


def test_doctor_says_how_the_models_come_here() -> None:
    lines = tts_hub("doctor", "--all").stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("chatterbox_turbo: not ready: its files"))
    assert lines[at + 1 : at + 3] == [
        "    to fix: tts-hub models pull chatterbox-turbo",
        "    files of chatterbox-turbo: missing (2.99 GB)",
    ]


# --- removal ----------------------------------------------------------------------------------------------


async def test_removing_leaves_nothing(hub: LocalHub) -> None:
    await pull(SMALL, SETTINGS)
    part_of(T3).write_bytes(bytes(100))
    assert remove_files(SMALL, SETTINGS) == TOTAL + 100
    assert not places_of(SMALL, SETTINGS)[0].path.parents[2].exists()
    assert set(model_files(SMALL, SETTINGS).missing) == set(FILES)
    assert remove_files(SMALL, SETTINGS) == 0
    await pull(SMALL, SETTINGS)
    assert is_whole()


async def test_removing_leaves_what_another_revision_needs(hub: LocalHub) -> None:
    await pull(SMALL, SETTINGS)
    voice = next(place for place in places_of(SMALL, SETTINGS) if place.file.name == "conds.pt")
    other = voice.path.parents[1] / "another-revision" / "conds.pt"
    other.parent.mkdir()
    other.symlink_to(voice.path.readlink())
    assert remove_files(SMALL, SETTINGS) == TOTAL - len(FILES["conds.pt"])
    assert other.read_bytes() == FILES["conds.pt"]
    assert not voice.path.parent.exists()
    assert set(model_files(SMALL, SETTINGS).missing) == set(FILES)


async def test_removing_frees_what_the_hubs_own_library_has_fetched(hub: LocalHub) -> None:
    await pull(SMALL, SETTINGS)
    voice = next(place for place in places_of(SMALL, SETTINGS) if place.file.name == "conds.pt")
    under_git_hash = voice.content.rename(voice.content.with_name("0123abcd"))
    voice.path.unlink()
    voice.path.symlink_to(under_git_hash)
    assert is_whole()
    assert remove_files(SMALL, SETTINGS) == TOTAL
    assert not voice.path.parents[2].exists()


async def test_removing_leaves_what_lies_outside_the_cache(hub: LocalHub, tmp_path: Path) -> None:
    await pull(SMALL, SETTINGS)
    voice = next(place for place in places_of(SMALL, SETTINGS) if place.file.name == "conds.pt")
    outside = voice.content.rename(tmp_path / "conds.pt")
    voice.path.unlink()
    voice.path.symlink_to(outside)
    assert remove_files(SMALL, SETTINGS) == TOTAL - len(FILES["conds.pt"])
    assert outside.read_bytes() == FILES["conds.pt"]


async def test_a_folder_of_the_users_is_not_deleted(hub: LocalHub, tmp_path: Path) -> None:
    settings = ChatterboxSettings(model_path=tmp_path / "own")
    await pull(SMALL, settings)
    with pytest.raises(UsageError, match="own is your own folder"):
        remove_files(SMALL, settings)
    assert is_whole(settings)
