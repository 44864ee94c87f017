"""What happens before the first request: slow imports, and keys from a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.server.conftest import Serve, wait_for
from tests.server.test_shutdown import TTS_HUB, running
from tts_hub.errors import GenerationError
from tts_hub.testing.fake import FakeBackend

IMPORTS = """
import builtins, json, sys, threading
from starlette.testclient import TestClient
from tts_hub.server import create_app

imported = {}
original = builtins.__import__

def watched(name, *args, **kwargs):
    new = name not in sys.modules
    module = original(name, *args, **kwargs)
    if new and name.split(".")[0] in {"av"}:
        imported.setdefault(name.split(".")[0], threading.current_thread().name)
    return module

app = create_app()
before = {name for name in ("av",) if name in sys.modules}
with TestClient(app, base_url="http://localhost") as client:
    loaded = {name for name in ("av",) if name in sys.modules}
    builtins.__import__ = watched
    client.post("/v1/audio/speech", json={"input": "Hello there.", "model": "espeak"}).raise_for_status()
    builtins.__import__ = original
print(json.dumps([sorted(before), sorted(loaded), imported]))
"""


def test_slow_imports_are_done_before_the_first_request() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=120, check=True
    )
    before, loaded, imported_later = json.loads(done.stdout)
    assert before == [], "creating the application is cheap"
    assert loaded == ["av"]
    assert imported_later == {}


def test_keys_come_from_a_file_which_may_have_several(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("from-the-file\n\n  the-second \n")
    file.chmod(0o600)
    with running("--api-key-file", str(file), "--api-key", "given") as server:
        assert "YOUR_KEY" in server.greeting
        for key in ("from-the-file", "the-second", "given"):
            headers = {"authorization": f"Bearer {key}"}
            assert httpx.get(f"{server.url}/metrics", headers=headers).status_code == 200
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        shown = Path(f"/proc/{server.process.pid}/cmdline")
        assert not shown.exists() or b"from-the-file" not in shown.read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot read the API keys in"), (b"\n \n", "there is no API key in"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_file_without_a_key_stops_the_start_in_one_line(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "keys.txt"
    if content is not None:
        file.write_bytes(content)
    command = [*TTS_HUB, "serve", "--port", "0", "--api-key-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_file_of_keys_allows_to_listen_widely(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("one\n")
    with running("--api-key-file", str(file), "--host", "0.0.0.0") as server:
        assert httpx.get(f"{server.url}/health").status_code == 200


def test_the_default_model_is_loaded_and_warmed_up_before_it_is_asked_for(serve: Serve) -> None:
    warmed = []

    class Slow(FakeBackend):
        async def warm_up(self) -> None:
            warmed.append(self.name)
            raise GenerationError("not now", backend=self.name)

    engine = Slow(name="slow")
    with serve(engine, model="slow", server={"warm_up": True}) as server:
        wait_for(lambda: warmed == ["slow"])
        assert server.speak(model="slow").status_code == 200
    with serve(Slow(name="slow"), model="slow") as server:
        assert {engine.state for engine in server.status()} == {"unloaded"}
        assert server.speak(model="slow").status_code == 200
    assert warmed == ["slow"]
