"""ElevenLabs' refusals and failures as the hub's own errors."""

from __future__ import annotations

import json
import logging
from typing import Any

import anyio
import pytest

from tests.remote.elevenlabs_engine import eleven
from tests.remote.elevenlabs_server import (
    KEY,
    ElevenLabsServer,
)
from tests.remote.serving import Faults, tone
from tests.remote.speaking import EXACT, IMPATIENT, SETTINGS, TEXT, joined, spoken
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    RateLimitedError,
    StalledError,
    TextTooLongError,
    UnknownVoiceError,
    UnsupportedOptionError,
)

pytestmark = pytest.mark.anyio

OUT_OF_CREDITS = b'{"detail":{"status":"quota_exceeded","message":"all gone"}}'


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["new-shape", "old-shape"])
def any_shape(request: pytest.FixtureRequest, elevenlabs: ElevenLabsServer) -> ElevenLabsServer:
    elevenlabs.ways.old_errors = request.param
    return elevenlabs


async def test_a_wrong_key_is_reported_with_the_remedy_and_without_the_key(
    any_shape: ElevenLabsServer,
) -> None:
    backend = eleven(any_shape, api_key="sk_wrong_and_secret")
    with pytest.raises(BackendUnavailableError, match=r"Invalid API key \*\*\*") as raised:
        await backend.load()
    assert raised.value.remedy == "export ELEVENLABS_API_KEY=..."
    assert "secret" not in str(raised.value)


async def test_an_empty_account_is_reported_and_not_asked_again(any_shape: ElevenLabsServer) -> None:
    any_shape.ways.credits_left = 10
    with pytest.raises(BackendUnavailableError, match="exceeds your quota") as raised:
        await spoken(eleven(any_shape, retries=2))
    assert "plan" in raised.value.remedy
    assert len(any_shape.spoken) == 1


async def test_a_voice_of_a_higher_plan_is_reported(any_shape: ElevenLabsServer) -> None:
    with pytest.raises(BackendUnavailableError, match="Free users cannot use library voices"):
        await spoken(eleven(any_shape), voice="Lily")
    any_shape.ways.plan = "starter"
    assert await spoken(eleven(any_shape), voice="Lily")


@pytest.mark.parametrize(("output_format", "plan"), [("pcm_44100", "pro"), ("mp3_44100_192", "creator")])
async def test_a_format_of_a_higher_plan_is_reported(
    any_shape: ElevenLabsServer, output_format: str, plan: str
) -> None:
    with pytest.raises(BackendUnavailableError, match=f"only allowed for {plan} tier") as raised:
        await spoken(eleven(any_shape, output_format=output_format))
    assert 'output_format = "pcm_24000"' in raised.value.remedy
    any_shape.ways.plan = plan
    assert await spoken(eleven(any_shape, output_format=output_format))


async def test_a_text_that_is_too_long_is_reported(any_shape: ElevenLabsServer) -> None:
    with pytest.raises(TextTooLongError, match="maximum of 50 characters"):
        await spoken(eleven(any_shape), TEXT * 3, model="eleven_next")


async def test_too_many_at_once_wait_for_their_turn(any_shape: ElevenLabsServer) -> None:
    any_shape.ways.at_once = 1
    any_shape.ways.pause = 0.02
    backend = eleven(any_shape, retries=5)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spoken, backend)
        while not any_shape.spoken:
            await anyio.sleep(0.002)
        tasks.start_soon(spoken, backend)
    assert len(any_shape.finished) == 2
    assert len(any_shape.spoken) > 2


async def test_too_many_at_once_for_too_long_is_an_error(any_shape: ElevenLabsServer) -> None:
    refusal = {"detail": {"status": "too_many_concurrent_requests", "message": "Too many concurrent."}}
    any_shape.faults.statuses = [(429, {}, json.dumps(refusal).encode())]
    with pytest.raises(RateLimitedError, match="Too many concurrent"):
        await spoken(eleven(any_shape))


async def test_a_busy_service_is_unavailable(elevenlabs: ElevenLabsServer) -> None:
    refusal = {"detail": {"status": "system_busy", "message": "The system is experiencing heavy traffic."}}
    elevenlabs.faults.statuses = [(429, {}, json.dumps(refusal).encode())]
    with pytest.raises(BackendUnavailableError, match="heavy traffic"):
        await spoken(eleven(elevenlabs))


OTHERS: list[tuple[int, Any, type[Exception]]] = [
    (401, {"detail": {"status": "voice_not_found", "message": "none"}}, UnknownVoiceError),
    (400, {"detail": {"status": "voice_not_found", "message": "none"}}, UnknownVoiceError),
    (422, {"detail": [{"loc": ["body", "seed"], "msg": "too big", "type": "x"}]}, UnsupportedOptionError),
    (
        400,
        {"detail": {"code": "invalid_parameters", "message": "?", "param": "voice_settings.style"}},
        UnsupportedOptionError,
    ),
    (401, {"detail": {"code": "missing_permissions", "message": "?"}}, BackendUnavailableError),
    (401, {"detail": {"status": "detected_unusual_activity", "message": "?"}}, BackendUnavailableError),
    (500, {"detail": {"status": "internal_error", "message": "?"}}, GenerationError),
    (502, "<html>", GenerationError),
]


@pytest.mark.parametrize(("status", "body", "kind"), OTHERS)
async def test_every_refusal_has_its_type(
    elevenlabs: ElevenLabsServer, status: int, body: Any, kind: type[Exception]
) -> None:
    elevenlabs.faults.statuses = [(status, {}, json.dumps(body).encode())]
    with pytest.raises(kind):
        await spoken(eleven(elevenlabs))


# --- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "kind", "message"),
    [
        (Faults(reset_after=30_000), GenerationError, "broke in the middle"),
        (Faults(truncate_after=30_000), GenerationError, "broke in the middle|half of one"),
        (Faults(stall_after=30_000), StalledError, "sent nothing for 2 s"),
        (Faults(first_byte_delay=9.0), StalledError, "no audio within 2 s"),
        (Faults(body=b'{"audio_base64":"AAAA'), GenerationError, "not complete JSON"),
        (Faults(body=b"<html>hello</html>"), GenerationError, "not complete JSON"),
        (Faults(body=b"[1]"), GenerationError, "list where an object belongs"),
        (Faults(body=b'{"audio_base64":"!!!"}'), GenerationError, "not audio in base64"),
        (Faults(body=b'{"audio_base64":7}'), GenerationError, "not audio in base64"),
        (Faults(body=b'{"audio_base64":"AAAA"}'), GenerationError, "middle of a sample"),
        (Faults(body=OUT_OF_CREDITS), BackendUnavailableError, "all gone"),
        (Faults(refuse_connections=True), BackendUnavailableError, "cannot be reached"),
    ],
)
async def test_faults_are_typed_errors(
    elevenlabs: ElevenLabsServer, faults: Faults, kind: type[Exception], message: str
) -> None:
    backend = eleven(elevenlabs, **(IMPATIENT if kind is StalledError else SETTINGS))
    await spoken(backend)
    elevenlabs.faults = faults
    with pytest.raises(kind, match=message):
        await spoken(backend, TEXT * 3)


async def test_lines_without_audio_are_no_fault(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.faults.body = b'\n{"audio_base64":"","alignment":null}\r\n\n{"audio_base64":null}\n'
    assert await spoken(eleven(elevenlabs)) == []


async def test_a_failure_before_the_first_audio_is_tried_again(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.faults.statuses = [(503, {"Retry-After": "0"}, b"")]
    assert joined(await spoken(eleven(elevenlabs, retries=1))) == pytest.approx(tone(TEXT), abs=EXACT)


async def test_a_key_is_neither_logged_nor_shown(
    elevenlabs: ElevenLabsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend = eleven(elevenlabs)
    await spoken(backend)
    elevenlabs.faults.statuses = [(401, {}, json.dumps({"detail": {"message": f"bad {KEY}"}}).encode())]
    with pytest.raises(BackendUnavailableError, match=r"bad \*\*\*") as raised:
        await spoken(backend)
    shown = caplog.text + str(raised.value) + repr(raised.value.__cause__) + repr(backend.settings)
    assert KEY not in shown
    assert "HTTP Request" in caplog.text
