"""The source distribution and the wheel: what is in them, what is not, and that the wheel speaks."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.audio.decoding import decode
from tests.waiting import WITHIN

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SDIST = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
ADDED = {".gitignore", "PKG-INFO", "README.md", "pyproject.toml"}
"""Names at the top of the source distribution that hatchling adds itself."""
NOT_SOURCE = {"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}


class Built(NamedTuple):
    """Both artefacts, and the wheel that a packager makes from the source distribution."""

    source: Path
    wheel: Path
    wheel_from_source: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    source, wheel = build(ROOT, folder, "sdist"), build(ROOT, folder, "wheel")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / source.name.removesuffix(".tar.gz")
    return Built(source, wheel, build(unpacked, folder / "second", "wheel"))


def build(tree: Path, folder: Path, target: str) -> Path:
    """Build with the installed hatchling, so that nothing is downloaded; the file that it made."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    run(command, tree)
    (file,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return file


def run(command: list[str], folder: Path, **environ: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    assert done.returncode == 0, done.stderr


def files_in_source(built: Built) -> set[Path]:
    """Paths of the files, relative to the only folder in the archive."""
    with tarfile.open(built.source) as archive:
        return {Path(*Path(member.name).parts[1:]) for member in archive.getmembers() if member.isfile()}


def files_in_wheel(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def in_dist_info(built: Built, name: str) -> str:
    (content,) = [
        content
        for path, content in files_in_wheel(built.wheel).items()
        if path.split("/")[0].endswith(".dist-info") and path.endswith(f"/{name}")
    ]
    return content.decode("utf-8")


def test_the_source_has_what_is_listed_and_nothing_else(built: Built) -> None:
    files = files_in_source(built)
    assert {path.parts[0] for path in files} == ADDED | {name.removeprefix("/") for name in SDIST}
    assert not [path for path in files if NOT_SOURCE & set(path.parts) or path.suffix in {".pyc", ".mp3"}]


def test_the_source_brings_its_tests(built: Built) -> None:
    here = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")}
    assert {path for path in files_in_source(built) if path.match("tests/**/*.py")} <= here
    assert here <= files_in_source(built)


def test_the_wheel_has_every_package_with_its_types_and_nothing_else(built: Built) -> None:
    files = files_in_wheel(built.wheel)
    packages = {Path(package).name for package in PACKAGES}
    folders = {
        path.name for shelf in ("backends", "ui") for path in (ROOT / shelf).iterdir() if path.is_dir()
    }
    assert packages == {"tts_hub"} | {name for name in folders if name.startswith("tts_hub_")}
    assert {name.split("/")[0] for name in files if ".dist-info/" not in name} == packages
    assert {f"{package}/py.typed" for package in packages} <= files.keys()
    assert not [name for name in files if NOT_SOURCE & set(name.split("/")) or "tests" in name.split("/")]


def test_the_wheel_has_every_file_of_its_packages(built: Built) -> None:
    for package in map(Path, PACKAGES):
        here = [path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        names = {str(package.name / path.relative_to(ROOT / package)) for path in here}
        assert names <= files_in_wheel(built.wheel).keys()


def test_the_wheel_from_the_source_is_the_same(built: Built) -> None:
    assert files_in_wheel(built.wheel_from_source) == files_in_wheel(built.wheel)


def test_the_wheel_names_its_command_and_its_engines(built: Built) -> None:
    text = in_dist_info(built, "entry_points.txt")
    lines = set(text.splitlines())
    engines = PROJECT["project"]["entry-points"]["tts_hub.backends"]
    assert {f"{name} = {value}" for name, value in engines.items()} <= lines
    assert "tts-hub = tts_hub.cli:main" in lines


def test_the_metadata_has_the_readme_and_the_licence(built: Built) -> None:
    found = message_from_string(in_dist_info(built, "METADATA"))
    assert found["Description-Content-Type"] == "text/markdown"
    assert str(found.get_payload()).strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    assert (found["License-Expression"], found["License-File"]) == ("MIT", "LICENSE")
    assert in_dist_info(built, "LICENSE") == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_wheel_speaks(built: Built, tmp_path: Path) -> None:
    """From the files of the wheel, which stand before those of the working tree."""
    site = tmp_path / "site"
    install = "-m pip install --quiet --no-index --no-deps --disable-pip-version-check --target"
    run([sys.executable, *install.split(), str(site), str(built.wheel)], tmp_path)
    from_site = {"PYTHONPATH": str(site)}
    modules = "tts_hub, tts_hub_espeak"
    where = f"import {modules}; assert all({str(site)!r} in each.__file__ for each in ({modules}))"
    run([sys.executable, "-c", where], tmp_path, **from_site)
    run([sys.executable, "-m", "tts_hub", "speak", "Hello.", "-o", "hello.mp3"], tmp_path, **from_site)
    samples, rate = decode((tmp_path / "hello.mp3").read_bytes())
    assert len(samples) / rate > 0.3
