"""No answer contains file paths of the server, and clients without a key see only states."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.server.conftest import Serve
from tts_hub.errors import BackendUnavailableError, UnknownVoiceError
from tts_hub.server.errors import failure_of
from tts_hub.server.privacy import without_folders
from tts_hub.testing import FakeBackend, FakeScript

REASON = "its files are not in /home/anna/models/fp32 and /srv/anna secret/x"
KEY = {"authorization": "Bearer k"}


class Wanting(FakeBackend):
    """An engine that is not ready; its reason names the folder of the missing files."""

    def __init__(self) -> None:
        super().__init__(name="wanting", script=FakeScript(ready=False, reason=REASON))


@pytest.mark.parametrize("path", ["/health", "/v1/engines"])
@pytest.mark.parametrize("key", [{}, {"authorization": "Bearer wrong"}])
def test_a_client_without_a_key_sees_only_states(serve: Serve, path: str, key: dict[str, str]) -> None:
    with serve(Wanting(), server={"api_keys": ["k"]}, model="wanting") as server:
        answer = httpx.get(server.url + path, headers=key)
    assert "anna" not in answer.text
    assert "its files" not in answer.text
    engines = answer.json()["engines"]
    if path == "/health":
        assert engines["wanting"] == {"state": "not ready"}
        assert engines["fake"]["state"] == "unloaded"
    else:
        (engine,) = [engine for engine in engines if engine["name"] == "wanting"]
        assert engine["ready"] is False
        assert (engine["reason"], engine["remedy"], engine["downloads"]) == ("", "", [])
        assert answer.json()["problems"] == []


@pytest.mark.parametrize("path", ["/health", "/v1/engines"])
@pytest.mark.parametrize("keys", [[], ["k"]])
def test_a_client_with_a_key_sees_reasons_but_no_folder(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, path: str, keys: list[str]
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    with serve(Wanting(), server={"api_keys": keys}, model="wanting") as server:
        answer = httpx.get(server.url + path, headers=KEY if keys else {})
    assert "its files are not in ~/models/fp32" in answer.text
    assert "/home/anna" not in answer.text
    assert "/srv/" not in answer.text


def test_the_state_is_the_same_for_all(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        shown = [httpx.get(f"{server.url}/health", headers=headers).json() for headers in ({}, KEY)]
    assert shown[0]["status"] == shown[1]["status"] == "ok"
    states = [{name: engine["state"] for name, engine in each["engines"].items()} for each in shown]
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("missing in /home/anna/.cache/x/model.onnx", "missing in ~/.cache/x/model.onnx"),
        ("missing in /home/anna", "missing in …/anna"),
        ("missing in /home/anna/my voices/x.wav", "missing in ~/my voices/x.wav"),
        ("/home/annabel/x.wav", "…/x.wav"),
        ("cannot read /srv/models/anna/x.onnx: no such file", "cannot read …/x.onnx: no such file"),
        ("cannot read '/srv/my models/x y.onnx'", "cannot read '…/x y.onnx'"),
        ('set model_path = "/srv/models/"', 'set model_path = "…/"'),
        ("(/srv/models/x)", "(…/x)"),
        ("no address: set url = 'http://127.0.0.1:7851/api/x'", None),
        ("see https://example.org/a/b", None),
        ("write en-US/en-GB and/or 1/2/3", None),
        ("tts-hub models pull kokoro", None),
        ("~/a/b/c and ./a/b and ../a/b/c", None),
        ("half / half", None),
    ],
)
def test_paths_lose_their_folders_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch, text: str, shown: str | None
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert without_folders(text) == (text if shown is None else shown)


def test_errors_lose_folders_too() -> None:
    home = Path.home()
    gone = BackendUnavailableError("x", backend="e", remedy=f"copy it to {home}/models/x")
    assert str(home) not in failure_of(gone, "req_1").envelope()["error"]["message"]
    voice = UnknownVoiceError("no clip 'x' in /srv/anna/voices")
    assert failure_of(voice, "").envelope()["error"]["message"] == "no clip 'x' in …/voices"
