"""The engines over HTTP, and getting the files of their models."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local_hub import LocalHub, serving
from tests.server.conftest import PATIENCE, Serve, Served, wait_for
from tests.tui.fetching import Fetching
from tts_hub.backend import BackendSettings
from tts_hub.download.folders import Place, PublishedFile, missing_of
from tts_hub.download.web import fetch_from_web
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import ModelFiles

KEY = "k" * 24
PULL = "/v1/models/fetching/pull"


@pytest.fixture
def fetching() -> type[Fetching]:
    return type("Fetching", (Fetching,), {})


@pytest.fixture
def fetcher(serve: Serve, fetching: type[Fetching]) -> Generator[Served, None, None]:
    with serve(fetching(name="fetching")) as server:
        yield server


def engines(server: Served) -> dict[str, dict[str, Any]]:
    answer = httpx.get(f"{server.url}/v1/engines").json()
    return {engine["name"]: engine for engine in answer["engines"]}


def pulled(server: Served, path: str = PULL, **body: Any) -> list[dict[str, Any]]:
    answer = httpx.post(server.url + path, json=body, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_each_engine_shows_its_state_and_its_options(serve: Serve) -> None:
    script = FakeScript(ready=False, reason="no files", remedy="get them")
    with serve(FakeBackend(name="lame", script=script)) as server:
        server.speak()
        found = engines(server)
        assert httpx.get(f"{server.url}/v1/engines").json()["auto"] == "espeak"
    assert (found["fake"]["ready"], found["fake"]["state"]) == (True, "ready")
    assert found["fake"]["options"]["properties"]["gain"]["description"] == "peak of the tone"
    lame = found["lame"]
    assert (lame["ready"], lame["reason"], lame["remedy"]) == (False, "no files", "get them")


def test_exceptions_of_plugins_and_file_paths_are_not_sent(serve: Serve, fetching: type[Fetching]) -> None:
    class Broken(FakeBackend):
        def _available(self) -> Any:
            raise OSError("secret words")

    with serve(Broken(name="broken"), fetching(name="fetching")) as server:
        text = httpx.get(f"{server.url}/v1/engines").text
        found = engines(server)
    assert found["broken"]["reason"] == "its own code failed"
    assert found["fetching"]["downloads"][0]["missing"] == ["net.bin"]
    assert "secret words" not in text
    assert "/models" not in json.dumps(found["fetching"])


def test_a_pull_sends_its_progress_and_its_outcome(fetcher: Served) -> None:
    *steps, last = pulled(fetcher)
    assert {step["progress"]["total_bytes"] for step in steps} == {5_000_000}
    assert steps[-1]["progress"]["bytes"] == 5_000_000
    assert last == {
        "done": {
            "model": "fetching",
            "source": "the example hub",
            "size": 5_000_000,
            "missing": [],
            "variant": "",
        }
    }


@pytest.mark.parametrize(
    ("model", "variant", "status", "param"),
    [("nobody", None, 404, "model"), ("fake", None, 404, "model"), ("fetching", "big", 400, "variant")],
)
def test_a_pull_that_is_impossible_is_refused_at_once(
    fetcher: Served, model: str, variant: str | None, status: int, param: str
) -> None:
    answer = httpx.post(f"{fetcher.url}/v1/models/{model}/pull", json={"variant": variant})
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_a_pull_that_fails_sends_the_remedy_and_is_counted(fetcher: Served, fetching: type[Fetching]) -> None:
    fetching.error = BackendUnavailableError("secret words", backend="fetching", remedy="plug it in")
    last = pulled(fetcher)[-1]
    assert last["error"]["code"] == "engine_unavailable"
    assert "plug it in" in last["error"]["message"]
    assert "secret" not in last["error"]["message"]
    assert fetcher.metric("tts_errors_total", kind="engine_unavailable") == 1


def test_a_pull_needs_a_key_where_the_list_needs_none(serve: Serve, fetching: type[Fetching]) -> None:
    with serve(fetching(name="fetching"), server={"api_keys": [KEY]}) as server:
        assert httpx.get(f"{server.url}/v1/engines").status_code == 200
        assert httpx.post(server.url + PULL, json={}).status_code == 401
        allowed = httpx.post(server.url + PULL, json={}, headers={"authorization": f"Bearer {KEY}"})
    assert allowed.status_code == 200
    assert fetching.here


def test_the_list_needs_a_key_where_the_catalogue_does(serve: Serve) -> None:
    with serve(server={"api_keys": [KEY], "public_catalogue": False}) as server:
        assert httpx.get(f"{server.url}/v1/engines").status_code == 401


def test_pages_of_other_origins_may_not_pull(fetcher: Served, fetching: type[Fetching]) -> None:
    headers = {"origin": "https://evil.example", "content-type": "text/plain"}
    answer = httpx.post(fetcher.url + PULL, content="{}", headers=headers)
    assert answer.status_code == 403
    assert not fetching.stopped_at


def test_a_client_that_hangs_up_stops_the_pull(fetcher: Served, fetching: type[Fetching]) -> None:
    fetching.hold_at = 2
    with httpx.stream("POST", fetcher.url + PULL, json={}, timeout=PATIENCE) as response:
        lines = response.iter_lines()
        next(lines)
        assert fetching.cancelled_pulls == 0
    wait_for(lambda: fetching.cancelled_pulls == 1)
    assert not fetching.here


class FromWeb(FakeBackend):
    """An engine that fetches one file from a web server."""

    hub: LocalHub
    folder: Path

    @classmethod
    def _places(cls) -> list[Place]:
        content = cls.hub.files["net.bin"]
        file = PublishedFile("net.bin", len(content), sha256(content).hexdigest())
        return [Place(file, cls.folder / "net.bin", cls.folder / "net.bin", own=False)]

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        return [ModelFiles("web", "here", str(cls.folder), 1, missing_of(cls._places()))]

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        base = f"{cls.hub.url}/a/b/resolve/main"
        await fetch_from_web("web", base, cls._places(), on_progress, remedy="try again")


def test_a_second_pull_at_once_is_refused_and_what_has_arrived_is_kept(serve: Serve, tmp_path: Path) -> None:
    path = "/v1/models/web/pull"
    hub = LocalHub("a/b", "main", {"net.bin": bytes(2_000_000)}, stalls=True)
    engine = type("Web", (FromWeb,), {"hub": hub, "folder": tmp_path})
    with serving(hub), serve(engine(name="web")) as server:
        with httpx.stream("POST", server.url + path, json={}, timeout=PATIENCE) as first:
            lines = first.iter_lines()
            assert "progress" in json.loads(next(lines))
            assert pulled(server, path)[-1]["error"]["code"] == "engine_unavailable"
            assert not (tmp_path / "net.bin").exists()
        wait_for(lambda: not (tmp_path / ".tts-hub-pull.lock").exists())
        assert (tmp_path / "net.bin.incomplete").stat().st_size > 0
        hub.stalls = False
        assert "done" in pulled(server, path)[-1]
    assert (tmp_path / "net.bin").stat().st_size == 2_000_000
