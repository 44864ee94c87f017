"""The settings one by one, and edits of the config file that keep its comments."""

from tts_hub.config_file.editing import edit, file_to_edit
from tts_hub.config_file.keys import join_key, split_key
from tts_hub.config_file.listing import Setting, setting_at, settings
from tts_hub.config_file.shape import Kind
from tts_hub.config_file.values import parse_value

__all__ = [
    "Kind",
    "Setting",
    "edit",
    "file_to_edit",
    "join_key",
    "parse_value",
    "setting_at",
    "settings",
    "split_key",
]
