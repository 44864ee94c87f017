"""A fake AllTalk, versions 1 and 2: its forms, files and stream, and its failures with status 200."""

from __future__ import annotations

import io
import json
import re
import threading
import wave
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.remote.serving import RATE, Answer, Asked, Service, encoded, in_pieces, tone

LANGUAGES = {
    *("ar", "zh-cn", "cs", "nl", "en", "fr", "de", "hu", "hi"),
    *("it", "ja", "ko", "pl", "pt", "ru", "es", "tr"),
}
NAME = re.compile(r"[a-zA-Z0-9_]+")
PARTS = re.compile(r"\*([^*]+)\*|\"([^\"]+)\"|([^*\"]+)")
NO_VOICES = "No Voices Found"
CAPABLE = ("streaming", "languages", "multivoice", "generationspeed", "pitch", "temperature")
XTTS = frozenset({*CAPABLE, "repetitionpenalty"}) - {"pitch"}
PIPER = frozenset({"multivoice", "generationspeed"})
OPENAI_VOICES = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
OPENAI_FORMATS = ("wav", "mp3", "opus", "aac", "flac")
BROKEN = "Internal Server Error"
V1_REQUIRED = (
    *("text_input", "text_filtering", "character_voice_gen", "narrator_enabled", "narrator_voice_gen"),
    *("text_not_inside", "language", "output_file_name", "output_file_timestamp"),
    *("autoplay", "autoplay_volume"),
)
RANGES = {"speed": (0.25, 2.0), "temperature": (0.1, 1.0), "repetition_penalty": (1, 20), "pitch": (-10, 10)}

Samples = NDArray[np.float32]


@dataclass(slots=True)
class Setup:
    """How a server is set up."""

    version: Literal[1, 2] = 2
    engine: str = "xtts"
    model: str = "xtts - xttsv2_2.0.3"
    capable: frozenset[str] = XTTS
    """Abilities of the engine, in version 2."""
    voices: list[str] = field(default_factory=lambda: ["female_01.wav", "male_01.wav"])
    pitches: Mapping[str, float] = field(default_factory=lambda: {"male_01.wav": 700.0})
    """Voice -> pitch in Hz; other voices speak at 220."""
    rvc: list[str] = field(default_factory=list)
    ready: str = "Ready"
    """The body of `/api/ready`, which always has status 200."""
    believed: str = "http://192.0.2.1:7851"
    """The wrong address that a server of version 1 gives for itself."""
    legacy_urls: bool = False
    """Whether a server of version 2 sends whole addresses, as version 1 does."""
    transcode: str = "Disabled"
    ffmpeg: bool = True
    most_characters: int = 2000
    openai_voices: Mapping[str, str] = field(default_factory=dict)
    """Voice of the OpenAI route -> the engine's."""
    pause: float = 0.0
    """Seconds between two pieces of a stream."""

    @property
    def streams(self) -> bool:
        """Whether the loaded engine streams audio while it is made."""
        return self.model.startswith("XTTSv2") if self.version == 1 else "streaming" in self.capable


def version_1(**changes: Any) -> Setup:
    """A server of version 1."""
    usual: dict[str, Any] = {"version": 1, "model": "XTTSv2 Local"}
    return Setup(**(usual | changes))


def piper(**changes: Any) -> Setup:
    """A server of version 2 with an engine that makes only whole files."""
    voices = ["en_US-amy-medium.onnx", "de_DE-thorsten-high.onnx"]
    usual: dict[str, Any] = {"engine": "piper", "model": "piper", "capable": PIPER, "voices": voices}
    return Setup(**(usual | {"pitches": {voices[1]: 700.0}} | changes))


class AllTalkServer(Service):
    """A server that behaves as `setup` says."""

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self.setup = setup or Setup()
        self.files: dict[str, bytes] = {}
        self.faulty: Literal["generation", "file"] = "generation"
        """The answer with the faults, where audio is made first and fetched then."""
        self.alters: Callable[[dict[str, Any]], Any] = lambda answer: answer
        """Changes to the answer with the address of the file."""
        self.generating = 0
        """Generations under way or in line; the server makes one at a time."""
        self.most_generating = 0
        self.locked = False
        self.stopping = False
        self._one_at_a_time = threading.Lock()

    def answer(self, asked: Asked, to: Answer) -> None:
        """Answer by path and method."""
        found = self._routes().get((asked.method, asked.path))
        if found is not None:
            found(asked, to)
        elif asked.method == "GET" and re.fullmatch(r"/audio(cache)?/[^/]+", asked.path):
            self._file(PurePosixPath(asked.path).name, to)
        else:
            to.json({"detail": "Not Found"}, 404)

    def generations(self) -> list[Asked]:
        """All requests that made audio."""
        paths = {"/api/tts-generate", "/api/tts-generate-streaming", "/v1/audio/speech"}
        return [asked for asked in self.asked if asked.path in paths]

    def _routes(self) -> dict[tuple[str, str], Callable[[Asked, Answer], None]]:
        routes = {
            ("GET", "/api/ready"): self._ready,
            ("GET", "/api/voices"): self._voices,
            ("GET", "/api/currentsettings"): self._settings,
            ("POST", "/api/tts-generate"): self._one(self._generate),
            ("GET", "/api/tts-generate-streaming"): self._one(self._stream),
            ("PUT", "/api/stop-generation"): self._stop,
        }
        if self.setup.version == 2:
            routes[("GET", "/api/rvcvoices")] = self._rvc
            routes[("POST", "/v1/audio/speech")] = self._one(self._openai)
        return routes

    def _one(self, generate: Callable[[Asked, Answer], None]) -> Callable[[Asked, Answer], None]:
        def alone(asked: Asked, to: Answer) -> None:
            with self._lock:
                self.generating += 1
                self.most_generating = max(self.most_generating, self.generating)
            try:
                with self._one_at_a_time:
                    generate(asked, to)
            finally:
                with self._lock:
                    self.generating -= 1

        return alone

    # --- what it says of itself ---

    def _ready(self, asked: Asked, to: Answer) -> None:
        to.send(200, "text/plain; charset=utf-8", self.setup.ready.encode())

    def _voices(self, asked: Asked, to: Answer) -> None:
        setup = self.setup
        if setup.version == 1:
            to.json({"voices": setup.voices})
        elif "multivoice" not in setup.capable:
            message = f"The currently loaded TTS engine '{setup.engine}' does not support multiple voices."
            to.json({"status": "error", "message": message})
        else:
            to.json({"status": "success", "voices": setup.voices or [NO_VOICES]})

    def _rvc(self, asked: Asked, to: Answer) -> None:
        to.json({"status": "success", "rvcvoices": ["Disabled", *self.setup.rvc]})

    def _settings(self, asked: Asked, to: Answer) -> None:
        setup = self.setup
        if setup.version == 1:
            names = ("API TTS", "API Local", "XTTSv2 Local")
            rows: list[dict[str, Any]] = [{"name": "Coqui", "model_name": name} for name in names]
            own: dict[str, Any] = {"deepspeed_available": True, "deepspeed_status": False}
            own |= {"low_vram_status": False, "finetuned_model": False}
        else:
            rows = [{"name": setup.model}, {"name": "apitts - xttsv2_2.0.2"}]
            own = {"engines_available": ["f5tts", "parler", "piper", "xtts"]}
            own |= {"current_engine_loaded": setup.engine, "manufacturer_name": "?", "audio_format": "wav"}
            own |= {f"{name}_capable": name in setup.capable for name in (*CAPABLE, "repetitionpenalty")}
        to.json({"models_available": rows, "current_model_loaded": setup.model} | own)

    # --- speaking ---

    def _generate(self, asked: Asked, to: Answer) -> None:
        """`POST /api/tts-generate`: make a file, and answer with its address."""
        form = asked.form
        if self.setup.version == 1 and (missing := [name for name in V1_REQUIRED if name not in form]):
            rows = [{"type": "missing", "loc": ["body", name], "msg": "Field required"} for name in missing]
            to.json({"detail": rows}, 422)
        elif wrong := self._wrong(form):
            to.json({"error": wrong}, 400)
        elif failure := self._failure(form.get("character_voice_gen", "")):
            status = 500 if self.setup.version == 1 else 400
            message = "An error occurred" if self.setup.version == 1 else failure
            to.json({"status": "generate-failure", "error": message}, status)
        else:
            path = self._made(form)
            self._send_address(path, to)

    def _send_address(self, name: str, to: Answer) -> None:
        setup = self.setup
        host = setup.believed if setup.version == 1 or setup.legacy_urls else ""
        answer = {
            "status": "generate-success",
            "output_file_path": f"outputs/{name}",
            "output_file_url": f"{host}/audio/{name}",
            "output_cache_url": f"{host}/audiocache/{name}",
        }
        body = json.dumps(self.alters(answer)).encode()
        if self.faulty == "generation":
            to.audio("application/json", [body], length=len(body))
        else:
            to.send(200, "application/json", body)

    def _file(self, name: str, to: Answer) -> None:
        if name not in self.files:
            to.json({"detail": "File not found"}, 404)
            return
        data = self.files[name]
        kind = {"mp3": "audio/mpeg", "wav": "audio/x-wav"}.get(name.rpartition(".")[2], "audio/ogg")
        if self.faulty == "file":
            to.audio(kind, in_pieces(data), length=len(data))
        else:
            to.send(200, kind, data)

    def _stream(self, asked: Asked, to: Answer) -> None:
        """`GET /api/tts-generate-streaming`: a header of no frames, then samples as they are made."""
        query, setup = asked.query, self.setup
        if missing := {"text", "voice", "language", "output_file"} - set(query):
            to.json({"detail": [{"type": "missing", "loc": ["query", name]} for name in missing]}, 422)
        elif setup.version == 2 and not setup.streams:
            to.json({"error": "Invalid value: Streaming not supported by current TTS engine"}, 400)
        elif not (
            setup.streams
            and query["voice"].endswith(".wav")
            and query["language"] in LANGUAGES
            and not self._failure(query["voice"])
        ):
            to.json({"error": "An error occurred"}, 500)
        else:
            to.audio("audio/wav", self._pieces(query["text"], query["voice"]), pause=setup.pause)

    def _pieces(self, text: str, voice: str) -> Generator[bytes, None, None]:
        """The stream; a connection that is closed early leaves the lock set, as in the real server."""
        self.locked = True
        yield wav_file(np.zeros(0, np.float32))
        for piece in in_pieces(encoded(tone(text, self._pitch(voice)), "pcm")):
            if self.stopping:
                self.stopping = False
                break
            yield piece
        self.locked = False

    def _stop(self, asked: Asked, to: Answer) -> None:
        if self.locked and not self.stopping:
            self.stopping = True
        to.json({"message": "Cancelling current TTS generation"})

    def _openai(self, asked: Asked, to: Answer) -> None:
        """`POST /v1/audio/speech`: every error is a 500 in plain text."""
        body, setup = asked.json, self.setup
        wanted = body.get("response_format", "wav")
        is_valid = (
            isinstance(body.get("model"), str)
            and len(body["input"]) <= 4096
            and body["voice"] in OPENAI_VOICES
            and 0.25 <= body.get("speed", 1.0) <= 4.0
        )
        if not is_valid or not setup.ffmpeg or wanted not in OPENAI_FORMATS or setup.ready != "Ready":
            to.send(500, "text/plain; charset=utf-8", BROKEN.encode())
            return
        voice = setup.openai_voices.get(body["voice"], body["voice"])
        samples = faster(tone(body["input"], self._pitch(voice)), body.get("speed", 1.0))
        data = wav_file(samples) if wanted == "wav" else encoded(samples, wanted)
        disposition = {"Content-Disposition": f'attachment; filename="output.{wanted}"'}
        to.audio(f"audio/{wanted}", in_pieces(data), length=len(data), headers=disposition)

    def _made(self, form: Mapping[str, str]) -> str:
        """Make a file; returns its name."""
        voice = form.get("character_voice_gen", "")
        parts = [(voice, form["text_input"])]
        if form.get("narrator_enabled", "false") != "false":
            rest = form["narrator_voice_gen"] if form["text_not_inside"] == "narrator" else voice
            found = PARTS.findall(form["text_input"])
            parts = [
                (form["narrator_voice_gen"], starred)
                if starred
                else (voice if quoted else rest, quoted or bare)
                for starred, quoted, bare in found
            ]
        samples = np.concatenate([tone(text, self._pitch(name)) for name, text in parts])
        samples = faster(samples, float(form.get("speed", 1.0)))
        name = form.get("output_file_name", "myoutputfile")
        if form.get("output_file_timestamp", "true") == "true":
            name += "_1700000000"
        kind = "wav" if self.setup.transcode == "Disabled" else self.setup.transcode
        self.files[f"{name}.{kind}"] = wav_file(samples) if kind == "wav" else encoded(samples, kind)
        return f"{name}.{kind}"

    def _wrong(self, form: Mapping[str, str]) -> str:
        """The message of its validation; empty if the request is valid."""
        is_first = self.setup.version == 1
        voices = [form[name] for name in ("character_voice_gen", "narrator_voice_gen") if name in form]
        languages = LANGUAGES if is_first else LANGUAGES | {"auto", "zh"}
        insides = {"character", "narrator"} if is_first else {"character", "narrator", "silent"}
        narrators = {"true", "false"} if is_first else {"true", "false", "silent"}
        checks = {
            "text_input": 0 < len(form.get("text_input", "")) <= self.setup.most_characters,
            "text_filtering": form.get("text_filtering", "none") in {"none", "standard", "html"},
            "language": form.get("language", "en") in languages,
            "character_voice_gen": all(_is_voice(voice, is_first) for voice in voices),
            "narrator_enabled": form.get("narrator_enabled", "false") in narrators,
            "text_not_inside": form.get("text_not_inside", "character") in insides,
            "output_file_name": NAME.fullmatch(form.get("output_file_name", "a")),
            "autoplay_volume": 0.1 <= float(form.get("autoplay_volume", 0.5)) <= 1,
        }
        for name, (low, high) in ({} if is_first else RANGES).items():
            checks[name] = low <= float(form.get(name, max(low, 0.9))) <= high
        wrong = [name for name, is_right in checks.items() if not is_right]
        return f"1 validation error for JSONInput\n{wrong[0]}\n  Value error" if wrong else ""

    def _failure(self, voice: str) -> str:
        """The failure of the engine; empty if it works."""
        if self.setup.ready != "Ready":
            return "You currently have no TTS model loaded."
        known = {*self.setup.voices, ""} if "multivoice" in self.setup.capable else {voice}
        return "" if voice in known else f"voice {voice} is not in its folder"

    def _pitch(self, voice: str) -> float:
        return self.setup.pitches.get(voice, 220.0)


def _is_voice(name: str, must_be_wav: bool) -> bool:
    return name.endswith(".wav") if must_be_wav else not set('<>"|?*') & set(name)


def wav_file(samples: Samples, channels: int = 1) -> bytes:
    """A WAV file with correct sizes, as `wave` writes it, and the same samples in each channel."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(encoded(np.repeat(samples, channels), "pcm"))
    return file.getvalue()


def faster(samples: Samples, speed: float) -> Samples:
    """The samples (T / speed,) at another speed."""
    picked: Samples = samples[(np.arange(int(len(samples) / speed)) * speed).astype(int)]
    return picked
