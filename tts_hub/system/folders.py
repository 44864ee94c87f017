"""Where this system keeps a person's settings and data."""

from __future__ import annotations

from pathlib import Path


def user_config_file() -> Path:
    """Where a person's own `config.toml` lies on this system."""
    from platformdirs import user_config_path

    return user_config_path("tts-hub", appauthor=False) / "config.toml"


def user_data_folder() -> Path:
    """Where the hub keeps what it must remember of a person."""
    from platformdirs import user_data_path

    return user_data_path("tts-hub", appauthor=False)
