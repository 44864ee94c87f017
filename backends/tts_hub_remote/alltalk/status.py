"""The status of an AllTalk server: whether it is ready, its version, its loaded engine and model."""

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
"""Body of `/api/ready` of a server that can speak."""
UNLOADED = b"Unloaded"
"""Body of `/api/ready` of a server without a model."""
FLAGS = (
    *("streaming", "languages", "multivoice", "generationspeed"),
    *("pitch", "temperature", "repetitionpenalty"),
)
"""Abilities of the loaded engine that a server of version 2 lists."""
DEFAULT_ABILITIES = {"languages", "multivoice"}
"""Abilities that an engine has unless the server denies them."""
STREAMING_V1 = "XTTSv2"
"""Beginning of the names of models that version 1 can stream."""
NO_VOICES = "No Voices Found"
"""Entry of an empty list of voices."""
DEFAULT_VOICE = Voice("default", "the engine's own voice", "")
OPENAI_VOICES = tuple(
    Voice(name, name.capitalize(), "") for name in ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
)
"""Voices of the OpenAI route; the server maps them onto its own."""
FILE_NAMES = {".wav", ".onnx"}
"""Endings that are left out in the name of a voice."""
PIPER_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2})-")


class NotReadyError(BackendUnavailableError):
    """The server answers, but cannot speak now."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a server, as it reports it."""

    version: Literal[1, 2]
    engine: str
    model: str
    names: frozenset[str]
    """Names of the engine and the model that a request may use, in the form of `plain_name`."""
    can: frozenset[str]
    """The `FLAGS` of the loaded engine."""


def plain_name(name: str) -> str:
    """A name in lower case with `_` for all marks: `xtts - xttsv2_2.0.3` as `xtts_xttsv2_2_0_3`."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


async def check_ready(connection: Connection, backend: str) -> None:
    """Check that a model is loaded. The HTTP status is 200 in any case, so the body decides.

    Raises:
        BackendUnavailableError: no model is loaded, or the server does not answer.
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
    """Ask the server which engine and model are loaded.

    Raises:
        BackendUnavailableError: none are, the server does not answer, or it is not AllTalk.
    """
    await check_ready(connection, backend)
    answer = await connection.fetch_json("GET", "/api/currentsettings")
    if not isinstance(answer, dict) or "current_model_loaded" not in answer:
        raise NotReadyError(
            f"{backend} at {connection.base} does not say what is loaded: is it AllTalk?", backend=backend
        )
    return _version_2(answer) if "engines_available" in answer else _version_1(answer)


async def fetch_voices(connection: Connection, status: Status, backend: str) -> Sequence[Voice]:
    """Ask the server for its voices; one voice for an engine that offers no choice.

    Raises:
        BackendUnavailableError: the server does not answer, or has version 1 and no voice at all.
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
    """Ask a server of version 2 for its RVC models; none where RVC is off."""
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
    """A voice: for XTTS a recording, a folder or latents; for Piper a model with the language in its name."""
    path = PurePosixPath(name)
    stem = path.stem if path.suffix in FILE_NAMES else name
    piper = PIPER_NAME.match(name) if path.suffix == ".onnx" else None
    language = f"{piper[1]}-{piper[2]}" if piper else ""
    return Voice(name, stem, language, aliases=(stem,) if stem != name else ())
