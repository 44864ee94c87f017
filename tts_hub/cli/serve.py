"""`tts-hub serve`: the OpenAI-compatible server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tts_hub.cli.main import run
from tts_hub.config import Config, load_config
from tts_hub.errors import BackendUnavailableError, ConfigError
from tts_hub.manager import TTSBackendManager


@click.command(short_help="Run a server with OpenAI's speech API.")
@click.option("--host", help="Address to listen on; default 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port to listen on, 0 for any free one; default 8880."
)
@click.option("--api-key", "api_keys", multiple=True, help="Key that requests must carry; repeatable.")
@click.option(
    "--api-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with such keys, one per line. Unlike --api-key, the list of processes does not show them.",
)
@click.option("--insecure", is_flag=True, help="Listen on addresses beyond this machine without an API key.")
@click.pass_obj
def serve(config_file: Path | None, /, **given: Any) -> None:
    """Run a server with OpenAI's speech API, for the engines that are ready."""
    try:
        from tts_hub.server import create_app
        from tts_hub.server.run import check_exposure, keep_memory_small, listen, url_of
        from tts_hub.server.run import serve as serve_app
    except ImportError as exc:
        remedy = "pip install 'tts-hub[server]'"
        raise BackendUnavailableError(
            f"the server needs a package that is not installed: {exc.name}", backend="server", remedy=remedy
        ) from exc
    config = _with_given(load_config(config_file).config, given)
    manager = TTSBackendManager(config)
    manager.registry.check_sections()
    check_exposure(config.server, insecure=given["insecure"])
    keep_memory_small()
    listener = listen(config.server)
    app = create_app(manager=manager)
    run(lambda: serve_app(app, config.server, listener, lambda: _greet(url_of(listener), manager)))


def _with_given(config: Config, given: dict[str, Any]) -> Config:
    file = given["api_key_file"]
    settings = {
        "host": given["host"],
        "port": given["port"],
        "api_keys": (*given["api_keys"], *(_keys_in(file) if file is not None else ())) or None,
    }
    changed = {name: value for name, value in settings.items() if value is not None}
    return config.model_copy(update={"server": config.server.model_copy(update=changed)})


def _keys_in(file: Path) -> tuple[str, ...]:
    """The keys of a file; one without any must not leave the door open."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise ConfigError(f"cannot read the API keys in {file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"the API keys in {file} are not UTF-8 text") from exc
    keys = tuple(line.strip() for line in lines if line.strip())
    if not keys:
        raise ConfigError(f"there is no API key in {file}")
    return keys


def _greet(url: str, manager: TTSBackendManager) -> None:
    ready = ", ".join(engine.name for engine in manager.status() if engine.availability.ready) or "none"
    key = " -H 'Authorization: Bearer YOUR_KEY'" if manager.config.server.api_keys else ""
    click.echo(f"tts-hub speaks at {url}/v1; engines ready: {ready}", err=True)
    click.echo(
        f"Try: curl {url}/v1/audio/speech{key} -H 'Content-Type: application/json' "
        """-d '{"input": "Hello!", "model": "tts-1", "voice": "alloy"}' -o hello.mp3""",
        err=True,
    )
