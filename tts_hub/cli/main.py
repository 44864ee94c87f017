"""The group of commands; errors become one line and an exit code here."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tts_hub.errors import BackendError, BackendUnavailableError, TTSHubError
from tts_hub.system.signals import INTERRUPTED, ending_in_time

if TYPE_CHECKING:
    from tts_hub.manager import TTSBackendManager

COMMANDS = {
    "speak": "tts_hub.cli.speak",
    "voices": "tts_hub.cli.voices",
    "emotions": "tts_hub.cli.emotions",
    "models": "tts_hub.cli.models",
    "doctor": "tts_hub.cli.listing",
    "tui": "tts_hub.cli.tui",
    "serve": "tts_hub.cli.serve",
    "bench": "tts_hub.cli.bench",
    "quality": "tts_hub.cli.quality",
    "config": "tts_hub.cli.settings",
    "completion": "tts_hub.cli.completing",
}
"""Command -> module, which is imported when it is called, so that each start is quick."""


class HubCommands(click.Group):
    """Finds commands lazily; turns every error of the hub into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and print its error in one line."""
        try:
            return super().invoke(ctx)
        except TTSHubError as exc:
            raise click.ClickException(_one_line(exc)) from exc
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except OSError as exc:  # all other errors of the system have become errors of the hub
            if exc.errno == errno.EPIPE:
                raise  # click ends silently: `tts-hub voices | head` is no failure
            _silence_stdout()
            raise click.ClickException(f"cannot write to stdout: {exc.strerror or exc}") from exc


@click.group(cls=HubCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Config file to read instead of the default one.",
)
@click.option("-v", "--verbose", count=True, help="Log to stderr; -vv for details.")
@click.version_option(package_name="tts-hub", prog_name="tts-hub")
@click.pass_context
def main(ctx: click.Context, config_file: Path | None, verbose: int) -> None:
    """Turn text into speech, with the best engine that is ready.

    For a start: tts-hub speak "Hello!" -o hello.mp3. To have the Tab key complete commands, models and
    voices, see `tts-hub completion --help`.
    """
    logging.basicConfig(
        level=[logging.ERROR, logging.INFO, logging.DEBUG][min(verbose, 2)],
        format="%(levelname)s %(name)s: %(message)s",
    )
    ctx.obj = config_file


def open_manager(config_file: Path | None) -> TTSBackendManager:
    """The manager that the config file describes, not entered yet."""
    from tts_hub.manager import TTSBackendManager  # slow to import: neither help nor completion needs it

    return TTSBackendManager.from_config(config_file)


def run(function: Callable[[], Awaitable[Any]]) -> Any:
    """Run a command's coroutine on an event loop of its own.

    Raises:
        KeyboardInterrupt: after Ctrl-C, SIGTERM or SIGHUP; everything has been cleaned up.
    """
    import anyio  # slow to import: neither help nor completion needs it

    result, stopped = anyio.run(_until_signalled, function)
    if stopped:
        raise KeyboardInterrupt
    return result


async def _until_signalled(function: Callable[[], Awaitable[Any]]) -> tuple[Any, bool]:
    """The result, and whether a signal came before it. The event loop itself handles Ctrl-C."""
    # Slow to import, as above.
    import asyncio

    import anyio

    with anyio.CancelScope() as scope:
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is signal.SIG_DFL:  # not under `nohup`
                asyncio.get_running_loop().add_signal_handler(number, scope.cancel)
        with ending_in_time():
            return await function(), False
    return None, True


def _silence_stdout() -> None:
    """Redirect stdout to nowhere: Python flushes it at exit, which would print a second error."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(exc: TTSHubError) -> str:
    message = " ".join(str(exc).split())
    if isinstance(exc, BackendError) and exc.position:
        message += f" (at character {exc.position} of the text)"
    if isinstance(exc, BackendUnavailableError) and exc.remedy:
        message += f" (to fix: {exc.remedy})"
    return message
