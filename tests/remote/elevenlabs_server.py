"""A server that speaks ElevenLabs' API, over HTTP and over its websocket, and refuses as it does."""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.remote.elevenlabs_socket import SocketWays, Talk, talk
from tests.remote.elevenlabs_speech import (
    Format,
    audio_of,
    in_seconds,
    normalised,
    parsed_format,
    times_of,
)
from tests.remote.serving import Answer, Asked, Service

KEY = "sk_0123456789abcdef0123456789abcdef"
GEORGE = "JBFqnCBsd6RMkjVDRZzb"
SARAH = "EXAVITQu4vr4xnSDxMaL"
LIBRARY = "pFZP5JQG7iQjIQuC4Bku"
"""A voice of the library, which needs a paid plan."""
UNLISTED = "cgSgspJ2msm6clMCkdW9"
"""A voice that speaks but is in no list."""
PITCHES = {GEORGE: 220.0, SARAH: 700.0, LIBRARY: 400.0, UNLISTED: 500.0}
PIECE_SECONDS = 0.25
"""Bytes of audio in a line; raw samples are cut at any byte."""
NO_STITCHING = ("eleven_v3", "eleven_v4")
Alignments = Literal["both", "null", "normalised", "some"]


@dataclass(slots=True)
class Ways:
    """The behaviour of a server."""

    plan: str = "free"
    old_errors: bool = False
    """Whether errors have the shape `{"detail": {"status", "message"}}`, as until 2025."""
    alignments: Alignments = "both"
    pause: float = 0.0
    """Seconds between two lines."""
    at_once: int = 0
    """Requests that are answered at once; more are refused; 0: no limit."""
    credits_left: int = 10_000
    voices: list[dict[str, Any]] = field(default_factory=lambda: [george(), sarah(), library()])
    models: list[dict[str, Any]] = field(default_factory=lambda: [dict(model) for model in MODELS])
    may: frozenset[str] = frozenset({"models_read", "voices_read", "user_read"})
    """Permissions of the key besides speech."""
    stuck_pages: bool = False
    """Whether the list of voices never ends."""


def george() -> dict[str, Any]:
    labels = {"accent": "british", "gender": "male", "age": "middle_aged", "language": "en"}
    return {
        "voice_id": GEORGE,
        "name": "George - Warm, Captivating Storyteller",
        "category": "premade",
        "labels": labels,
        "description": "Warm resonance.",
    }


def sarah() -> dict[str, Any]:
    return {"voice_id": SARAH, "name": "Sarah", "category": "premade", "labels": {"gender": "female"}}


def library() -> dict[str, Any]:
    return {"voice_id": LIBRARY, "name": "Lily", "category": "professional", "labels": None}


def model(name: str, most: int, multiplier: float, languages: str, group: str = "standard") -> dict[str, Any]:
    return {
        "model_id": name,
        "name": name.replace("_", " ").title(),
        "can_do_text_to_speech": True,
        "can_use_style": "flash" not in name,
        "can_use_speaker_boost": "flash" not in name,
        "maximum_text_length_per_request": most,
        "languages": [{"language_id": code, "name": code} for code in languages.split()],
        "model_rates": {"character_cost_multiplier": multiplier},
        "concurrency_group": group,
    }


MODELS: tuple[dict[str, Any], ...] = (
    model("eleven_multilingual_v2", 10_000, 1.0, "en de ja fr"),
    model("eleven_flash_v2_5", 40_000, 0.5, "en de ja fr hu", "turbo"),
    model("eleven_turbo_v2_5", 40_000, 0.5, "en de ja fr hu", "turbo"),
    model("eleven_v3", 3_000, 1.0, "en de ja fr cy"),
    model("eleven_next", 50, 3.0, "en"),
    {"model_id": "eleven_english_sts_v2", "name": "Changer", "can_do_text_to_speech": False},
)


class ElevenLabsServer(Service):
    """A server that behaves as `ways` says, and its websocket as `socket` says."""

    def __init__(self, ways: Ways | None = None) -> None:
        super().__init__()
        self.ways = ways or Ways()
        self.socket = SocketWays()
        self.talks: list[Talk] = []
        """Websockets that were opened."""
        self.finished: list[str] = []
        """Ids of requests whose audio has been sent to its end."""
        self.lists = True
        """Whether there are lists of models and voices."""
        self.moved_to = ""
        """Address to which speech is redirected; empty: none."""
        self._speaking = 0
        self._count = threading.Lock()

    @property
    def spoken(self) -> list[dict[str, Any]]:
        """The bodies of all speech requests over HTTP."""
        return [a.json for a in self.asked if a.path.startswith("/v1/text-to-speech/") and a.body]

    def answer(self, asked: Asked, to: Answer) -> None:
        if asked.headers.get("xi-api-key") != KEY:
            message = f"Invalid API key {asked.headers.get('xi-api-key', '')}"
            self.refuse(to, 401, "authentication_error", "invalid_api_key", message)
        elif asked.path.startswith("/v1/text-to-speech/"):
            _, _, _, voice, *way = asked.path.split("/")
            self._speak(asked, to, voice, "/".join(way))
        elif not self.lists:
            to.json({"detail": "Not Found"}, 404)
        elif asked.path == "/v2/voices":
            self._if_allowed("voices_read", to, lambda: to.json(self._page(asked)))
        elif asked.path == "/v1/models":
            self._if_allowed("models_read", to, lambda: to.json(self.ways.models))
        elif asked.path == "/v1/user/subscription":
            self._if_allowed("user_read", to, lambda: to.json(self._subscription()))
        else:
            to.json({"detail": "Not Found"}, 404)

    def refuse(  # noqa: PLR0917 - as a table of refusals has it
        self, to: Answer, status: int, kind: str, code: str, message: str, param: str | None = None
    ) -> None:
        """Answer with an error, in the shape that `ways` says."""
        new = {"type": kind, "code": code, "message": message, "status": code}
        old = {"status": code, "message": message}
        detail = old if self.ways.old_errors else new | {"request_id": "req_refused", "param": param}
        to.json({"detail": detail}, status)

    # --- lists ---

    def _if_allowed(self, permission: str, to: Answer, answer: Any) -> None:
        if permission in self.ways.may:
            answer()
        else:
            message = (
                f"The API key you used is missing the permission {permission} to execute this operation."
            )
            self.refuse(to, 401, "authentication_error", "missing_permissions", message)

    def _page(self, asked: Asked) -> dict[str, Any]:
        size = min(100, int(asked.query.get("page_size", "10")))
        begin = int(asked.query.get("next_page_token") or 0)
        voices = self.ways.voices
        more = begin + size < len(voices)
        end = begin if self.ways.stuck_pages else begin + size
        return {
            "voices": voices[begin : begin + size],
            "has_more": more or self.ways.stuck_pages,
            "total_count": len(voices),
            "next_page_token": str(end) if more or self.ways.stuck_pages else None,
        }

    def _subscription(self) -> dict[str, Any]:
        limit = 10_000
        used = limit - self.ways.credits_left
        return {"tier": self.ways.plan, "character_count": used, "character_limit": limit}

    # --- speech ---

    def _speak(self, asked: Asked, to: Answer, voice: str, way: str) -> None:
        if self.moved_to:
            to.send(307, "text/plain", b"", {"Location": self.moved_to + asked.path})
        elif voice not in PITCHES:
            message = f"A voice with the voice_id {voice} was not found."
            self.refuse(to, 404, "not_found", "voice_not_found", message, "voice_id")
        elif way == "stream-input":
            talk(self, asked, to, PITCHES[voice])
        elif way not in {"stream", "stream/with-timestamps"}:
            to.json({"detail": "Not Found"}, 404)
        elif self._takes(asked, to, voice):
            with self._count:
                self._speaking += 1
                busy = 0 < self.ways.at_once < self._speaking
            try:
                self._answer_speech(asked, to, voice, way, busy)
            finally:
                with self._count:
                    self._speaking -= 1

    def _answer_speech(self, asked: Asked, to: Answer, voice: str, way: str, busy: bool) -> None:
        if busy:
            message = f"Too many concurrent requests: at most {self.ways.at_once} for your plan."
            self.refuse(to, 429, "rate_limit_error", "concurrent_limit_exceeded", message)
            return
        body, wanted = asked.json, self.format_of(asked)
        name = f"req_{len(self.asked)}_{len(self.finished)}"
        headers = self._headers(body, name)
        if way == "stream":
            data = audio_of(body["text"], PITCHES[voice], _speed(body), wanted)
            to.audio("audio/mpeg", self._finishing([data], name), headers=headers, pause=self.ways.pause)
        else:
            lines = self._finishing(self._lines(body, voice, wanted), name)
            to.audio("application/json", lines, headers=headers, pause=self.ways.pause)

    def _finishing(self, pieces: Iterable[bytes], name: str) -> Generator[bytes, None, None]:
        yield from pieces
        self.finished.append(name)

    def format_of(self, asked: Asked) -> Format:
        """Whether a voice exists."""
        found = parsed_format(asked.query.get("output_format", "mp3_44100_128"))
        assert found is not None
        return found

    def credits(self, text: str, model_id: str) -> int:
        """The longest text that the model takes."""
        rates = {m["model_id"]: m.get("model_rates", {}) for m in self.ways.models}
        each: float = rates.get(model_id, {}).get("character_cost_multiplier", 1.0)
        return math.ceil(len(text) * each)

    def _headers(self, body: dict[str, Any], name: str) -> dict[str, str]:
        return {
            "request-id": name,
            "character-cost": str(self.credits(body["text"], body.get("model_id", ""))),
            "current-concurrent-requests": str(self._speaking),
            "maximum-concurrent-requests": str(self.ways.at_once or 5),
        }

    def _lines(self, body: dict[str, Any], voice: str, wanted: Format) -> Generator[bytes, None, None]:
        data = audio_of(body["text"], PITCHES[voice], _speed(body), wanted)
        times = times_of(body["text"], _speed(body))
        seconds = times[-1][2]
        pieces = max(1, math.ceil(seconds / PIECE_SECONDS))
        size = math.ceil(len(data) / pieces) | 1
        for n in range(pieces):
            begin, end = seconds * n / pieces, seconds * (n + 1) / pieces
            here = [timed for timed in times if begin <= timed[1] + 1e-9 < end]
            line = {"audio_base64": base64.b64encode(data[n * size : (n + 1) * size]).decode()}
            yield json.dumps(line | self._alignments(here, n)).encode() + b"\n"

    def _alignments(self, times: list[tuple[str, float, float]], line: int) -> dict[str, Any]:
        kind = self.ways.alignments
        original = kind == "both" or (kind == "some" and line % 2 == 0)
        said = kind in {"both", "normalised"}
        return {
            "alignment": in_seconds(times) if original and times else None,
            "normalized_alignment": in_seconds(normalised(times)) if said and times else None,
        }

    def _takes(self, asked: Asked, to: Answer, voice: str) -> bool:
        """Whether the request is accepted; if not, it has been refused."""
        body = asked.json
        refusal = self._refusal(asked, body, voice)
        if not isinstance(body.get("text"), str):
            missing = {"loc": ["body", "text"], "msg": "Field required", "type": "missing"}
            to.json({"detail": [missing]}, 422)
        elif refusal is not None:
            self.refuse(to, *refusal)
        return isinstance(body.get("text"), str) and refusal is None

    def _refusal(self, asked: Asked, body: dict[str, Any], voice: str) -> Any:
        """(status, type, code, message[, param]) of the error in a request."""
        model_id = body.get("model_id", "eleven_multilingual_v2")
        known = next((m for m in self.ways.models if m["model_id"] == model_id), None)
        if known is None:
            message = f"A model with model ID {model_id} does not exist."
            return 400, "validation_error", "model_not_found", message, "model_id"
        text = str(body.get("text", ""))
        most = known.get("maximum_text_length_per_request", 10_000)
        if len(text) > most:
            message = f"A maximum of {most} characters is allowed in a single request."
            return 400, "validation_error", "max_character_limit_exceeded", message, "text"
        if self.credits(text, model_id) > self.ways.credits_left:
            message = f"This request exceeds your quota. You have {self.ways.credits_left} credits remaining."
            return 401, "quota_error", "quota_exceeded", message
        if voice == LIBRARY and self.ways.plan == "free":
            message = "Free users cannot use library voices via the API. Please upgrade your subscription."
            return 402, "payment_required", "paid_plan_required", message
        return (
            self._format_refusal(asked)
            or _stitching_refusal(body, model_id)
            or self._ids_refusal(body)
            or _values_refusal(body)
        )

    def _format_refusal(self, asked: Asked) -> Any:
        name = asked.query.get("output_format", "mp3_44100_128")
        wanted = parsed_format(name)
        if wanted is None:
            return (
                400,
                "validation_error",
                "invalid_parameters",
                f"Unknown output_format {name}",
                "output_format",
            )
        needs = "creator" if wanted.kbps == 192 else "pro" if name in {"pcm_44100", "pcm_48000"} else ""
        plans = ("free", "starter", "creator", "pro", "scale", "business")
        if needs and plans.index(self.ways.plan) < plans.index(needs):
            message = f"Output format {name} is only allowed for {needs} tier and above."
            return 403, "authorization_error", f"only_for_{needs}+", message
        return None

    def _ids_refusal(self, body: dict[str, Any]) -> Any:
        ids = body.get("previous_request_ids", [])
        if len(ids) > 3 or any(name not in self.finished for name in ids):
            message = f"previous_request_ids {ids} are too many or not finished."
            return 400, "validation_error", "invalid_parameters", message, "previous_request_ids"
        return None


def _speed(body: dict[str, Any]) -> float:
    return float((body.get("voice_settings") or {}).get("speed", 1.0))


def _stitching_refusal(body: dict[str, Any], model_id: str) -> Any:
    names = [name for name in ("previous_request_ids", "previous_text") if name in body]
    if names and model_id.startswith(NO_STITCHING):
        message = f"Providing {names[0]} is not yet supported with the '{model_id}' model."
        return 400, "validation_error", "unsupported_model", message, "model_id"
    return None


def _values_refusal(body: dict[str, Any]) -> Any:
    voice = body.get("voice_settings") or {}
    ranges = {"stability": (0, 1), "similarity_boost": (0, 1), "style": (0, 1), "speed": (0.7, 1.2)}
    for name, (low, high) in ranges.items():
        if not low <= voice.get(name, low) <= high:
            return (
                400,
                "validation_error",
                "invalid_parameters",
                f"{name} out of range",
                f"voice_settings.{name}",
            )
    if not 0 <= body.get("seed", 0) < 2**32:
        return 400, "validation_error", "invalid_parameters", "seed out of range", "seed"
    return None
