"""The folders of this system for a user's settings and data."""

from __future__ import annotations

from pathlib import Path


def user_config_file() -> Path:
    """The path of the user's own `config.toml`."""
    from platformdirs import user_config_path  # slow to import, and often not needed

    return user_config_path("tts-hub", appauthor=False) / "config.toml"


def user_data_folder() -> Path:
    """The folder for the data that the hub keeps for a user."""
    from platformdirs import user_data_path  # slow to import, and often not needed

    return user_data_path("tts-hub", appauthor=False)


def prepared_voices_folder() -> Path:
    """The folder for what engines compute of the samples of voices, which can be computed again."""
    from platformdirs import user_cache_path  # slow to import, and often not needed

    return user_cache_path("tts-hub", appauthor=False) / "prepared-voices"


def outputs_folder() -> Path:
    """The folder for finished speech that clients of the server fetch."""
    from platformdirs import user_cache_path  # slow to import, and often not needed

    return user_cache_path("tts-hub", appauthor=False) / "outputs"
