"""`tts-hub serve`: the OpenAI-compatible server."""

from __future__ import annotations

import shlex
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tts_hub.cli.default_voice import default_voice
from tts_hub.cli.ending import Ending, end_process
from tts_hub.cli.main import run
from tts_hub.config import Config
from tts_hub.config_file.loading import load_config
from tts_hub.errors import BackendUnavailableError, TTSHubError, install_command
from tts_hub.manager import TTSBackendManager
from tts_hub.system.signals import ending_in_time

OTHERS = stat.S_IROTH | stat.S_IWOTH


@click.command(short_help="Run a server with OpenAI's speech API.")
@click.option("--host", help="Address to listen on; default 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port to listen on, 0 for any free one; default 8880."
)
@click.option("--api-key", "api_keys", multiple=True, help="Key that requests must carry; repeatable.")
@click.option(
    "--api-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with such keys, one per line; lines that begin with # are comments. Unlike --api-key, "
    "it does not show them in the list of processes.",
)
@click.option("--insecure", is_flag=True, help="Listen on addresses beyond this machine without an API key.")
@click.pass_obj
def serve(config_file: Path | None, /, **given: Any) -> None:
    """Run a server with OpenAI's speech API, for the engines that are ready.

    SIGTERM or Ctrl-C lets running streams end (server.shutdown_grace) and exits with code 0. A second signal
    ends the server at once, with code 130.
    """
    ending = Ending()
    with ending_in_time(), ending.taking_signals():
        _serve(config_file, given, ending)


def _serve(config_file: Path | None, given: dict[str, Any], ending: Ending) -> None:
    try:  # packages of the extra `server`
        from tts_hub.server import create_app
        from tts_hub.server.capacity import raise_file_limit
        from tts_hub.server.run import check_exposure, keep_memory_small, listen, make_server, url_of
        from tts_hub.server.run import serve as serve_app
    except ImportError as exc:
        remedy = install_command("server")
        raise BackendUnavailableError(
            f"the server needs a package that is not installed: {exc.name}", backend="server", remedy=remedy
        ) from exc
    config = _with_given(load_config(config_file).config, given)
    manager = TTSBackendManager(config)
    manager.registry.check_sections()
    check_exposure(config.server, insecure=given["insecure"])
    keep_memory_small()
    raise_file_limit()
    listener = listen(config.server)
    server = make_server(create_app(manager=manager), config.server)
    ending.watch(server)

    async def serve_to_the_end() -> None:
        await serve_app(server, listener, lambda: _greet(url_of(listener), manager))
        if ending.is_forced:
            end_process()

    run(serve_to_the_end)


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
    """The keys in a file, with a warning if other users can read or write it."""
    from tts_hub.server.keys import keys_in  # part of the extra `server`

    keys = keys_in(file)
    if file.stat().st_mode & OTHERS:
        remedy = f"chmod o= {shlex.quote(str(file))}"
        click.echo(
            f"Warning: other users of this computer can read or write {file} (to fix: {remedy})", err=True
        )
    return keys


async def _greet(url: str, manager: TTSBackendManager) -> None:
    ready = ", ".join(engine.name for engine in manager.status() if engine.availability.ready) or "none"
    key = " -H 'Authorization: Bearer YOUR_KEY'" if manager.config.server.api_keys else ""
    click.echo(f"tts-hub speaks at {url}/v1; engines ready: {ready}", err=True)
    click.echo(
        f"Try: curl {url}/v1/audio/speech{key} -H 'Content-Type: application/json' "
        """-d '{"input": "Hello!", "model": "tts-1", "voice": "alloy"}' -o hello.mp3""",
        err=True,
    )
    with suppress(TTSHubError):  # an engine that cannot say it must not keep the server from serving
        speaks = await default_voice(manager)
        how = f" {speaks.advice} (tts-hub doctor --all says what)." if speaks.advice else ""
        click.echo(f"{speaks}{how}", err=True)
