"""docs/server.md: it names every route and setting, and its examples are run as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import get_args

import httpx
import pytest

from tests.audio.decoding import decode
from tests.server.conftest import Served, served
from tts_hub.audio.formats import FORMATS
from tts_hub.config import ServerConfig
from tts_hub.progress import Stage
from tts_hub.server import create_app
from tts_hub.server.finished import HELD_CHARACTERS, HELD_SECONDS, IN_MEMORY
from tts_hub.server.live import (
    MISTAKES,
    MOST_QUEUED,
    POLICY_VIOLATION,
    SERVICE_RESTART,
    TRY_AGAIN_LATER,
)
from tts_hub.server.messages import Command
from tts_hub.server.schema import ERRORS
from tts_hub.server.wire import CaptionedBody, KokoroCaptionedBody, SpeechBody

DOCS = (Path(__file__).parent.parent / "docs" / "server.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", DOCS, flags=re.MULTILINE | re.DOTALL)
ADDRESS = "127.0.0.1:8880"


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


@pytest.fixture(scope="module")
def running() -> Generator[Served, None, None]:
    with served() as server:
        yield server


def run(command: list[str], script: str, server: Served, folder: Path) -> str:
    assert ADDRESS in script
    done = subprocess.run(
        [*command, script.replace(ADDRESS, f"127.0.0.1:{server.address[1]}")],
        cwd=folder,
        env=os.environ | {"NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def seconds(file: Path) -> float:
    samples, rate = decode(file.read_bytes())
    return len(samples) / rate


@pytest.mark.parametrize("script", blocks("python"), ids=["events", "sdk", "captions", "websocket"])
def test_the_clients_run_and_get_speech(script: str, running: Served, tmp_path: Path) -> None:
    said = run([sys.executable, "-W", "error", "-c"], script, running, tmp_path)
    (file,) = tmp_path.iterdir()
    assert seconds(file) > 0.3
    expected = {
        "events.mp3": "speech.audio.done",
        "sdk.mp3": "",
        "captioned.mp3": "Every",
        "written.mp3": '"type": "done"',
    }
    assert expected[file.name] in said


def test_the_client_of_the_web_socket_is_short() -> None:
    (client,) = [script for script in blocks("python") if "websockets" in script]
    assert len([line for line in client.splitlines() if line]) <= 15


@pytest.mark.parametrize("script", blocks("bash"), ids=["first", "finished", "estimate"])
def test_the_commands_run(script: str, running: Served, tmp_path: Path) -> None:
    said = run(["bash", "-euo", "pipefail", "-c"], script, running, tmp_path)
    if "-o " in script:
        (file,) = tmp_path.iterdir()
        assert seconds(file) > 0.3
    else:
        assert '"cost":' in said


def test_every_route_is_named_and_no_other() -> None:
    table = DOCS[DOCS.index("| route |") : DOCS.index("`HEAD` is answered")]
    named = set(re.findall(r"(?:GET|POST|WS) (/[^`]*)", table))
    served_paths = {route.path for route in create_app().state.routes} - {"/{path:path}"}
    assert named - {"/openapi.json"} == {path.replace(":path", "") for path in served_paths}


@pytest.mark.parametrize("body", [SpeechBody, CaptionedBody, KokoroCaptionedBody])
def test_every_field_is_named(body: type[SpeechBody]) -> None:
    assert all(f"`{name}`" in DOCS or f'`"{name}": ' in DOCS for name in body.model_fields)


def test_every_message_of_the_web_socket_is_named_in_both_directions() -> None:
    commands = get_args(Command.model_fields["type"].annotation)
    answers = ("started", "words", "done", "cancelled", "error")
    for name in (*commands, *answers):
        assert f'| `{{"type": "{name}"' in DOCS


def test_every_stage_of_progress_is_named() -> None:
    assert all(f"`{stage}`" in DOCS for stage in get_args(Stage))


def test_every_status_and_format_is_named() -> None:
    table = DOCS[DOCS.index("| status |") : DOCS.index("A failure before the first audio")]
    assert {str(status) for status in ERRORS} <= set(re.findall(r"\b\d{3}\b", table))
    for audio_format in FORMATS:
        assert f"| `{audio_format.name}` | `{audio_format.media_type}` |" in DOCS


def test_every_metric_is_named_and_no_other(running: Served) -> None:
    exposed = set(re.findall(r"^# HELP (\w+)", httpx.get(f"{running.url}/metrics").text, flags=re.MULTILINE))
    assert {name for name in exposed if not name.endswith("_created")} == set(
        re.findall(r"`(tts_\w+)`", DOCS)
    )


def test_the_figures_are_those_of_the_code() -> None:
    held = f"of up to {HELD_CHARACTERS} characters is held back for {HELD_SECONDS * 1000:g} ms"
    queued = f"up to {MOST_QUEUED} may be started\nahead"
    for text in (
        held,
        queued,
        f"After {MISTAKES} messages without a meaning",
        f"Up to {IN_MEMORY >> 20} MiB",
    ):
        assert text in DOCS


def test_the_settings_exist() -> None:
    (settings,) = blocks("toml")
    assert set(tomllib.loads(settings)["server"]) <= set(ServerConfig.model_fields)
    for name in re.findall(r"`server\.(\w+)", DOCS):
        assert name in ServerConfig.model_fields


def test_every_limit_is_listed_with_its_default() -> None:
    table = DOCS[DOCS.index("## Limits") : DOCS.index("## Stopping the server")]
    rows = re.findall(r"^\| (`.+?`) \| ([\d,]+)(?: s)? \|", table, flags=re.MULTILINE)
    defaults = {name.strip("`"): float(value.replace(",", "")) for name, value in rows}
    assert len(defaults) == 9
    assert defaults == {name: getattr(ServerConfig(), name) for name in defaults}


def test_every_link_leads_somewhere() -> None:
    folder = Path(__file__).parent.parent / "docs"
    for page in folder.glob("*.md"):
        text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (folder / target).exists(), f"{page.name}: {target}"


def test_the_close_codes_are_those_of_the_code() -> None:
    for code in (POLICY_VIOLATION, SERVICE_RESTART, TRY_AGAIN_LATER):
        assert f"| {code} |" in DOCS
