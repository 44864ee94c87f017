"""What an AllTalk server says of itself: whether it is ready, which version it is, what is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from tts_hub.errors import BackendUnavailableError
from tts_hub.types import Voice
from tts_hub_remote.connection import Connection

READY = b"Ready"
UNLOADED = b"Unloaded"
FLAGS = (
    *("streaming", "languages", "multivoice", "generationspeed"),
    *("pitch", "temperature", "repetitionpenalty"),
)
"""Of version 2: what the loaded engine can."""
DEFAULT_ABILITIES = {"languages", "multivoice"}
"""Where a server does not say."""
STREAMING_V1 = "XTTSv2"
"""How the models of version 1 begin that it can stream; the others go through Coqui's API."""
NO_VOICES = "No Voices Found"
DEFAULT_VOICE = Voice("default", "the engine's own voice", "")
OPENAI_VOICES = tuple(
    Voice(name, name.capitalize(), "") for name in ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
)
"""Of its OpenAI route; the server maps them onto its own."""
FILE_NAMES = {".wav", ".onnx"}
PIPER_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2})-")


class NotReadyError(BackendUnavailableError):
    """It answers, and says that it cannot speak."""


@dataclass(frozen=True, slots=True)
class Status:
    """What is there."""

    version: Literal[1, 2]
    engine: str
    model: str
    names: frozenset[str]
    """What a request may call the engine and the model, by `plain_name`."""
    can: frozenset[str]
    """Of `FLAGS`."""


def plain_name(name: str) -> str:
    """`xtts - xttsv2_2.0.3` -> `xtts_xttsv2_2_0_3`: as it can stand in a model's name."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


async def check_ready(connection: Connection, backend: str) -> None:
    """Ask whether a model is loaded. The status of the answer is 200 in any case: its body counts.

    Raises:
        BackendUnavailableError: none is, or nobody answers.
    """
    body = (await connection.fetch_body("GET", "/api/ready")).strip()
    if body == UNLOADED:
        raise NotReadyError(
            f"{backend} has no model loaded (it answers 'Unloaded'): load one in AllTalk's own page",
            backend=backend,
        )
    if body != READY:
        raise NotReadyError(
            f"{backend} at {connection.base} does not say that it is ready: is it AllTalk?", backend=backend
        )


async def fetch_status(connection: Connection, backend: str) -> Status:
    """What is loaded now.

    Raises:
        BackendUnavailableError: nothing, nobody answers, or it is no AllTalk.
    """
    await check_ready(connection, backend)
    answer = await connection.fetch_json("GET", "/api/currentsettings")
    if not isinstance(answer, dict) or "current_model_loaded" not in answer:
        raise NotReadyError(
            f"{backend} at {connection.base} does not say what is loaded: is it AllTalk?", backend=backend
        )
    return _version_2(answer) if "engines_available" in answer else _version_1(answer)


async def fetch_voices(connection: Connection, status: Status, backend: str) -> Sequence[Voice]:
    """Its voices; one for the engine's own where it has no choice.

    Raises:
        BackendUnavailableError: nobody answers, or a server of version 1 has no voice at all.
    """
    if "multivoice" not in status.can:
        return [DEFAULT_VOICE]
    answer = await connection.fetch_json("GET", "/api/voices")
    rows = answer.get("voices") if isinstance(answer, dict) else None
    names = [str(row) for row in rows if row != NO_VOICES] if isinstance(rows, list) else []
    if names:
        return [_voice(name) for name in dict.fromkeys(names)]
    if status.version == 1:
        raise NotReadyError(f"{backend} has no voices: put a .wav into its folder `voices`", backend=backend)
    return [DEFAULT_VOICE]


async def fetch_rvc_voices(connection: Connection) -> Sequence[str]:
    """RVC models of a server of version 2; none where RVC is off."""
    answer = await connection.fetch_json("GET", "/api/rvcvoices")
    rows = answer.get("rvcvoices") if isinstance(answer, dict) else None
    return [str(row) for row in rows if row != "Disabled"] if isinstance(rows, list) else []


def _version_1(answer: Mapping[str, Any]) -> Status:
    model = str(answer["current_model_loaded"])
    can = DEFAULT_ABILITIES | ({"streaming"} if model.startswith(STREAMING_V1) else set())
    names = frozenset({plain_name(model), "xtts"})
    return Status(1, "xtts", model, names, frozenset(can))


def _version_2(answer: Mapping[str, Any]) -> Status:
    engine = str(answer.get("current_engine_loaded") or "")
    model = str(answer["current_model_loaded"] or "")
    can = {name for name in FLAGS if answer.get(f"{name}_capable", name in DEFAULT_ABILITIES)}
    parts = {engine, model, model.partition(" - ")[2]}  # "xtts - xttsv2_2.0.3"
    return Status(2, engine, model, frozenset(filter(None, map(plain_name, parts))), frozenset(can))


def _voice(name: str) -> Voice:
    """Of XTTS a recording, a folder of them or latents; of Piper a model, whose name tells its language."""
    path = PurePosixPath(name)
    stem = path.stem if path.suffix in FILE_NAMES else name
    piper = PIPER_NAME.match(name) if path.suffix == ".onnx" else None
    language = f"{piper[1]}-{piper[2]}" if piper else ""
    return Voice(name, stem, language, aliases=(stem,) if stem != name else ())
