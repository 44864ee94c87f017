"""Running the studio, from the command line to its end."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio

from tts_hub.config_file.loading import LoadedConfig, load_config
from tts_hub.errors import TTSHubError
from tts_hub.manager import TTSBackendManager
from tts_hub.system.folders import user_data_folder
from tts_hub_tui.app import CRASHED, StudioApp
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.hubs.local import LocalHub
from tts_hub_tui.hubs.remote.hub import RemoteHub
from tts_hub_tui.storage.text_file import read_text
from tts_hub_tui.terminal.signals import exit_in_time
from tts_hub_tui.terminal.stderr import separate_screen

LOG = "studio.log"
LOG_BYTES = 1_000_000
"""The size beyond which the log is emptied at the start."""


class CrashedError(TTSHubError):
    """The studio ended because of a bug."""


async def run_studio(
    config_file: Path | None, *, file: Path | None = None, url: str | None = None, api_key: str | None = None
) -> None:
    """Run the studio until the user leaves it, or until cancelled.

    Args:
        config_file: the file to read instead of the usual ones.
        file: a text file to open.
        url: the address of a tts-hub server; None for the engines of this machine.
        api_key: the server's key.

    Raises:
        ConfigError: the configuration cannot be used.
        InvalidTextError: `file` is no text.
        OutputError: the studio's folder cannot be used.
        CrashedError: the studio has a bug.
    """
    loaded = load_config(config_file)
    text = await read_text(file) if file is not None else ""
    folder = studio_folder(loaded)
    hub = _hub(loaded, url, api_key)
    app = StudioApp(hub, loaded.config.studio, folder, config_file=config_file, text=text)
    with _log_to(folder / LOG), separate_screen(folder / LOG), exit_in_time():
        async with hub, anyio.create_task_group() as tasks:
            tasks.start_soon(app.studio.queue.run)
            await app.run_async()
            tasks.cancel_scope.cancel()
    if app.return_code == CRASHED:
        raise CrashedError(f"the studio crashed, and your text is kept; what happened is in {folder / LOG}")


def studio_folder(loaded: LoadedConfig) -> Path:
    """The folder of the history and its recordings."""
    named = loaded.config.studio.folder
    return Path(named).expanduser() if named else user_data_folder() / "studio"


def _hub(loaded: LoadedConfig, url: str | None, api_key: str | None) -> Hub:
    if url is not None:
        return RemoteHub(url, api_key)
    manager = TTSBackendManager(loaded.config)
    manager.registry.check_sections()
    return LocalHub(manager)


@contextmanager
def _log_to(file: Path) -> Generator[None, None, None]:
    """Send all log messages to a file: a line on stderr would tear the screen."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    if file.exists() and file.stat().st_size > LOG_BYTES:
        file.unlink()
    handler = logging.FileHandler(file, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    try:
        yield
    finally:
        root.handlers = handlers
        handler.close()
