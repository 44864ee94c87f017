"""docs/recipes.md: its settings are valid, and its commands do what it says."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from tests.waiting import WITHIN
from tts_hub.config import Config, parse_config

RECIPES = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", RECIPES, flags=re.MULTILINE | re.DOTALL)
ON_PATH = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def block(language: str, containing: str) -> str:
    found: list[str] = [text for kind, text in BLOCKS if kind == language and containing in text]
    assert len(found) == 1
    return found[0]


def unit(text: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser["Service"]


UNITS = [unit(text) for kind, text in BLOCKS if kind == "ini"]


def test_a_client_in_docker_gets_in_with_the_key_and_under_that_name_alone(tmp_path: Path) -> None:
    keys = block("bash", "token_urlsafe")
    subprocess.run(["bash", "-euc", keys], cwd=tmp_path, env=os.environ | ON_PATH, check=True)
    command = block("console", "--host 0.0.0.0").strip().replace("--host 0.0.0.0", "--port 0")
    with subprocess.Popen(
        ["bash", "-c", command.replace(" tts-hub ", " exec tts-hub ")],
        cwd=tmp_path,
        env=os.environ | ON_PATH,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr is not None
            found = re.search(r"http://\S+/v1", server.stderr.readline())
            assert found is not None
            key = {"Authorization": f"Bearer {(tmp_path / 'keys.txt').read_text(encoding='utf-8').strip()}"}
            known, unknown = {"Host": "host.docker.internal:8880"}, {"Host": "docker.example:8880"}
            with httpx.Client(base_url=found[0], trust_env=False, timeout=WITHIN) as client:
                statuses = [
                    client.post("/audio/speech", json={"input": "Hello."}, headers=headers).status_code
                    for headers in (known | key, known, unknown | key)
                ]
        finally:
            server.terminate()
            server.communicate(timeout=WITHIN)
    assert statuses == [200, 401, 421]


def test_the_settings_behind_a_proxy_are_valid() -> None:
    settings = tomllib.loads(block("toml", "allowed_hosts").replace("<hex of the digest>", "0" * 64))
    assert parse_config(settings).server.allowed_hosts == ("tts.example.org",)


def test_an_alias_leaves_the_other_names_as_they_are() -> None:
    (line,) = re.findall(r"`(aliases = [^`]+)`", RECIPES.replace("\n", " "))
    aliases = parse_config(tomllib.loads(line)).aliases
    assert (aliases["tts-1"], aliases["tts-1-hd"]) == ("kokoro", "auto")


def test_the_proxy_waits_as_long_as_the_server_and_keeps_nothing_back() -> None:
    nginx = block("nginx", "proxy_pass")
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    assert int(seconds) >= max(Config().limits.stall_timeout, Config().server.idle_timeout)
    assert "proxy_buffering off;" in nginx


@pytest.mark.parametrize("service", UNITS, ids=["user", "system"])
def test_systemd_starts_a_command_that_exists_and_gives_it_time_to_end(
    service: configparser.SectionProxy,
) -> None:
    program, command, *options = shlex.split(service["ExecStart"])
    named = [option for option in options if option.startswith("--")]
    said = subprocess.run(
        ["tts-hub", command, "--help"], env=os.environ | ON_PATH, capture_output=True, text=True, check=True
    ).stdout
    assert program.endswith("/.venv/bin/tts-hub")
    assert all(option in said for option in named)
    assert int(service["TimeoutStopSec"]) > Config().server.shutdown_grace
