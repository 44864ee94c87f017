"""AllTalk's failures, and the engines that continue after them."""

from __future__ import annotations

import json
from typing import Any

import anyio
import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend
from tts_hub_remote.alltalk import AllTalkBackend

from tests.remote.alltalk_server import AllTalkServer, Setup, piper, wav_file
from tests.remote.alltalk_speaking import engine
from tests.remote.serving import Faults
from tests.remote.speaking import IMPATIENT, SETTINGS, spoken
from tests.waiting import WITHIN
from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    InvalidRequestError,
    NoAudioError,
    RateLimitedError,
    StalledError,
    TTSHubError,
)

pytestmark = pytest.mark.anyio
THREE = "The first sentence is here. The second sentence follows it. The third one ends it."


# --- what goes wrong --------------------------------------------------------------------------------------

Way = tuple[str, dict[str, Any]]
WAYS: list[Way] = [("generation", {}), ("generation", {"route": "openai"}), ("file", {"route": "file"})]
FAULTS: list[tuple[Faults, type[TTSHubError]]] = [
    (Faults(first_byte_delay=9.0), StalledError),
    (Faults(stall_after=10_000), StalledError),
    (Faults(reset_after=10_000), GenerationError),
    (Faults(truncate_after=10_000), GenerationError),
    (Faults(body=b"<html>Welcome</html>", content_type="text/html"), GenerationError),
    (Faults(body=b"<html>Welcome</html>" * 2000), GenerationError),
    (Faults(body=b"\xff\x00" * 4000, content_type="audio/mp3"), GenerationError),
    (Faults(body=wav_file(np.zeros(0, np.float32))), NoAudioError),
    (Faults(body=b""), NoAudioError),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
@pytest.mark.parametrize(("faulty", "settings"), WAYS, ids=["stream", "openai", "file"])
async def test_every_fault_of_the_audio_becomes_a_typed_error(
    alltalk_2: AllTalkServer, faulty: Any, settings: dict[str, Any], fault: Faults, kind: type[TTSHubError]
) -> None:
    patience = IMPATIENT if kind is StalledError else SETTINGS
    backend = engine(alltalk_2, **patience | settings)
    await backend.load()
    alltalk_2.faulty, alltalk_2.faults = faulty, fault
    with anyio.fail_after(WITHIN), pytest.raises(kind):
        await spoken(backend)


async def test_a_stream_without_an_end_is_given_up(alltalk_2: AllTalkServer) -> None:
    alltalk_2.faults.endless = True
    with anyio.fail_after(WITHIN), pytest.raises(GenerationError, match="does not stop"):
        await spoken(engine(alltalk_2), "Hi there")


async def test_an_answer_without_an_end_is_given_up(alltalk_files: AllTalkServer) -> None:
    alltalk_files.faults.endless = True
    with anyio.fail_after(WITHIN), pytest.raises(GenerationError):
        await spoken(engine(alltalk_files))


async def test_a_server_that_is_away_is_reported(alltalk_2: AllTalkServer) -> None:
    backend = engine(alltalk_2)
    await spoken(backend)
    alltalk_2.faults.refuse_connections = True
    with pytest.raises(BackendUnavailableError, match="cannot be reached"):
        await spoken(backend)
    alltalk_2.faults.refuse_connections = False
    assert await spoken(backend)


Refused = tuple[int, dict[str, str], bytes, type[TTSHubError], str]
REFUSALS: list[Refused] = [
    (400, {}, b'{"error":"1 validation error"}', InvalidRequestError, "1 validation error"),
    (422, {}, b'{"detail":[{"loc":["body","language"],"msg":"no"}]}', InvalidRequestError, "no"),
    (500, {}, b'{"status":"generate-failure","error":"An error occurred"}', GenerationError, "An error occ"),
    (500, {}, b"Internal Server Error", GenerationError, "Internal Server Error"),
    (507, {}, b'{"status":"generate-failure","error":"disk"}', GenerationError, "disk"),
    (404, {}, b'{"status":"generate-failure","error":"RVC model"}', BackendUnavailableError, "RVC model"),
    (403, {}, b'{"status":"generate-failure","error":"denied"}', BackendUnavailableError, "denied"),
    (429, {"Retry-After": "60"}, b"{}", RateLimitedError, "HTTP 429"),
    (503, {"Retry-After": "60"}, b"<html>no</html>", GenerationError, "HTTP 503"),
]


@pytest.mark.parametrize("settings", [{}, {"route": "file"}], ids=["stream", "file"])
@pytest.mark.parametrize("refused", REFUSALS)
async def test_every_refusal_becomes_a_typed_error(
    alltalk_2: AllTalkServer, settings: dict[str, Any], refused: Refused
) -> None:
    status, headers, body, kind, said = refused
    alltalk_2.faults.statuses = [(status, headers, body)]
    with pytest.raises(kind, match=said):
        await spoken(engine(alltalk_2, retries=1 if headers else 0, **settings))
    assert len(alltalk_2.generations()) == 1


async def test_a_failure_with_status_200_is_a_failure(alltalk_files: AllTalkServer) -> None:
    alltalk_files.alters = lambda answer: {"status": "generate-failure", "error": "CUDA out of memory"}
    with pytest.raises(GenerationError, match="generated no audio: CUDA out of memory"):
        await spoken(engine(alltalk_files))
    alltalk_files.alters = lambda answer: ["what"]
    with pytest.raises(GenerationError, match="generated no audio"):
        await spoken(engine(alltalk_files))


async def test_an_answer_that_is_no_json_is_reported(alltalk_files: AllTalkServer) -> None:
    alltalk_files.faults.body = b"<html>"
    with pytest.raises(GenerationError, match="not JSON"):
        await spoken(engine(alltalk_files))


async def test_a_busy_server_is_asked_again_when_it_says(alltalk_2: AllTalkServer) -> None:
    alltalk_2.faults.statuses = [(503, {"Retry-After": "0.05"}, b"busy"), (429, {"Retry-After": "0.05"}, b"")]
    assert await spoken(engine(alltalk_2, retries=2))
    assert len(alltalk_2.generations()) == 3


# --- in the hub -------------------------------------------------------------------------------------------


def hub(backend: AllTalkBackend, **config: Any) -> TTSBackendManager:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}} | config), discover=False)
    manager.register(backend)
    manager.register(EspeakBackend)
    return manager


@pytest.mark.parametrize("setup", [Setup(), piper()])
async def test_espeak_continues_at_the_sentence_that_failed(setup: Setup) -> None:
    broken = json.dumps({"status": "generate-failure", "error": "CUDA out of memory"}).encode()
    with AllTalkServer(setup).serving() as service:
        backend = engine(service)
        await backend.load()

        async with hub(backend) as manager:
            stream = await manager.generate(THREE, model="alltalk", fallback=["espeak"])
            service.faults.statuses = [(500, {}, broken)] * 9
            async with stream:
                async for _ in stream:
                    pass
        report = stream.report
        (change,) = report.fallbacks
        assert (change.failed, change.continued) == ("alltalk", "espeak")
        assert change.kind == "generation_failed"
        assert "CUDA out of memory" in change.error
        assert 0 < change.position == len(THREE[: change.position])
        assert THREE[change.position :].startswith(("The second", "The third"))
        assert report.segments == 3
        assert report.backend == "espeak"


async def test_a_server_that_is_away_is_replaced_at_once(alltalk_2: AllTalkServer) -> None:
    alltalk_2.faults.refuse_connections = True
    async with hub(engine(alltalk_2)) as manager:
        stream = await manager.generate("Hello there.", model="alltalk_xtts", fallback=["espeak"])
        async with stream:
            assert [chunk async for chunk in stream]
        assert [change.kind for change in stream.report.fallbacks] == ["engine_unavailable"]


async def test_two_requests_are_never_generated_at_the_same_time(alltalk_2: AllTalkServer) -> None:
    alltalk_2.setup.pause = 0.002

    async def say(manager: TTSBackendManager) -> None:
        stream = await manager.generate(THREE, model="alltalk")
        async with stream:
            assert [chunk async for chunk in stream]

    async with hub(engine(alltalk_2)) as manager, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(say, manager)
    assert alltalk_2.most_generating == 1
