"""`tts-hub tui`: the terminal studio."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tts_hub.cli.main import run
from tts_hub.errors import ConfigError, UsageError, install_command


@click.command()
@click.option("--url", help="Speak with a tts-hub server elsewhere, such as http://127.0.0.1:8880.")
@click.option("--api-key", help="The server's API key; other users of this machine can see it.")
@click.option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is the server's API key.",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.pass_obj
def tui(
    config_file: Path | None,
    file: Path | None,
    url: str | None,
    api_key: str | None,
    api_key_file: Path | None,
) -> None:
    """Open the terminal studio: try voices, write, listen and save. FILE is opened in it."""
    try:
        from tts_hub_tui.run import run_studio
    except ModuleNotFoundError as exc:
        if exc.name != "textual":
            raise
        raise UsageError(f"the studio needs Textual: {install_command('tui')}") from exc
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        raise click.UsageError("the studio needs a terminal; `tts-hub speak` works without one")
    if api_key_file is not None:
        api_key = _first_line(api_key_file)
    run(lambda: run_studio(config_file, file=file, url=url, api_key=api_key))


def _first_line(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"cannot read the API key in {file}: {exc}") from exc
    if not lines or not lines[0].strip():
        raise ConfigError(f"there is no API key in the first line of {file}")
    return lines[0].strip()
