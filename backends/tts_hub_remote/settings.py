"""The settings that every remote service has."""

from __future__ import annotations

import os

from pydantic import Field, SecretStr, field_validator

from tts_hub.backend import BackendSettings
from tts_hub.cost.pricing import Price
from tts_hub_remote.address import checked_base


class RemoteSettings(BackendSettings):
    """The address of a service, its key, and limits for time, text and cost."""

    url: str | None = Field(None, description="base address, http or https; none: the service's own")
    api_key: SecretStr | None = Field(
        None, description="API key; better kept in the environment, see api_key_env"
    )
    api_key_env: str | None = Field(None, description="environment variable that holds the key")
    model: str | None = Field(None, description="model of requests that name only the engine")
    connect_timeout: float = Field(5.0, gt=0, description="seconds that connecting may take")
    first_byte_timeout: float = Field(30.0, gt=0, description="seconds until the first audio")
    answer_timeout: float = Field(10.0, gt=0, description="seconds for a list of voices or models")
    read_timeout: float = Field(10.0, gt=0, description="seconds without a byte in the middle of the audio")
    retries: int = Field(2, ge=0, le=10, description="further tries before the first audio")
    longest_wait: float = Field(10.0, ge=0, description="most seconds to wait if the service asks")
    failures_until_pause: int = Field(3, ge=1, description="failures in a row until it is not used")
    probe_seconds: float = Field(15.0, gt=0, description="seconds between checks of an unused service")
    max_characters: int | None = Field(None, ge=20, description="longest segment; none: the service's limit")
    prices: dict[str, Price] = Field(
        default_factory=dict, description='model -> price, "*" for all others; replaces the built-in ones'
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        return None if url is None else checked_base(url)

    def key(self, usual_variable: str = "") -> str:
        """The key from the config or the environment; empty if there is none."""
        if self.api_key is not None:
            return self.api_key.get_secret_value().strip()
        variable = self.api_key_env or usual_variable
        return os.environ.get(variable, "").strip() if variable else ""
