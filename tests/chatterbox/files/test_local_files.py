"""The files of a model on this machine: found without a hub, in a folder of the user's, and removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
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
from tts_hub_chatterbox.files.variants import NANO, TURBO, VARIANTS
from tts_hub_chatterbox.files.weights import Layout, load_net
from tts_hub_chatterbox.settings import ChatterboxSettings

from tests.chatterbox.files.small_model import (
    FILES,
    SETTINGS,
    SMALL,
    T3,
    TOTAL,
    is_whole,
    part_of,
)
from tests.local_hub import LocalHub
from tts_hub.errors import BackendUnavailableError, UsageError

pytestmark = pytest.mark.anyio


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


def test_the_command_uses_the_pinned_revision_and_reports_a_failure_in_one_line(hub: LocalHub) -> None:
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
