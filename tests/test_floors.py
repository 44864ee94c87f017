"""The lowest versions that the package allows work: they are installed and speak."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.waiting import WITHIN

ROOT = Path(__file__).parent.parent
EXTRAS = ("server", "tui")
"""Extras whose lowest versions are tried; the models' own packages are too large to install for a test."""
COPIED = ("tts_hub", "backends", "ui", "pyproject.toml", "README.md", "LICENSE")
FIXED = {"av": "18.0", "starlette": "1.3.1", "torch": "2.11", "onnx": "1.21"}
"""Lowest versions with the security fixes of 2026; av 18.0 carries FFmpeg 8.1.2."""
SMOKE = """
import json, re, subprocess, sys, urllib.request
server = subprocess.Popen([sys.executable, "-m", "tts_hub", "serve", "--port", "0"],
                          stderr=subprocess.PIPE, text=True)
said = server.stderr.readline()
found = re.search(r"http://[0-9.:]+/v1", said)
assert found, said + server.stderr.read()
try:
    for name in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        body = json.dumps({"model": "espeak", "input": "Hello.", "voice": "alloy", "response_format": name})
        request = urllib.request.Request(found[0] + "/audio/speech", body.encode(),
                                         {"Content-Type": "application/json"})
        assert len(urllib.request.urlopen(request, timeout=60).read()) > 1000, name
finally:
    server.terminate()
    server.wait(60)
"""


def requirements() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in EXTRAS for line in all_of(project, extra))]
    return {found.name: found for line in lines if (found := Requirement(line)).name != "tts-hub"}


def all_of(project: dict[str, dict[str, list[str]]], extra: str) -> list[str]:
    return project["optional-dependencies"][extra]


def floor_of(requirement: Requirement) -> str:
    (lowest,) = [each.version for each in requirement.specifier if each.operator in {">=", "=="}]
    return lowest


def test_the_floors_carry_the_security_fixes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    named = {Requirement(line).name: Requirement(line) for line in [*project["dependencies"], *extras]}
    too_low = [name for name, fixed in FIXED.items() if Version(floor_of(named[name])) < Version(fixed)]
    assert not too_low


def test_every_dependency_has_a_floor() -> None:
    assert all(floor_of(each) for each in requirements().values())


def test_the_lowest_versions_speak(tmp_path: Path) -> None:
    source, venv = tmp_path / "source", tmp_path / "venv"
    source.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    floors = tmp_path / "floors.txt"
    floors.write_text("".join(f"{name}=={floor_of(each)}\n" for name, each in requirements().items()))
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = str(venv / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*install, "--constraint", str(floors), f"{source}[{','.join(EXTRAS)}]"], tmp_path)
    listed = run([python, "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"], tmp_path)
    installed = dict(re.findall(r"^(\S+)==(\S+)$", listed, flags=re.MULTILINE))
    assert installed["av"].startswith(FIXED["av"])
    run([python, "-m", "tts_hub", "speak", "Hello.", "-o", "hello.mp3"], tmp_path)
    assert (tmp_path / "hello.mp3").stat().st_size > 1000
    run([python, "-c", "import tts_hub_tui.app"], tmp_path)
    run([python, "-c", SMOKE], tmp_path)


def run(command: list[str], folder: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=10 * WITHIN
    )
    if done.returncode:
        pytest.fail(done.stderr)
    return done.stdout
