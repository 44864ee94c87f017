"""A fallback from a failed service begins at the right sentence: nothing is lost or spoken twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import run
from tests.remote.openai_server import OpenAIServer
from tests.remote.serving import Faults
from tests.remote.speaking import IMPATIENT, SETTINGS
from tests.server.conftest import Serve
from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.errors import BackendUnavailableError, ConfigError, GenerationError, UnknownModelError
from tts_hub.progress import ProgressEvent
from tts_hub.request.stream import AudioStream

pytestmark = pytest.mark.anyio
SENTENCES = [f"This is sentence number {number} of them." for number in ("one", "two", "three", "four")]
TEXT = " ".join(SENTENCES)
FAULTS = [
    Faults(reset_after=20_000),
    Faults(truncate_after=20_000),
    Faults(stall_after=20_000),
    Faults(first_byte_delay=9.0),
    Faults(content_type="text/html", body=b"<html>"),
    Faults(body=b"OggS" + b"\0" * 5000),
    Faults(refuse_connections=True),
    Faults(statuses=[(500, {}, b"Internal Server Error")] * 99),
    Faults(statuses=[(429, {"Retry-After": "60"}, b"{}")] * 99),
]


def hub(url: str, **settings: Any) -> TTSBackendManager:
    box = SETTINGS | {"kind": "openai", "url": url, "concurrency": 1} | settings
    return TTSBackendManager(parse_config({"remote": {"box": box}}))


async def read(audio: AudioStream) -> None:
    async with audio:
        async for _ in audio:
            pass


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault)[7:40])
@pytest.mark.parametrize("at", [0, 2])
async def test_every_fault_hands_over_at_its_sentence(plain: OpenAIServer, fault: Faults, at: int) -> None:
    events: list[ProgressEvent] = []
    original = plain.speak

    def speak(body: dict[str, Any], to: Any) -> None:
        if body["input"].startswith(SENTENCES[at][:-1]):
            plain.faults = fault
        original(body, to)

    plain.speak = speak  # type: ignore[method-assign]
    if fault.refuse_connections and at:
        pytest.skip("a connection that stands is not refused")
    stalls = fault.stall_after is not None or fault.first_byte_delay
    async with hub(plain.url, **(IMPATIENT if stalls else SETTINGS)) as manager:
        await manager.preload("box")
        plain.faults = Faults(refuse_connections=fault.refuse_connections)
        audio = await manager.generate(TEXT, model="box", fallback=["espeak"], on_progress=events.append)
        await read(audio)
    report = audio.report
    begin = TEXT.index(SENTENCES[at])
    assert report.complete
    assert [(change.failed, change.continued) for change in report.fallbacks] == [("box", "espeak")]
    assert report.fallbacks[0].position == begin
    words = [word for word in audio.words if word.span[0] >= begin]
    assert [word.text for word in words] == TEXT[begin:].replace(".", "").split()
    messages = [event.message for event in events if event.stage == "fallback"]
    assert len(messages) == 1
    assert "continuing with espeak" in messages[0]


async def test_without_a_fallback_the_failure_comes_out(plain: OpenAIServer) -> None:
    plain.faults.reset_after = 20_000
    async with hub(plain.url) as manager:
        with pytest.raises(GenerationError, match="box"):
            await read(await manager.generate(TEXT, model="box"))


async def test_a_service_takes_over_when_the_first_one_is_down(plain: OpenAIServer) -> None:
    boxes = {
        "down": SETTINGS | {"kind": "openai", "url": "http://127.0.0.1:9"},
        "up": SETTINGS | {"kind": "openai", "url": plain.url},
    }
    async with TTSBackendManager(parse_config({"remote": boxes})) as manager:
        audio = await manager.generate(TEXT, model="down", fallback=["up"])
        await read(audio)
    assert audio.report.backend == "up"
    assert audio.report.complete


async def test_auto_never_means_a_service(plain: OpenAIServer) -> None:
    async with hub(plain.url) as manager:
        assert manager.best() == "espeak"


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ({"box": {"url": "http://box"}}, "needs a `kind`"),
        ({"Box 1": {"kind": "openai"}}, "cannot be the name of a service"),
        ({"box": {"kind": "opnai"}}, "did you mean 'openai'"),
        ({"espeak": {"kind": "openai", "url": "http://box"}}, "an engine of that name"),
        (
            {"box": {"kind": "openai", "url": "http://box", "retrys": 1}},
            r"remote\.box\.retrys'; did you mean",
        ),
        ({"box": {"kind": "openai", "url": "ftp://box"}}, r"remote\.box\.url"),
    ],
)
def test_a_wrong_section_is_reported(remote: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TTSBackendManager(parse_config({"remote": remote})).registry.check_sections()


async def test_an_engine_that_is_no_service_cannot_stand_twice() -> None:
    manager = TTSBackendManager(parse_config({"remote": {"second": {"kind": "espeak"}}}))
    async with manager:
        with pytest.raises(BackendUnavailableError, match="only one engine of kind 'espeak'"):
            await manager.generate("Hello.", model="second")
        with pytest.raises(UnknownModelError):
            await manager.generate("Hello.", model="third")


# --- through the faces ------------------------------------------------------------------------------------


def test_on_the_command_line(plain: OpenAIServer) -> None:
    Path("config.toml").write_text(
        f'[remote.my-box]\nkind = "openai"\nurl = "{plain.url}"\n', encoding="utf-8"
    )
    spoken = run("speak", TEXT, "-m", "my-box/tts-1", "--voice", "nova", "-o", "box.wav", "--json")
    report = json.loads(spoken.stdout)
    assert (report["backend"], report["voice"], report["complete"]) == ("my-box", "nova", True)
    assert b"nova" in run("voices", "-m", "my-box").stdout
    assert b"my-box: ready" in run("doctor").stdout
    plain.faults.refuse_connections = True
    failed = run("speak", TEXT, "-m", "my-box", "-o", "no.wav")
    assert failed.returncode == 1
    assert b"my-box cannot be reached" in failed.stderr
    resumed = run("speak", TEXT, "-m", "my-box", "--fallback", "espeak", "-o", "yes.wav")
    assert resumed.returncode == 0
    assert b"continuing with espeak" in resumed.stderr


def test_through_the_server(serve: Serve, plain: OpenAIServer) -> None:
    box = SETTINGS | {"kind": "openai", "url": plain.url}
    with serve(remote={"my-box": box}) as server:
        answer = server.speak(TEXT, model="my-box", voice="nova", response_format="mp3")
        assert answer.status_code == 200
        assert len(answer.content) > 10_000
        plain.faults.statuses = [(429, {"Retry-After": "60"}, b"{}")] * len(SENTENCES)  # asked for at once
        refused = server.speak(TEXT, model="my-box")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "60"
        plain.faults.statuses = []
        plain.faults.refuse_connections = True
        failed = server.speak(TEXT, model="my-box")
        assert failed.status_code == 503
        assert failed.json()["error"]["code"] == "engine_unavailable"
        resumed = server.speak(TEXT, model="my-box", fallback=["espeak"])
        assert resumed.status_code == 200
