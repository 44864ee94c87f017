"""The settings, their defaults and limits; `config_file.loading` reads them from file and environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.errors import ConfigError, one_of
from tts_hub.types import AUTO, FormatName, SampleRate

SECRETS = frozenset(["key", "keys", "token", "tokens", "secret", "password"])
"""Last words of the names of settings whose values are never shown."""
_SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


OPENAI_MODELS = {"tts-1": AUTO, "tts-1-hd": AUTO, "gpt-4o-mini-tts": AUTO}
"""Models that clients made for OpenAI ask for."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class AudioConfig(_Section):
    """The audio that is handed out, whatever engine made it."""

    response_format: FormatName = Field("mp3", description="audio format of requests that name none")
    sample_rate: SampleRate = Field(DEFAULT_RATE, description="sample rate in Hz")
    loudness: Annotated[float, Field(ge=-40, le=-10)] | Literal["off"] = Field(
        -19.0, description="loudness of all speech, in LUFS, or off"
    )
    trim_silence: bool = Field(True, description="cut the silence that an engine puts around each segment")
    clause_pause: float = Field(
        0.12, ge=0, le=10, description="seconds between the parts of a split sentence"
    )
    sentence_pause: float = Field(0.35, ge=0, le=10, description="seconds between sentences")
    paragraph_pause: float = Field(0.7, ge=0, le=10, description="seconds between paragraphs")


class TextConfig(_Section):
    """How text is taken in and cut."""

    max_characters: int = Field(5_000_000, ge=1, description="longest text of one request, in characters")
    segment_characters: int = Field(
        250, ge=40, le=2_000, description="longest segment given to an engine, in characters"
    )
    first_segment_characters: int = Field(
        90,
        ge=20,
        le=2_000,
        description="longest first segment, for engines that do not stream within a segment",
    )
    normalise: bool = Field(True, description="write out what an engine would misread: signs, sums, ranges")
    emoji: Literal["name", "skip"] = Field(
        "name", description="say the name of an emoji, once for a run of the same one, or nothing"
    )
    detect_language: bool = Field(
        True, description="find out the language of a text if the request names none"
    )


class LimitsConfig(_Section):
    """What keeps many requests from hurting each other."""

    max_queue: int = Field(256, ge=0, description="requests that may wait for one engine")
    queue_timeout: float = Field(30.0, gt=0, description="seconds a request may wait for its first turn")
    load_timeout: float = Field(600.0, gt=0, description="seconds an engine may take to load")
    stall_timeout: float = Field(
        60.0, gt=0, description="seconds without audio after which a working engine counts as failed"
    )
    buffer_seconds: float = Field(5.0, ge=0, description="seconds of audio generated ahead of the client")
    idle_unload: float = Field(
        600.0, ge=0, description="seconds until an unused engine is unloaded; 0: never"
    )


def _off_is_none(value: object) -> object:
    """TOML has no null."""
    return None if value == "off" else value


Limit = Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(_off_is_none)]


class BudgetConfig(_Section):
    """What speech may cost."""

    per_request: Limit = Field(None, description="most that one request may cost, in US dollars, or off")
    per_day: Limit = Field(
        None, description="most that this user's programs may spend in a day (UTC), in US dollars, or off"
    )
    folder: str = Field(
        "", description="folder of the record of the day's spending; empty: the user's data folder"
    )


class ServerConfig(_Section):
    """The HTTP server."""

    @field_validator("api_keys", "editor_keys", mode="before")
    @classmethod
    def _one_is_enough(cls, keys: object) -> object:
        """A single key need not be written as a list."""
        return (keys,) if isinstance(keys, str) else keys

    @field_validator("cors_origins")
    @classmethod
    def _as_browsers_write_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        """An origin copied from the address bar has a slash at its end."""
        return tuple(origin.strip().rstrip("/").lower() for origin in origins)

    host: str = Field("127.0.0.1", description="address to listen on; beyond this machine only with API keys")
    port: int = Field(8880, ge=0, le=65_535, description="port to listen on; 0: any free one")
    api_keys: tuple[str, ...] = Field(
        (),
        description="API keys that clients must send, or their SHA-256 as sha256:<hex>",
    )
    public_catalogue: bool = Field(True, description="list models and voices without a key")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="host names under which clients may address the server"
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="origins of web pages that may use the server, such as https://chat.example.org"
    )
    docs: bool = Field(True, description="API documentation at /docs")
    page: bool = Field(True, description="web page at /, to speak and to manage voices in a browser")
    stream: bool = Field(
        True,
        description="send audio while it is made; false: send finished files to requests without `stream`",
    )
    warm_up: bool = Field(
        True, description="load the default model at start, and let each engine generate a test sentence"
    )
    max_characters: int = Field(100_000, ge=1, description="longest text of one request, in characters")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="largest request, in bytes")
    max_connections: int = Field(
        1_000,
        ge=0,
        description="most open connections; fewer if the limit of open files is lower; 0: that limit",
    )
    max_streams: int = Field(
        256, ge=0, description="most open requests of one key, or of one address without keys; 0: no limit"
    )
    max_websockets: int = Field(
        64, ge=0, description="most open WebSockets of one key, or of one address without keys; 0: no limit"
    )
    body_timeout: float = Field(30.0, gt=0, description="seconds within which a whole request must arrive")
    reader_timeout: float = Field(
        30.0, gt=0, description="seconds a client may stop reading before its stream ends"
    )
    idle_timeout: float = Field(600.0, gt=0, description="seconds a WebSocket stays open without a message")
    stalled_after: float = Field(
        15.0,
        gt=0,
        description="seconds after which a busy engine without output counts as stalled in /health",
    )
    shutdown_grace: float = Field(
        30.0, ge=0, description="seconds that running streams have to end when the server stops"
    )
    editor_keys: tuple[str, ...] = Field(
        (),
        description="keys among api_keys that may change voices and emotions; empty: every key may",
    )
    max_upload_bytes: int = Field(
        50_000_000, ge=1_000, description="largest recording or exported voice that is uploaded, in bytes"
    )
    output_hours: float = Field(
        24.0, gt=0, description="hours for which finished speech of POST /generate can be fetched"
    )
    output_megabytes: int = Field(
        500, ge=1, description="megabytes of finished speech kept; beyond that the oldest is deleted"
    )


class StoreConfig(_Section):
    """The voices and emotion profiles that users keep."""

    folder: str = Field("", description="folder of voices and emotions; empty: the user's data folder")
    quota_megabytes: int = Field(5_000, ge=1, description="megabytes that the samples of all voices may take")
    prepare: bool = Field(
        True, description="prepare the stored voices when an engine that clones has been loaded"
    )
    undo_seconds: float = Field(
        600.0, ge=0, description="seconds in which a voice or emotion that was removed can be restored"
    )


class StudioConfig(_Section):
    """The terminal studio."""

    theme: str = Field("textual-dark", description="colours; `tts-hub tui` lists them under Theme")
    folder: str = Field("", description="folder of the recordings; empty: the user's data folder")
    keep_megabytes: int = Field(
        2_000,
        ge=0,
        description="megabytes of recordings kept; beyond that the oldest are deleted, their texts stay",
    )
    ahead_seconds: float = Field(600.0, gt=0, description="seconds of speech generated ahead of playback")


class Config(_Section):
    """All settings of the hub."""

    model: str = Field(AUTO, description="model of requests that name none; auto: the best one that is ready")
    fallback: tuple[str, ...] = Field((), description="models that continue when the engine fails, in order")
    aliases: dict[str, str] = Field(OPENAI_MODELS, description="names that stand for models")
    """Merged with those of OpenAI's models; an alias for the empty string is none."""
    audio: AudioConfig = AudioConfig()
    text: TextConfig = TextConfig()
    limits: LimitsConfig = LimitsConfig()
    budget: BudgetConfig = BudgetConfig()
    server: ServerConfig = ServerConfig()
    store: StoreConfig = StoreConfig()
    studio: StudioConfig = StudioConfig()
    backends: dict[str, dict[str, Any]] = {}
    """Section of each engine, checked against its own `Settings` when the engine is first looked at."""
    remote: dict[str, dict[str, Any]] = Field(
        {}, description="remote services, each under a name that is also its model"
    )
    """Services under names of the user's: `kind` is the engine that speaks to them, the rest its settings."""

    @field_validator("remote")
    @classmethod
    def _are_services(cls, remote: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, values in remote.items():
            if not _SERVICE_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be the name of a service: use small letters, digits, - and _"
                )
            if not isinstance(values.get("kind"), str):
                raise ValueError(f"{name!r} needs a `kind`, such as openai")
        return remote

    @field_validator("aliases", mode="before")
    @classmethod
    def _with_openai_models(cls, aliases: object) -> object:
        return {**OPENAI_MODELS, **aliases} if isinstance(aliases, dict) else aliases

    @field_validator("aliases")
    @classmethod
    def _end_somewhere(cls, aliases: dict[str, str]) -> dict[str, str]:
        aliases = {name: target for name, target in aliases.items() if target}
        for name in aliases:
            seen, target = {name}, aliases[name]
            while target in aliases:
                if target in seen:
                    raise ValueError(f"the alias {name!r} leads back to itself")
                seen.add(target)
                target = aliases[target]
        return aliases

    def alias_target(self, name: str) -> str:
        """The model that a name stands for in the end; the name itself if it is no alias.

        Aliases and `auto` are found in any case, a name as it is written first.
        """
        if name not in self.aliases:
            names = {known.casefold(): known for known in (AUTO, *reversed(self.aliases))}
            name = names.get(name.casefold(), name)
        while name in self.aliases:
            name = self.aliases[name]
        return name


def parse_config(values: Mapping[str, Any], sources: Mapping[str, str] | None = None) -> Config:
    """Check plain values, as a TOML file gives them.

    Raises:
        ConfigError: names the key, the value, and the nearest valid name for an unknown key.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as exc:
        raise ConfigError(explain(exc, Config, sources=sources or {})) from exc


def explain(
    exc: ValidationError,
    model: type[BaseModel],
    *,
    prefix: str = "",
    sources: Mapping[str, str] | None = None,
) -> str:
    """One clear line for the first thing that pydantic found wrong."""
    error = exc.errors()[0]
    location = [str(part) for part in error["loc"]]
    key = ".".join([prefix, *location] if prefix else location)
    came_from = _source_of(key, sources or {})
    where = f" ({came_from})" if came_from else ""
    if error["type"] == "extra_forbidden":
        return f"unknown setting {key!r}{where}; {one_of(location[-1], _fields_at(model, location[:-1]))}"
    is_secret = any(map(is_secret_name, location)) or "SecretStr" in str(_field_at(model, location))
    given = "not valid" if is_secret else repr(error["input"])
    return f"setting {key!r}{where} is {given}: {error['msg'].lower()}"


def is_secret_name(name: str) -> bool:
    """Whether the value of a setting is secret by its name: `api_key` is, `max_tokens_per_page` is not."""
    return re.split(r"[_-]", name.lower())[-1] in SECRETS


def _fields_at(model: type[BaseModel], keys: Iterable[str]) -> list[str]:
    """Names of the fields of the (sub)model at a path of keys."""
    inner = _model_at(model, keys)
    return list(inner.model_fields) if inner is not None else []


def _field_at(model: type[BaseModel], keys: Sequence[str]) -> object:
    """The type of the innermost field of a model that a path of keys leads to; None where there is none."""
    for length in range(len(keys), 0, -1):
        inner = _model_at(model, keys[: length - 1])
        if inner is not None and keys[length - 1] in inner.model_fields:
            return inner.model_fields[keys[length - 1]].annotation
    return None


def _model_at(model: type[BaseModel], keys: Iterable[str]) -> type[BaseModel] | None:
    for key in keys:
        info = model.model_fields.get(key)
        candidates = [info.annotation, *get_args(info.annotation)] if info else []
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not nested:
            return None
        model = nested[0]
    return model


def _source_of(key: str, sources: Mapping[str, str]) -> str:
    """The source of the key itself, of what lies in it, or of what it lies in."""
    for known, source in sources.items():
        if known == key or known.startswith(f"{key}."):
            return source
    outer = key.rpartition(".")[0]
    return _source_of(outer, sources) if outer else ""
