"""Pulls of checkpoints from a hub on this machine: the list of files, licences, checks, access."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tts_hub_phonon import PhononBackend, PhononSettings
from tts_hub_phonon.checkpoints import CHECKPOINTS
from tts_hub_phonon.fetching import Revision, chosen

from tests.cli.running import run
from tests.phonon.tiny import write_checkpoint
from tts_hub import TTSBackendManager
from tts_hub.config import Config
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressEvent

pytestmark = pytest.mark.anyio
COMMIT = "0123456789abcdef0123456789abcdef01234567"
USUAL = CHECKPOINTS["31m-en"]


class Hub:
    """One repository, with the answers of the Hugging Face hub."""

    def __init__(self, repository: str, revision: str, files: dict[str, bytes]) -> None:
        self.repository, self.revision, self.files = repository, revision, files
        self.asked: list[tuple[str, str]] = []
        self.token = ""
        """Requests without it are refused."""
        self.url = ""

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        self.asked.append((path, authorization))
        if self.token and authorization != f"Bearer {self.token}":
            return 401, b""
        if path == f"/api/models/{self.repository}/revision/{self.revision}?blobs=true":
            siblings = [self._sibling(name, data) for name, data in self.files.items()]
            return 200, json.dumps({"sha": COMMIT, "siblings": siblings, "more": 1}).encode()
        start = f"/{self.repository}/resolve/{COMMIT}/"
        name = path.removeprefix(start)
        return (200, self.files[name]) if path.startswith(start) and name in self.files else (404, b"")

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        described: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith((".safetensors", ".gguf")):
            described["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        return described


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    source = write_checkpoint(tmp_path / "source")
    files = {
        str(file.relative_to(source)): file.read_bytes() for file in source.rglob("*") if file.is_file()
    } | {"README.md": b"# Phonon", "onnx/model.onnx": b"x"}
    made = Hub(USUAL.repository, USUAL.revision, files)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            status, body = made.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


def manager_of(hub: Hub, **fields: Any) -> TTSBackendManager:
    return TTSBackendManager(Config(backends={"phonon": {"hub": hub.url, **fields}}))


async def test_pull_list_speak_remove(hub: Hub, away_from_home: Path) -> None:
    events: list[ProgressEvent] = []
    async with manager_of(hub) as manager:
        assert manager.best() == "espeak"
        before = manager.model_files("phonon")
        assert (before.variant, before.size, before.missing) == (
            "31m-en",
            None,
            ("tokenizer.json", "the weights"),
        )
        assert before.source.endswith("gradium/phonon-31m-en (Apache-2.0)")
        pulled = await manager.pull("phonon", events.append)
        assert events[0].stage == "notice"
        assert "licence of" in events[0].message
        assert "Apache-2.0" in events[0].message
        assert pulled.missing == ()
        needed = hub.files.keys() - {"README.md", "onnx/model.onnx"}
        assert pulled.size == sum(len(hub.files[name]) for name in needed)
        assert Path(pulled.folder).is_relative_to(away_from_home)
        assert manager.best() == "phonon"
        async with await manager.generate("Hello.", model="phonon", voice="ben") as stream:
            assert [chunk async for chunk in stream]
        hub.asked.clear()
        await manager.pull("phonon")
        assert len(hub.asked) == 1  # only the list: all files are sound
        assert await manager.remove("phonon:31m-en") == pulled.size
        assert manager.best() == "espeak"
        assert not Path(pulled.folder).exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "voices/anna.safetensors"])
async def test_a_damaged_file_is_never_loaded(hub: Hub, name: str) -> None:
    async with manager_of(hub) as manager:
        file = Path((await manager.pull("phonon")).folder) / name
        data = bytearray(file.read_bytes())
        data[-3] ^= 1
        file.write_bytes(data)
        with pytest.raises(BackendUnavailableError, match=f"{name} in .* is damaged") as raised:
            await manager.preload("phonon")
        assert raised.value.remedy == "tts-hub models pull phonon"
        await manager.pull("phonon")
        await manager.preload("phonon")


async def test_a_file_that_differs_from_the_list_is_refused(hub: Hub) -> None:
    usual = hub.answer

    def changed(path: str, authorization: str) -> tuple[int, bytes]:
        status, body = usual(path, authorization)
        return status, body[:-1] + b"x" if path.endswith("tokenizer.json") else body

    hub.answer = changed  # type: ignore[method-assign]
    async with manager_of(hub) as manager:
        with pytest.raises(
            BackendUnavailableError, match=r"tokenizer\.json is not the published file: SHA-1"
        ):
            await manager.pull("phonon")
        assert manager.best() == "espeak"


async def test_a_gated_repository_needs_a_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "secret"
    async with manager_of(hub) as manager:
        with pytest.raises(BackendUnavailableError, match="accepted its terms") as raised:
            await manager.pull("phonon")
        assert "HF_TOKEN" in raised.value.remedy
        monkeypatch.setenv("HF_TOKEN", "secret")
        assert (await manager.pull("phonon")).missing == ()


async def test_wrong_answers_are_reported(hub: Hub) -> None:
    async with manager_of(hub) as manager:
        with pytest.raises(BackendUnavailableError, match="answers with status 404"):
            await manager.pull("phonon:40m-en")
        del hub.files["model.safetensors"]
        with pytest.raises(BackendUnavailableError, match="holds no weights"):
            await manager.pull("phonon")
    async with TTSBackendManager(Config(backends={"phonon": {"hub": "http://127.0.0.1:9"}})) as manager:
        with pytest.raises(BackendUnavailableError, match="cannot reach"):
            await manager.pull("phonon")


def test_the_command_line_prints_the_licence_before_a_pull(hub: Hub) -> None:
    Path("config.toml").write_text(f'[backends.phonon]\nhub = "{hub.url}"\n')
    done = run("models", "pull", "phonon:40m-multilingual")
    said = done.stderr.decode()
    assert done.returncode != 0
    assert "note: licence of" in said
    assert "CC BY-NC 4.0: no commercial use" in said
    assert said.index("note: licence") < said.index("answers with status 404")


def test_of_several_weights_the_smallest_are_fetched() -> None:
    names = ("model.safetensors", "model.q8.gguf", "tokenizer.json", "voices/a.safetensors")
    others = ("voices/b/c.safetensors", "embeddings_v2/a.safetensors", "../config.json")
    siblings = [{"rfilename": name, "size": 1, "blobId": "0"} for name in (*names, *others)]
    revision = Revision.model_validate({"sha": COMMIT, "siblings": siblings})
    wanted = ["tokenizer.json", "voices/a.safetensors", "model.q8.gguf"]
    assert [file.name for file in chosen(revision)] == wanted


def test_only_one_phonon_is_free_for_commercial_use() -> None:
    licences = {name: checkpoint.licence for name, checkpoint in CHECKPOINTS.items()}
    free = [name for name, licence in licences.items() if "NC" not in licence]
    assert free == ["31m-en", "pocket", "pocket-cloning"]
    listed = PhononBackend.downloads(PhononSettings(checkpoint="40m-fr"))
    assert [files.variant for files in listed][:2] == ["40m-fr", "31m-en"]
    assert all("(" in files.source for files in listed)
