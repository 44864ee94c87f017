"""The group of commands, and the edge at which errors become one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from tts_hub.errors import BackendUnavailableError, TTSHubError

COMMANDS = {
    "speak": "tts_hub.cli.speak",
    "voices": "tts_hub.cli.listing",
    "models": "tts_hub.cli.listing",
    "doctor": "tts_hub.cli.listing",
    "config": "tts_hub.cli.settings",
}
"""Command -> module, imported when it is called, so that each start is quick."""
INTERRUPTED = 130
"""The shell's exit code for Ctrl-C."""


class HubCommands(click.Group):
    """Finds commands lazily; turns every error of the hub into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and tell what went wrong."""
        signal.signal(signal.SIGTERM, _interrupt)  # cleaned up like Ctrl-C
        try:
            return super().invoke(ctx)
        except TTSHubError as exc:
            raise click.ClickException(_one_line(exc)) from exc
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=HubCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Config file instead of the usual places.",
)
@click.option("-v", "--verbose", count=True, help="Log what happens to stderr; twice for details.")
@click.version_option(package_name="tts-hub", prog_name="tts-hub")
@click.pass_context
def main(ctx: click.Context, config_file: Path | None, verbose: int) -> None:
    """Speak text with whatever engine is at hand, streamed as it is made."""
    logging.basicConfig(
        level=[logging.ERROR, logging.INFO, logging.DEBUG][min(verbose, 2)],
        format="%(levelname)s %(name)s: %(message)s",
    )
    ctx.obj = config_file


def run(function: Callable[[], Awaitable[Any]]) -> Any:
    """Run a command's coroutine on an event loop of its own."""
    import anyio

    return anyio.run(function)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _one_line(exc: TTSHubError) -> str:
    message = " ".join(str(exc).split())
    if isinstance(exc, BackendUnavailableError) and exc.remedy:
        message += f" (to fix: {exc.remedy})"
    return message
